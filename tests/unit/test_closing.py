"""How waves and runs end."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover.closing import REFUSING, TRANSIENT, Error, next_wave, outcome, settle, wave_outcome
from cutover.plan import Mode, OnFailure
from cutover.records import LaunchState, MachineRecord, MachineStatus, Outcome, Phase, WaveRecord
from tests.unit.records_of import launch, plan, wave

STATUSES = st.lists(st.sampled_from(MachineStatus), min_size=1, max_size=6)
BUG = Error("KeyError", "'id'")


def machine(status: MachineStatus = MachineStatus.NOT_STARTED) -> MachineRecord:
    return MachineRecord("db01", 0, status=status)


def ended(number: int, how: MachineStatus) -> WaveRecord:
    return WaveRecord(number, f"w{number}", phase=Phase.ENDED, outcome=how)


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


@given(STATUSES)
def test_a_wave_is_verified_only_when_all_its_machines_are(statuses: list[MachineStatus]) -> None:
    verified = wave_outcome([machine(status) for status in statuses]) is MachineStatus.VERIFIED
    assert verified == (set(statuses) == {MachineStatus.VERIFIED})


@given(STATUSES, st.sampled_from(Mode), st.sampled_from([None, BUG, Error("ServiceUnavailable", "x")]))
def test_a_good_end_needs_every_machine_verified_and_no_error(
    statuses: list[MachineStatus], mode: Mode, error: Error | None
) -> None:
    how = outcome(mode, [machine(status) for status in statuses], error)
    good = how in (Outcome.TESTED, Outcome.CUT_OVER)
    assert good == (set(statuses) == {MachineStatus.VERIFIED} and error is None)
    if set(statuses) & {MachineStatus.FAILED, MachineStatus.UNKNOWN, MachineStatus.HELD}:
        assert how is Outcome.FAILED


def test_a_run_of_nothing_is_no_good_end() -> None:
    assert outcome(Mode.TEST, [], None) is Outcome.FAILED


@pytest.mark.parametrize("status", [each for each in MachineStatus if each is not MachineStatus.NOT_STARTED])
@pytest.mark.parametrize("rule", OnFailure)
def test_a_judged_machine_keeps_its_verdict_but_a_failed_one_may_be_held(
    status: MachineStatus, rule: OnFailure
) -> None:
    kept = settle(machine(status), [launch(LaunchState.ACCEPTED)], rule, BUG, "").status
    held = rule is OnFailure.HOLD and status is MachineStatus.FAILED
    assert kept is (MachineStatus.HELD if held else status)


@pytest.mark.parametrize(
    "state", [each for each in LaunchState if each not in (LaunchState.REFUSED, LaunchState.ABSENT)]
)
@pytest.mark.parametrize("error", [None, BUG, Error("ServiceUnavailable", "x")])
def test_after_a_launch_was_sent_what_was_not_judged_is_unknown(state: LaunchState, error: Error | None) -> None:
    settled = settle(machine(), [launch(state)], OnFailure.STOP, error, "")
    assert settled.status is MachineStatus.UNKNOWN
    assert settled.findings


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
    settled = settle(machine(), launches, OnFailure.STOP, Error(error, "why"), "")  # type: ignore[arg-type]  # of launches
    assert settled.status is status
    assert settled.findings[0].seen == f"{error}: why"
    assert settled.findings[0].remedy


def test_a_machine_held_back_for_anothers_sake_says_so_once() -> None:
    settled = settle(machine(), [], OnFailure.STOP, None, "db02 lags")
    assert (settled.status, settled.findings[0].seen) == (MachineStatus.NOT_STARTED, "db02 lags")
    assert settle(settled, [], OnFailure.STOP, None, "db02 lags") == settled


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
