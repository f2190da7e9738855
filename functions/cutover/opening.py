"""What a run finds when it is opened: every machine, what forbids its launch, and whether its lock could be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cutover.configuration_findings import launch_configuration_findings
from cutover.finding import Finding, Severity
from cutover.guard import errors, kept_target, unknown_target
from cutover.launch_configuration import places_named
from cutover.locks import Holder
from cutover.machine import Machine
from cutover.plan import Mode, Plan, PlannedMachine, Wave
from cutover.preflight import Preflight, findings
from cutover.previous import as_before
from cutover.readiness import already_cut_over, refusals, remarks, resolve
from cutover.records import MachineRecord, MachineStatus, WaveRecord, as_planned
from cutover.selection import chosen
from cutover.step import Step
from cutover.survey import survey

Opened = tuple[WaveRecord, list[MachineRecord]]
"""A wave with its machines."""


def begun(wave: WaveRecord) -> bool:
    """Whether anything was done for this wave before, in this attempt or an earlier one: then it is left as it is."""
    return wave.started is not None or wave.outcome is not None


def settled(here: Step) -> tuple[Finding, ...]:
    """Have the run carry out the plan with the machines that its selections choose now, once for all of its attempts;
    what forbids that, and then the run carries out nothing."""
    if not here.plan.selects:
        return ()
    plan = chosen(here.plan, here.service.grouped())
    if not isinstance(plan, Plan):
        return plan
    here.store.write_plan(plan)
    here.run = here.store.settle(here.run, plan.sha256)
    here.plan = here.store.plan(here.run.plan, here.run.carried_out)
    return ()


def begun_or_fresh(here: Step) -> list[Opened]:
    """Every wave with its machines: as recorded where it has begun, else as planned."""
    opened: list[Opened] = []
    for wave, fresh in as_planned(here.plan):
        known = here.store.wave_if_any(here.run.id, wave.number) or wave
        opened.append((known, here.store.machines(here.run.id, wave.number) if begun(known) else fresh))
    return opened


def judged(here: Step, opened: Sequence[Opened], listed: Sequence[Machine]) -> tuple[list[Opened], Preflight]:
    """The waves that have not begun, with what they would replace and all that is to be told or forbids them."""
    found = resolve([entry for wave in here.plan.waves for entry in wave.machines], listed)
    meant = iter(found)
    known = [(wave, [_seen(here, wave, record, next(meant)) for record in records]) for wave, records in opened]
    targets = {str(each.id): each.instance_before for _, records in known for each in records if each.instance_before}
    seen = survey(
        here.plan,
        here.run.mode,
        here.service,
        here.account,
        machines=listed,
        targets=targets,
        locks=lambda _: [],  # they are taken in a moment
        steps_ahead=here.store.night(here.run.id).closed is None,  # then nodes may be off, and that refuses nothing
    )
    preflight = findings(here.plan, here.run.mode, here.now().at, seen, here.run.id)
    fresh = [record for wave, records in known if not begun(wave) for record in records]
    doomed, proofs = here.doomed(fresh), here.store.proofs(here.plan.name)
    rolled_back = here.store.rolled_back(here.plan.name)
    configurations = seen.launched or {}
    overlays = [each.expect[here.run.mode] for wave in here.plan.waves for each in wave.machines]
    places = here.ec2.places(*places_named(overlays, configurations.values()))
    machines = {machine.id: machine for machine in found if isinstance(machine, Machine)}

    def against(record: MachineRecord, planned: PlannedMachine, wave: Wave) -> tuple[Finding, ...]:
        machine = machines[str(record.id)]
        tested = proofs.get((Mode.TEST, machine.id)) if here.run.mode is Mode.CUTOVER else None
        back = rolled_back.get(machine.id)
        return (
            *remarks(here.run.mode, wave),
            *preflight.machines[record.label],
            *launch_configuration_findings(
                wave, planned, here.run.mode, configurations.get(machine.id), tested, places
            ),
            *already_cut_over(planned, machine, proofs.get((Mode.CUTOVER, machine.id)), record.instance_before, back),
            *refusals(planned, machine, here.run.mode, wave, here.now().at, proofs, record.instance_before, back),
            *(unknown_target(planned, str(record.replica_before)) if record.previous_unknown else ()),
            *kept_target(planned, doomed.get(record.instance_before or ""), back.instance if back else None),
        )

    return [
        (wave, records)
        if begun(wave)
        else (
            wave,
            [
                record if record.judged else told(record, against(record, planned, planned_wave) or ())
                for record, planned in zip(records, planned_wave.machines, strict=True)
            ],
        )
        for (wave, records), planned_wave in zip(known, here.plan.waves, strict=True)
    ], preflight


def only_found(here: Step, opened: Sequence[Opened], listed: Sequence[Machine]) -> list[Opened]:
    """For a run that observes: which machine of the service each entry of the plan means, and nothing against it."""
    meant = iter(resolve([entry for wave in here.plan.waves for entry in wave.machines], listed))

    def seen(wave: WaveRecord, record: MachineRecord, machine: Machine | Finding) -> MachineRecord:
        if begun(wave):
            return record
        if isinstance(machine, Finding):
            return told(record, (machine,))
        return record.but(id=machine.id, name=machine.name)

    return [(wave, [seen(wave, record, next(meant)) for record in records]) for wave, records in opened]


def forbidden(opened: Sequence[Opened], preflight: Preflight) -> list[Opened]:
    """What stands against the run as a whole stands against every machine that has not begun."""
    of_the_run = [each for each in preflight.run if each.severity is Severity.ERROR]
    if not of_the_run:
        return list(opened)
    said = "; ".join(f"{each.field}: {each.seen}" for each in of_the_run)
    finding = Finding("preflight", said, "a run begins when nothing forbids it", "see the findings of the run")
    return [
        (wave, records if begun(wave) else [each if each.judged else told(each, (finding,)) for each in records])
        for wave, records in opened
    ]


def locked(here: Step, opened: Sequence[Opened], looked: str) -> list[Opened]:
    """With the locks of all machines that may be launched, or the names of the runs that hold them.

    A wave that has begun and finds its locks taken is refused when it comes to launch, not here: it may have launched.
    """
    going = [each for wave, records in opened if begun(wave) and wave.outcome is None for each in records]
    _take(here, going, looked)
    fresh = [each for wave, records in opened if not begun(wave) for each in records]
    held = _take(here, fresh, looked)
    return [
        (wave, records if begun(wave) else [told(each, _held(here, each, held)) for each in records])
        for wave, records in opened
    ]


def told(record: MachineRecord, found: tuple[Finding, ...]) -> MachineRecord:
    """The record with these findings, what refuses it last; refused if one of them is an error."""
    if not found:
        return record
    changes: dict[str, Any] = {"findings": tuple(dict.fromkeys((*record.findings, *_worst_last(found))))}
    if errors(found):
        changes["status"] = MachineStatus.REFUSED
    return record.but(**changes)


def _worst_last(found: tuple[Finding, ...]) -> list[Finding]:
    return sorted(found, key=lambda each: each.severity is Severity.ERROR)


def _seen(here: Step, wave: WaveRecord, record: MachineRecord, machine: Machine | Finding) -> MachineRecord:
    if begun(wave):
        return record
    return told(record, (machine,)) if isinstance(machine, Finding) else as_before(here.service, record, machine)


def _locks(here: Step, machines: Sequence[MachineRecord]) -> list[str]:
    return [here.lock_of(each.id) for each in machines if each.id and not each.judged]


def _take(here: Step, machines: Sequence[MachineRecord], looked: str) -> dict[str, Holder]:
    """Take the locks that can be had: a wave may do without a machine that is held, not without the others."""
    names, held = _locks(here, machines), dict[str, Holder]()
    while found := here.locks.take([name for name in names if name not in held], looked):
        held |= found
    return held


def _held(here: Step, machine: MachineRecord, held: Mapping[str, Holder]) -> tuple[Finding, ...]:
    holder = held.get(here.lock_of(machine.id)) if machine.id else None
    if holder is None:
        return ()
    return (
        Finding(
            "lock",
            f"{machine.label} is in run {holder.run}, which holds it until {holder.until} or longer",
            "a machine is in at most one active run",
            f"wait for run {holder.run} to end, or abort it; then start this run again",
        ),
    )
