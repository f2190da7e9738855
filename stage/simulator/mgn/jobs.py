"""A job and its log as MGN answers them, read off the timeline that the world goes by."""

from __future__ import annotations

from datetime import datetime, timedelta

from stage.simulator.jobs import THE_JOB, Act
from stage.simulator.mgn.configuration import post_launch_actions
from stage.simulator.mgn.model import Json
from stage.simulator.mgn.names import Names
from stage.simulator.mgn.words import instant
from stage.simulator.state import Job, Machine, Project, Target
from stage.simulator.world import World

_DISCOVERY = timedelta(seconds=30)
"""How long after its first boot Systems Manager knows a server."""

_ACTION = timedelta(minutes=1)
"""How long a post-launch action takes."""

_INITIATED_BY = {"test": "START_TEST", "cutover": "START_CUTOVER", None: "TERMINATE"}
_ERRORS = {
    "CONVERSION_FAIL": "No snapshot for volume cloning, probably a failed conversion.",
    "LAUNCH_FAILED": "The launch of the target instance failed.",
}
_NOT_AFTER = {"test": "CUTOVER_ONLY", "cutover": "TEST_ONLY"}


def running(job: Job, now: datetime) -> bool:
    """Whether the job is active. MGN has no word for one that failed."""
    return job.ended is None or now < job.ended


def job(world: World, project: Project, names: Names, one: Job) -> Json:
    """A job, with what became of each of its servers."""
    now = world.now
    known_as = names.job(one.id)
    stand = statuses(one, now)
    targets = {target.machine: target for target in one.targets}
    return {
        "jobID": known_as,
        "arn": names.arn("job", known_as),
        "type": "LAUNCH" if one.mode else "TERMINATE",
        "initiatedBy": _INITIATED_BY[one.mode],
        "creationDateTime": instant(one.created),
        "endDateTime": None if running(one, now) else instant(one.ended),
        "status": "PENDING" if now < one.started else "STARTED" if running(one, now) else "COMPLETED",
        "participatingServers": [
            _server(world, names, one, project.machines[id], stand[id], targets.get(id))
            for id in one.participants
            if id in project.machines
        ],
        "tags": one.tags,
    }


def log(project: Project, names: Names, one: Job, now: datetime) -> list[Json]:
    """The log's items so far, oldest first."""
    items = [
        {
            "logDateTime": instant(one.started + at),
            "event": event,
            "eventData": _about(project, names, one, event, subject),
        }
        for at, event, subject in _marks(one)
        if one.started + at <= now and (subject == THE_JOB or subject in project.machines)
    ]
    return one.ordered(items)


def _status(one: Job, happened: set[str], target: Target | None, now: datetime) -> str:
    """What became of a server of which the log has these events: PENDING, IN_PROGRESS, LAUNCHED, FAILED, TERMINATED."""
    if now < one.started:
        return "PENDING"
    if one.mode is None:
        if "CLEANUP_FAIL" in happened:
            return "FAILED"
        return "TERMINATED" if "CLEANUP_END" in happened else "IN_PROGRESS"
    if target:
        return "LAUNCHED"
    return "FAILED" if happened & _ERRORS.keys() else "IN_PROGRESS"


def statuses(one: Job, now: datetime) -> dict[str, str]:
    """What became of each server, by machine."""
    targets = {target.machine: target for target in one.targets}
    happened = _happened(one, now)
    return {id: _status(one, happened[id], targets.get(id), now) for id in one.participants}


def _happened(one: Job, now: datetime) -> dict[str, set[str]]:
    """The log's events so far, by machine."""
    found: dict[str, set[str]] = {id: set() for id in one.participants}
    for at, event, subject in _marks(one):
        if subject in found and one.started + at <= now:
            found[subject].add(event)
    return found


def _marks(one: Job) -> list[tuple[timedelta, str, str]]:
    """The timeline's marks as they came true: what EC2 refused failed."""
    marks = []
    for at, event, subject in one.timeline.marks:
        if event == "CLEANUP_END" and (Act.CLEAN_UP, subject) in one.refused:
            event = "CLEANUP_FAIL"
        marks.append((at, event, subject))
    for at, act, subject in one.timeline.acts:
        if act is Act.CREATE_TARGET and (act, subject) in one.refused:
            marks.append((at, "LAUNCH_FAILED", subject))
    return sorted(marks, key=lambda mark: mark[0])


def _about(project: Project, names: Names, one: Job, event: str, subject: str) -> Json | None:
    if subject == THE_JOB:
        return None
    about: Json = {"sourceServerID": names.server(project.machines[subject])}
    if event.startswith("CONVERSION") and one.converter:
        about["conversionServerID"] = one.converter.id
    if event.startswith("CLEANUP"):
        about["targetInstanceID"] = one.participants[subject].previous
        about["rawError"] = one.refused.get((Act.CLEAN_UP, subject)) if event == "CLEANUP_FAIL" else None
    if event in _ERRORS:
        about["rawError"] = one.refused.get((Act.CREATE_TARGET, subject), _ERRORS[event])
    if event == "CONVERSION_FAIL":
        about |= {"attemptCount": 1, "maxAttemptsCount": 1}
    return about


def _server(world: World, names: Names, one: Job, machine: Machine, status: str, target: Target | None) -> Json:
    return {
        "sourceServerID": names.server(machine),
        "launchStatus": status,
        "launchedEc2InstanceID": target.instance if target else None,
        "postLaunchActionsStatus": _actions(world, one, machine, target) if target else None,
    }


def _actions(world: World, one: Job, machine: Machine, target: Target) -> Json | None:
    """What became of the actions that the launch configuration names: run one after the other once it has booted."""
    wanted = post_launch_actions(machine)
    if not wanted["ssmDocuments"] or wanted["deployment"] == _NOT_AFTER.get(one.mode or ""):
        return None
    if target.boots_at is None or target.checks != "ok" or world.now < target.boots_at + _DISCOVERY:
        return {"postLaunchActionsLaunchStatusList": []}
    found = target.boots_at + _DISCOVERY
    fails = one.participants[machine.id].rule.commands == "fail"
    told = []
    for number, document in enumerate(wanted["ssmDocuments"]):
        begins = found + number * _ACTION
        if begins <= world.now:
            ended = begins + _ACTION <= world.now
            told.append(
                {
                    "ssmDocument": document,
                    "ssmDocumentType": "COMMAND",
                    "executionID": world.identity.uuid("post-launch action", one.id, machine.id, number),
                    "executionStatus": "IN_PROGRESS" if not ended else "FAILED" if fails else "SUCCESS",
                    "failureReason": "The command ended with exit status 1" if ended and fails else None,
                }
            )
    return {"ssmAgentDiscoveryDatetime": instant(found), "postLaunchActionsLaunchStatusList": told}
