"""Chaos in a whole night: what goes wrong by the service, by our own functions, and by people; and what must hold.

The service's troubles are drawn by the simulator from a seed (stage/simulator/chaos.py). Ours strike when one of the
run's functions is called for the nth time: it crashes before or after its work, is called twice, its execution is
killed, the table asks for patience. People abort, press the button in the console, mark a target to be kept, start the
run once more, or start another plan that wants the same machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import boto3
from botocore.exceptions import ClientError

from cutover.errors import CutoverError
from cutover.executions import Executions
from cutover.plan import Mode, OnFailure, Plan, PollBounds
from cutover.planned_night import Night as PlannedNight
from cutover.records import LaunchRecord, MachineRecord, RunRecord
from stage.simulator import Simulator
from stage.simulator.chaos import draw
from stage.simulator.state import Job, Machine, Project
from tests.statemachines.interpreter import Handler, load_handlers
from tests.statemachines.night import NO_DOORS, TABLE, Night, a_night, a_plan, a_wave, a_world

TROUBLES = (
    "crash before",
    "crash after",
    "twice",
    "kill before",
    "kill after",
    "table",
    "abort",
    "start",
    "other plan",
    "by hand",
    "keep",
)
STARTS = 4
"""How often an interrupted run is started again before it is left as it is."""
OUTSIDE = ("Start", "TellDeadRun", "NotifySns", "NotifySlack")


class Crash(Exception):
    """A fault of our own."""


@dataclass
class Story:
    """One night of chaos: plans, the troubles to come by the number of the call they strike at, and what happened."""

    seed: int
    night: Night
    mode: Mode
    plan: Plan
    other: Plan
    troubles: dict[int, str] = field(default_factory=dict)
    happened: list[str] = field(default_factory=list)
    calls: int = 0
    by_hand: set[str] = field(default_factory=set)
    sacred: dict[str, str] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    known_jobs: set[str] = field(default_factory=set)

    def note_what_may_not_go(self) -> None:
        """The targets that no launch may delete, and the jobs that are there before the night."""
        for machine in self.machines().values():
            described, target = machine.described, machine.target
            if target and (described.protected or described.target_tags or described.cut_over is not None):
                self.sacred[target.instance] = f"the target of {machine.name}"
        self.known_jobs = {job.id for job in self._project().jobs}

    def _project(self) -> Project:
        return next(iter(self.night.simulator.world.projects.values()))

    def machines(self) -> dict[str, Machine]:
        """The machines as the simulated service has them, by id."""
        return self._project().machines

    def jobs(self) -> list[Job]:
        """The launches that reached the service tonight and were not made by hand."""
        return [job for job in self._tonight() if self._is_ours(job)]

    def known_as(self, it: Machine | Job) -> str:
        """The id that our records have for it."""
        return self.night.known_as(it, self.plan.service)

    def participants(self, job: Job) -> frozenset[str]:
        """The ids that our records have for a job's machines."""
        return frozenset(self.known_as(self.machines()[each]) for each in job.participants)

    def deleted_by_others(self) -> set[str]:
        """The instances that launches made by hand have deleted."""
        return {target.instance for job in self._tonight() if not self._is_ours(job) for target in job.deleted}

    def _tonight(self) -> list[Job]:
        return [job for job in self._project().jobs if job.mode and job.id not in self.known_jobs]

    def _is_ours(self, job: Job) -> bool:
        return job.id not in self.by_hand and job.user == self.night.simulator.world.described.account.username

    def all_runs(self) -> list[RunRecord]:
        return [self.night.store.run(run) for run in self.runs]

    def ledgers(self) -> list[tuple[RunRecord, int, list[LaunchRecord]]]:
        """Every wave's launches: the run, the wave's number, its attempts."""
        return [
            (run, number, self.night.store.launches(run.id, number))
            for run in self.all_runs()
            for number in self._waves_of(run)
        ]

    def _waves_of(self, run: RunRecord) -> range:
        plan = self.plan if run.plan == self.plan.name else self.other
        return range(1, len(plan.waves) + 1)

    def records(self) -> list[tuple[RunRecord, MachineRecord]]:
        """Every machine of every run, as recorded."""
        return [
            (run, machine)
            for run in self.all_runs()
            for number in self._waves_of(run)
            for machine in self.night.store.machines(run.id, number)
        ]

    def evidence(self, run: RunRecord) -> dict[str, Any]:
        self.night.run_id = run.id
        return self.night.evidence()

    def news(self) -> list[dict[str, Any]]:
        """Everything that was told so far."""
        self.heard += self.night.news()
        return self.heard

    def instances(self) -> dict[str, str]:
        """The state of every instance, by id."""
        pages = self.night.ec2.get_paginator("describe_instances").paginate()
        return {
            each["InstanceId"]: str(each["State"]["Name"])
            for page in pages
            for reservation in page["Reservations"]
            for each in reservation["Instances"]
        }

    def everything_left(self) -> Iterator[str]:
        """Records, files, what every function was given, and of one night in ten the executions' histories, as text."""
        yield from self.night.records_and_files()
        yield from map(str, self.night.workflows.calls)
        if self.seed % 10:  # reading them takes longer than all the rest
            return
        for machine in (self.night.workflows.plan, self.night.workflows.wave):
            for each in self.night.workflows.ended(machine):
                yield from map(str, self.night.workflows.history(each["executionArn"]))

    def handlers(self) -> dict[str, Handler]:
        """Every function of a run, with what may strike when it is called."""
        return {name: self._struck(name, call) for name, call in load_handlers().items() if name not in OUTSIDE}

    def carry_out(self) -> None:
        """The run, started again as often as it is interrupted, to its end; and whatever else was started."""
        for _ in range(STARTS):
            self._start(self.plan)
            self.night.wait_for_wave()
            self._tell_the_dead()
            if not self._run().interrupted:
                break
        self.night.wait_for_wave()
        self._tell_the_dead()

    def _start(self, plan: Plan) -> None:
        night = self.night
        before = night.run_id, night.execution
        try:
            night.start(plan, self.mode)
        except CutoverError as error:
            self.happened.append(f"start of {plan.name}: {type(error).__name__}")
        if night.run_id not in self.runs:
            self.runs.append(night.run_id)
        if plan is not self.plan:
            night.run_id, night.execution = before

    def _run(self) -> RunRecord:
        return self.night.store.run(next(run for run in self.runs if run.startswith(f"{self.plan.name}-")))

    def _tell_the_dead(self) -> None:
        """What the rule for executions that ended does, for each of them."""
        for seen in self.night.workflows.ended(self.night.workflows.plan):
            if seen["status"] == "RUNNING":  # another plan's, begun a moment ago
                continue
            detail = {name: seen.get(name) for name in ("executionArn", "status", "input", "error", "cause")}
            self.night.workflows.invoke("TellDeadRun", {"detail": detail})

    def _struck(self, name: str, call: Handler) -> Handler:
        def struck(event: dict[str, Any]) -> Any:
            self.calls += 1
            trouble = self.troubles.pop(self.calls, None)
            if trouble is None:
                return call(event)
            self.happened.append(f"{self.calls}: {trouble} in {name}")
            return self._strike(trouble, call, event)

        return struck

    def _strike(self, trouble: str, call: Handler, event: dict[str, Any]) -> Any:
        night = self.night
        match trouble:
            case "crash before":
                raise Crash(trouble)
            case "crash after":
                call(event)
                raise Crash(trouble)
            case "twice":
                call(event)
            case "kill before":
                night.kill()
                raise Crash(trouble)
            case "kill after":
                answer = call(event)
                night.kill()
                return answer
            case "table":
                with throttled(night, 3):
                    return call(event)
            case "abort":
                night.abort()
            case "start":
                self._start(self.plan)
            case "other plan":
                self._start(self.other)
            case "by hand":
                self._by_hand()
            case "keep":
                self._keep()
        return call(event)

    def _by_hand(self) -> None:
        """Somebody launches web01 in the console, whatever the plan thinks of it."""
        project = self._project()
        machine = project.machines[self.night.machine_id("web01")]
        if project.busy(self.night.simulator.world.now) or not machine.replication(self.night.simulator.world.now):
            return
        try:
            self.night.launch_by_hand("web01")
        except ValueError:
            return  # nothing was replicated yet
        self.by_hand.add(project.jobs[-1].id)

    def _keep(self) -> None:
        """Somebody wants to keep the target that db01 has now."""
        project = self._project()
        machine = project.machines[self.night.machine_id("db01")]
        target = machine.target
        running = any(not job.ended or job.ended > self.night.simulator.world.now for job in project.jobs)
        ends = any(rule.then for rule in machine.described.launch)  # by itself: nobody could tell who deleted it
        if target and not running and not ends:  # a launch that is under way does not ask any more
            self.night.ec2.create_tags(Resources=[target.instance], Tags=[{"Key": "keep", "Value": "yes"}])
            self.sacred[target.instance] = "kept by hand"


