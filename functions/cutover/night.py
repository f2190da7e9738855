"""What comes next in a run: pure decisions over the plan and the records.

A test run, and one that only observes, is its waves. A cutover has a night around them: what is asked, closed, proved,
switched and opened, in this order, and the way back. Whatever was done is in the records, so that a run whose execution
died goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cutover.closing import Error, abort_finding_of, next_wave
from cutover.instants import after
from cutover.night_records import Back, Hold, Holder, NightRecord, Order, Part, QuestionRecord, Wish
from cutover.plan import Mode, OnFailure, Plan
from cutover.planned_night import Night, OnSilence
from cutover.records import MachineRecord, MachineStatus, Phase, RunRecord, WaveRecord

Waves = Sequence[tuple[WaveRecord, Sequence[MachineRecord]]]
WAY_BACK = (Part.STOP_TARGETS, Part.UNDO_SWITCH, Part.POWER_ON, Part.OPEN_DOORS)
"""Targets first: source and target never serve together."""
BEFORE_THE_WAVES = (Part.CHECK, Part.GO, Part.CHECK_AGAIN, Part.QUIESCE, Part.ZERO_LOSS, Part.POWER_OFF)
AFTER_THE_WAVES = (Part.USERS, Part.SWITCH, Part.PROBE, Part.SOAK, Part.COMMIT)
POSTPONED, FAILED, UNCOMMITTED = "postponed", "failed", "uncommitted"
"""How a night ends that neither ran through nor was rolled back: NightRecord.ending begins with one of them."""


@dataclass(frozen=True)
class Said:
    """What the part that was carried out last answered: {part, verdict, rule, reason}."""

    part: Part
    verdict: str
    rule: str
    reason: str

    @classmethod
    def from_event(cls, given: Any) -> Said | None:
        """From what the state machine passes on: "" for none."""
        if not given or given.get("part") is None:
            return None
        return cls(Part(given["part"]), given["verdict"], given.get("rule") or "", given.get("reason") or "")


@dataclass(frozen=True)
class Seen:
    """All that the decision is made from. `now`: RFC 3339, the service's clock."""

    plan: Plan
    run: RunRecord
    night: NightRecord
    waves: Waves
    questions: Mapping[str, QuestionRecord]
    order: Order | None
    now: str


@dataclass(frozen=True)
class Next:
    """The part that comes next, why, and the night as it is to be written before.

    `wave`: its number, for Part.WAVE. `again`: the part whose failed step, or whose question, is to be tried again.
    `waves_again`: numbers of waves that were not launched and are to begin anew. `taken`: the order is carried out.
    """

    part: Part
    reason: str
    night: NightRecord
    wave: int = 0
    again: Part | None = None
    waves_again: tuple[int, ...] = ()
    taken: bool = False


def has_night(plan: Plan, run: RunRecord) -> bool:
    """Whether there is more to this run than its waves."""
    return plan.night is not None and run.mode is Mode.CUTOVER and not run.observe


def following(seen: Seen, said: Said | None = None, error: Error | None = None) -> Next:
    """What comes next. `said` by the last part, or the `error` that it, or a wave, died of."""
    planned = seen.plan.night
    if planned is None or not has_night(seen.plan, seen.run):
        return _waves_alone(seen, error)
    night, taken = seen.night, False
    if seen.order is not None:
        taken, decided = _ordered(seen, planned, seen.order)
        if decided is not None:
            return decided
    if error is not None and not _over(night):
        night = _struck(seen, planned, night, said.part if said else Part.WAVE, f"{error.name}: {error.cause}")
    elif said is not None and said.verdict == "failed" and not _over(night):
        night = _failed(seen, planned, night, said)
    night = _aborted(seen, night)
    return _in_order(seen, planned, night, taken)


def _waves_alone(seen: Seen, error: Error | None) -> Next:
    if error is not None:  # what a wave died of ends the run: begun again, it would die of it again
        return Next(Part.END, f"{error.name}: {error.cause}", seen.night)
    wave = next_wave(seen.plan, [each for each, _ in seen.waves], abort_finding_of(seen.run))
    if wave.number is None:
        return Next(Part.END, wave.reason, seen.night)
    return Next(Part.WAVE, wave.reason, seen.night, wave.number)


def closed(night: NightRecord) -> bool:
    """Whether users are shut out of the source and not yet on the targets."""
    return night.closed is not None and night.reopened is None


def _over(night: NightRecord) -> bool:
    return bool(night.ending) or night.reopened is not None or night.committed is not None


