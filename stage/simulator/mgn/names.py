"""MGN's ids of what CloudEndure has other ids for: servers, jobs, applications, waves; and their ARNs."""

from __future__ import annotations

from stage.simulator.identity import Identity
from stage.simulator.state import Machine, Project

ACCOUNT = "123456789012"


class Names:
    """Those of one project. All are derived from the seed; what was derived once is kept."""

    def __init__(self, identity: Identity, project: Project) -> None:
        self._identity, self._project = identity, project
        self._derived: dict[tuple[str, str], str] = {}

    def server(self, machine: Machine) -> str:
        """`s-` and 17 digits."""
        return self._name("s", machine.id)

    def job(self, job: str) -> str:
        """`mgnjob-` and 17 digits, of the job with this id of CloudEndure's."""
        return self._name("mgnjob", job)

    def application(self, name: str) -> str:
        """`app-` and 17 digits."""
        return self._name("app", name)

    def wave(self, name: str) -> str:
        """`wave-` and 17 digits."""
        return self._name("wave", name)

    def template(self) -> str:
        """Of the one replication configuration template."""
        return self._name("rct", self._project.id)

    def application_of(self, machine: Machine) -> str | None:
        """The application that a machine belongs to, if it does."""
        name = machine.described.mgn.group
        return self.application(name) if name else None

    def arn(self, kind: str, id: str) -> str:
        """Of a `source-server`, `job`, `application`, `wave` or `replication-configuration-template`."""
        return f"arn:aws:mgn:{self._project.described.region}:{ACCOUNT}:{kind}/{id}"

    def _name(self, prefix: str, what: str) -> str:
        key = prefix, what
        if key not in self._derived:
            self._derived[key] = self._identity.aws(prefix, "mgn", what)
        return self._derived[key]