@contextmanager
def throttled(night: Night, times: int) -> Iterator[None]:
    """The table refuses the next calls."""
    left = [times]

    def refuse(**_: Any) -> None:
        if left[0] > 0:
            left[0] -= 1
            said: Any = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "slow down"}}
            raise ClientError(said, "any")

    events = boto3.resource("dynamodb").Table(TABLE).meta.client.meta.events
    events.register("before-call.dynamodb", refuse)
    try:
        yield
    finally:
        events.unregister("before-call.dynamodb", refuse)


def a_small_world() -> dict[str, Any]:
    """Two databases and two web servers, tested nine days before, with the targets of that test."""
    return a_world({name: {"tested": "9d"} for name in ("db01", "db02", "web01", "web02")})


def plans(two_waves: bool, night: PlannedNight = NO_DOORS, service: str = "cloudendure") -> tuple[Plan, Plan]:
    """The plan of the night, in one wave or in two, and another one that wants one of its machines.

    Both databases must be verified, and one of the web servers.
    """
    rules: dict[str, Any] = {
        "readiness_deadline": 3600,
        "job_deadline": 2400,
        "poll": PollBounds(minimum=600, maximum=900),
    }
    other = a_plan(a_wave("db", "db02", **rules), name="other", service=service)
    lax = {"at_least": 3, "machine_rules": {name: {"critical": True} for name in ("db01", "db02")}}
    if not two_waves:
        return a_plan(
            a_wave("all", "db01", "db02", "web01", "web02", **lax, **rules), night=night, service=service
        ), other
    web = a_wave("web", "web01", "web02", at_least=1, on_failure=OnFailure.HOLD, **rules)
    return a_plan(a_wave("db", "db01", "db02", **rules), web, night=night, service=service), other


