"""What comes next in a run, by what is recorded: the order of a night, its failures, its ways back, its ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover.closing import Error, outcome
from cutover.night import FAILED, POSTPONED, UNCOMMITTED, WAY_BACK, Next, Said, Seen, following, moved
from cutover.night_records import Holder, NightRecord, Order, Part, Wish
from cutover.plan import Mode, OnFailure, Plan
from cutover.planned_night import Action, Approval, Deed, Night, PlannedStep
from cutover.records import MachineStatus, Outcome, Phase, RunRecord, as_planned
from tests.statemachines.night import a_plan, a_wave

NOW = "2026-11-28T22:00:00Z"
ASKED = Approval(by=("lead@example.com",), timeout=1800)
HOOK = Action(Deed.WEBHOOK, "http://shop.example/doors/close")
STEP = PlannedStep("close", HOOK, 600, undo=HOOK)
WHOLE = Night(
    window=25200,
    estimate=9000,
    reserve=5400,
    go=ASKED,
    users=ASKED,
    commit=ASKED,
    quiesce=(STEP,),
    power_off=(replace(STEP, name="off"),),
    switch=(replace(STEP, name="dns"),),
    probe=(Action(Deed.HTTP, "http://shop.example/health"),),
    soak=600,
)
ORDER = [
    *(Part.CHECK, Part.GO, Part.CHECK_AGAIN, Part.QUIESCE, Part.ZERO_LOSS, Part.POWER_OFF, Part.WAVE, Part.WAVE),
    *(Part.USERS, Part.SWITCH, Part.PROBE, Part.SOAK, Part.COMMIT, Part.END),
]


def run(**more: Any) -> RunRecord:
    return RunRecord("r", "demo", "0", Mode.CUTOVER, 1, None, NOW, **more)


class Story:
    """A night carried out on records alone: each part is done, unless it is said otherwise."""

    def __init__(
        self, night: Night | None = WHOLE, rule: OnFailure = OnFailure.HOLD, mode: Mode = Mode.CUTOVER
    ) -> None:
        waves = (a_wave("db", "db01", on_failure=rule), a_wave("web", "web01", on_failure=rule))
        self.plan: Plan = a_plan(*waves, night=night)
        self.run = replace(run(), mode=mode)
        self.night = NightRecord()
        self.waves = as_planned(self.plan)
        self.order: Order | None = None
        self.parts: list[Part] = []

    def next(self, said: Said | None = None, error: Error | None = None) -> Next:
        decided = following(Seen(self.plan, self.run, self.night, self.waves, {}, self.order, NOW), said, error)
        self.night = decided.night
        if decided.taken:
            self.order = None
        self.parts.append(decided.part)
        return decided

    def do(self, decided: Next, became: MachineStatus = MachineStatus.VERIFIED) -> None:
        """The part is done."""
        if decided.part is Part.WAVE:
            self.end_wave(decided.wave, became)
        elif decided.part not in (Part.HOLD, Part.END):
            shuts = decided.part in (Part.QUIESCE, Part.POWER_OFF, Part.SWITCH)
            if shuts and self.night.closed is None:
                self.night = self.night.but(closed=NOW, holder=Holder.NOBODY, since=NOW)
            self.night = moved(self.night, decided.part, NOW)

    def end_wave(self, number: int, became: MachineStatus) -> None:
        wave, machines = self.waves[number - 1]
        launched = became in (MachineStatus.VERIFIED, MachineStatus.FAILED, MachineStatus.HELD, MachineStatus.UNKNOWN)
        wave = wave.but(phase=Phase.ENDED, outcome=became, passed=became is MachineStatus.VERIFIED, started=NOW)
        wave = wave.but(jobs=("job",) if launched else (), reason=f"{became}")
        self.waves[number - 1] = (wave, [each.but(status=became) for each in machines])

    def until(self, part: Part) -> Next:
        """Everything before a part, and the decision for it."""
        said: Next = self.next()
        for _ in range(30):
            if said.part is part:
                return said
            self.do(said)
            said = self.next()
        raise AssertionError(f"{part} never came: {self.parts}")

    def to_the_end(self, said: Said | None = None, error: Error | None = None) -> list[Part]:
        """The parts that follow, each of them done; a hold ends it."""
        self.parts = []
        decided = self.next(said, error)
        for _ in range(30):
            if decided.part in (Part.END, Part.HOLD):
                return self.parts
            self.do(decided)
            decided = self.next()
        raise AssertionError(self.parts)

    def outcome(self) -> Outcome:
        return outcome(self.run.mode, self.waves, None, self.night)


def failed(part: Part, rule: str) -> Said:
    return Said(part, "failed", rule, "it did not work")


def test_a_night_in_its_order() -> None:
    story = Story()
    assert story.to_the_end() == ORDER
    assert story.night.holder is Holder.TARGET
    assert story.outcome() is Outcome.CUT_OVER


def test_a_test_run_is_its_waves() -> None:
    story = Story(mode=Mode.TEST)
    assert story.to_the_end() == [Part.WAVE, Part.WAVE, Part.END]
    assert story.night == NightRecord()


def test_what_a_wave_dies_of_ends_a_run_that_is_its_waves() -> None:
    story = Story(mode=Mode.TEST)
    assert story.next().part is Part.WAVE
    assert story.next(error=Error("Boom", "no idea")).part is Part.END


@pytest.mark.parametrize("part", [Part.CHECK, Part.GO, Part.CHECK_AGAIN])
def test_before_the_doors_close_a_failure_postpones_and_nothing_is_touched(part: Part) -> None:
    story = Story()
    story.until(part)
    assert story.to_the_end(failed(part, "undo")) == [Part.END]
    assert story.night.holder is Holder.SOURCE
    assert story.night.ending.startswith(POSTPONED)
    assert story.outcome() is Outcome.POSTPONED


CLOSED = [Part.QUIESCE, Part.ZERO_LOSS, Part.POWER_OFF, Part.USERS, Part.SWITCH, Part.PROBE]


@pytest.mark.parametrize("part", CLOSED)
def test_behind_closed_doors_a_failure_is_undone_by_rule(part: Part) -> None:
    story = Story()
    story.do(replace(story.until(part), part=Part.QUIESCE if part is Part.QUIESCE else Part.CHECK))
    assert story.to_the_end(failed(part, "undo")) == [*WAY_BACK, Part.END]
    assert story.night.back is not None
    assert story.night.back.automatic
    assert story.night.holder is Holder.SOURCE
    assert story.outcome() is Outcome.ROLLED_BACK


@pytest.mark.parametrize("part", CLOSED[1:])
def test_behind_closed_doors_an_error_or_the_rule_hold_calls_a_person(part: Part) -> None:
    for said, error in ((failed(part, "hold"), None), (Said(part, "error", "", ""), Error("Boom", "no idea"))):
        story = Story()
        story.until(part)
        assert story.to_the_end(said, error) == [Part.HOLD]
        assert story.night.hold is not None
        assert story.night.hold.part is part
        assert story.night.hold.deadline == "2026-11-29T10:00:00Z"
        assert story.night.holder is Holder.NOBODY


def test_before_the_doors_close_an_error_ends_the_run() -> None:
    story = Story()
    story.until(Part.GO)
    assert story.to_the_end(Said(Part.GO, "error", "", ""), Error("Boom", "no idea")) == [Part.END]
    assert story.night.ending.startswith(FAILED)
    assert story.outcome() is Outcome.FAILED


@pytest.mark.parametrize(
    ("rule", "became", "parts"),
    [
        (OnFailure.HOLD, MachineStatus.HELD, [Part.HOLD]),
        (OnFailure.STOP, MachineStatus.FAILED, [*WAY_BACK, Part.END]),
        (OnFailure.CONTINUE, MachineStatus.FAILED, [Part.WAVE, Part.USERS]),
        (OnFailure.STOP, MachineStatus.UNKNOWN, [Part.HOLD]),
        (OnFailure.CONTINUE, MachineStatus.UNKNOWN, [Part.HOLD]),
        (OnFailure.HOLD, MachineStatus.POSTPONED, [Part.HOLD]),
        (OnFailure.STOP, MachineStatus.REFUSED, [*WAY_BACK, Part.END]),
    ],
)
def test_a_wave_that_fails_behind_closed_doors(rule: OnFailure, became: MachineStatus, parts: list[Part]) -> None:
    story = Story(rule=rule)
    story.do(story.until(Part.WAVE), became)
    assert story.to_the_end()[: len(parts)] == parts


@pytest.mark.parametrize("rule", OnFailure)
def test_a_wave_that_fails_while_the_source_serves_never_goes_back(rule: OnFailure) -> None:
    night = replace(WHOLE, quiesce=(), power_off=(), switch=(), probe=(), users=Approval(none="nobody"))
    story = Story(night, rule)
    story.do(story.until(Part.WAVE), MachineStatus.FAILED)
    assert not {*story.to_the_end()} & {*WAY_BACK}
    assert story.night.holder is Holder.SOURCE


def test_an_operator_goes_back_from_wherever_the_doors_are_closed() -> None:
    for part in (Part.ZERO_LOSS, Part.WAVE, Part.USERS, Part.SOAK):
        story = Story()
        story.until(part)
        story.order = Order(Wish.ROLLBACK, "lead@example.com", "enough", NOW, data_stays=True)
        assert story.to_the_end() == [*WAY_BACK, Part.END]
        assert story.night.back is not None
        assert not story.night.back.automatic
        assert story.order is None
        assert story.outcome() is Outcome.ROLLED_BACK


def test_a_rollback_with_open_doors_changes_nothing() -> None:
    story = Story()
    story.until(Part.GO)
    story.order = Order(Wish.ROLLBACK, "lead@example.com", "enough", NOW)
    assert story.next().part is Part.GO
    assert story.night.back is None


def test_the_second_rollback_does_nothing() -> None:
    story = Story()
    story.until(Part.USERS)
    story.order = Order(Wish.ROLLBACK, "lead@example.com", "enough", NOW)
    first = story.next()
    story.do(first)
    story.order = Order(Wish.ROLLBACK, "other@example.com", "me too", NOW)
    assert story.next().part is Part.UNDO_SWITCH
    assert story.night.back is not None
    assert story.night.back.by == "lead@example.com"


def test_an_abort_ends_it_before_the_doors_close_and_goes_back_after() -> None:
    early, late, over = Story(), Story(), Story()
    early.until(Part.CHECK_AGAIN)
    late.until(Part.POWER_OFF)
    over.until(Part.SOAK)
    for story in (early, late, over):
        story.run = run(aborted=True, aborted_by="lead@example.com", abort_reason="storm", aborted_at=NOW)
    assert early.to_the_end() == [Part.END]
    assert late.to_the_end() == [*WAY_BACK, Part.END]
    assert over.to_the_end() == [Part.SOAK, Part.COMMIT, Part.END], "users are on the targets: that takes a rollback"


def test_resume_tries_the_failed_part_again() -> None:
    story = Story()
    story.until(Part.POWER_OFF)
    story.next(failed(Part.POWER_OFF, "hold"))
    story.order = Order(Wish.RESUME, "lead@example.com", "plug is out", NOW)
    decided = story.next()
    assert (decided.part, decided.again, decided.taken) == (Part.POWER_OFF, Part.POWER_OFF, True)
    assert story.night.hold is None


def test_resume_begins_a_wave_anew_that_was_not_launched_and_no_other() -> None:
    story = Story()
    story.do(story.until(Part.WAVE), MachineStatus.POSTPONED)
    assert story.next().part is Part.HOLD
    story.order = Order(Wish.RESUME, "lead@example.com", "agent is back", NOW)
    decided = story.next()
    assert (decided.part, decided.wave, decided.waves_again) == (Part.WAVE, 1, (1,))
    launched = Story()
    launched.do(launched.until(Part.WAVE), MachineStatus.HELD)
    launched.next()
    launched.order = Order(Wish.RESUME, "lead@example.com", "never mind", NOW)
    decided = launched.next()
    assert (decided.part, decided.waves_again) == (Part.HOLD, ()), "a launch is not repeated by a word"


def test_a_wave_whose_failed_machine_is_accepted_is_gone_on_from() -> None:
    story = Story()
    story.do(story.until(Part.WAVE), MachineStatus.HELD)
    story.next()
    wave, machines = story.waves[0]
    story.waves[0] = (wave.but(passed=True), machines)
    story.order = Order(Wish.RESUME, "lead@example.com", "accepted", NOW)
    assert (story.next().part, story.night.hold) == (Part.WAVE, None)


def test_a_failure_on_the_way_back_calls_a_person_and_is_resumed_there() -> None:
    story = Story()
    story.until(Part.USERS)
    story.next(failed(Part.USERS, "undo"))
    story.do(replace(story.next(), part=Part.STOP_TARGETS))
    assert story.next(failed(Part.POWER_ON, "undo")).part is Part.HOLD
    assert story.outcome() is Outcome.FAILED
    story.order = Order(Wish.RESUME, "lead@example.com", "powered by hand", NOW)
    assert story.to_the_end() == [*WAY_BACK[1:], Part.END]
    assert story.outcome() is Outcome.ROLLED_BACK


def test_after_users_were_admitted_nothing_goes_back_by_itself() -> None:
    story = Story()
    story.until(Part.SOAK)
    assert story.to_the_end(failed(Part.SOAK, "undo")) == [Part.HOLD]
    ended = Story()
    ended.until(Part.SOAK)
    assert ended.to_the_end(failed(Part.SOAK, "end")) == [Part.END]
    assert ended.night.ending.startswith(UNCOMMITTED)
    assert ended.outcome() is Outcome.CUT_OVER
    assert ended.night.holder is Holder.TARGET


STRIKES = st.lists(
    st.tuples(st.integers(0, 25), st.sampled_from(["undo", "hold", "error", "abort", "rollback", "resume", "died"])),
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(strikes=STRIKES, rule=st.sampled_from(OnFailure), statuses=st.lists(st.sampled_from(MachineStatus), max_size=3))
def test_whatever_fails_wherever_no_end_leaves_production_in_doubt(
    strikes: list[tuple[int, str]], rule: OnFailure, statuses: list[MachineStatus]
) -> None:
    """Nothing is done twice, the way back is whole, and who holds production is what was done last."""
    story, at, done = Story(rule=rule), dict(strikes), list[tuple[Part, int]]()
    became = iter(statuses)
    decided = story.next()
    for tick in range(80):
        if decided.part is Part.END:
            break
        said, error = None, None
        strike = at.get(tick)
        if strike in ("undo", "hold") and decided.part not in (Part.HOLD, Part.WAVE):
            said = failed(decided.part, strike)
        elif strike == "error":
            said, error = Said(decided.part, "error", "", ""), Error("Boom", "no idea")
        elif strike == "abort":
            story.run = run(aborted=True, aborted_by="lead@example.com", abort_reason="storm", aborted_at=NOW)
        elif strike in ("rollback", "resume"):
            story.order = Order(Wish(strike), "lead@example.com", "so be it", NOW, data_stays=True)
        elif strike != "died" and decided.part is not Part.HOLD:
            done.append((decided.part, decided.wave))
            story.do(decided, next(became, MachineStatus.VERIFIED))
        elif decided.part is Part.HOLD and tick > 60:
            story.night = story.night.but(ending=f"{FAILED}: nobody took it up")
        decided = story.next(said, error)
    assert decided.part is Part.END
    single = [each for each in done if each[0] is not Part.WAVE]
    assert len(single) == len(set(single)), f"done twice: {done}"
    night, how = story.night, story.outcome()
    back = [part for part, _ in done if part in WAY_BACK]
    assert back == list(WAY_BACK[: len(back)])
    if night.reopened:
        assert (night.holder, how) == (Holder.SOURCE, Outcome.ROLLED_BACK)
    elif night.opened and Part.STOP_TARGETS.value not in night.done:
        assert night.holder is Holder.TARGET
    elif night.closed:
        assert (night.holder, how) == (Holder.NOBODY, Outcome.FAILED)
        assert night.ending, "nobody serves users: a person was called, and did not come"
    else:
        assert night.holder is Holder.SOURCE
        assert how is not Outcome.CUT_OVER
