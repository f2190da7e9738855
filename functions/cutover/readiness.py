"""May this wave be launched now? A decision with its reasons; nothing here asks a service or a clock."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from cutover.finding import Finding, Severity
from cutover.guard import errors, live_target, rolled_back_target
from cutover.instants import instant, text
from cutover.machine import Machine
from cutover.plan import Mode, PlannedMachine, PollBounds, Wave
from cutover.records import LagLook, MachineRecord, MachineStatus, Proof, RolledBack
from cutover.replication import Progress, after_quiesce, derive
from cutover.rule import can_pass
from cutover.words import duration

LINES = 500
"""Machines in a wave's progress: a record of the table holds 400 KB."""
LAGGING = 20
"""Machines of which the lag is kept at a look: the ones that lag most."""
LOOKS = 400
"""A wait ends after this many looks, whatever the clock says."""


Proofs = Mapping[tuple[Mode, str], Proof]
"""What runs of this plan have verified, by mode and machine id."""


class Verdict(StrEnum):
    """What happens to the wave now."""

    READY = "ready"
    WAIT = "wait"
    POSTPONED = "postponed"
    REFUSED = "refused"


@dataclass(frozen=True)
class MachineReadiness:
    """One machine at one look. `refusals` forbid its launch however long one waits; `progress` is None if not found."""

    planned: PlannedMachine
    machine: Machine | None
    refusals: tuple[Finding, ...] = ()
    progress: Progress | None = None

    @property
    def ready(self) -> bool:
        return not self.refusals and self.progress is not None and self.progress.continuous


@dataclass(frozen=True)
class WaveReadiness:
    """One look at a wave: the verdict, its reason in words, and for a wait the seconds until the next look.

    `machines`: those that no earlier look has judged; `judged`: those of them that this one does. Where the verdict is
    READY or WAIT, the wave goes on without these.
    """

    verdict: Verdict
    reason: str
    machines: tuple[MachineReadiness, ...]
    judged: tuple[MachineReadiness, ...] = ()
    wait_seconds: int = 0

    def progress(self, doomed: Mapping[str, str | None]) -> tuple[dict[str, Any], ...]:
        """A line for each machine, for people to watch: {label, ready, state, reason, lag, percent, eta, replaces}.

        Of a large wave those that are not ready first, and as many as a record holds.

        `lag` in seconds, `percent` 0..100; each None where it cannot be told. `doomed`: by label, the instance that the
        launch would delete.
        """
        shown = sorted(self.machines, key=lambda each: each.ready) if len(self.machines) > LINES else self.machines
        return tuple({**_line(each), "replaces": doomed.get(each.planned.label)} for each in shown[:LINES])

    def lag(self, at: str) -> LagLook:
        """The lag to keep of this look, for the report: of the machines that lag most; who has none to tell is last."""
        lines = [_line(each) for each in self.machines if each.progress]
        lines.sort(key=lambda line: -1 if line["lag"] is None else line["lag"], reverse=True)
        return LagLook(at, {line["label"]: line["lag"] for line in lines[:LAGGING]})

    def settle(self, records: Sequence[MachineRecord], wave: Wave, deadline: datetime) -> list[MachineRecord]:
        """The records of the machines that this look judged; the others are left as they are."""
        judged = {each.planned.label: each for each in self.judged}
        return [_settled(record, judged[record.label], wave, deadline) for record in records if record.label in judged]


def resolve(planned: Sequence[PlannedMachine], listed: Sequence[Machine]) -> list[Machine | Finding]:
    """The machine each entry of the plan means, in the plan's order; a finding where that is none or several."""
    by_id = {machine.id.casefold(): machine for machine in listed}
    by_name: dict[str, list[Machine]] = {}
    for machine in listed:
        if machine.name:
            by_name.setdefault(machine.name.casefold(), []).append(machine)
    taken: dict[str, str] = {}
    result: list[Machine | Finding] = []
    for entry in planned:
        if entry.id is not None:
            known = by_id.get(entry.id.casefold())
            matches = [known] if known else []
        else:
            matches = by_name.get((entry.name or "").casefold(), [])
        if len(matches) != 1:
            result.append(_not_one(entry, matches, len(listed)))
        elif matches[0].id in taken:
            result.append(_twice(entry, matches[0], taken[matches[0].id]))
        else:
            taken[matches[0].id] = entry.label
            result.append(matches[0])
    return result


