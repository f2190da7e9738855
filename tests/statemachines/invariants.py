"""What must hold after a night, whatever went wrong in it. The numbers are those of the design's invariants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from cutover.instants import instant
from cutover.records import LaunchState, MachineStatus, RunStatus
from tests.statemachines.chaos import Story

LAG = timedelta(minutes=7)
"""The plan's five minutes, and a little for what passes between the look and the launch."""
UNSETTLED = (LaunchState.INTENDED, LaunchState.SENT, LaunchState.UNKNOWN)


def broken(story: Story) -> list[str]:
    """Every invariant that the night has broken, in words; empty when all held."""
    return [words for check in CHECKS for words in check(story)]


def _ends(story: Story) -> Iterator[str]:
    """5, 7: nothing runs any more, every run has an outcome and was told, whatever died."""
    workflows = story.night.workflows
    for machine in (workflows.plan, workflows.wave):
        yield from (f"{each['name']} still runs" for each in workflows.ended(machine) if each["status"] == "RUNNING")
    news = story.news()
    for run in story.all_runs():
        if run.status is RunStatus.RUNNING or run.outcome is None:
            yield f"{run.id} has no end: {run.status}"
        if not run.told:
            yield f"{run.id} was not told"
        if not any(each["run"] == run.id and each["news"] in ("ended", "died") for each in news):
            yield f"nobody heard how {run.id} ended"
    yield from (
        f"a message without the holder of production: {each}" for each in news if "Production:" not in each["text"]
    )


def _launched_once(story: Story) -> Iterator[str]:
    """1: every job but those of other people belongs to one launch of one wave of one run, and no wave has two."""
    mine = Counter[tuple[str, int]]()
    for run, wave, launches in story.ledgers():
        accepted = [each for each in launches if each.state is LaunchState.ACCEPTED]
        if len(accepted) > 1:
            yield f"wave {wave} of {run.id} was accepted {len(accepted)} times"
        if len(launches) > 3:
            yield f"wave {wave} of {run.id} was sent {len(launches)} times"
    for job in story.jobs():
        owners = [
            (run.id, wave)
            for run, wave, launches in story.ledgers()
            for launch in launches
            if launch.state not in (LaunchState.REFUSED, LaunchState.ABSENT)
            and frozenset(launch.machines) == story.participants(job)
            and (story.known_as(job) in launch.jobs or launch.state is not LaunchState.ACCEPTED)
        ]
        if len(owners) != 1:
            yield f"job {job.id} of {sorted(job.participants)} belongs to {owners or 'nobody'}"
        mine.update(owners)
    yield from (f"wave {wave} of {run} has {count} jobs" for (run, wave), count in mine.items() if count > 1)


def _nothing_sacred_is_deleted(story: Story) -> Iterator[str]:
    """2: a target that is live, kept or protected is there as before, unless somebody else deleted it."""
    there = story.instances()
    for instance, why in story.sacred.items():
        if instance in story.deleted_by_others():
            continue
        if there.get(instance) not in ("running", "stopped"):
            yield f"{instance} ({why}) is {there.get(instance, 'gone')}"


def _only_what_is_ready_is_launched(story: Story) -> Iterator[str]:
    """4: what was launched had no more lag than the plan allows, by what the service really knew."""
    for job in story.jobs():
        for machine, participant in job.participants.items():
            seen = story.machines()[machine].replication(job.created)
            lag = job.created - seen.consistent_at if seen.consistent_at else None
            if lag is None or lag > LAG or seen.backlog:
                yield f"{participant.name} was launched with lag {lag} and backlog {seen.backlog}"


def _verified_is_what_was_seen(story: Story) -> Iterator[str]:
    """3: who is verified has a target that this run's job made, every check passed, no error against it."""
    made = {target.instance: job for job in story.jobs() for target in job.targets}
    for run, machine in story.records():
        if machine.status is not MachineStatus.VERIFIED:
            continue
        instance = machine.target.instance_id if machine.target else None
        if instance not in made:
            yield f"{machine.label} of {run.id} is verified by {instance}, which no job of ours made"
        elif made[instance].mode != run.mode.value:
            yield f"{machine.label} of {run.id} is verified by a {made[instance].mode} target"
        if not machine.checks or not all(check.passed for check in machine.checks):
            yield f"{machine.label} of {run.id} is verified with checks {machine.checks}"
        if any(finding.severity.value == "error" for finding in machine.findings):
            yield f"{machine.label} of {run.id} is verified with an error against it"


def _everybody_has_a_verdict_and_a_reason(story: Story) -> Iterator[str]:
    """6: the evidence names every machine, and says why for each that is not verified."""
    for run in story.all_runs():
        evidence = story.evidence(run)
        named = [machine["name"] for wave in evidence["waves"] for machine in wave["machines"]]
        plan = story.plan if run.plan == story.plan.name else story.other
        if named != [machine.label for wave in plan.waves for machine in wave.machines]:
            yield f"the evidence of {run.id} names {named}"
        for wave in evidence["waves"]:
            for machine in wave["machines"]:
                if machine["status"] != "verified" and not machine["findings"]:
                    yield f"{machine['name']} of {run.id} is {machine['status']} for no reason"


def _never_better_than_seen(story: Story) -> Iterator[str]:
    """A good outcome has every wave passed, by the plan's rule, and an aborted run launched nothing after its mark."""
    for run in story.all_runs():
        if run.outcome not in ("Tested", "CutOver"):
            continue
        statuses = {machine.label: machine.status for one, machine in story.records() if one.id == run.id}
        needed = [name for name in ("db01", "db02") if name in statuses]
        if any(statuses[name] is not MachineStatus.VERIFIED for name in needed):
            yield f"{run.id} is {run.outcome} with {statuses}"
        if run.plan == story.plan.name and not any(statuses[name] == "verified" for name in ("web01", "web02")):
            yield f"{run.id} is {run.outcome} with {statuses}"
    for run in story.all_runs():
        sent = [launch.sent for one, _, launches in story.ledgers() if one.id == run.id for launch in launches]
        if run.aborted_at and any(at and instant(at) > instant(run.aborted_at) for at in sent):
            yield f"{run.id} was aborted at {run.aborted_at} and sent a launch after it: {sent}"


def _nothing_stays_locked(story: Story) -> Iterator[str]:
    """A run that has ended holds nothing, unless the service may still be at work for it."""
    now = story.night.simulator.clock.now()
    for run in story.all_runs():
        still = any(
            launch.state in UNSETTLED or _open(story, launch.jobs)
            for one, _, launches in story.ledgers()
            for launch in launches
            if one.id == run.id
        )
        if run.lease and instant(run.lease) > now and not still and not run.interrupted:
            yield f"{run.id} has ended and holds its locks until {run.lease}"


def _open(story: Story, jobs: Any) -> bool:
    now = story.night.simulator.world.now
    return any(story.known_as(job) in jobs and (job.ended is None or job.ended > now) for job in story.jobs())


def _no_secret_is_left(story: Story) -> Iterator[str]:
    """8: the token is in no record, file or history."""
    token = story.night.simulator.token
    story.night.run_id = story.runs[0]
    if any(token in text for text in story.everything_left()):
        yield "the token is in what the night left behind"


Check = Callable[[Story], Iterator[str]]
CHECKS: tuple[Check, ...] = (
    _ends,
    _launched_once,
    _nothing_sacred_is_deleted,
    _only_what_is_ready_is_launched,
    _verified_is_what_was_seen,
    _everybody_has_a_verdict_and_a_reason,
    _never_better_than_seen,
    _nothing_stays_locked,
    _no_secret_is_left,
)
