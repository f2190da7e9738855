"""How waves and runs end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover.closing import REFUSING, TRANSIENT, Error, next_wave, outcome, settle, settled, wave_outcome, wave_reason
from cutover.finding import Finding
from cutover.plan import Mode, OnFailure
from cutover.records import Accepted, LaunchState, MachineRecord, MachineStatus, Outcome, Phase, WaveRecord
from tests.unit.records_of import launch, plan, planned, wave

STATUSES = st.lists(st.sampled_from(MachineStatus), min_size=1, max_size=6)
BUG = Error("KeyError", "'id'")


def machine(status: MachineStatus = MachineStatus.NOT_STARTED) -> MachineRecord:
    return MachineRecord("db01", 0, status=status)


def ended(number: int, how: MachineStatus) -> WaveRecord:
    passed = how is MachineStatus.VERIFIED
    return WaveRecord(number, f"w{number}", phase=Phase.ENDED, outcome=how, passed=passed, reason="why")


def closed(*waves: tuple[bool, list[MachineStatus]]) -> list[tuple[WaveRecord, list[MachineRecord]]]:
    """Waves as (passed, their machines' statuses)."""
    return [
        (WaveRecord(number, f"w{number}", phase=Phase.ENDED, passed=passed), [machine(each) for each in statuses])
        for number, (passed, statuses) in enumerate(waves, 1)
    ]


def open_wave(number: int) -> WaveRecord:
    return WaveRecord(number, f"w{number}")


def test_the_first_open_wave_is_next() -> None:
    two = plan(wave(), wave())
    assert next_wave(two, [open_wave(1), open_wave(2)]).number == 1
    assert next_wave(two, [ended(1, MachineStatus.VERIFIED), open_wave(2)]).number == 2
    assert next_wave(two, [ended(1, MachineStatus.VERIFIED), ended(2, MachineStatus.VERIFIED)]).number is None


@pytest.mark.parametrize("rule", OnFailure)
@pytest.mark.parametrize("how", [each for each in MachineStatus if each is not MachineStatus.VERIFIED])
def test_only_a_wave_that_was_launched_and_may_fail_is_followed_by_another(rule: OnFailure, how: MachineStatus) -> None:
    launched = how in (MachineStatus.FAILED, MachineStatus.HELD)
    two = plan(wave(on_failure=rule), wave())
    following = next_wave(two, [ended(1, how), open_wave(2)])
    if launched:
        assert following.number == (2 if rule is OnFailure.CONTINUE else None)
    elif how in (
        MachineStatus.UNKNOWN,
        MachineStatus.REFUSED,
        MachineStatus.POSTPONED,
        MachineStatus.NOT_STARTED,
    ):
        assert following.number is None


@pytest.mark.parametrize("rule", OnFailure)
@pytest.mark.parametrize("how", MachineStatus)
def test_a_wave_that_passed_is_followed_by_the_next_whatever_became_of_its_worst_machine(
    rule: OnFailure, how: MachineStatus
) -> None:
    two = plan(wave(on_failure=rule), wave())
    assert next_wave(two, [ended(1, how).but(passed=True), open_wave(2)]).number == 2


@pytest.mark.parametrize("rule", OnFailure)
@pytest.mark.parametrize("how", [each for each in MachineStatus if each is not MachineStatus.VERIFIED])
def test_nothing_follows_a_canary_that_does_not_pass(rule: OnFailure, how: MachineStatus) -> None:
    two = plan(wave(planned("web01"), canary=True, on_failure=rule), wave())
    following = next_wave(two, [ended(1, how), open_wave(2)])
    assert (following.number, following.reason) == (None, f"the canary web01 is {how.value}; nothing follows it")


@given(STATUSES)
def test_a_wave_is_verified_only_when_all_its_machines_are(statuses: list[MachineStatus]) -> None:
    verified = wave_outcome([machine(status) for status in statuses]) is MachineStatus.VERIFIED
    assert verified == (set(statuses) == {MachineStatus.VERIFIED})


@given(STATUSES, st.sampled_from(Mode), st.sampled_from([None, BUG, Error("ServiceUnavailable", "x")]))
def test_a_good_end_needs_every_machine_verified_and_no_error(
    statuses: list[MachineStatus], mode: Mode, error: Error | None
) -> None:
    how = outcome(mode, closed((set(statuses) == {MachineStatus.VERIFIED}, statuses)), error)
    good = how in (Outcome.TESTED, Outcome.CUT_OVER)
    assert good == (set(statuses) == {MachineStatus.VERIFIED} and error is None)
    if set(statuses) & {MachineStatus.FAILED, MachineStatus.UNKNOWN, MachineStatus.HELD}:
        assert how is Outcome.FAILED


def test_a_run_of_nothing_is_no_good_end() -> None:
    assert outcome(Mode.TEST, [], None) is Outcome.FAILED


V, F, U, R, P, N = (
    *(MachineStatus.VERIFIED, MachineStatus.FAILED, MachineStatus.UNKNOWN),
    *(MachineStatus.REFUSED, MachineStatus.POSTPONED, MachineStatus.NOT_STARTED),
)


@pytest.mark.parametrize(
    ("waves", "how"),
    [
        ([(True, [V, F])], Outcome.TESTED),
        ([(True, [V, U])], Outcome.TESTED),
        ([(True, [F]), (True, [V])], Outcome.TESTED),
        ([(True, [V, F]), (False, [P, N])], Outcome.POSTPONED),
        ([(True, [V, F]), (False, [R, N])], Outcome.REFUSED),
        ([(False, [V, F]), (True, [V])], Outcome.FAILED),
        ([(False, [V, U]), (False, [N])], Outcome.FAILED),
        ([(True, [V, P]), (False, [N])], Outcome.FAILED),
        # the plan lets all of them pass, and still nothing was seen to be good
        ([(True, [F])], Outcome.FAILED),
        ([(True, [U, P])], Outcome.FAILED),
        ([(True, [P]), (True, [P])], Outcome.POSTPONED),
        ([(True, [R, P])], Outcome.REFUSED),
    ],
)
def test_a_run_is_good_when_every_wave_passed_and_something_was_verified(
    waves: list[tuple[bool, list[MachineStatus]]], how: Outcome
) -> None:
    assert outcome(Mode.TEST, closed(*waves), None) is how
    if all(passed for passed, _ in waves):
        assert outcome(Mode.TEST, closed(*waves), BUG) is Outcome.FAILED, "a run that died has no good end"


@pytest.mark.parametrize("status", [each for each in MachineStatus if each is not MachineStatus.NOT_STARTED])
@pytest.mark.parametrize("rule", OnFailure)
def test_a_judged_machine_keeps_its_verdict_but_a_failed_one_may_be_held(
    status: MachineStatus, rule: OnFailure
) -> None:
    (kept,) = settled(wave(on_failure=rule), [machine(status)], [launch(LaunchState.ACCEPTED)], BUG, "")
    held = rule is OnFailure.HOLD and status is MachineStatus.FAILED
    assert kept.status is (MachineStatus.HELD if held else status)


def test_a_failed_machine_is_held_only_where_its_wave_does_not_pass() -> None:
    rules = wave(planned("db01"), planned("db02"), on_failure=OnFailure.HOLD, at_least=1)
    for other, kept in ((V, F), (F, MachineStatus.HELD)):
        final = settled(rules, [machine(F), machine(other)], [launch(LaunchState.ACCEPTED)], None, "")
        assert final[0].status is kept
        assert settled(rules, final, [launch(LaunchState.ACCEPTED)], None, "") == final, "closed twice, the same"


def test_a_wave_says_why_it_is_not_verified() -> None:
    failed = machine(F).but(findings=(Finding("running", "stopped", "running", "look"),))
    plain, lax = wave(planned("db01"), planned("db02")), wave(planned("db01"), planned("db02"), at_least=1)
    assert wave_reason(plain, [machine(V), machine(V)]) == wave_reason(lax, [machine(V), machine(V)]) == ""
    assert wave_reason(plain, [failed, machine(V)]) == "db01 failed (running: stopped)"
    assert wave_reason(lax, [failed, machine(V)]) == "1 of 2 machines verified; db01 failed, which the plan lets pass"


@pytest.mark.parametrize(
    "state", [each for each in LaunchState if each not in (LaunchState.REFUSED, LaunchState.ABSENT)]
)
@pytest.mark.parametrize("error", [None, BUG, Error("ServiceUnavailable", "x")])
def test_after_a_launch_was_sent_what_was_not_judged_is_unknown(state: LaunchState, error: Error | None) -> None:
    unseen = settle(machine(), [launch(state)], error, "")
    assert unseen.status is MachineStatus.UNKNOWN
    assert unseen.findings


@pytest.mark.parametrize(
    ("error", "status"),
    [
        *((name, MachineStatus.POSTPONED) for name in TRANSIENT),
        *((name, MachineStatus.REFUSED) for name in REFUSING),
        ("KeyError", MachineStatus.NOT_STARTED),
        ("States.Timeout", MachineStatus.NOT_STARTED),
        ("ExecutionAborted", MachineStatus.NOT_STARTED),
    ],
)
@pytest.mark.parametrize("launches", [[], [launch(LaunchState.ABSENT)], [launch(LaunchState.REFUSED)]])
def test_before_a_launch_the_kind_of_error_decides(error: str, status: MachineStatus, launches: list[object]) -> None:
    unlaunched = settle(machine(), launches, Error(error, "why"), "")  # type: ignore[arg-type]  # of launches
    assert unlaunched.status is status
    assert unlaunched.findings[0].seen == f"{error}: why"
    assert unlaunched.findings[0].remedy


def test_a_machine_held_back_for_anothers_sake_says_so_once() -> None:
    held_back = settle(machine(), [], None, "db02 lags")
    assert (held_back.status, held_back.findings[0].seen) == (MachineStatus.NOT_STARTED, "db02 lags")
    assert settle(held_back, [], None, "db02 lags") == held_back


@pytest.mark.parametrize("nothing", ["", None, {}])
def test_no_error_is_none(nothing: object) -> None:
    assert Error.from_event(nothing) is None


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (json.dumps({"errorType": "NotFound", "errorMessage": "no project", "stackTrace": ["x"]}), "no project"),
        ("plain words", "plain words"),
        ('{"Status": "FAILED"}', '{"Status": "FAILED"}'),
        ('["a list"]', '["a list"]'),
        (None, ""),
        ("x" * 5000, "x" * 1000),
    ],
)
def test_an_error_is_put_into_words(cause: str | None, words: str) -> None:
    assert Error.from_event({"name": "NotFound", "cause": cause}) == Error("NotFound", words)


def test_a_wave_that_passes_by_a_persons_word_alone_is_good_enough_and_says_so_elsewhere() -> None:
    ((wave, machines),) = closed((True, [MachineStatus.HELD]))
    word = Accepted("lead@example.com", "answers by hand", "2026-11-28T22:00:00Z")
    assert outcome(Mode.CUTOVER, [(wave, machines)], None) is Outcome.FAILED
    assert outcome(Mode.CUTOVER, [(wave, [each.but(accepted=word) for each in machines])], None) is Outcome.CUT_OVER
