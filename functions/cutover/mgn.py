"""AWS Application Migration Service behind the seam: the source servers of one account and region, in our words.

MGN has no projects and no record of a target but its EC2 instance: that instance's id is what the seam calls a replica.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

from cutover import mgn_answers as answers
from cutover import mgn_launch_configuration as configurations
from cutover.errors import LaunchUnconfirmed, NotFound, RequestRefused, ServiceUnavailable
from cutover.launch_configuration import Changes, LaunchConfiguration
from cutover.launch_room import LIMITS, Limits
from cutover.machine import Job, Machine, Replica
from cutover.mgn_client import MgnClient
from cutover.mgn_log import lines
from cutover.mgn_templates import Templates
from cutover.migration_service import Now
from cutover.plan import Mode
from cutover.reading import record, text
from cutover.terms import ReplicationSettings

PER_JOB = LIMITS["mgn"].machines_per_job or 1
PAGE = 1000
"""The most items of a list that the API gives at once."""

_LAUNCHES_FROM = {
    Mode.TEST: ("READY_FOR_TEST", "TESTING"),
    Mode.CUTOVER: ("READY_FOR_CUTOVER",),
}
"""The life cycle's states in which the service takes the launch; from others a server is brought into the first."""
_BEFORE = {"TESTING": "READY_FOR_TEST", "CUTTING_OVER": "READY_FOR_CUTOVER"}
"""Where a launch is taken back to, before its target may be terminated."""

_Found = TypeVar("_Found")