def refusals(
    planned: PlannedMachine,
    machine: Machine,
    mode: Mode,
    wave: Wave,
    now: datetime,
    proofs: Proofs,
    live: str | None = None,
    rolled_back: RolledBack | None = None,
) -> tuple[Finding, ...]:
    """Why this machine must not be launched in this mode; empty when nothing forbids it.

    `live`: the instance its recorded cutover left running, where the service names it; `rolled_back`: that cutover was
    taken back.
    """
    found = [*errors(already_cut_over(planned, machine, proofs.get((Mode.CUTOVER, machine.id)), live, rolled_back))]
    if mode is Mode.CUTOVER and wave.test_waiver is None:
        tested = proofs.get((Mode.TEST, machine.id))
        found += [*_test_gate(machine, wave, now, tested), *_sign_off(wave, tested)]
    return tuple(found)


def remarks(mode: Mode, wave: Wave) -> tuple[Finding, ...]:
    """What is let through and must be told all the same."""
    if mode is Mode.TEST or wave.test_waiver is None:
        return ()
    waiver = wave.test_waiver
    return (
        Finding(
            field="test_gate",
            seen=f"waived by {waiver.by}: {waiver.reason}",
            rule="a cutover follows a verified test",
            remedy="nothing; the waiver is recorded here",
            severity=Severity.WARNING,
        ),
    )


def look(
    wave: Wave,
    mode: Mode,
    listed: Sequence[Machine],
    now: datetime,
    deadline: datetime,
    looks: int,
    proofs: Proofs,
    live: Mapping[str, str] | None = None,
    records: Sequence[MachineRecord] = (),
    rolled_back: Mapping[str, RolledBack] | None = None,
    quiesced: datetime | None = None,
    launched: Collection[str] = (),
) -> WaveReadiness:
    """One look at the whole wave. `looks`: how many there were before; `live`: instances by machine id; `records`: of
    the wave's machines, where an earlier look may have judged some.

    Who is refused, or not ready by the deadline, is left out as long as the wave can pass without; else all stay.
    `rolled_back`: by machine id, cutovers that were taken back. `quiesced`: since when nothing writes at the source.
    `launched`: by machine id, those that are not looked at any more, for a job has them.
    """
    records = records or [MachineRecord(each.label, position) for position, each in enumerate(wave.machines)]
    machines = tuple(
        _one(entry, found, wave, mode, now, proofs, live or {}, rolled_back or {}, quiesced)
        for entry, found, record in zip(wave.machines, resolve(wave.machines, listed), records, strict=True)
        if not record.judged and record.id not in launched
    )
    if not machines or not can_pass(wave, records):  # an earlier look, or the run's opening, left nothing to launch
        return _over(records)
    refused = tuple(each for each in machines if each.refusals)
    waiting = tuple(each for each in machines if not each.ready and not each.refusals)
    ready = tuple(each for each in machines if each.ready)
    if (not ready and not waiting) or not can_pass(wave, _without(records, refused)):
        return WaveReadiness(Verdict.REFUSED, _names("refused", refused), machines, refused)
    if looks >= LOOKS and not waiting:
        reason = _names(f"not launched in {LOOKS} looks", ready)
        return WaveReadiness(Verdict.POSTPONED, reason, machines, (*refused, *ready))
    if not waiting:
        return WaveReadiness(Verdict.READY, _all_ready(records, ready, refused), machines, refused)
    out = f"; {_names('refused', refused)}" if refused else ""
    if now >= deadline or looks >= LOOKS:
        late = (*refused, *waiting)
        if ready and can_pass(wave, _without(records, late)):
            return WaveReadiness(Verdict.READY, _all_ready(records, ready, late), machines, late)
        limit = f"not launched in {LOOKS} looks" if looks >= LOOKS else "not ready by the deadline"
        return WaveReadiness(Verdict.POSTPONED, _names(limit, waiting) + out, machines, late)
    etas = [each.progress.eta for each in waiting if each.progress and each.progress.eta]
    eta = max(etas) if etas and len(etas) == len(waiting) else None
    seconds = interval(wave.poll, now, deadline, LOOKS - looks, eta)
    return WaveReadiness(Verdict.WAIT, _names("not ready", waiting) + out, machines, refused, seconds)