def _ordered(seen: Seen, planned: Night, order: Order) -> tuple[bool, Next | None]:
    """What an operator's order makes of the night: whether it is used up by that, and what comes next if it says."""
    night = seen.night
    match order.wish:
        case Wish.ROLLBACK:
            if not closed(night) or night.back is not None or _over(night):
                return True, None
            back = Back(order.by, order.reason, seen.now, automatic=False)
            night = night.but(back=back, hold=None, progressed=seen.now)
            return True, Next(Part.STOP_TARGETS, f"{order.by} goes back: {order.reason}", night, taken=True)
        case Wish.RESUME if night.hold is not None:
            again = night.hold.part
            anew = _unlaunched(seen) if again is Part.WAVE else ()
            night = night.but(hold=None, progressed=seen.now)
            decided = _in_order(seen, planned, night, True)
            part = decided.part
            if part is Part.HOLD and again is Part.WAVE and anew:
                part = Part.WAVE
                return True, Next(part, "tried again", night, anew[0], again, anew, True)
            return True, Next(part, decided.reason, decided.night, decided.wave, again, anew, True)
        case Wish.RESUME:
            return True, None
    return False, None  # verify and accept are carried out where the run holds


def _unlaunched(seen: Seen) -> tuple[int, ...]:
    """The waves that ended without a launch."""
    never = (MachineStatus.REFUSED, MachineStatus.POSTPONED, MachineStatus.NOT_STARTED, MachineStatus.ABORTED)
    return tuple(
        wave.number
        for wave, machines in seen.waves
        if wave.phase is Phase.ENDED and not wave.passed and all(each.status in never for each in machines)
    )


def _struck(seen: Seen, planned: Night, night: NightRecord, part: Part, why: str) -> NightRecord:
    """Something broke. While users are served by the source the run ends; else nobody knows enough: a person does."""
    if night.closed is None:
        return night.but(ending=f"{FAILED}: {why}")
    return _held(seen, planned, night, part, why)


def _failed(seen: Seen, planned: Night, night: NightRecord, said: Said) -> NightRecord:
    """A part says that it failed, and by which rule: undo, hold, or an end with nothing touched."""
    if night.closed is None:
        how = POSTPONED if said.part in BEFORE_THE_WAVES else FAILED
        return night.but(ending=f"{how}: {said.reason}")
    if said.rule == "end":
        return night.but(ending=f"{UNCOMMITTED}: {said.reason}")
    if said.rule == "undo" and night.back is None and night.opened is None:
        return _goes_back(seen, night, "the plan's rule", said.reason, automatic=True)
    return _held(seen, planned, night, said.part, said.reason)


def _held(seen: Seen, planned: Night, night: NightRecord, part: Part, why: str) -> NightRecord:
    if night.hold is not None:
        return night
    return night.but(hold=Hold(part, seen.now, after(seen.now, planned.hold), why), progressed=seen.now)


def _goes_back(seen: Seen, night: NightRecord, by: str, why: str, *, automatic: bool) -> NightRecord:
    return night.but(back=Back(by, why, seen.now, automatic), hold=None, progressed=seen.now)


def _aborted(seen: Seen, night: NightRecord) -> NightRecord:
    """An abort while users are shut out is the way back; after the switch it is not: that takes a rollback."""
    if not seen.run.aborted or not closed(night) or night.opened is not None or night.back is not None:
        return night
    if _over(night):
        return night
    return _goes_back(seen, night, seen.run.aborted_by, seen.run.abort_reason, automatic=False)


def _in_order(seen: Seen, planned: Night, night: NightRecord, taken: bool) -> Next:
    if night.ending:
        return Next(Part.END, night.ending.partition(": ")[2], night, taken=taken)
    if night.hold is not None:
        return Next(Part.HOLD, night.hold.reason, night, taken=taken)
    if night.back is not None:
        return _way_back(night, night.back, taken)
    if seen.run.aborted and night.closed is None:
        finding = abort_finding_of(seen.run)
        return Next(Part.END, finding.seen if finding else "", night, taken=taken)
    for part in BEFORE_THE_WAVES:
        if part.value not in night.done and _wanted(seen, planned, night, part):
            return Next(part, f"{part.value} is next", night, taken=taken)
    wave = next_wave(seen.plan, [each for each, _ in seen.waves], None)
    if wave.number is not None:
        return Next(Part.WAVE, wave.reason, night, wave.number, taken=taken)
    stopped = _stopped_by(seen)
    if stopped is not None:
        return _after_wave(seen, planned, night, stopped, wave.reason, taken)
    for part in AFTER_THE_WAVES:
        if part.value not in night.done and _wanted(seen, planned, night, part):
            return Next(part, f"{part.value} is next", night, taken=taken)
    return Next(Part.END, "every part of the night is done", night, taken=taken)


