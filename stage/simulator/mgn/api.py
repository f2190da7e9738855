"""MGN's operations: what is asked of the world, and what is done to it.

A method for each operation, named as boto3 names it: from what was asked, as the model has it, to the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count

from stage.simulator.cloud import MANAGED, MANAGED_FOR
from stage.simulator.distortion import Distortion, distorted
from stage.simulator.lifecycle import (
    CUTOVER,
    CUTTING_OVER,
    DISCONNECTED,
    READY_FOR_CUTOVER,
    READY_FOR_TEST,
    TESTING,
)
from stage.simulator.mgn import configuration, groups, jobs, quotas, servers, templates, words
from stage.simulator.mgn.errors import SOURCE_SERVER, Refused, conflict, invalid, not_found
from stage.simulator.mgn.model import Json
from stage.simulator.mgn.names import Names
from stage.simulator.mgn.paging import page
from stage.simulator.spec import State
from stage.simulator.state import Job, Machine
from stage.simulator.world import World

_LAUNCHED_FROM = {"test": (READY_FOR_TEST, TESTING), "cutover": (READY_FOR_CUTOVER,)}
"""Where a server's lifecycle must stand, as the console has it; the API's description does not say."""


class Api:
    """The operations on one project. All raise Refused."""

    def __init__(self, world: World, user: str) -> None:
        self._world, self._user = world, user
        self._project = servers.project_of(world)
        self.names = Names(world.identity, self._project)
        self._requests = count(1)

    def request_id(self, operation: str) -> str:
        """The id of the next request."""
        return self._world.identity.uuid("request", operation, next(self._requests))

    def as_described(self, answer: Json) -> Json:
        """The answer with what the scenario changes in it of single machines and jobs."""
        changes = {
            self.names.server(one): words.in_server(one.described.answer)
            for one in self._project.machines.values()
            if one.described.answer != Distortion()
        } | {
            self.names.job(job.id): words.in_job(job.rule.answer)
            for job in self._project.jobs
            if job.rule.answer != Distortion()
        }
        if not changes:
            return answer

        def changed(one: Json) -> Json:
            id = one.get("jobID") or (one.get("sourceServerID") if "lifeCycle" in one else None)
            return distorted(one, changes[id]) if id in changes else one

        if "items" in answer:
            return answer | {"items": [changed(one) for one in answer["items"]]}
        return answer | {"job": changed(answer["job"])} if "job" in answer else changed(answer)

    def describe_source_servers(self, asked: Json) -> Json:
        self._initialized()
        wanted = asked.get("filters", {})
        found = [machine for machine in self._project.machines.values() if self._fits(machine, wanted)]
        return page(asked, found, self._server)

    def start_test(self, asked: Json) -> Json:
        return self._launch(asked, "test")

    def start_cutover(self, asked: Json) -> Json:
        return self._launch(asked, "cutover")

    def terminate_target_instances(self, asked: Json) -> Json:
        machines = self._asked_for(asked)
        quotas.check_idle(self._project, self.names, machines, self._world.now)
        self._only(
            machines, lambda one: self._state(one) not in (TESTING, CUTTING_OVER, CUTOVER), "is in its migration"
        )
        self._only(machines, lambda one: one.target is not None, "has no launched instance")
        quotas.check_room(self._project, machines, self._world.now)
        targets = [one.target for one in machines if one.target]
        job = self._world.clean_up(self._project, targets, self._user)
        return self._accepted(job, asked)

    def describe_jobs(self, asked: Json) -> Json:
        self._initialized()
        wanted = asked.get("filters", {})
        ids = set(wanted.get("jobIDs", []))
        begins, ends = _instant(wanted.get("fromDate")), _instant(wanted.get("toDate"))
        found = [
            job
            for job in self._project.jobs
            if (self.names.job(job.id) in ids if ids else job.listed <= self._world.now)
            and (begins is None or begins <= job.created)
            and (ends is None or job.created <= ends)
        ]
        newest_first = sorted(found, key=lambda job: job.created, reverse=True)
        return page(asked, newest_first, self._job)

    def describe_job_log_items(self, asked: Json) -> Json:
        self._initialized()
        for job in self._project.jobs:
            if self.names.job(job.id) == asked["jobID"]:
                items = jobs.log(self._project, self.names, job, self._world.now)
                return page(asked, items, lambda item: item)
        raise invalid(f"Job {asked['jobID']} not found", reason="other")

    def change_server_life_cycle_state(self, asked: Json) -> Json:
        machine = self._idle(asked)
        life, to = machine.lifecycle, asked["lifeCycle"]["state"]
        if to == CUTOVER:
            if life.cutover.initiated is None or life.cutover.reverted is not None or life.step == CUTOVER:
                raise conflict(f"{machine.name} is not in its cutover", self.names.server(machine))
            life.finalized(self._world.now)
        elif not servers.launchable(machine, self._world.now):
            raise conflict(f"{machine.name} is not launchable", self.names.server(machine))
        elif to == READY_FOR_TEST:
            life.ready_for_test(self._world.now)
        else:
            life.ready_for_cutover(self._world.now)
        return self._server(machine)

    def finalize_cutover(self, asked: Json) -> Json:
        machine = self._idle(asked)
        self._only([machine], lambda one: self._state(one) in (CUTTING_OVER, CUTOVER), "is not in its cutover")
        self._end_replication(machine)
        machine.lifecycle.finalized(machine.lifecycle.cutover.finalized or self._world.now)
        return self._server(machine)

    def disconnect_from_service(self, asked: Json) -> Json:
        machine = self._idle(asked)
        self._only([machine], lambda one: self._state(one) != DISCONNECTED, "is disconnected already")
        self._end_replication(machine)
        if machine.lifecycle.step != CUTOVER:
            machine.lifecycle.disconnected(self._world.now)
        return self._server(machine)

    def mark_as_archived(self, asked: Json) -> Json:
        machine = self._idle(asked)
        self._only([machine], lambda one: self._state(one) in (DISCONNECTED, CUTOVER), "is not at its end")
        machine.lifecycle.archived = True
        return self._server(machine)

    def retry_data_replication(self, asked: Json) -> Json:
        machine = self._one(asked)
        if not servers.stalled(machine, self._world.now):
            raise invalid(f"Data replication of {machine.name} has not stalled", reason="other")
        self._world.restart_replication(machine)
        return self._server(machine)

    def get_launch_configuration(self, asked: Json) -> Json:
        machine = self._one(asked)
        self._agree(machine)
        return configuration.launch_configuration(self.names, machine)

    def update_launch_configuration(self, asked: Json) -> Json:
        machine = self._one(asked)
        self._agree(machine)
        ignored = machine.described.blueprint_ignores
        change = {key: one for key, one in configuration.change_of(machine, asked).items() if key not in ignored}
        self._world.change_blueprint(self._project, machine, change, self._user)
        machine.lifecycle.settings |= {
            key: one for key, one in configuration.settings_of(asked).items() if key not in ignored
        }
        self._agree(machine)
        return configuration.launch_configuration(self.names, machine)

    def get_replication_configuration(self, asked: Json) -> Json:
        return configuration.replication_configuration(self._project, self.names, self._one(asked))

    def describe_replication_configuration_templates(self, asked: Json) -> Json:
        self._initialized()
        template = configuration.replication_template(self._project, self.names)
        ids = asked.get("replicationConfigurationTemplateIDs", [])
        found = [template] if not ids or template["replicationConfigurationTemplateID"] in ids else []
        return page(asked, found, lambda one: one)

    def list_waves(self, asked: Json) -> Json:
        self._initialized()
        return page(asked, groups.waves(self._world, self._project, self.names, asked), lambda one: one)

    def list_applications(self, asked: Json) -> Json:
        self._initialized()
        return page(asked, groups.applications(self._world, self._project, self.names, asked), lambda one: one)

    def list_tags_for_resource(self, asked: Json) -> Json:
        return {"tags": self._tags(asked["resourceArn"])}

    def tag_resource(self, asked: Json) -> Json:
        self._tags(asked["resourceArn"]).update(asked["tags"])
        return {}

    def untag_resource(self, asked: Json) -> Json:
        tags = self._tags(asked["resourceArn"])
        for key in asked["tagKeys"]:
            tags.pop(key, None)
        return {}

    def _launch(self, asked: Json, mode: str) -> Json:
        machines = self._asked_for(asked)
        quotas.check_idle(self._project, self.names, machines, self._world.now)
        self._only(machines, lambda one: not one.lifecycle.archived, "is archived")
        self._only(machines, lambda one: servers.launchable(one, self._world.now), "is not launchable")
        self._only(machines, lambda one: self._state(one) in _LAUNCHED_FROM[mode], f"is not ready for a {mode}")
        quotas.check_room(self._project, machines, self._world.now)
        for machine in machines:
            if machine.lifecycle.template:
                self._agree(machine)
        return self._accepted(self._world.launch(self._project, mode, [one.id for one in machines], self._user), asked)

    def _agree(self, machine: Machine) -> None:
        templates.agree(self._world, f"mgn-{self.names.server(machine)}", machine)

    def _accepted(self, job: Job, asked: Json) -> Json:
        job.tags = dict(asked.get("tags", {}))
        job.target_tags = {id: self._target_tags(self._project.machines[id]) for id in job.participants}
        return {"job": self._job(job)}

    def _target_tags(self, machine: Machine) -> dict[str, str]:
        copied = machine.lifecycle.tags if configuration.copies_tags(machine) else {}
        return copied | {MANAGED: "mgn.amazonaws.com", MANAGED_FOR: self.names.server(machine)}

    def _end_replication(self, machine: Machine) -> None:
        machine.lifecycle.gone = machine.lifecycle.gone or self._world.now
        self._world.switch_replication(machine, State.AGENT_MISSING)

    def _initialized(self) -> None:
        if not self._project.described.mgn.initialized:
            raise Refused("UninitializedAccountException", "Account not initialized")

    def _asked_for(self, asked: Json) -> list[Machine]:
        """The servers that were asked for, each once."""
        self._initialized()
        known = self._by_id()
        unknown = [id for id in asked["sourceServerIDs"] if id not in known]
        if unknown:
            raise invalid(f"Source servers not found: {', '.join(unknown)}", reason="other")
        return [known[id] for id in dict.fromkeys(asked["sourceServerIDs"])]

    def _one(self, asked: Json) -> Machine:
        self._initialized()
        known = self._by_id()
        if asked["sourceServerID"] not in known:
            raise not_found(SOURCE_SERVER, asked["sourceServerID"])
        return known[asked["sourceServerID"]]

    def _idle(self, asked: Json) -> Machine:
        """A server that no job is about."""
        machine = self._one(asked)
        quotas.check_idle(self._project, self.names, [machine], self._world.now)
        return machine

    def _only(self, machines: Sequence[Machine], fits: Callable[[Machine], bool], otherwise: str) -> None:
        wrong = [one for one in machines if not fits(one)]
        if wrong:
            said = ", ".join(f"{one.name} ({self._state(one)}) {otherwise}" for one in wrong)
            raise conflict(said, *map(self.names.server, wrong))

    def _by_id(self) -> dict[str, Machine]:
        return {self.names.server(one): one for one in self._project.machines.values()}

    def _fits(self, machine: Machine, wanted: Json) -> bool:
        """Whether a server passes filters; one that is empty or not there lets everything pass."""
        ids, states = wanted.get("sourceServerIDs"), wanted.get("lifeCycleStates")
        kinds, applications = wanted.get("replicationTypes"), wanted.get("applicationIDs")
        return (
            (not ids or self.names.server(machine) in ids)
            and (not states or self._state(machine) in states)
            and (not kinds or machine.described.mgn.replication_type in kinds)
            and (not applications or self.names.application_of(machine) in applications)
            and wanted.get("isArchived", machine.lifecycle.archived) == machine.lifecycle.archived
        )

    def _tags(self, arn: str) -> dict[str, str]:
        """The tags of a source server or a job."""
        tagged: dict[str, dict[str, str]] = {
            self.names.arn("source-server", id): machine.lifecycle.tags for id, machine in self._by_id().items()
        }
        tagged |= {self.names.arn("job", self.names.job(job.id)): job.tags for job in self._project.jobs}
        if arn not in tagged:
            raise not_found("Resource", arn)
        return tagged[arn]

    def _state(self, machine: Machine) -> str:
        return servers.state_of(machine, self._world.now)

    def _server(self, machine: Machine) -> Json:
        return servers.server(self._world, self.names, machine)

    def _job(self, job: Job) -> Json:
        return jobs.job(self._world, self._project, self.names, job)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