def interval(poll: PollBounds, now: datetime, deadline: datetime, looks: int, eta: datetime | None = None) -> int:
    """Seconds until the next look: a quarter of the way to the estimate, within the bounds, never past the deadline,
    and so that the `looks` that are left reach it."""
    remaining = max((deadline - now).total_seconds(), 0)
    wanted = min((eta - now).total_seconds() / 4, poll.maximum) if eta else 0
    return max(1, math.ceil(min(max(poll.minimum, wanted, remaining / max(looks, 1)), remaining)))


def postponement(each: MachineReadiness, wave: Wave, deadline: datetime) -> Finding:
    """Why a machine that was not ready is postponed: names what was seen and the limit."""
    return Finding(
        field="replication",
        seen=f"{each.progress.state.value}: {each.progress.reason}" if each.progress else "not found",
        rule=f"{_CDR}, lag at most {duration(timedelta(seconds=wave.lag_limit))}, by {deadline:%Y-%m-%d %H:%M:%S} UTC",
        remedy="see why replication is behind on this machine, then start the run again",
    )


_CDR = "Continuous Data Replication"


def _line(each: MachineReadiness) -> dict[str, Any]:
    seen = each.progress
    return {
        "label": each.planned.label,
        "ready": each.ready,
        "state": seen.state.value if seen else "Refused",
        "reason": each.refusals[0].seen if each.refusals else seen.reason if seen else "",
        "lag": round(seen.lag.total_seconds()) if seen and seen.lag is not None else None,
        "percent": round(seen.percent) if seen and seen.percent is not None else None,
        "eta": text(seen.eta) if seen and seen.eta else None,
    }


def _settled(record: MachineRecord, each: MachineReadiness, wave: Wave, deadline: datetime) -> MachineRecord:
    if each.refusals:
        return record.but(status=MachineStatus.REFUSED, findings=(*record.findings, *each.refusals))
    finding = postponement(each, wave, deadline)
    return record.but(status=MachineStatus.POSTPONED, findings=(*record.findings, finding))


def _without(records: Sequence[MachineRecord], judged: Sequence[MachineReadiness]) -> list[MachineRecord]:
    """The wave's records, were these machines left out."""
    labels = {each.planned.label for each in judged}
    return [each.but(status=MachineStatus.POSTPONED) if each.label in labels else each for each in records]


def _over(records: Sequence[MachineRecord]) -> WaveReadiness:
    """What those that were judged before make of the wave."""
    refused = [each for each in records if each.status is MachineStatus.REFUSED]
    verdict = Verdict.REFUSED if refused else Verdict.POSTPONED
    judged = refused or [each for each in records if each.judged]
    seen = [f"{each.label} ({each.findings[-1].seen})" if each.findings else each.label for each in judged]
    return WaveReadiness(verdict, f"{verdict.value}: {', '.join(seen[:5])}", ())


def _all_ready(
    records: Sequence[MachineRecord], ready: Sequence[MachineReadiness], judged: Sequence[MachineReadiness]
) -> str:
    if len(ready) == len(records):
        return f"all {len(ready)} machines are in {_CDR}"
    before = [each.label for each in records if each.judged]
    out = "; ".join([*([", ".join(before)] if before else []), *([_names("now", judged)] if judged else [])])
    return f"{len(ready)} of {len(records)} machines are in {_CDR}; the wave goes without the others ({out})"


def _one(
    entry: PlannedMachine,
    found: Machine | Finding,
    wave: Wave,
    mode: Mode,
    now: datetime,
    proofs: Proofs,
    live: Mapping[str, str],
    rolled_back: Mapping[str, RolledBack],
    quiesced: datetime | None,
) -> MachineReadiness:
    if isinstance(found, Finding):
        return MachineReadiness(entry, None, refusals=(found,))
    return MachineReadiness(
        planned=entry,
        machine=found,
        refusals=refusals(entry, found, mode, wave, now, proofs, live.get(found.id), rolled_back.get(found.id)),
        progress=derive(found, now, timedelta(seconds=wave.lag_limit), backlog_limit=wave.backlog_limit)
        if quiesced is None
        else after_quiesce(found, now, quiesced),
    )


