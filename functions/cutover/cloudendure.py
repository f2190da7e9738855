"""CloudEndure Migration (API version 5) behind the seam: one project, in our words."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import requests

from cutover import cloudendure_answers as answers
from cutover import cloudendure_blueprints as blueprints
from cutover import reading
from cutover.cloudendure_session import LOGIN, CloudEndureSession
from cutover.errors import LaunchUnconfirmed, NotFound, ServiceThrottled, ServiceUnavailable
from cutover.launch_configuration import Changes, LaunchConfiguration
from cutover.launch_room import LIMITS, Limits
from cutover.machine import Job, Machine, Replica
from cutover.migration_service import Now
from cutover.plan import Mode
from cutover.terms import Licence, ReplicationSettings

PAGE = 1500
"""The most entries of a list that the API gives at once, and its default."""

ROUND = 50
"""A short page ends a list, for no total is given; one of a multiple of this length may be some server's own cap."""

PAGES = 200
"""A list that goes on for longer is not believed."""

_Found = TypeVar("_Found")
_logger = logging.getLogger(__name__)


def local_utc_now() -> datetime:
    """This computer's clock."""
    return datetime.now(UTC)


class CloudEndure:
    """One project of one CloudEndure account, by its name: exactly, else the only one that differs in case alone.

    `url`: scheme://host[:port], the API is looked for at /api/latest unless a path is given. `session`: for tests; its
    cookies become ours. `clock`: an aware now, for the age of our session and as the fallback of `now`.
    Raises ValueError for an unusable `url`; nothing is sent before the first method that needs an answer.
    """

    def __init__(
        self,
        url: str,
        token: str,
        project: str,
        *,
        session: requests.Session | None = None,
        clock: Callable[[], datetime] = local_utc_now,
    ) -> None:
        self._session = CloudEndureSession(url, token, session or requests.Session(), clock)
        self._project = project
        self._project_id: str | None = None
        self._blueprints: dict[str, str] = {}
        self.dropped: Counter[str] = Counter()
        """Entries of lists left out because they have no id, e.g. {"machines": 1}."""

    def __repr__(self) -> str:
        return f"CloudEndure({self._session!r}, project={self._project!r})"

    @property
    def requests(self) -> Counter[str]:
        """Requests sent so far: POST login, POST launchMachines, PATCH blueprint, DELETE replicas, DELETE
        machines, and GET of projects, project,
        machines, jobs, job, replica, blueprints, blueprint, licenses, replicationConfigurations."""
        return self._session.requests

    @property
    def events(self) -> bool:
        """It never told anybody anything by itself."""
        return False

    @property
    def limits(self) -> Limits:
        """One job at a time in a project, of any number of machines."""
        return LIMITS["cloudendure"]

    def now(self) -> Now:
        """The Date header of the last answer, to the second, so ask after a request; our clock before the first."""
        return self._session.now()

    def look_at_the_clock(self) -> None:
        """One GET of the licences, which are few."""
        self.licences()

    def machines(self, *, all_machines: bool = False) -> list[Machine]:
        """The source machines that replicate: one request per 1500. With `all_machines` the stopped ones as well.

        The service does not mark in the longer list who is in the shorter one, so `all_machines` reads both: two
        requests for up to 1500 machines, one when the project has none.
        """
        if not all_machines:
            listed = self._list("machines")
            return _known(answers.machine(entry, listed_as_replicating=True) for entry in listed.values())
        listed = self._list("machines", {"all": "true"})
        replicating = self._list("machines") if listed else {}
        return _known(
            answers.machine(entry, listed_as_replicating=machine_id in replicating)
            for machine_id, entry in listed.items()
        )

    def grouped(self) -> list[Machine]:
        """All machines: there are no groups here."""
        return self.machines(all_machines=True)

    def jobs(self) -> list[Job]:
        """The project's jobs, newest first; those without a readable date come last."""
        jobs = _known(answers.job(entry) for entry in self._list("jobs").values())
        return sorted(jobs, key=lambda job: job.created_at or datetime.min.replace(tzinfo=UTC), reverse=True)

    def job(self, job_id: str) -> Job:
        """One job with its log."""
        path = self._path("jobs", job_id)
        found = answers.job(self._session.call("GET", path, "GET job"))
        if found is None or found.id != job_id:
            raise ServiceUnavailable("GET", path, 200, "half an answer: not the job that was asked for")
        return found

    def replica(self, replica_id: str) -> Replica:
        """One target's record; NotFound when it was replaced or cleaned up."""
        path = self._path("replicas", replica_id)
        found = answers.replica(self._session.call("GET", path, "GET replica"))
        if found is None or found.id != replica_id:
            raise ServiceUnavailable("GET", path, 200, "half an answer: not the replica that was asked for")
        return found

    def launch_configurations(self, machine_ids: Collection[str] | None = None) -> dict[str, LaunchConfiguration]:
        """Every machine's blueprint, by machine id: one request per 1500. A machine with several is left out.

        There is one for each machine and target region, and nothing in them says which of two would be launched.
        """
        found = {key: blueprints.configuration(entry) for key, entry in self._list("blueprints").items()}
        owners = Counter(each.machine for each in found.values() if each)
        single = {each.machine: (key, each) for key, each in found.items() if each and owners[each.machine] == 1}
        self._blueprints = {machine: key for machine, (key, _) in single.items()}
        return {machine: each for machine, (_, each) in single.items()}

    def configure(self, machine_id: str, changes: Changes) -> LaunchConfiguration:
        """Read the whole blueprint, send it with these changes, and read it again: three requests, the PATCH once."""
        if machine_id not in self._blueprints:
            self.launch_configurations()
        if machine_id not in self._blueprints:
            raise NotFound("GET", self._path("blueprints"), 200, f"not exactly one blueprint of machine {machine_id}")
        path = self._path("blueprints", self._blueprints[machine_id])
        _, blueprint = self._blueprint(path, machine_id)
        self._session.call("PATCH", path, "PATCH blueprint", body=blueprints.changed(blueprint, changes))
        return self._blueprint(path, machine_id)[0]

    def licences(self) -> list[Licence]:
        """The project's licences; all of the account's where the project does not say which are its own."""
        named = {reading.text(each) for each in reading.listed(self._project_itself().get("licensesIDs"))}
        listed = self._pages("/licenses", "licenses", {})
        chosen = [entry for licence_id, entry in listed.items() if licence_id in named]
        return _known(answers.licence(entry) for entry in chosen or listed.values())

    def replication_settings(self) -> ReplicationSettings | None:
        """Of the configuration the project names as its own, or of its only one; None before it is set up."""
        active = reading.text(self._project_itself().get("replicationConfiguration"))
        listed = self._list("replicationConfigurations")
        if active in listed:
            return answers.replication_settings(listed[active])
        return answers.replication_settings(*listed.values()) if len(listed) == 1 else None

    def launch(self, mode: Mode, machine_ids: Collection[str], tags: Mapping[str, str] | None = None) -> list[Job]:
        """Launch these machines by one request, and so one job. Sent once; again only after a 401: nothing was done.
        Jobs have no tags here.

        LaunchUnconfirmed when it was sent and no clear answer came: none at all, 3xx, 408, 429, 5xx, or a 2xx without
        a job. Any other error says that nothing was launched; RequestRefused (400, 409, 422) and NotFound (404) may
        mean that another job is running, so re-read the jobs. ValueError for no machines.
        """
        if not machine_ids:
            raise ValueError("a launch needs machines")
        path = self._path("launchMachines")
        body = {
            "launchType": answers.LAUNCH_TYPES[mode],
            "items": [{"machineId": each} for each in sorted(set(machine_ids))],
        }
        try:
            accepted = answers.job(self._session.call("POST", path, "POST launchMachines", body=body))
        except (ServiceUnavailable, ServiceThrottled) as unclear:
            if unclear.path == LOGIN:  # the launch itself was not sent, or was turned away with a 401
                raise
            raise LaunchUnconfirmed(str(unclear)) from unclear
        if accepted is None:
            raise LaunchUnconfirmed(f"POST {path}: answered as accepted, without a job")
        return [accepted]

    def clean_up(self, replica_ids: Collection[str]) -> Job:
        """Delete these targets by one request, and so one job. Asking again is harmless: an id is never used again.

        RequestRefused (400, 409) and NotFound (404) mean that another job is running, or that a target is gone: re-read
        the jobs. ValueError for none.
        """
        if not replica_ids:
            raise ValueError("a clean-up needs targets")
        path, body = self._path("replicas"), {"replicaIDs": sorted(set(replica_ids))}
        accepted = answers.job(self._session.call("DELETE", path, "DELETE replicas", body=body))
        if accepted is None:
            raise ServiceUnavailable("DELETE", path, 202, "half an answer: accepted, without a job")
        return accepted

    def remove(self, machine_id: str) -> None:
        """Remove one source: its agent, its replication and what is staged for it; a launched target stays. For good.

        NotFound when the service has none of this id (any more); other errors as for clean_up.
        """
        self._session.tell("DELETE", self._path("machines"), "DELETE machines", body={"machineIDs": [machine_id]})

    def _blueprint(self, path: str, machine_id: str) -> tuple[LaunchConfiguration, dict[str, Any]]:
        """One blueprint, in our words and as it is."""
        blueprint = self._session.call("GET", path, "GET blueprint")
        found = blueprints.configuration(blueprint)
        if found is None or found.machine != machine_id:
            raise ServiceUnavailable("GET", path, 200, "half an answer: not the blueprint that was asked for")
        return found, blueprint

    def _path(self, *segments: str) -> str:
        """A path under the project, which is looked up once."""
        if self._project_id is None:
            self._project_id = self._find_project()
        return "/".join(["/projects", *(quote(segment, safe="") for segment in (self._project_id, *segments))])

    def _project_itself(self) -> dict[str, Any]:
        return self._session.call("GET", self._path(), "GET project")

    def _find_project(self) -> str:
        projects = self._pages("/projects", "projects", {})
        names = {project_id: reading.text(entry.get("name")) or "" for project_id, entry in projects.items()}
        wanted = self._project.strip()
        same = [project_id for project_id, name in names.items() if name == wanted]
        alike = [project_id for project_id, name in names.items() if name.casefold() == wanted.casefold()]
        for matching in (same, alike):
            if len(matching) == 1:
                return matching[0]
        existing = ", ".join(sorted(names.values())) or "none"
        raise NotFound("GET", "/projects", 200, f"no single project named {wanted!r}; there are: {existing}")

    def _list(self, kind: str, params: Mapping[str, str] | None = None) -> dict[str, dict[str, Any]]:
        return self._pages(self._path(kind), kind, params or {})

    def _pages(self, path: str, kind: str, params: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """A whole list, by id."""
        found: dict[str, dict[str, Any]] = {}
        offset = 0
        for _ in range(PAGES):
            body = self._session.call("GET", path, f"GET {kind}", params={**params, "offset": offset, "limit": PAGE})
            page = body.get("items")
            if not isinstance(page, list):
                raise ServiceUnavailable("GET", path, 200, "half an answer: no list of items")
            known = len(found)
            for entry in map(reading.record, page):
                entry_id = reading.text(entry.get("id"))
                if entry_id is None:
                    self.dropped[kind] += 1
                    _logger.warning("GET %s: left out an entry without an id", path)
                else:
                    found.setdefault(entry_id, entry)
            offset += len(page)
            if len(found) == known or (len(page) < PAGE and len(page) % ROUND):
                return found
        raise ServiceUnavailable("GET", path, 200, f"no end of the list after {PAGES} pages")


def _known(found: Iterable[_Found | None]) -> list[_Found]:
    return [each for each in found if each is not None]
