"""A night of a plan as it could go, in records: so that its messages can be read before anybody is sent one.

Times begin at what the plan is scheduled for, or at BEGINS; what takes time takes half of what the plan allows it.
Ids and addresses are examples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from cutover.downtime import clock, last_moment
from cutover.finding import Finding
from cutover.instants import after, text
from cutover.night_records import Back, Hold, Holder, NightRecord, Part, QuestionRecord
from cutover.plan import WHEN_READY, Mode, Plan
from cutover.planned_night import Deed, Night
from cutover.planned_telling import Audience
from cutover.records import (
    APPLICATION,
    STATUS_CHECKS,
    Check,
    LaunchRecord,
    LaunchState,
    MachineRecord,
    MachineStatus,
    Outcome,
    Phase,
    RunRecord,
    RunStatus,
    TargetRecord,
    WaveRecord,
    as_planned,
)
from cutover.standing import Waves
from cutover.telling.audiences import letters
from cutover.telling.messages import News
from cutover.telling.situation import Situation
from cutover.told_records import Letter

BEGINS = "2030-06-01T20:00:00Z"


@dataclass(frozen=True)
class Chapter:
    """Some pieces of news that come after each other, and what they are of."""

    title: str
    told: list[tuple[News, Situation]]

    def letters(self) -> Iterator[tuple[News, Situation, list[Letter]]]:
        """What is sent of them, counted as in a run."""
        counts: Counter[Audience] = Counter()
        for news, here in self.told:
            sent = letters(news, here, counts)
            counts.update(letter.audience for letter in sent)
            yield news, here, sent


def chapters(plan: Plan) -> list[Chapter]:
    """The test, the cutover where the plan has one, and the ways in which it may go otherwise."""
    found = [Chapter("The test", list(_test(plan)))]
    if plan.night is not None:
        night = _Night(plan, plan.night)
        found += [
            Chapter("The cutover, as planned", night.as_planned()),
            Chapter("Were somebody to do a step by hand", [(News.ASKED, night.by_hand())]),
            Chapter("Were it refused", [(News.ENDED, night.refused())]),
            Chapter("Were a machine not ready in time", night.not_ready()),
            Chapter("Were a target made from stale data", night.stale()),
            Chapter("Did nothing go on", [(News.SILENT, night.silent()), (News.OVERDUE, night.overdue())]),
            Chapter("Did nobody take up a hold", [(News.ENDED, night.failed())]),
            Chapter("Did the workflow die", [(News.DIED, night.died())]),
            Chapter("Were it aborted before anything was closed", [(News.ENDED, night.aborted())]),
            Chapter("Did a target appear after the end", [(News.LATE, night.late())]),
        ]
    return [*found, Chapter("Were it only observed, and launched by hand", list(_observed(plan)))]


def _run(plan: Plan, mode: Mode) -> RunRecord:
    planned = plan.schedule.get(mode, BEGINS)
    begins = BEGINS if planned == WHEN_READY else planned
    compact = begins.replace("-", "").replace(":", "")
    return RunRecord(
        f"{plan.name}-{mode.value}-{compact}", plan.name, plan.sha256, mode, 1, begins, begins, started=begins
    )


def _test(plan: Plan) -> Iterator[tuple[News, Situation]]:
    run = _run(plan, Mode.TEST)
    waves: Waves = _waves(plan)
    at = after(str(run.started), 60)
    yield News.STARTED, Situation(run, plan, NightRecord(), waves)
    for number in range(1, len(waves) + 1):
        yield News.LAUNCHED, _launch(Situation(run, plan, NightRecord(), waves), number, at)
        waves, at = _judged(plan, waves, number, at)
    ended = run.but(status=RunStatus.SUCCEEDED, outcome=Outcome.TESTED, ended=at)
    yield News.ENDED, Situation(ended, plan, NightRecord(), waves)


def _observed(plan: Plan) -> Iterator[tuple[News, Situation]]:
    """A run that proves launches that people make in the service's console."""
    run, waves = _run(plan, Mode.TEST).but(observe=True), _waves(plan)
    record, machines = waves[0]
    deadline = after(str(run.started), plan.waves[0].readiness_deadline)
    record = record.but(reason="no launch of it by hand was seen", readiness_deadline=deadline)
    here = Situation(run, plan, NightRecord(), [(record, machines), *waves[1:]], wave=1)
    yield News.STARTED, here
    yield News.WAITING, here
    yield News.LAUNCHED, _launch(here, 1, after(str(run.started), 600))


