"""MGN's books: the source servers and jobs of its one project, found by id, filter and ARN; and who is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from stage.simulator.distortion import Distortion, distorted
from stage.simulator.mgn import jobs, quotas, servers, words
from stage.simulator.mgn.errors import SOURCE_SERVER, Refused, conflict, invalid, not_found
from stage.simulator.mgn.model import Json
from stage.simulator.mgn.names import Names
from stage.simulator.state import Job, Machine
from stage.simulator.world import World


class Account:
    """One account and region. What is looked for and not there raises Refused."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.project = servers.project_of(world)
        self.names = Names(world.identity, self.project)

    def check_initialized(self) -> None:
        """Nothing is known before MGN was set up."""
        if not self.project.described.mgn.initialized:
            raise Refused("UninitializedAccountException", "Account not initialized")

    def server(self, asked: Json) -> Machine:
        """The one that was asked for."""
        self.check_initialized()
        known = self._by_id()
        if asked["sourceServerID"] not in known:
            raise not_found(SOURCE_SERVER, asked["sourceServerID"])
        return known[asked["sourceServerID"]]

    def idle_server(self, asked: Json) -> Machine:
        """The same, unless a job is about it."""
        machine = self.server(asked)
        quotas.check_idle(self.project, self.names, [machine], self.world.now)
        return machine

    def idle_servers(self, asked: Json) -> list[Machine]:
        """Those that were asked for, each once, unless a job is about any of them."""
        self.check_initialized()
        known = self._by_id()
        unknown = [id for id in asked["sourceServerIDs"] if id not in known]
        if unknown:
            raise invalid(f"Source servers not found: {', '.join(unknown)}", reason="other")
        machines = [known[id] for id in dict.fromkeys(asked["sourceServerIDs"])]
        quotas.check_idle(self.project, self.names, machines, self.world.now)
        return machines

    def servers(self, filters: Json) -> list[Machine]:
        """Those that pass the filters; one that is empty or not there lets everything pass."""
        self.check_initialized()
        ids, states = filters.get("sourceServerIDs"), filters.get("lifeCycleStates")
        kinds, applications = filters.get("replicationTypes"), filters.get("applicationIDs")
        return [
            one
            for one in self.project.machines.values()
            if (not ids or self.names.server(one) in ids)
            and (not states or self.state(one) in states)
            and (not kinds or one.described.mgn.replication_type in kinds)
            and (not applications or self.names.application_of(one) in applications)
            and filters.get("isArchived", one.lifecycle.archived) == one.lifecycle.archived
        ]

    def jobs(self, filters: Json) -> list[Job]:
        """Those that pass the filters, newest first. One that is listed late is known by its id at once."""
        self.check_initialized()
        ids = set(filters.get("jobIDs", []))
        begins, ends = _instant(filters.get("fromDate")), _instant(filters.get("toDate"))
        found = [
            job
            for job in self.project.jobs
            if (self.names.job(job.id) in ids if ids else job.listed <= self.world.now)
            and (begins is None or begins <= job.created)
            and (ends is None or job.created <= ends)
        ]
        return sorted(found, key=lambda job: job.created, reverse=True)

    def tags(self, arn: str) -> dict[str, str]:
        """The tags of a source server or a job."""
        tagged: dict[str, dict[str, str]] = {
            self.names.arn("source-server", id): machine.lifecycle.tags for id, machine in self._by_id().items()
        }
        tagged |= {self.names.arn("job", self.names.job(job.id)): job.tags for job in self.project.jobs}
        if arn not in tagged:
            raise not_found("Resource", arn)
        return tagged[arn]

    def only(self, machines: Sequence[Machine], fits: Callable[[Machine], bool], otherwise: str) -> None:
        """Refused when any of them does not fit, by the names of those that do not."""
        wrong = [one for one in machines if not fits(one)]
        if wrong:
            said = ", ".join(f"{one.name} ({self.state(one)}) {otherwise}" for one in wrong)
            raise conflict(said, *map(self.names.server, wrong))

    def state(self, machine: Machine) -> str:
        """Its lifecycle's."""
        return servers.state_of(machine, self.world.now)

    def show(self, machine: Machine) -> Json:
        """The server as it is answered."""
        return servers.server(self.world, self.names, machine)

    def show_job(self, job: Job) -> Json:
        """The job as it is answered."""
        return jobs.job(self.world, self.project, self.names, job)

    def as_described(self, answer: Json) -> Json:
        """The answer with what the scenario changes in it of single machines and jobs."""
        changes = {
            self.names.server(one): words.in_server(one.described.answer)
            for one in self.project.machines.values()
            if one.described.answer != Distortion()
        } | {
            self.names.job(job.id): words.in_job(job.rule.answer)
            for job in self.project.jobs
            if job.rule.answer != Distortion()
        }

        def changed(one: Json) -> Json:
            id = one.get("jobID") or (one.get("sourceServerID") if "lifeCycle" in one else None)
            return distorted(one, changes[id]) if id in changes else one

        if "items" in answer:
            return answer | {"items": [changed(one) for one in answer["items"]]}
        return answer | {"job": changed(answer["job"])} if "job" in answer else changed(answer)

    def _by_id(self) -> dict[str, Machine]:
        return {self.names.server(one): one for one in self.project.machines.values()}


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