@contextmanager
def a_story(
    seed: int,
    mode: Mode,
    troubles: dict[int, str] | None = None,
    around: PlannedNight = NO_DOORS,
    waited: Callable[[Simulator, float], None] | None = None,
    service: str = "cloudendure",
) -> Iterator[Story]:
    """The night that this seed draws, with our own troubles to come; nothing has begun.

    `around`: what the cutover does around its launches; `waited`: what people do meanwhile.
    """
    drawn = draw(seed, a_small_world())
    plan, other = plans(seed % 3 == 0, around, service)
    told: dict[str, Handler] = {}
    late = {name: _later(told, name) for name in load_handlers() if name not in OUTSIDE}
    with (
        a_night(drawn.scenario.data(), handlers=late, waited=waited) as night,
        patch.object(Executions, "transitions", _uncounted),
    ):
        story = Story(seed, night, mode, plan, other, dict(troubles or {}), [str(drawn)])
        told |= story.handlers()
        for each in (plan, other):
            night.verified_before(each, "db01", "db02", "web01", "web02")
        story.note_what_may_not_go()
        yield story


def _uncounted(self: Executions, executions: Any) -> int:
    """Counting an execution's states takes moto longer than entering them; here nobody asks for the number."""
    return 0


def _later(told: dict[str, Handler], name: str) -> Handler:
    return lambda event: told[name](event)
