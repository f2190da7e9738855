"""The sheet to take a run over by: what is done, what is open, who serves users, and what to do by hand, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from cutover import commands
from cutover.by_hand import ByHand
from cutover.downtime import clock, data_stays, downtime, last_moment, turn_back, window_end
from cutover.instants import after, instant, text
from cutover.night_records import Holder, NightRecord, Order, QuestionRecord, StepRecord
from cutover.pending import Happened, Open, Pending
from cutover.plan import Mode, Plan
from cutover.records import Phase, RunRecord
from cutover.standing import Waves, named, perhaps_launched


@dataclass(frozen=True)
class Row:
    """A machine, and its target."""

    wave: str
    machine: str
    id: str | None
    status: str
    target: str | None
    private_ips: tuple[str, ...]
    public_ips: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Sheet:
    """All that is needed to go on without the tool. `stands`: where the run is, in a sentence."""

    run: str
    plan: str
    mode: str
    now: str
    production: str
    stands: str
    done: tuple[Happened, ...]
    open: tuple[Open, ...]
    clock: tuple[str, ...]
    machines: tuple[Row, ...]
    jobs: tuple[str, ...]
    forward: tuple[ByHand, ...]
    back: tuple[ByHand, ...]
    never: tuple[str, ...]
    hands_off: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def sheet(
    plan: Plan,
    run: RunRecord,
    night: NightRecord,
    steps: Sequence[StepRecord],
    questions: Sequence[QuestionRecord],
    waves: Waves,
    now: str,
    order: Order | None = None,
) -> Sheet:
    """The sheet of a run at an instant, from its records alone. `order`: what waits to be taken up."""
    seen = _Seen(plan, run, night, steps, questions, waves, now, order)
    return Sheet(
        run.id,
        plan.name,
        run.mode.value,
        now,
        seen.production(),
        seen.stands(),
        tuple(sorted(seen.done(), key=lambda each: each.at)),
        tuple(seen.open()),
        tuple(seen.clock()),
        tuple(seen.rows()),
        tuple(seen.jobs()),
        tuple(seen.forward()),
        tuple(seen.back()),
        tuple(seen.never()),
        tuple(seen.hands_off()),
    )


@dataclass(frozen=True)
class _Seen(Pending):
    """The same, section by section."""

    def production(self) -> str:
        since = f" since {self.night.since}" if self.night.since else ""
        match self.night.holder:
            case Holder.NOBODY:
                return f"NOBODY{since}. Users are shut out."
            case Holder.TARGET:
                return f"TARGET{since}. Users are on the targets."
        if self.planned is None:
            return "SOURCE. This run shuts nobody out and moves no users."
        return f"SOURCE{since}. " + ("Its doors are open again." if self.night.reopened else "Nobody was shut out.")

    def stands(self) -> str:
        hold = self.night.hold
        if self.ended:
            why = f": {self.run.reason}" if self.run.reason else ""
            rest = " What it began is not finished: people do the rest by hand." if self.left_open else ""
            return f"It has ended {self.run.outcome} at {self.run.ended or self.now}{why}. It does nothing more.{rest}"
        where = f"It holds at {named(hold.part)}" if hold else f"It is in {named(self.at())}"
        if hold:
            where += f" since {hold.since}, until {hold.deadline}: {hold.reason}"
        elif self.going_back:
            where = f"It goes back to the source, in {named(self.at())}"
        if self.night.back:
            where += f"; going back since {self.night.back.at} by {self.night.back.by}: {self.night.back.reason}"
        if self.run.interrupted:
            where += ". Its execution has DIED: nothing goes on until the run is started again"
        return f"{where}."

    def clock(self) -> Iterator[str]:
        planned, night = self.planned, self.night
        if planned is None:
            return
        out = downtime(night, self.now)
        if out is None:
            yield f"Nobody was shut out. Downtime is estimated at {clock(planned.estimate)}."
        else:
            over = out - planned.estimate
            against = f"OVER by {clock(over)}" if over > 0 else f"{clock(-over)} left"
            ran = "Downtime was" if night.opened or night.reopened else "Downtime so far is"
            yield f"{ran} {clock(out)}, estimated {clock(planned.estimate)}: {against}."
        if night.opened and night.holder is Holder.NOBODY and night.since:
            again = int((instant(self.now) - instant(night.since)).total_seconds())
            yield f"Users are shut out AGAIN since {night.since}, {clock(again)} by now."
        if night.closed and not (night.opened or night.reopened):
            back = after(night.closed, planned.estimate)
            yield f"Users {'were' if back < self.now else 'are'} expected back by {back}."
        if night.closed is None:
            yield self._by(last_moment(planned, self.run), "Last moment to shut users out")
        if data_stays(night) is None and night.reopened is None:
            yield self._by(turn_back(planned, self.run), "Last moment to turn back and be open within the window")
        yield self._by(window_end(planned, self.run), "The window ends")

    def _by(self, moment: datetime, what: str) -> str:
        left = int((moment - instant(self.now)).total_seconds())
        return f"{what}: {text(moment)}, " + (f"in {clock(left)}." if left >= 0 else f"PASSED {clock(-left)} ago.")

    def rows(self) -> Iterator[Row]:
        for wave, machines in self.waves:
            for each in machines:
                target = each.target
                notes = [f"{finding.field}: {finding.seen}" for finding in each.findings[-1:]]
                if target is None and each.instance_before:
                    notes.insert(0, f"a launch deletes {each.instance_before}")
                if target and target.instance_id in self.night.stopped:
                    notes.insert(0, "stopped by the way back")
                if each.isolated:
                    notes.insert(0, f"{each.isolated} came late and was stopped")
                yield Row(
                    wave.name,
                    each.label,
                    each.id,
                    each.status.value,
                    target.instance_id if target else None,
                    target.private_ips if target else (),
                    target.public_ips if target else (),
                    "; ".join(notes),
                )

    def jobs(self) -> Iterator[str]:
        for wave, _ in self.waves:
            if not wave.jobs and perhaps_launched(wave):
                yield f"wave {wave.name}: a launch was sent and no job of it is known; look in the service's console"
            for job in wave.jobs:
                status = wave.job_status or ("has ended" if wave.followed else "was not seen to end")
                last = f"; last line: {wave.last_line}" if wave.last_line else ""
                by = f"; deadline {wave.job_deadline}" if wave.job_deadline and not wave.followed else ""
                yield f"wave {wave.name}: job {job} {status}{by}{last}"

    def never(self) -> Iterator[str]:
        launched = [(wave, machines) for wave, machines in self.waves if perhaps_launched(wave)]
        gone = [
            f"{each.instance_before} ({each.label})"
            for _, machines in launched
            for each in machines
            if each.instance_before and not each.left_out
        ]
        if gone:
            yield f"The launch has deleted, or deletes, the targets before: {', '.join(gone)}."
        if launched and self.run.mode is Mode.CUTOVER:
            yield "The service records a cutover of the machines launched; nobody can call a launch back."
        lost = data_stays(self.night)
        if lost is not None:
            yield f"What users entered on the targets from {lost[0]} to {lost[1] or 'now'} is on the targets only."
            yield "Mails, payments and orders that the targets sent out are sent."
        if not launched:
            yield "Nothing so far: no target was launched, and none deleted."
        coming = [
            f"{each.instance_before} ({each.label})"
            for wave, machines in self.waves
            for each in machines
            if not perhaps_launched(wave) and wave.phase is not Phase.ENDED and each.instance_before
        ]
        if coming:
            yield f"A launch will delete: {', '.join(coming)}."
        if self.night.committed:
            yield f"Committed at {self.night.committed}: the run does not go back any more."

    def hands_off(self) -> Iterator[str]:
        run, night = self.run, self.night
        abort = commands.abort(run.id)
        if self.ended:
            yield "The run has ended: it does nothing more, but for stopping targets that come late."
            return
        if run.interrupted:
            if not run.aborted:
                yield f"Its execution is dead. So that nobody starts the run again: {abort}"
            else:
                yield "Its execution is dead, and the run is aborted: nobody can start it again."
            return
        if night.closed is None and night.opened is None and night.switching is None:
            launched = (
                " What was launched is followed to its end." if any(perhaps_launched(w) for w, _ in self.waves) else ""
            )
            yield f"End it: {abort} (nothing was taken from users).{launched}"
            return
        if data_stays(night) is None and not self.going_back:
            yield f"To have the run go back by itself instead, losing nothing: {self.rollback()} (or: {abort})"
        elif night.committed is None and not self.going_back:
            yield f"To have the run go back instead, leaving on the targets what users entered: {self.rollback()}"
        running = [run.execution, *(wave.execution for wave, _ in self.waves if wave.phase is not Phase.ENDED)]
        for arn in (each for each in running if each):
            yield f"Stop the execution: {self._aws('stepfunctions', 'stop-execution', '--execution-arn', arn)}"
        yield "Wait until its message says that it died; a step that was under way may still end."
        if not run.aborted:
            yield f"So that nobody starts the run again: {abort}"
