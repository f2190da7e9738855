"""The simulated world: its projects as time goes on, and what clients may have done to them."""

from __future__ import annotations

import heapq
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from stage.simulator import blueprints, effects, jobs, scenario
from stage.simulator.clock import Clock, rfc3339
from stage.simulator.cloud import Cloud, Ec2Away
from stage.simulator.identity import Identity
from stage.simulator.jobs import Participant, Timeline
from stage.simulator.spec import JobRule, LaunchRule, Phase, State, When
from stage.simulator.state import Job, Machine, Project, Target

logger = logging.getLogger(__name__)

STALE = timedelta(minutes=5)
"""With an older consistency point than this, or a source that is off, a launch waits in vain for a newer one, and falls
back to it."""


Rule = TypeVar("Rule", bound=When)


class NotReplicated(ValueError):
    """A launch of machines that have no data yet."""


class World:
    """Everything that happens to the scenario's projects. Not thread-safe: the simulator holds one lock around it.

    `began`: when there was a world; `opened`: when somebody first logged in, and things begin to happen in it.
    `now` is how far the world has come: the clock's time or, while EC2 catches up, that of the next thing to do;
    `done`: how many things of the agenda were done.
    """

    def __init__(self, described: scenario.Scenario, clock: Clock, cloud: Cloud) -> None:
        self.described = described
        self.identity = Identity(described.seed)
        self.cloud = cloud
        self.began = self.now = clock.now()
        self.opened: datetime | None = None
        self.projects: dict[str, Project] = {}
        self.clock = clock
        self.done = 0
        self._agenda: list[tuple[datetime, int, Callable[[], None]]] = []
        self._turns = 0

    @property
    def since_opened(self) -> timedelta:
        """How long ago somebody first logged in."""
        return self.now - (self.opened or self.now)

    @property
    def license_ends(self) -> datetime | None:
        """When the account's licence expires, if it ever does."""
        expires = self.described.account.license.expires
        return None if expires is None else self.began + expires

    @property
    def license_over(self) -> bool:
        """Whether it has."""
        return self.license_ends is not None and self.license_ends <= self.now

    def advance(self, patience: float | None = None) -> None:
        """Do everything that is due. With `patience`, real seconds, what is left over waits for the next call."""
        goal = self.clock.now()
        gives_up = None if patience is None else time.monotonic() + patience
        while self._agenda and self._agenda[0][0] <= goal:
            self.now = max(self.now, self._agenda[0][0])
            if gives_up is not None and time.monotonic() > gives_up:
                return
            due = heapq.heappop(self._agenda)
            try:
                due[2]()
            except Ec2Away as away:
                logger.info("waits for EC2: %s", away)
                heapq.heappush(self._agenda, due)
                return
            self.done += 1
        self.now = max(self.now, goal)

    def later(self, at: datetime, act: Callable[[], None]) -> None:
        """Have something done at an instant."""
        self._turns += 1
        heapq.heappush(self._agenda, (at, self._turns, act))

    def launch(self, project: Project, mode: str, machine_ids: Sequence[str], user: str) -> Job:
        """Accept a launch, `mode` test or cutover. NotReplicated when a machine has nothing to be launched from."""
        machines = [project.machines[machine] for machine in dict.fromkeys(machine_ids)]
        never = [one.name for one in machines if one.replication(self.now).consistent_at is None]
        if never:
            raise NotReplicated(f"Machines have not completed their initial sync: {', '.join(never)}")
        project.launches += 1
        for machine in machines:
            machine.launches += 1
        rule = _first(project.described.jobs, mode, project.launches) or JobRule()
        participants = {machine.id: self._participant(machine, mode) for machine in machines}
        doomed = [one.target for one in machines if one.target and not participants[one.id].rule.keeps_previous]
        timeline = jobs.launch(list(participants.values()), _groups_of(project, doomed), rule)
        job = self.new_job(project, mode, self.now, timeline, participants, user, rule)
        for machine in machines:
            machine.lifecycle.launched(mode, self.now, job.id)
        self._schedule(project, job)
        return job

    def next_rule(self, machine: Machine, mode: str) -> LaunchRule:
        """What would come of launching it now."""
        return _first(machine.described.launch, mode, machine.launches + 1) or LaunchRule()

    def clean_up(self, project: Project, targets: Sequence[Target], user: str) -> Job:
        """Accept the deletion of targets."""
        timeline = jobs.cleanup([(one.machine, one.instance) for one in targets], _groups_of(project, targets))
        machines = {one.machine: self._participant(project.machines[one.machine], None) for one in targets}
        job = self.new_job(project, None, self.now, timeline, machines, user)
        self._schedule(project, job)
        return job

    def new_job(
        self,
        project: Project,
        mode: str | None,
        created: datetime,
        timeline: Timeline,
        participants: dict[str, Participant],
        user: str,
        rule: JobRule | None = None,
    ) -> Job:
        """Enter a job in the project's books; nothing is done for it yet."""
        id = self.identity.uuid("job", project.name, len(project.jobs))
        kind = f"{mode.upper()}_LAUNCH" if mode else "CLEANUP"
        job = Job(id, kind, mode, created, participants, timeline, rule or JobRule(), user)
        project.jobs.append(job)
        self.note(project, user, "jobCreated", participants, jobId=id, description=kind)
        return job

    def change_blueprint(self, project: Project, machine: Machine, change: dict[str, Any], user: str) -> None:
        """Change some fields of a blueprint, or write it whole. InvalidBlueprint when the service would refuse it."""
        before, net = machine.blueprint, project.network
        after = blueprints.changed(before, change, subnets=net.subnets.values(), groups=net.groups.values())
        fields = [
            {"fieldName": key, "oldValue": str(before.get(key)), "newValue": str(value)}
            for key, value in after.items()
            if before.get(key) != value
        ]
        machine.blueprint = after
        self.note(project, user, "blueprintChanged", [machine.id], changedFields=fields)

    def switch_replication(self, machine: Machine, to: State) -> None:
        """Start, pause, stop or rescan a machine's replication, named by the state it leads to."""
        seen = machine.replication(self.now)
        behind = self.now - (seen.consistent_at or self.now)
        steps: list[dict[str, object]] = [{"state": to, "behind": behind}]
        if to is State.CONTINUOUS and seen.status == "STARTED":
            return
        if to is State.CONTINUOUS:
            self.restart_replication(machine)
            return
        if to is State.RESCAN:
            steps = [{"state": to, "behind": behind, "for": "10m"}]
        machine.phases = [Phase.model_validate(step) for step in steps]
        machine.since = self.now

    def restart_replication(self, machine: Machine) -> None:
        """Have it begin anew, or close the gap to what it has."""
        consistent = machine.replication(self.now).consistent_at
        steps: list[dict[str, object]] = [{"state": "initiating", "for": "3m"}, {"state": "initial_sync", "for": "20m"}]
        if consistent is not None:
            steps = [{"state": "lagging", "behind": self.now - consistent, "for": "2m"}]
        machine.phases = [Phase.model_validate(step) for step in steps]
        machine.since = self.now

    def note(self, project: Project, user: str, event: str, machines: Iterable[str], **more: object) -> None:
        """An entry in the audit log."""
        named = [
            {"machineCloudEndureId": one, "machineCloudName": project.machines[one].name}
            for one in machines
            if one in project.machines
        ]
        entry = {"timestamp": rfc3339(self.now), "username": user, "eventName": event, "participatingMachines": named}
        project.audit.append(entry | more)

    def _participant(self, machine: Machine, mode: str | None) -> Participant:
        rule = _first(machine.described.launch, mode, machine.launches) or LaunchRule()
        consistent = machine.replication(self.now).consistent_at or self.now
        waits_in_vain = machine.off_since is not None or self.now - consistent > STALE
        stale_since = self.now - rule.stale if rule.stale else consistent if waits_in_vain else None
        previous = machine.target.instance if machine.target else None
        return Participant(machine.id, machine.name, tuple(machine.described.disks), previous, stale_since, rule)

    def _schedule(self, project: Project, job: Job) -> None:
        for at, act, subject in job.timeline.acts:
            self.later(job.started + at, partial(effects.perform, self, project, job, act, subject))


def _first(rules: Iterable[Rule], mode: str | None, number: int) -> Rule | None:
    return next((rule for rule in rules if rule.applies(mode, number)), None)


def _groups_of(project: Project, doomed: Iterable[Target]) -> list[str]:
    """The service's security groups that only these targets use."""
    going = list(doomed)
    staying = {target.group for target in project.targets.values() if target not in going}
    return sorted({target.group for target in going if target.group} - staying)
