"""CloudEndure's API below /api/latest: one method for each operation, answering from the world.

Every operation takes the request and the ids in its path and returns a status and a JSON body (None: no body).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from werkzeug import Request

from stage.simulator import answers, asked
from stage.simulator.answers import Json
from stage.simulator.asked import ApiError
from stage.simulator.blueprints import InvalidBlueprint
from stage.simulator.sessions import Sessions
from stage.simulator.spec import State
from stage.simulator.state import Machine, Project
from stage.simulator.world import NotReplicated, World

Answer = tuple[int, Json | None]

BUSY = "Another job is already running in this project"
_MODES = {"TEST": "test", "CUTOVER": "cutover"}
_LAST_LAUNCHES = ("lastTestLaunchDateTime", "lastCutoverDateTime", "lastRecoveryLaunchDateTime")


class Api:
    """The operations. `operation` is the name that `routes.ROUTES` gives; the session has been checked already."""

    def __init__(self, world: World, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions

    def answer(self, operation: str, request: Request, ids: dict[str, str]) -> Answer:
        """Carry out one operation. ApiError for what the service refuses."""
        handler: Callable[..., Answer] = getattr(self, operation)
        return handler(request, **ids)

    def me(self, request: Request) -> Answer:
        return 200, answers.user(self._world, self._sessions.account, self._sessions.token)

    def extended_account_info(self, request: Request) -> Answer:
        projects = {"items": [answers.project(self._world, one) for one in self._world.projects.values()]}
        clock = answers.known(dateTime=self._world.now)
        clouds = {"items": answers.clouds(self._world)}
        return 200, {"dateTime": clock, "projects": projects, "clouds": clouds, "user": self.me(request)[1]}

    def clouds(self, request: Request) -> Answer:
        return 200, asked.page(request, answers.clouds(self._world))

    def licenses(self, request: Request) -> Answer:
        return 200, asked.page(request, [answers.license(self._world)])

    def license(self, request: Request, id: str) -> Answer:
        return 200, asked.by_id([answers.license(self._world)], id)

    def credentials(self, request: Request) -> Answer:
        return 200, asked.page(request, [answers.credentials(self._world)])

    def credential(self, request: Request, id: str) -> Answer:
        return 200, asked.by_id([answers.credentials(self._world)], id)

    def regions(self, request: Request, credentials: str) -> Answer:
        return 200, asked.page(request, answers.regions(self._world, credentials))

    def region(self, request: Request, credentials: str, id: str) -> Answer:
        return 200, asked.by_id(answers.regions(self._world, credentials), id)

    def projects(self, request: Request) -> Answer:
        return 200, asked.page(request, [answers.project(self._world, one) for one in self._world.projects.values()])

    def project(self, request: Request, project: str) -> Answer:
        return 200, answers.project(self._world, self._project(project))

    def machines(self, request: Request, project: str) -> Answer:
        everything = request.args.get("all", "false").lower() in ("true", "1")
        found = [
            one
            for one in self._project(project).machines.values()
            if everything or one.replication(self._world.now).listed
        ]
        return 200, {"items": [answers.machine(self._world, one) for one in found[asked.window(request)]]}

    def machine(self, request: Request, project: str, id: str) -> Answer:
        return 200, answers.machine(self._world, self._machine(self._project(project), id))

    def change_machine(self, request: Request, project: str, id: str) -> Answer:
        machine = self._machine(self._project(project), id)
        _change(machine, _checked(asked.body(request)))
        return 200, answers.machine(self._world, machine)

    def change_machines(self, request: Request, project: str) -> Answer:
        found = self._project(project)
        changes = [
            (self._machine(found, str(item.get("id"))), _checked(item)) for item in asked.objects(request, "items")
        ]
        for machine, change in changes:
            _change(machine, change)
        return 200, {"items": [answers.machine(self._world, machine) for machine, _ in changes]}

    def remove_machines(self, request: Request, project: str) -> Answer:
        found = self._project(project)
        for machine in [self._machine(found, id) for id in asked.strings(request, "machineIDs")]:
            self._remove(found, machine)
        return 204, None

    def remove_machine(self, request: Request, project: str, id: str) -> Answer:
        found = self._project(project)
        self._remove(found, self._machine(found, id))
        return 204, None

    def points_in_time(self, request: Request, project: str, id: str) -> Answer:
        machine = self._machine(self._project(project), id)
        at = machine.replication(self._world.now).consistent_at
        points = [answers.known(id=self._world.identity.uuid("point", id, at), dateTime=at)] if at else []
        return 200, asked.page(request, points)

    def force_rescan(self, request: Request, project: str, id: str) -> Answer:
        machine = self._machine(self._project(project), id)
        if machine.replication(self._world.now).consistent_at is None:
            raise ApiError(400, "Rescan is not available for this machine")
        self._world.switch_replication(machine, State.RESCAN)
        return 204, None

    def start_replication(self, request: Request, project: str) -> Answer:
        return self._switch(request, project, State.CONTINUOUS)

    def pause_replication(self, request: Request, project: str) -> Answer:
        return self._switch(request, project, State.PAUSED)

    def stop_replication(self, request: Request, project: str) -> Answer:
        self._idle(self._project(project), status=409)
        return self._switch(request, project, State.STOPPED)

    def launch_machines(self, request: Request, project: str) -> Answer:
        found = self._project(project)
        mode = _MODES.get(str(asked.body(request).get("launchType")))
        if mode is None:
            raise ApiError(422, "launchType must be TEST or CUTOVER in a MIGRATION project")
        ids = [str(item.get("machineId")) for item in asked.objects(request, "items")]
        unknown = [id for id in ids if id not in found.machines]
        if unknown or not ids:
            raise ApiError(404, f"Machines not found in this project: {', '.join(unknown) or 'none were named'}")
        if found.described.license_expired or self._world.license_over:
            raise ApiError(402, "Project license has expired")
        self._idle(found)
        try:
            job = self._world.launch(found, mode, ids, self._sessions.account.username)
        except NotReplicated as refused:
            raise ApiError(400, str(refused)) from refused
        return 202, answers.job(self._world, job)

    def jobs(self, request: Request, project: str) -> Answer:
        listed = [job for job in self._project(project).jobs if job.listed <= self._world.now]
        newest_first = sorted(listed, key=lambda job: job.created, reverse=True)
        return 200, {"items": [answers.job(self._world, one) for one in newest_first[asked.window(request)]]}

    def job(self, request: Request, project: str, id: str) -> Answer:
        for one in self._project(project).jobs:
            if one.id == id:
                return 200, answers.job(self._world, one)
        raise ApiError(404, f"Job not found: {id}")

    def replica(self, request: Request, project: str, id: str) -> Answer:
        found = self._project(project)
        if id not in found.targets:
            raise ApiError(404, f"Replica not found: {id}")
        return 200, answers.replica(self._world, found, found.targets[id])

    def remove_replicas(self, request: Request, project: str) -> Answer:
        found = self._project(project)
        ids = dict.fromkeys(asked.strings(request, "replicaIDs"))
        unknown = [id for id in ids if id not in found.targets]
        if unknown or not ids:
            raise ApiError(404, f"Replicas not found: {', '.join(unknown) or 'none were named'}")
        self._idle(found)
        user = self._sessions.account.username
        job = self._world.clean_up(found, [found.targets[id] for id in ids], user)
        return 202, answers.job(self._world, job)

    def blueprints(self, request: Request, project: str) -> Answer:
        return 200, asked.page(request, [one.blueprint for one in self._project(project).machines.values()])

    def blueprint(self, request: Request, project: str, id: str) -> Answer:
        return 200, self._owner(self._project(project), id).blueprint

    def change_blueprint(self, request: Request, project: str, id: str) -> Answer:
        found = self._project(project)
        machine = self._owner(found, id)
        ignored = machine.described.blueprint_ignores
        change = {key: value for key, value in asked.body(request).items() if key not in ignored}
        try:
            self._world.change_blueprint(found, machine, change, self._sessions.account.username)
        except InvalidBlueprint as invalid:
            raise ApiError(422, str(invalid)) from invalid
        return 200, machine.blueprint

    def replication_configurations(self, request: Request, project: str) -> Answer:
        return 200, asked.page(request, [self._project(project).replication_configuration])

    def change_replication_configuration(self, request: Request, project: str, id: str) -> Answer:
        found = self._project(project)
        current = asked.by_id([found.replication_configuration], id)
        fixed = {key: current[key] for key in ("id", "region")}
        found.replication_configuration = current | asked.body(request) | fixed
        user = self._sessions.account.username
        self._world.note(found, user, "replicationConfigurationChanged", [])
        return 200, found.replication_configuration

    def audit_log(self, request: Request, project: str) -> Answer:
        entries = self._project(project).audit[::-1]
        begins, ends = (asked.instant(request, name) for name in ("fromDateTime", "toDateTime"))
        entries = [
            entry
            for entry in entries
            if (begins is None or begins <= datetime.fromisoformat(entry["timestamp"]))
            and (ends is None or datetime.fromisoformat(entry["timestamp"]) <= ends)
        ]
        shown = entries[asked.window(request)]
        return 200, {"items": shown, "hasMoreResults": len(shown) < len(entries)}

    def tags(self, request: Request, project: str) -> Answer:
        used = {tag for machine in self._project(project).machines.values() for tag in machine.console_tags}
        return 200, {"items": sorted(used)}

    def _project(self, id: str) -> Project:
        if id not in self._world.projects:
            raise ApiError(404, f"Project not found: {id}")
        return self._world.projects[id]

    def _machine(self, project: Project, id: str) -> Machine:
        if id not in project.machines:
            raise ApiError(404, f"Machine not found: {id}")
        return project.machines[id]

    def _owner(self, project: Project, blueprint: str) -> Machine:
        for machine in project.machines.values():
            if machine.blueprint["id"] == blueprint:
                return machine
        raise ApiError(404, f"Blueprint not found: {blueprint}")

    def _idle(self, project: Project, status: int | None = None) -> None:
        if project.busy(self._world.now):
            raise ApiError(status or project.described.busy_status, BUSY)

    def _remove(self, project: Project, machine: Machine) -> None:
        """The agent goes, staging goes; what was launched stays in EC2 and is forgotten here."""
        del project.machines[machine.id]
        if machine.target:
            project.targets.pop(machine.target.replica, None)

    def _switch(self, request: Request, project: str, to: State) -> Answer:
        found = self._project(project)
        ids = asked.strings(request, "machineIDs")
        machines = [found.machines[id] for id in ids if id in found.machines]
        for machine in machines:
            self._world.switch_replication(machine, to)
        return 200, {
            "items": [answers.machine(self._world, machine) for machine in machines],
            "invalidMachineIDs": [id for id in ids if id not in found.machines],
        }


def _checked(change: Json) -> Json:
    """A machine's PATCH, its console tags within the published limits."""
    tags = change.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) and 1 <= len(tag) <= 127 for tag in tags):
        raise ApiError(400, "A tag must have 1 to 127 characters", "tagLengthError")
    if len(tags) > 50:
        raise ApiError(400, "A machine can have at most 50 tags", "tagLimitReached")
    return change


def _change(machine: Machine, change: Json) -> None:
    """What clients are known to write; the rest of a whole machine sent back is passed over."""
    machine.console_tags = list(change.get("tags", machine.console_tags))
    life: dict[str, Any] = change.get("lifeCycle", {})
    machine.life |= {key: life[key] for key in _LAST_LAUNCHES if key in life}
    machine.replication_configuration |= change.get("replicationConfiguration", {})
