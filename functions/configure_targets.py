"""Before a launch, compare what the service is set to launch with the plan; bring it in line where the plan says so.

One listing for the whole wave, and three requests for each machine that is corrected. What a setting was is recorded
before it is changed; `give_back` puts it back when the launch does not come.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cutover.configuration_findings import (
    CONFIGURATION,
    DRIFT,
    corrected,
    corrections,
    ignored,
    launch_configuration_findings,
    not_taken,
)
from cutover.errors import NotFound, RequestRefused
from cutover.finding import Finding, Severity
from cutover.launch_configuration import LaunchConfiguration, Value, places_named
from cutover.places import Places
from cutover.plan import Mode, PlannedMachine
from cutover.records import LaunchState, MachineRecord, MachineStatus, Proof, RunStatus
from cutover.rule import can_pass
from cutover.step import Answer, Step, step

SECONDS_TO_WRITE = 90
"""A configuration is written only while the function has this long to live; the others are written at the next look."""
NAMED = 3
"""Refused machines that the wave's reason names; each has its own findings."""


@dataclass(frozen=True)
class Look:
    """One machine at one look: its record, its plan, how it will be launched, what was launched in its test.

    `against`: what the service answered to a change.
    """

    record: MachineRecord
    planned: PlannedMachine
    configuration: LaunchConfiguration | None
    tested: Proof | None
    against: tuple[Finding, ...] = ()


@step
def handler(here: Step) -> Answer:
    """{verdict: configured | wait | refused, wait_seconds, reason}."""
    launches = here.store.launches(here.run.id, here.number)
    if launches and launches[-1].state not in (LaunchState.REFUSED, LaunchState.ABSENT):
        return _answer("configured", f"attempt {launches[-1].number} is {launches[-1].state}: nothing is changed now")
    looks = _looks(here)
    here.hold()
    places = _places(here, looks)
    if any(map(_forbids, _findings(here, looks, places))):
        return _settled(here, looks, places)
    wanted = [_wanted(here, each, places) for each in looks]
    if any(wanted):
        run = here.store.run(here.run.id)
        if run.status is not RunStatus.RUNNING or run.aborted:
            return _answer("configured", "the run has ended meanwhile: nothing is changed for it any more")
        if here.locks.lost([here.lock_of(str(each.record.id)) for each in looks]):
            return _answer("configured", "another run has one of the machines now: nothing is changed for this one")
        looks = [_remembering(*pair) for pair in zip(looks, wanted, strict=True)]
        here.store.write_machines(here.run.id, here.number, [each.record for each in looks])
    for number, changes in enumerate(wanted):
        if changes and here.seconds_left() < SECONDS_TO_WRITE:
            left = sum(1 for each in wanted[number:] if each)
            return _answer("wait", f"{left} launch configurations are still to be corrected", wait=1)
        if changes:
            looks[number] = _configured(here, looks[number], changes)
    return _settled(here, looks, places)


def _looks(here: Step) -> list[Look]:
    """The machines that may be launched; those that were left out for another reason are not looked at."""
    records = here.store.machines(here.run.id, here.number)
    configurations = here.service.launch_configurations([each.id for each in records if each.id])
    proofs = here.store.proofs(here.plan.name) if here.run.mode is Mode.CUTOVER else {}
    return [
        Look(record, planned, configurations.get(str(record.id)), proofs.get((Mode.TEST, str(record.id))))
        for record, planned in zip(records, here.wave.machines, strict=True)
        if not record.judged or _refused_here(record)
    ]


def _refused_here(record: MachineRecord) -> bool:
    """Whether an earlier look of this function refused it, and nothing else did."""
    against = [each.field for each in record.findings if each.severity is Severity.ERROR]
    return record.status is MachineStatus.REFUSED and set(against) <= {CONFIGURATION, DRIFT}


def _places(here: Step, looks: list[Look]) -> Places:
    overlays = [each.planned.expect[here.run.mode] for each in looks]
    return here.ec2.places(*places_named(overlays, [each.configuration for each in looks if each.configuration]))


def _findings(here: Step, looks: list[Look], places: Places) -> list[tuple[Finding, ...]]:
    """Everything to be told of each machine, what refuses it last."""
    return [
        (
            *(corrected(each.record.configuration_before or {}, each.configuration) if each.configuration else ()),
            *launch_configuration_findings(
                here.wave, each.planned, here.run.mode, each.configuration, each.tested, places
            ),
            *each.against,
        )
        for each in looks
    ]


def _forbids(findings: tuple[Finding, ...]) -> bool:
    return any(each.severity is Severity.ERROR for each in findings)


def _wanted(here: Step, look: Look, places: Places) -> dict[str, Value]:
    if look.configuration is None:
        return {}  # nothing to change from; that it is unknown is a finding of its own
    return corrections(here.wave, look.planned, here.run.mode, look.configuration, places)


def _remembering(look: Look, changes: dict[str, Value]) -> Look:
    """What the settings are that will be changed; what they were before an earlier change is not forgotten for it."""
    if look.configuration is None or not changes:
        return look
    was = {name: look.configuration.value(name) for name in changes}
    return replace(look, record=look.record.but(configuration_before=was | (look.record.configuration_before or {})))


def _configured(here: Step, look: Look, changes: dict[str, Value]) -> Look:
    """The machine with its configuration written and read back."""
    try:
        seen = here.service.configure(str(look.record.id), changes)
    except (RequestRefused, NotFound) as error:
        return replace(look, against=(not_taken(changes, str(error)),))
    return replace(look, configuration=seen, against=ignored(changes, seen))


def _settled(here: Step, looks: list[Look], places: Places) -> Answer:
    """The machines' records, and the verdict."""
    found = _findings(here, looks, places)
    records = [_record(*pair) for pair in zip(looks, found, strict=True)]
    here.store.write_machines(
        here.run.id, here.number, [each for each, look in zip(records, looks, strict=True) if each != look.record]
    )
    refused = [
        f"{look.record.label} ({told[-1].seen})" for look, told in zip(looks, found, strict=True) if _forbids(told)
    ]
    if not refused:
        return _answer("configured", f"{len(looks)} launch configurations are as planned")
    more = f" and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
    reason = f"refused: {', '.join(refused[:NAMED])}{more}"
    if can_pass(here.wave, here.store.machines(here.run.id, here.number)):
        return _answer("configured", f"goes on without the {reason}")
    here.store.write_wave(here.run.id, here.record.but(reason=reason, looked=here.looked()))
    return _answer("refused", reason)


def _record(look: Look, found: tuple[Finding, ...]) -> MachineRecord:
    """The machine's record with what was found now, in place of what was found at an earlier look."""
    before = [each for each in look.record.findings if each.field in (CONFIGURATION, DRIFT)]
    refused_before = MachineStatus.NOT_STARTED if _forbids(tuple(before)) else look.record.status
    return look.record.but(
        configuration=look.configuration.settings() if look.configuration else None,
        findings=(*(each for each in look.record.findings if each not in before), *found),
        status=MachineStatus.REFUSED if _forbids(found) else refused_before,
    )


def _answer(verdict: str, reason: str, *, wait: int = 0) -> Answer:
    return {"verdict": verdict, "reason": reason, "wait_seconds": wait}
