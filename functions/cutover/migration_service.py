"""The seam: what any replication service can do for a run. CloudEndure first; nothing here knows its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cutover.launch_configuration import Changes, LaunchConfiguration
from cutover.launch_room import Limits
from cutover.machine import Job, Machine, Replica
from cutover.plan import Mode, PlannedMachine
from cutover.terms import Licence, ReplicationSettings


@dataclass(frozen=True)
class Now:
    """What time it is, and whose clock said so: the service's (HTTP Date) or, failing that, ours."""

    at: datetime
    from_service: bool


class MigrationService(Protocol):
    """One project of one replication service.

    Every method may raise the errors of `cutover.errors` and nothing else. Only `launch`, `configure`, `clean_up` and
    `remove` have side effects; they are sent once and never again by the adapter (but for a 401, which says that
    nothing was done).
    """

    @property
    def requests(self) -> Counter[str]:
        """Requests sent so far by operation, e.g. {"GET machines": 2}."""
        ...

    @property
    def events(self) -> bool:
        """Whether it puts events on the account's default bus when machines get somewhere; any may be lost."""
        ...

    @property
    def limits(self) -> Limits:
        """How much it launches at once."""
        ...

    def now(self) -> Now:
        """The service's time, from the last answer's Date header; our clock if it never gave one."""
        ...

    def look_at_the_clock(self) -> None:
        """Ask something cheap of it, so that `now` is of this moment."""
        ...

    def machines(self, *, all_machines: bool = False) -> list[Machine]:
        """The project's machines: those replicating, or with `all_machines` the stopped ones as well."""
        ...

    def grouped(self) -> list[Machine]:
        """All machines, the stopped ones as well, each with the name of the group that the service has it in."""
        ...

    def jobs(self) -> list[Job]:
        """The project's jobs, newest first as far as their dates tell; logs may be missing."""
        ...

    def job(self, job_id: str) -> Job:
        """One job with its log."""
        ...

    def replica(self, replica_id: str) -> Replica:
        """One target's record; NotFound when it was replaced or cleaned up."""
        ...

    def launch_configurations(self, machine_ids: Collection[str] | None = None) -> dict[str, LaunchConfiguration]:
        """How machines will be launched, by machine id; without those that have not exactly one. `machine_ids`: those
        that are asked for, where the service answers for each alone; None: all of the project.
        """
        ...

    def configure(self, machine_id: str, changes: Changes) -> LaunchConfiguration:
        """Set these fields and leave all else as it is; the configuration as read back afterwards.

        The service may ignore what it accepted: compare. Doing it again is harmless. NotFound for a machine that has
        not exactly one configuration; ValueError for a value the service has no word for.
        """
        ...

    def licences(self) -> list[Licence] | None:
        """What the project is licensed for; None where the service asks for no licence."""
        ...

    def replication_settings(self) -> ReplicationSettings | None:
        """How the project replicates; None where that is not set up, or cannot be told."""
        ...

    def launch(self, mode: Mode, machine_ids: Collection[str], tags: Mapping[str, str] | None = None) -> list[Job]:
        """Launch these machines together by one request; the jobs that do it. `tags`: on the jobs, where the service
        has such, so that the launch is recognised.

        LaunchUnconfirmed when nobody can say whether it took; every other error says that nothing was launched.
        ValueError for more machines than `limits` lets one job have.
        """
        ...

    def clean_up(self, replica_ids: Collection[str]) -> Job:
        """Delete these targets; the job that does it. Asking again is harmless: a target's id is never used again.

        RequestRefused or NotFound while another job is running, or when one of them is gone: look again.
        """
        ...

    def remove(self, machine_id: str) -> None:
        """Remove a source from the service, for good: its agent, its replication and its staging. Its target stays.

        NotFound when the service has no such machine (any more).
        """
        ...


def listed(service: MigrationService, planned: Collection[PlannedMachine]) -> list[Machine]:
    """The project's machines; the stopped ones too when a planned machine is not among those that replicate."""
    machines = service.machines()
    known = {name.casefold() for machine in machines for name in (machine.id, machine.name or machine.id)}
    if all(entry.known_as.casefold() in known for entry in planned):
        return machines
    return service.machines(all_machines=True)
