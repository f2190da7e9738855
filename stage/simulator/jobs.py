"""What a job does and says, and when: worked out at once when the job is accepted, read off as the clock goes on.

Messages, order and offsets are those of a real job log (AWS's migration workshop, 2020) and of a failed run reported by
its owner; `Finished creating a replica for instance` and everything about several machines is inferred from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto

from stage.simulator.spec import JobRule, LaunchRule

PENDING = timedelta(seconds=2)
"""How long an accepted job waits before it starts."""

THE_JOB = ""
"""What an act or a mark is about that is about no machine."""

_SNAPSHOT = timedelta(seconds=61)
_SNAPSHOT_GIVEN_UP = timedelta(seconds=302)
_CLEANUP = timedelta(seconds=64)
_CONVERSION = timedelta(seconds=62)
_CONVERSION_GIVEN_UP = timedelta(seconds=902)
_INSTANCE = timedelta(seconds=45)
_BETWEEN_INSTANCES = timedelta(milliseconds=250)
_SECOND = timedelta(seconds=1)


class Act(Enum):
    """What a job does to the world."""

    CLEAN_UP = auto()
    DROP_GROUPS = auto()
    START_CONVERTER = auto()
    STOP_CONVERTER = auto()
    CREATE_GROUP = auto()
    CREATE_TARGET = auto()


@dataclass(frozen=True)
class Participant:
    """One machine in a launch, as things stand when it is accepted.

    `previous`: the EC2 id of the target that the launch deletes. `stale_since`: the launch will fall back to this data.
    """

    machine: str
    name: str
    disks: tuple[str, ...]
    previous: str | None
    stale_since: datetime | None
    rule: LaunchRule


@dataclass
class Timeline:
    """Lines, marks and acts by offset from the job's start. `ends` is None for a job that hangs.

    A mark is what a line says in MGN's words: one of its job log's events, and the machine that it is about, if it is.
    """

    lines: list[tuple[timedelta, str]] = field(default_factory=list)
    marks: list[tuple[timedelta, str, str]] = field(default_factory=list)
    acts: list[tuple[timedelta, Act, str]] = field(default_factory=list)
    ends: timedelta | None = None
    status: str = "COMPLETED"
    at: timedelta = timedelta()

    def say(self, *messages: str) -> None:
        """Log at the present offset."""
        self.lines.extend((self.at, message) for message in messages)

    def mark(self, event: str, *machines: str) -> None:
        """The same for MGN's log, once for each machine, or once for the job."""
        self.marks.extend((self.at, event, machine) for machine in machines)

    def do(self, act: Act, subject: str = THE_JOB) -> None:
        """Act at the present offset."""
        self.acts.append((self.at, act, subject))

    def wait(self, duration: timedelta) -> None:
        """Go on to a later offset."""
        self.at += duration

    def end(self, status: str) -> Timeline:
        """The last line of every job, good or bad."""
        self.say("Job finished")
        self.mark("JOB_END", THE_JOB)
        self.ends, self.status = self.at, status
        return self


def cleanup(instances: Sequence[tuple[str, str]], groups: Sequence[str]) -> Timeline:
    """A CLEANUP job: delete these targets, (machine id, instance id) each, and the service's security groups."""
    timeline = Timeline()
    timeline.say("Job started")
    timeline.mark("JOB_START", THE_JOB)
    timeline.wait(_SECOND)
    _clean_up(timeline, instances, groups)
    return timeline.end("COMPLETED")


