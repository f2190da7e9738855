"""MGN's operations: what is asked of the world, and what is done to it.

A method for each operation, named as boto3 names it: from what was asked, as the model has it, to the answer.
"""

from __future__ import annotations

from collections.abc import Callable

from stage.simulator.cloud import MANAGED, MANAGED_FOR
from stage.simulator.lifecycle import (
    CUTOVER,
    CUTTING_OVER,
    DISCONNECTED,
    READY_FOR_CUTOVER,
    READY_FOR_TEST,
    TESTING,
)
from stage.simulator.mgn import configuration, groups, jobs, quotas, servers, templates
from stage.simulator.mgn.account import Account
from stage.simulator.mgn.errors import conflict, invalid
from stage.simulator.mgn.model import Json
from stage.simulator.mgn.paging import page
from stage.simulator.spec import State
from stage.simulator.state import Job, Machine

_LAUNCHED_FROM = {"test": (READY_FOR_TEST, TESTING), "cutover": (READY_FOR_CUTOVER,)}
"""Where a server's lifecycle must stand, as the console has it; the API's description does not say."""


class Api:
    """The operations on one project. All raise Refused."""

    def __init__(self, account: Account, user: str) -> None:
        self._account, self._user = account, user
        self._world, self._project, self._names = account.world, account.project, account.names

    def describe_source_servers(self, asked: Json) -> Json:
        return page(asked, self._account.servers(asked.get("filters", {})), self._account.show)

    def start_test(self, asked: Json) -> Json:
        return self._launch(asked, "test")

    def start_cutover(self, asked: Json) -> Json:
        return self._launch(asked, "cutover")

    def terminate_target_instances(self, asked: Json) -> Json:
        machines = self._account.idle_servers(asked)
        launched = self._stands(TESTING, CUTTING_OVER, CUTOVER)
        self._account.only(machines, lambda one: not launched(one), "is in its migration")
        self._account.only(machines, lambda one: one.target is not None, "has no launched instance")
        quotas.check_room(self._project, machines, self._world.now)
        targets = [one.target for one in machines if one.target]
        job = self._world.clean_up(self._project, targets, self._user)
        return self._accepted(job, asked)

    def describe_jobs(self, asked: Json) -> Json:
        return page(asked, self._account.jobs(asked.get("filters", {})), self._account.show_job)

    def describe_job_log_items(self, asked: Json) -> Json:
        found = self._account.jobs({"jobIDs": [asked["jobID"]]})
        if not found:
            raise invalid(f"Job {asked['jobID']} not found", reason="other")
        items = jobs.log(self._project, self._names, found[0], self._world.now)
        return page(asked, items, lambda item: item)

    def change_server_life_cycle_state(self, asked: Json) -> Json:
        machine = self._account.idle_server(asked)
        life, to = machine.lifecycle, asked["lifeCycle"]["state"]
        if to == CUTOVER:
            if life.cutover.initiated is None or life.cutover.reverted is not None or life.step == CUTOVER:
                raise conflict(f"{machine.name} is not in its cutover", self._names.server(machine))
            life.finalized(self._world.now)
        elif not servers.launchable(machine, self._world.now):
            raise conflict(f"{machine.name} is not launchable", self._names.server(machine))
        elif to == READY_FOR_TEST:
            life.ready_for_test(self._world.now)
        else:
            life.ready_for_cutover(self._world.now)
        return self._account.show(machine)

    def finalize_cutover(self, asked: Json) -> Json:
        machine = self._account.idle_server(asked)
        self._account.only([machine], self._stands(CUTTING_OVER, CUTOVER), "is not in its cutover")
        self._end_replication(machine)
        machine.lifecycle.finalized(machine.lifecycle.cutover.finalized or self._world.now)
        return self._account.show(machine)

    def disconnect_from_service(self, asked: Json) -> Json:
        machine = self._account.idle_server(asked)
        self._account.only([machine], lambda one: self._account.state(one) != DISCONNECTED, "is disconnected already")
        self._end_replication(machine)
        if machine.lifecycle.step != CUTOVER:
            machine.lifecycle.disconnected(self._world.now)
        return self._account.show(machine)

    def mark_as_archived(self, asked: Json) -> Json:
        machine = self._account.idle_server(asked)
        self._account.only([machine], self._stands(DISCONNECTED, CUTOVER), "is not at its end")
        machine.lifecycle.archived = True
        return self._account.show(machine)

    def retry_data_replication(self, asked: Json) -> Json:
        machine = self._account.server(asked)
        if not servers.stalled(machine, self._world.now):
            raise invalid(f"Data replication of {machine.name} has not stalled", reason="other")
        self._world.restart_replication(machine)
        return self._account.show(machine)

    def get_launch_configuration(self, asked: Json) -> Json:
        machine = self._account.server(asked)
        self._agree(machine)
        return configuration.launch_configuration(self._names, machine)

    def update_launch_configuration(self, asked: Json) -> Json:
        machine = self._account.server(asked)
        self._agree(machine)
        ignored = machine.described.blueprint_ignores
        change = {key: one for key, one in configuration.change_of(machine, asked).items() if key not in ignored}
        self._world.change_blueprint(self._project, machine, change, self._user)
        machine.lifecycle.settings |= {
            key: one for key, one in configuration.settings_of(asked).items() if key not in ignored
        }
        self._agree(machine)
        return configuration.launch_configuration(self._names, machine)

    def get_replication_configuration(self, asked: Json) -> Json:
        return configuration.replication_configuration(self._project, self._names, self._account.server(asked))

    def describe_replication_configuration_templates(self, asked: Json) -> Json:
        self._account.check_initialized()
        template = configuration.replication_template(self._project, self._names)
        ids = asked.get("replicationConfigurationTemplateIDs", [])
        found = [template] if not ids or template["replicationConfigurationTemplateID"] in ids else []
        return page(asked, found, lambda one: one)

    def list_waves(self, asked: Json) -> Json:
        self._account.check_initialized()
        return page(asked, groups.waves(self._world, self._project, self._names, asked), lambda one: one)

    def list_applications(self, asked: Json) -> Json:
        self._account.check_initialized()
        return page(asked, groups.applications(self._world, self._project, self._names, asked), lambda one: one)

    def list_tags_for_resource(self, asked: Json) -> Json:
        return {"tags": self._account.tags(asked["resourceArn"])}

    def tag_resource(self, asked: Json) -> Json:
        self._account.tags(asked["resourceArn"]).update(asked["tags"])
        return {}

    def untag_resource(self, asked: Json) -> Json:
        tags = self._account.tags(asked["resourceArn"])
        for key in asked["tagKeys"]:
            tags.pop(key, None)
        return {}

    def _launch(self, asked: Json, mode: str) -> Json:
        machines = self._account.idle_servers(asked)
        self._account.only(machines, lambda one: not one.lifecycle.archived, "is archived")
        self._account.only(machines, lambda one: servers.launchable(one, self._world.now), "is not launchable")
        self._account.only(machines, self._stands(*_LAUNCHED_FROM[mode]), f"is not ready for a {mode}")
        quotas.check_room(self._project, machines, self._world.now)
        for machine in machines:
            if machine.lifecycle.template:
                self._agree(machine)
        return self._accepted(self._world.launch(self._project, mode, [one.id for one in machines], self._user), asked)

    def _stands(self, *states: str) -> Callable[[Machine], bool]:
        """Whether a server's lifecycle is at one of these."""
        return lambda one: self._account.state(one) in states

    def _agree(self, machine: Machine) -> None:
        templates.agree(self._world, f"mgn-{self._names.server(machine)}", machine)

    def _accepted(self, job: Job, asked: Json) -> Json:
        job.tags = dict(asked.get("tags", {}))
        job.target_tags = {id: self._target_tags(self._project.machines[id]) for id in job.participants}
        return {"job": self._account.show_job(job)}

    def _target_tags(self, machine: Machine) -> dict[str, str]:
        copied = machine.lifecycle.tags if configuration.copies_tags(machine) else {}
        return copied | {MANAGED: "mgn.amazonaws.com", MANAGED_FOR: self._names.server(machine)}

    def _end_replication(self, machine: Machine) -> None:
        machine.lifecycle.gone = machine.lifecycle.gone or self._world.now
        self._world.switch_replication(machine, State.AGENT_MISSING)