class Mgn:
    """The MGN of one region. `clock`: an aware now, as the fallback of `now`. `client`, `templates`: for tests.

    Nothing is sent before the first method that needs an answer.
    """

    def __init__(
        self,
        region: str,
        *,
        clock: Callable[[], datetime],
        client: MgnClient | None = None,
        templates: Templates | None = None,
    ) -> None:
        self._client = client or MgnClient(region, clock)
        self._given_templates = templates
        self._region = region
        self._servers: dict[str, dict[str, Any]] | None = None

    def __repr__(self) -> str:
        return f"Mgn({self._region!r})"

    @cached_property
    def _templates(self) -> Templates:
        return self._given_templates or Templates(self._region, self._client.requests)

    @property
    def requests(self) -> Counter[str]:
        """Requests sent so far by operation, e.g. {"mgn DescribeJobs": 2}."""
        return self._client.requests

    @property
    def events(self) -> bool:
        """It puts events on the account's default bus, as best it can."""
        return True

    @property
    def limits(self) -> Limits:
        """The quotas: servers in one job, jobs at a time, servers in all jobs at a time."""
        return LIMITS["mgn"]

    def now(self) -> Now:
        """The Date header of the last answer, to the second, so ask after a request; our clock before the first."""
        return self._client.now()

    def look_at_the_clock(self) -> None:
        """One DescribeJobs of one job."""
        self._client.look("DescribeJobs", maxResults=1)

    def machines(self, *, all_machines: bool = False) -> list[Machine]:
        """Every server that is not archived, agentless and disconnected ones too: one request per 1000.

        `all_machines` makes no difference: whether one replicates is in what is said of it.
        """
        return _known(answers.machine(each) for each in self._listed().values())

    def grouped(self) -> list[Machine]:
        """The same with the name of the wave that each server's application is in: two short lists more."""
        waves = self._named("ListWaves", "waveID", "name")
        of_application = self._named("ListApplications", "applicationID", "waveID")
        return _known(
            answers.machine(each, waves.get(of_application.get(text(each.get("applicationID")) or "", "")))
            for each in self._listed().values()
        )

    def jobs(self) -> list[Job]:
        """All jobs that the service remembers, newest first; those without a readable date come last."""
        jobs = _known(answers.job(each) for each in self._client.items("DescribeJobs", maxResults=PAGE))
        return sorted(jobs, key=lambda job: job.created_at or datetime.min.replace(tzinfo=UTC), reverse=True)

    def job(self, job_id: str) -> Job:
        """One job with its log: two requests, and one more for each 1000 lines."""
        found = _known(answers.job(each) for each in self._client.items("DescribeJobs", filters={"jobIDs": [job_id]}))
        if not found:
            raise NotFound("POST", "/DescribeJobs", 200, f"there is no job {job_id}")
        if [job.id for job in found] != [job_id]:
            raise ServiceUnavailable("POST", "/DescribeJobs", 200, "half an answer: not the job that was asked for")
        items = self._client.items("DescribeJobLogItems", jobID=job_id, maxResults=PAGE)
        return lines(found[0], list(items))

    def replica(self, replica_id: str) -> Replica:
        """The server that has this instance as its present target; NotFound when none has it (any more)."""
        found = answers.replica(self._with_target(replica_id))
        if found is None:
            raise _no_target(replica_id)
        return found

    def launch_configurations(self, machine_ids: Collection[str] | None = None) -> dict[str, LaunchConfiguration]:
        """Of these servers, each with its EC2 launch template: two requests for each server. Whose configuration or
        template is not there is left out."""
        found = {}
        for server in sorted(self._known_servers() if machine_ids is None else machine_ids):
            try:
                found[server] = configurations.configuration(*self._configured(server))
            except NotFound:
                continue
        return found

    def configure(self, machine_id: str, changes: Changes) -> LaunchConfiguration:
        """Update the launch configuration, then give its EC2 launch template a new default version, each only where
        something of it changes; and read both again. In this order, for the update may write the template as well."""
        told = configurations.settings(changes)
        if told:
            self._client.deed("UpdateLaunchConfiguration", sourceServerID=machine_id, **told)
        given, template = self._configured(machine_id)
        wanted = configurations.changed(template, changes)
        if wanted != template:
            self._templates.write(str(given["ec2LaunchTemplateID"]), wanted)
            given, template = self._configured(machine_id)
        return configurations.configuration(given, template)

    def _configured(self, server: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Its launch configuration, and the data of its template's default version. NotFound without one of them."""
        given = self._client.look("GetLaunchConfiguration", sourceServerID=server)
        template = text(given.get("ec2LaunchTemplateID"))
        if template is None:
            raise NotFound("POST", "/GetLaunchConfiguration", 200, f"{server} has no EC2 launch template")
        return given, self._templates.read(template)

    def licences(self) -> None:
        """It asks for none."""

    def replication_settings(self) -> ReplicationSettings | None:
        """Of the first server: each has its own, and they are as a rule made from one template."""
        for server in self._known_servers():
            return answers.replication_settings(self._client.look("GetReplicationConfiguration", sourceServerID=server))
        return None

    def launch(self, mode: Mode, machine_ids: Collection[str], tags: Mapping[str, str] | None = None) -> list[Job]:
        """Launch these servers by one request, sent once, and so one job; its tags are what it is recognised by.

        Servers whose life cycle stands elsewhere are first brought to where the service takes the launch: no target
        goes or comes for that, and doing it again changes nothing. LaunchUnconfirmed when the launch was sent and no
        clear answer came: none at all, 5xx, or a 202 without a job. ServiceThrottled says that it was turned away.
        """
        ids = sorted(set(machine_ids))
        if not 1 <= len(ids) <= PER_JOB:
            raise ValueError(f"a launch needs 1 to {PER_JOB} machines, not {len(ids)}")
        known = self._known_servers()
        for server in ids:
            if _state(known.get(server, {})) not in _LAUNCHES_FROM[mode]:
                self._move(server, _LAUNCHES_FROM[mode][0])
        operation = "StartTest" if mode is Mode.TEST else "StartCutover"
        try:
            answer = self._client.deed(operation, sourceServerIDs=ids, tags=dict(tags or {}))
        except ServiceUnavailable as unclear:
            raise LaunchUnconfirmed(str(unclear)) from unclear
        accepted = answers.job(answer.get("job"))
        if accepted is None:
            raise LaunchUnconfirmed(f"POST /{operation}: answered as accepted, without a job")
        return [accepted]

    def clean_up(self, replica_ids: Collection[str]) -> Job:
        """Terminate these targets by one request, and so one job; what was launched is first taken back, server by
        server, for the service terminates nothing that is in a test or a cutover.

        As many as one job takes; the others at the next call. A server that cannot be taken back is left out, unless
        there is no other: then its refusal is raised. A target taken back and not terminated is terminated when this is
        asked again. NotFound when a target is no server's present one. ValueError for none.
        """
        if not replica_ids:
            raise ValueError("a clean-up needs targets")
        wanted = sorted(set(replica_ids))[:PER_JOB]
        servers = [str(self._with_target(each)["sourceServerID"]) for each in wanted]
        fresh = self._read(servers)
        ready, refusal = [], RequestRefused("POST", "/TerminateTargetInstances", None, "none of them is there any more")
        for server in filter(fresh.__contains__, servers):
            try:
                self._take_back(server, _state(fresh[server]))
                ready.append(server)
            except RequestRefused as refused:
                refusal = refused
        if not ready:
            raise refusal
        accepted = answers.job(self._client.deed("TerminateTargetInstances", sourceServerIDs=ready).get("job"))
        if accepted is None:
            raise ServiceUnavailable("POST", "/TerminateTargetInstances", 202, "half an answer: no job")
        return accepted

    def remove(self, machine_id: str) -> None:
        """The next step on a source's way out: its cutover is finalized; once it is disconnected, it is archived.

        Called again it goes on from where the service has it, so that a way left half-way is gone to its end. NotFound
        when there is none of this id that is not archived; RequestRefused for one that was not cut over.
        """
        server = self._read([machine_id]).get(machine_id)
        if server is None:
            raise NotFound("POST", "/DescribeSourceServers", 200, f"no source server {machine_id}")
        state = _state(server)
        if state == "CUTTING_OVER":
            server = self._client.deed("FinalizeCutover", sourceServerID=machine_id)
        elif state not in ("CUTOVER", "DISCONNECTED"):
            said = f"{machine_id} is {state}: only a server whose cutover was launched is finalized"
            raise RequestRefused("POST", "/FinalizeCutover", None, said)
        if record(server.get("dataReplicationInfo")).get("dataReplicationState") == "DISCONNECTED":
            self._client.deed("MarkAsArchived", sourceServerID=machine_id)

    def _take_back(self, server: str, state: str | None) -> None:
        if state == "CUTOVER":
            said = f"{server} is CUTOVER: its target went live and was finalized"
            raise RequestRefused("POST", "/TerminateTargetInstances", None, said)
        if state in _BEFORE:
            self._move(server, _BEFORE[state])

    def _move(self, server: str, state: str) -> None:
        """Bring a server's life cycle into a state; once there, the same again is harmless."""
        self._client.look("ChangeServerLifeCycleState", sourceServerID=server, lifeCycle={"state": state})

    def _listed(self) -> dict[str, dict[str, Any]]:
        """Every server that is not archived, by id, as it is given; kept for what is asked about single ones."""
        items = self._client.items("DescribeSourceServers", filters={"isArchived": False}, maxResults=PAGE)
        self._servers = _by_id(items)
        return self._servers

    def _known_servers(self) -> dict[str, dict[str, Any]]:
        return self._servers if self._servers is not None else self._listed()

    def _read(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """These servers as they are now."""
        filters = {"sourceServerIDs": sorted(ids), "isArchived": False}
        return _by_id(self._client.items("DescribeSourceServers", filters=filters, maxResults=PAGE))

    def _with_target(self, instance: str) -> dict[str, Any]:
        for servers in (self._known_servers, self._listed):  # what was listed before a launch does not show its targets
            for each in servers().values():
                if record(each.get("launchedInstance")).get("ec2InstanceID") == instance:
                    return each
        raise _no_target(instance)

    def _named(self, operation: str, key: str, name: str) -> dict[str, str]:
        found = {text(each.get(key)): text(each.get(name)) for each in self._client.items(operation, maxResults=PAGE)}
        return {key: name for key, name in found.items() if key and name}


def _no_target(instance: str) -> NotFound:
    return NotFound("POST", "/DescribeSourceServers", 200, f"{instance} is no server's present target")


def _state(server: Mapping[str, Any]) -> str | None:
    return text(record(server.get("lifeCycle")).get("state"))


def _by_id(items: Iterable[Any]) -> dict[str, dict[str, Any]]:
    found = ((text(record(each).get("sourceServerID")), record(each)) for each in items)
    return {server: each for server, each in found if server is not None}


def _known(found: Iterable[_Found | None]) -> list[_Found]:
    return [each for each in found if each is not None]