def launch(participants: Sequence[Participant], groups: Sequence[str], rule: JobRule) -> Timeline:
    """A TEST_LAUNCH or CUTOVER_LAUNCH job. `groups`: security groups of previous targets that nobody else uses."""
    timeline = Timeline()
    timeline.say("Job started", "Started waiting for latest snapshot")
    timeline.mark("JOB_START", THE_JOB)
    timeline.mark("SNAPSHOT_START", *(one.machine for one in participants))
    stale = [one for one in participants if one.stale_since]
    timeline.wait(_SNAPSHOT_GIVEN_UP if stale else _SNAPSHOT)
    timeline.say(*(_fell_back(one.machine, one.stale_since) for one in stale if one.stale_since))
    timeline.say("Finished waiting for latest snapshot")
    for one in participants:
        timeline.mark("USING_PREVIOUS_SNAPSHOT" if one.stale_since else "SNAPSHOT_END", one.machine)
    timeline.wait(8 * _SECOND)
    doomed = [(one.machine, one.previous) for one in participants if one.previous and not one.rule.keeps_previous]
    if doomed:
        _clean_up(timeline, doomed, groups)
        timeline.wait(_SECOND)

    timeline.do(Act.START_CONVERTER)
    timeline.say("Started machine conversions")
    timeline.mark("CONVERSION_START", *(one.machine for one in participants))
    if rule.hangs:
        return timeline
    failed = [one for one in participants if one.rule.target == "conversion_failed"]
    timeline.wait(_CONVERSION_GIVEN_UP if failed else rule.conversion or _CONVERSION)
    timeline.say("Failed machine conversions" if failed else "Finished machine conversions")
    for one in participants:
        timeline.mark("CONVERSION_FAIL" if one in failed else "CONVERSION_END", one.machine)
    timeline.do(Act.STOP_CONVERTER)
    timeline.wait(_SECOND)
    timeline.say(*(_no_snapshot(one.machine, disk) for one in failed for disk in one.disks))

    created = [one for one in participants if one.rule.target == "created"]
    if created:
        _create(timeline, created)
    missing = [one.machine for one in participants if one.rule.target == "missing"]
    timeline.mark("LAUNCH_START", *missing)
    timeline.mark("LAUNCH_FAILED", *missing)
    timeline.wait(5 * _SECOND)
    timeline.end(rule.status or ("FAILED" if failed else "COMPLETED"))
    for one in created:
        if one.rule.late is not None:
            timeline.acts.append((timeline.at + one.rule.late, Act.CREATE_TARGET, one.machine))
    return timeline


def _clean_up(timeline: Timeline, instances: Sequence[tuple[str, str]], groups: Sequence[str]) -> None:
    for machine, instance in instances:
        timeline.say(started_cleanup(instance))
        timeline.mark("CLEANUP_START", machine)
        timeline.do(Act.CLEAN_UP, machine)
    timeline.wait(_CLEANUP)
    timeline.say(*(finished_cleanup(instance) for _, instance in instances))
    timeline.mark("CLEANUP_END", *(machine for machine, _ in instances))
    if groups:
        timeline.wait(2 * _SECOND)
        timeline.say(*(f"Started cleanup of security group {group}" for group in groups))
        timeline.wait(_SECOND)
        timeline.do(Act.DROP_GROUPS)
        timeline.say(*(f"Finished cleanup of security group {group}" for group in groups))


def _create(timeline: Timeline, created: Sequence[Participant]) -> None:
    timeline.say("Started creating a replica for security group")
    timeline.wait(_SECOND)
    timeline.do(Act.CREATE_GROUP)
    timeline.say("Finished creating a replica for security group")
    timeline.wait(34 * _SECOND)
    punctual = [one for one in created if one.rule.late is None]
    begins = timeline.at
    for number, one in enumerate(punctual):
        timeline.at = begins + number * _BETWEEN_INSTANCES
        timeline.say(f"Started creating a replica for instance {one.name}")
        timeline.mark("LAUNCH_START", one.machine)
    begins = max(timeline.at, begins + _INSTANCE)
    for number, one in enumerate(punctual):
        timeline.at = begins + number * _BETWEEN_INSTANCES
        timeline.do(Act.CREATE_TARGET, one.machine)
        timeline.say(finished_creating(one.name))


def started_cleanup(instance: str) -> str:
    """The line when a previous target's deletion begins."""
    return f"Started cleanup of instance {instance}"


def finished_cleanup(instance: str) -> str:
    """The line when a previous target is gone."""
    return f"Finished cleanup of instance {instance}"


def finished_creating(name: str) -> str:
    """The line when a target exists."""
    return f"Finished creating a replica for instance {name}"


def _fell_back(machine: str, data: datetime) -> str:
    return (
        f"The latest state of the machine {machine} could not have been fetched. "
        f"Creating replica that is up-to-date to {data:%Y-%m-%d %H:%M:%S.%f}UTC instead."
    )


def _no_snapshot(machine: str, disk: str) -> str:
    return (
        f"Failed creating a replica for volume vol-{machine}:{disk}: "
        "No snapshot for volume cloning, probably a failed conversion."
    )