def already_cut_over(
    planned: PlannedMachine,
    machine: Machine,
    proof: Proof | None,
    live: str | None,
    rolled_back: RolledBack | None = None,
) -> tuple[Finding, ...]:
    """What a recorded cutover says against this machine's launch: an error, or a warning where it was taken back, or
    where the plan lets it."""
    at = machine.life_cycle.cut_over_at
    if at is None and proof is None:
        return ()
    when = f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else f"{proof.at}, by run {proof.run}" if proof else ""
    if rolled_back is not None and taken_back(rolled_back, at, proof, live):
        return (rolled_back_target(rolled_back.run, rolled_back.instance, rolled_back.at),)
    return live_target(planned, when, live or (proof.instance if proof else None))


def taken_back(rolled_back: RolledBack, at: datetime | None, proof: Proof | None, live: str | None) -> bool:
    """Whether the rollback is that of the recorded cutover, and of no later one: the same target, and later."""
    later = at is None or instant(rolled_back.at) >= at
    return (
        later
        and live in (None, rolled_back.instance)
        and (proof is None or instant(rolled_back.at) >= instant(proof.at))
    )


def _test_gate(machine: Machine, wave: Wave, now: datetime, tested: Proof | None) -> list[Finding]:
    minimum = timedelta(seconds=wave.test_minimum_age)
    rule = f"a cutover follows a verified test launch at least {duration(minimum)} old"
    waive = "or waive the gate in the plan with a name and a reason"
    at = machine.life_cycle.tested_at
    if at is None:
        return [Finding("test", "no test launch is recorded", rule, f"run this plan in test mode, {waive}")]
    found = []
    if now - at < minimum:
        seen = f"tested {duration(now - at)} ago, at {at:%Y-%m-%d %H:%M:%S} UTC"
        found.append(Finding("test", seen, rule, f"wait until {at + minimum:%Y-%m-%d %H:%M:%S} UTC, {waive}"))
    if tested is None:
        seen = f"a test launch at {at:%Y-%m-%d %H:%M:%S} UTC that no run of this plan has verified"
        remedy = f"run this plan in test mode, give its evidence with --after, {waive}"
        found.append(Finding("test", seen, rule, remedy))
    return found


def _sign_off(wave: Wave, tested: Proof | None) -> list[Finding]:
    """A verified test that somebody has to accept, and has not, or has rejected."""
    if wave.sign_off is None or tested is None:  # without a verified test, that is said already
        return []
    until = f" by {wave.sign_off.until}" if wave.sign_off.until else ""
    rule = f"a test counts once {' and '.join(wave.sign_off.by)} signed it off{until}"
    against = [f"{by} ({tested.rejected[by] or 'no reason given'})" for by in wave.sign_off.by if by in tested.rejected]
    if against:
        seen = f"the test of run {tested.run} was rejected by {', '.join(against)}"
        return [Finding("sign_off", seen, rule, "correct what was found, test again, and have that test signed off")]
    missing = [by for by in wave.sign_off.by if by not in tested.signed]
    if not missing:
        return []
    seen = f"the test of run {tested.run} is not signed off by {', '.join(missing)}"
    remedy = "have them sign it off (cutover signoff), or waive the gate in the plan with a name and a reason"
    return [Finding("sign_off", seen, rule, remedy)]


def _not_one(entry: PlannedMachine, matches: Sequence[Machine], listed: int) -> Finding:
    kind = "id" if entry.id is not None else "name"
    if not matches:
        return Finding(
            "machine",
            f"no machine with {kind} {entry.known_as} among the {listed} of the project",
            "every machine of the plan is in the project",
            "correct the plan, or install the agent on that machine",
        )
    ids = ", ".join(sorted(machine.id for machine in matches))
    return Finding(
        "machine",
        f"{len(matches)} machines with {kind} {entry.known_as}: {ids}",
        "a name in the plan means one machine",
        "name the machine by its id in the plan",
    )


def _twice(entry: PlannedMachine, machine: Machine, other: str) -> Finding:
    return Finding(
        "machine",
        f"{entry.label} and {other} are the same machine, {machine.id}",
        "a machine stands in a plan once",
        "take one of the two out of the plan",
    )


def _names(what: str, machines: Sequence[MachineReadiness], limit: int = 5) -> str:
    def said(each: MachineReadiness) -> str:
        if each.refusals:
            return f"{each.planned.label} ({each.refusals[0].seen})"
        return f"{each.planned.label} ({each.progress.reason})" if each.progress else each.planned.label

    more = f" and {len(machines) - limit} more" if len(machines) > limit else ""
    return f"{what}: " + ", ".join(said(each) for each in machines[:limit]) + more