def _wanted(seen: Seen, planned: Night, night: NightRecord, part: Part) -> bool:
    """Whether the plan has this part; what it has not, it has given a reason for."""
    begun = any(wave.started is not None for wave, _ in seen.waves)
    match part:
        case Part.CHECK | Part.CHECK_AGAIN:
            # The waves look for themselves. Before people are asked, and before users are shut out, all are looked at.
            asks, closes = not planned.go.none, bool(planned.quiesce or planned.power_off)
            wanted = asks or closes if part is Part.CHECK else asks and closes
            return wanted and night.closed is None and not begun
        case Part.GO:
            return not planned.go.none and not begun
        case Part.QUIESCE:
            return bool(planned.quiesce) and not begun
        case Part.ZERO_LOSS:
            return bool(planned.quiesce) and not begun
        case Part.POWER_OFF:
            return bool(planned.power_off) and not begun
        case Part.USERS:
            return not planned.users.none
        case Part.SWITCH:
            return bool(planned.switch)
        case Part.PROBE:
            return bool(planned.probe)
        case Part.SOAK:
            return not planned.commit.none or planned.soak > 0
    return True


def _stopped_by(seen: Seen) -> int | None:
    """The number of the wave that does not pass and lets nothing follow; None where all may be gone on with."""
    for (wave, _), planned in zip(seen.waves, seen.plan.waves, strict=True):
        if wave.phase is Phase.ENDED and not wave.passed:
            launched = wave.outcome in (MachineStatus.FAILED, MachineStatus.HELD)
            if not launched or planned.canary or planned.on_failure is not OnFailure.CONTINUE:
                return wave.number
    return None


def _after_wave(seen: Seen, planned: Night, night: NightRecord, number: int, reason: str, taken: bool) -> Next:
    """A wave does not pass: hold, go back, or end where users are still served by the source."""
    wave = seen.waves[number - 1][0]
    rule = seen.plan.waves[number - 1].on_failure
    unknown = wave.outcome is MachineStatus.UNKNOWN
    if rule is OnFailure.HOLD or (unknown and closed(night)):
        if night.closed is None and not _launched(wave):
            return Next(Part.END, reason, night, taken=taken)
        night = _held(seen, planned, night, Part.WAVE, reason)
        return Next(Part.HOLD, reason, night, taken=taken)
    if not closed(night):
        return Next(Part.END, reason, night, taken=taken)
    night = _goes_back(seen, night, "the plan's rule", reason, automatic=True)
    return Next(Part.STOP_TARGETS, reason, night, taken=taken)


def _launched(wave: WaveRecord) -> bool:
    return bool(wave.jobs)


def _way_back(night: NightRecord, back: Back, taken: bool) -> Next:
    for part in WAY_BACK:
        if part.value not in night.done:
            return Next(part, f"{back.by} goes back: {back.reason}", night, taken=taken)
    return Next(Part.END, f"rolled back: {back.reason}", night, taken=taken)


def moved(night: NightRecord, part: Part, now: str) -> NightRecord:
    """The night once a part is done, with who holds production then."""
    night = night.but(done={**night.done, part.value: now}, progressed=now)
    if part is Part.QUIESCE:
        return night.but(quiesced=now)
    if part is Part.PROBE:
        return night.but(opened=now, holder=Holder.TARGET, since=now)
    if part is Part.STOP_TARGETS and night.holder is Holder.TARGET:
        return night.but(holder=Holder.NOBODY, since=now)
    if part is Part.OPEN_DOORS:
        return night.but(reopened=now, holder=Holder.SOURCE, since=now)
    return night.but(committed=now) if part is Part.COMMIT else night


def soak_began(night: NightRecord) -> str | None:
    """From when the soak counts: users were let in, or, where nobody is led anywhere, the soak was first looked at."""
    return night.opened or night.done.get(Part.SWITCH.value) or night.deadlines.get("soak_from")


def silence(rule: OnSilence) -> str:
    """The rule of a failed part that a question's silence amounts to."""
    return {OnSilence.POSTPONE: "undo", OnSilence.GO_BACK: "undo", OnSilence.HOLD: "hold", OnSilence.END: "end"}[rule]