@dataclass
class _Night:
    """The cutover of a plan, told as it goes on."""

    plan: Plan
    planned: Night
    told: list[tuple[News, Situation]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.run = _run(self.plan, Mode.CUTOVER)
        self.waves: Waves = _waves(self.plan)
        self.night = NightRecord()
        self.at = after(str(self.run.started), 60)

    def as_planned(self) -> list[tuple[News, Situation]]:
        """Everything as it should be, to the commit."""
        self._tell(News.STARTED)
        self._done(Part.CHECK)
        self._ask(Part.GO)
        self._close()
        for number in range(1, len(self.waves) + 1):
            self.told.append((News.LAUNCHED, _launch(self._here(), number, self.at)))
            self.waves, self.at = _judged(self.plan, self.waves, number, self.at)
        self._ask(Part.USERS)
        self._switch()
        self.at = after(self.at, self.planned.soak)
        self._done(Part.SOAK)
        self._ask(Part.COMMIT)
        self.night = self.night.but(committed=self.at, progressed=self.at)
        self.run = self.run.but(status=RunStatus.SUCCEEDED, outcome=Outcome.CUT_OVER, ended=self.at)
        self._tell(News.ENDED)
        return self.told

    def refused(self) -> Situation:
        """A rule forbids it before anything is touched."""
        run, label = _run(self.plan, Mode.CUTOVER), self.plan.waves[0].machines[0].label
        seen, rule = "none", "a verified test, old enough, before a cutover"
        finding = Finding("test_gate", seen, rule, "run the test, or write a waiver with name and reason")
        waves = _waves(self.plan)
        first = waves[0][1][0].but(status=MachineStatus.REFUSED, findings=(finding,))
        waves[0] = (waves[0][0], [first, *waves[0][1][1:]])
        reason = f"{label}: test_gate: seen {seen}; rule: {rule}"
        run = run.but(status=RunStatus.SUCCEEDED, outcome=Outcome.REFUSED, reason=reason, ended=self.at)
        return Situation(run, self.plan, NightRecord(), waves)

    def stale(self) -> list[tuple[News, Situation]]:
        """A target lacks what was written last: the run holds, and a person takes it back."""
        behind = self._launched()
        wave, machines = behind.waves[-1]
        seen = f"the launch used data up to {after(self.at, -7200)}"
        finding = Finding("stale_data", seen, "data later than the end of the quiesce", "launch again, or go back")
        bad = machines[-1].but(status=MachineStatus.HELD, findings=(finding,), checks=())
        waves = [*behind.waves[:-1], (wave, [*machines[:-1], bad])]
        why = f"wave {wave.name}: {bad.label} held"
        hold = Hold(Part.WAVE, self.at, after(self.at, self.planned.hold), why)
        held = replace(behind, night=behind.night.but(hold=hold, progressed=self.at), waves=waves)
        by = (self.planned.users.by or self.planned.go.by or ("lead@example.com",))[0]
        at = after(self.at, 900)
        back = Back(by, f"{bad.label} lacks data", at, automatic=False)
        going = replace(held, night=held.night.but(hold=None, back=back, progressed=at))
        reopened = after(at, 1200)
        night = going.night.but(
            holder=Holder.SOURCE,
            since=reopened,
            reopened=reopened,
            progressed=reopened,
            done={**going.night.done, Part.STOP_TARGETS.value: after(at, 300)},
            stopped=tuple(_instances(waves)),
        )
        run = self.run.but(
            status=RunStatus.SUCCEEDED, outcome=Outcome.ROLLED_BACK, reason=f"{by}: {back.reason}", ended=reopened
        )
        ended = replace(going, run=run, night=night)
        return [(News.HELD, held), (News.GOING_BACK, going), (News.ENDED, ended)]

    def by_hand(self) -> Situation:
        """A person powers the sources off, and says so."""
        here = self._launched()
        who, deadline = (self.planned.go.by or ("network@example.com",))[0], after(self.at, 1200)
        question = QuestionRecord("power_off-1", "power off, disable autostart", (who,), self.at, deadline)
        return replace(here, question=question)

    def not_ready(self) -> list[tuple[News, Situation]]:
        """Replication is behind; at the deadline the wave is postponed."""
        run, waves = _run(self.plan, Mode.CUTOVER), _waves(self.plan)
        record, machines = waves[0]
        label, limit = machines[-1].label, clock(self.plan.waves[0].lag_limit)
        deadline = after(str(run.started), self.plan.waves[0].readiness_deadline)
        why = f"not ready: {label} (lags 14:20, limit {limit})"
        progress = ({"label": label, "lag": 860, "replaces": machines[-1].instance_before},)
        record = record.but(
            started=run.started,
            looked=after(str(run.started), 30),
            ready=len(machines) - 1,
            total=len(machines),
            reason=why,
            readiness_deadline=deadline,
            progress=progress,
        )
        here = Situation(run, self.plan, NightRecord(), [(record, machines), *waves[1:]], wave=1)
        rule = f"lag at most {limit}"
        finding = Finding("replication", "Lagging: lags 14:20", rule, "see why replication is behind on this machine")
        late = machines[-1].but(status=MachineStatus.POSTPONED, findings=(finding,))
        ended = run.but(
            status=RunStatus.SUCCEEDED, outcome=Outcome.POSTPONED, reason=f"wave {record.name}: {why}", ended=deadline
        )
        night = NightRecord(ending=f"Postponed: {why}")
        after_it = replace(
            here, run=ended, night=night, wave=None, waves=[(record, [*machines[:-1], late]), *waves[1:]]
        )
        return [(News.WAITING, here), (News.ENDED, after_it)]

    def failed(self) -> Situation:
        """A hold behind closed doors that nobody took up by its deadline."""
        (_, held), *_ = self.stale()
        hold = held.night.hold
        if hold is None:
            raise ValueError("it does not hold")
        reason = f"nobody took up the hold by {hold.deadline}; it held because {hold.reason}"
        run = self.run.but(status=RunStatus.FAILED, outcome=Outcome.FAILED, reason=reason, ended=hold.deadline)
        return replace(held, run=run)

    def aborted(self) -> Situation:
        """Somebody ended it while users were still served by the source."""
        by, at = (self.planned.go.by or ("lead@example.com",))[0], after(str(self.run.started), 300)
        run = _run(self.plan, Mode.CUTOVER).but(
            status=RunStatus.SUCCEEDED, outcome=Outcome.ABORTED, reason=f"{by}: not tonight", ended=at
        )
        return Situation(run, self.plan, NightRecord(), _waves(self.plan))

    def late(self) -> Situation:
        """A target that nobody waited for any more."""
        here = self.failed()
        wave, machines = here.waves[-1]
        seen, rule = f"{machines[-1].label}'s target appeared after the run had ended", "nothing comes after the end"
        finding = Finding("late_target", seen, rule, "look at it, and delete it through the service")
        came = machines[-1].but(isolated=after(str(here.run.ended), 900), findings=(finding,))
        return replace(here, waves=[*here.waves[:-1], (wave, [*machines[:-1], came])])

    def silent(self) -> Situation:
        """Nothing goes on while nobody serves users."""
        return self._launched()

    def overdue(self) -> Situation:
        """Nothing was heard by the promised instant."""
        here = self._launched()
        return replace(here, due=here.waves[-1][0].job_deadline or self.at)

    def died(self) -> Situation:
        """The execution ended from outside."""
        return replace(self._launched(), status="ABORTED", cause="")

    def _launched(self) -> Situation:
        """All targets launched, behind closed doors."""
        again = _Night(self.plan, self.planned)
        again._close()
        for number in range(1, len(again.waves) + 1):
            again.waves = _launch(again._here(), number, again.at).waves
            again.waves, again.at = _judged(again.plan, again.waves, number, again.at)
        self.at = again.at
        return again._here()

    def _here(self) -> Situation:
        return Situation(self.run, self.plan, self.night, self.waves)

    def _tell(self, news: News) -> None:
        self.told.append((news, self._here()))

    def _ask(self, part: Part) -> None:
        approval = getattr(self.planned, part.value)
        if not approval.none:
            question = QuestionRecord(part.value, "", approval.by, self.at, after(self.at, approval.timeout))
            self.told.append((News.ASKED, replace(self._here(), question=question)))
            self.at = after(self.at, approval.timeout // 2)
        self._done(part)

    def _close(self) -> None:
        """Whatever of it the plan has: the quiesce, the proof that nothing is lost, the sources off."""
        self.at = min(self.at, text(last_moment(self.planned, self.run)))
        for part in (Part.QUIESCE, Part.POWER_OFF):
            steps = getattr(self.planned, part.value)
            if not steps:
                continue
            if self.night.closed is None:
                self.night = self.night.but(holder=Holder.NOBODY, since=self.at, closed=self.at, progressed=self.at)
            if part is Part.QUIESCE:
                self.night = self.night.but(quiesced=after(self.at, 60))
                self._manual(part)
                self._tell(News.CLOSED)
            self.at = after(self.at, sum(step.timeout for step in steps) // 2)
            self._done(part)
            if part is Part.QUIESCE:
                self.at = after(self.at, self.planned.zero_loss_wait // 2)
                self._done(Part.ZERO_LOSS)
                self._tell(News.PROVED)

    def _manual(self, part: Part) -> None:
        for number, step in enumerate(getattr(self.planned, part.value), 1):
            if step.do.deed is Deed.MANUAL:
                deadline = after(self.at, step.timeout)
                question = QuestionRecord(f"{part.value}-{number}", step.do.subject, (step.do.who,), self.at, deadline)
                self.told.append((News.ASKED, replace(self._here(), question=question)))

    def _switch(self) -> None:
        self.night = self.night.but(switching=self.at)
        self._manual(Part.SWITCH)
        self.at = after(self.at, sum(step.timeout for step in self.planned.switch) // 2 + 60)
        self.night = self.night.but(holder=Holder.TARGET, since=self.at, opened=self.at, progressed=self.at)
        self._done(Part.PROBE)
        self._tell(News.SWITCHED)

    def _done(self, part: Part) -> None:
        self.night = self.night.but(done={**self.night.done, part.value: self.at}, progressed=self.at)


def _waves(plan: Plan) -> list[tuple[WaveRecord, Sequence[MachineRecord]]]:
    """Nothing launched yet, and a test target of each machine there."""
    found: list[tuple[WaveRecord, Sequence[MachineRecord]]] = []
    for record, machines in as_planned(plan):
        doomed = [
            each.but(instance_before=f"i-0{record.number:02}{each.position:02}0000000000000") for each in machines
        ]
        progress = tuple({"label": each.label, "lag": 20 + each.position} for each in machines)
        found.append((record.but(progress=progress, total=len(machines), ready=len(machines)), doomed))
    return found


def _launch(here: Situation, number: int, at: str) -> Situation:
    """The launch of a wave was accepted."""
    waves, job = list(here.waves), f"job-{number}"
    record, machines = waves[number - 1]
    deadline = after(at, here.plan.waves[number - 1].job_deadline)
    waves[number - 1] = (
        record.but(phase=Phase.FOLLOWING, started=at, looked=at, jobs=(job,), job_deadline=deadline),
        machines,
    )
    launch = LaunchRecord(
        1, LaunchState.ACCEPTED, here.run.mode, tuple(each.label for each in machines), at, sent=at, jobs=(job,)
    )
    return replace(here, waves=waves, wave=number, launch=launch)


def _judged(plan: Plan, waves: Waves, number: int, at: str) -> tuple[Waves, str]:
    """A wave's targets are verified, half of its deadlines later."""
    planned = plan.waves[number - 1]
    slowest = (planned.job_deadline + planned.verify_deadline.longest) // 2
    later = after(at, min(slowest, plan.night.estimate // (2 * len(waves))) if plan.night else slowest)
    record, machines = waves[number - 1]
    verified = [
        each.but(
            status=MachineStatus.VERIFIED,
            checks=(
                Check(STATUS_CHECKS, "ok", "ok", True),
                *(
                    Check(APPLICATION + check.name, "ok", "ok", True)
                    for check in planned.machines[each.position].checks
                ),
            ),
            target=TargetRecord(
                instance_id=f"i-1{number:02}{each.position:02}0000000000000",
                private_ips=(f"10.0.{number}.{each.position % 250 + 4}",),
            ),
        )
        for each in machines
    ]
    deadline = record.job_deadline or after(at, planned.job_deadline)
    ended = record.but(phase=Phase.ENDED, looked=later, jobs=(f"job-{number}",), passed=True, job_deadline=deadline)
    changed = (ended, verified)
    return [*waves[: number - 1], changed, *waves[number:]], later


def _instances(waves: Waves) -> list[str]:
    return [each.target.instance_id for _, some in waves for each in some if each.target and each.target.instance_id]
