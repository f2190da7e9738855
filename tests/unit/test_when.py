"""May a run begin now: late, outside of its window, in a blackout, with which reason."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from cutover.downtime import window_end
from cutover.instants import instant, text
from cutover.plan import Mode, Plan
from cutover.planned_calendar import Blackout, Calendar
from cutover.planned_night import Approval, Night
from cutover.when import refusals
from tests.statemachines.night import a_plan
from tests.unit.records_of import run

NOBODY = Approval(none="a test of it")
NIGHT = Night(window=1800, estimate=900, reserve=600, go=NOBODY, users=NOBODY, commit=NOBODY)
FREEZE = Blackout("2026-12-20T23:00:00Z", "2027-01-02T23:00:00Z", "end of year freeze")
AT = "2026-11-28T21:00:00Z"


def planned(night: Night = NIGHT, *blackouts: Blackout) -> Plan:
    return replace(a_plan(night=night), calendar=Calendar("Europe/Berlin", 900, blackouts))


def fields(plan: Plan, mode: Mode, scheduled: str | None, claimed: str, now: str | None = None) -> list[str]:
    found = refusals(plan, run(mode=mode, scheduled=scheduled, claimed=claimed, started=None), instant(now or claimed))
    return [each.field for each in found]


@pytest.mark.parametrize(
    ("claimed", "refused"),
    [
        (AT, []),
        ("2026-11-28T21:15:00Z", []),
        ("2026-11-28T21:15:01Z", ["late_start"]),
        ("2026-11-28T20:59:00Z", []),
    ],
)
def test_a_start_is_taken_from_its_time_until_it_is_too_late(claimed: str, refused: list[str]) -> None:
    assert fields(planned(), Mode.TEST, AT, claimed) == refused


def test_a_start_by_hand_is_never_late() -> None:
    assert fields(planned(), Mode.TEST, None, "2026-11-28T23:00:00Z") == []


@pytest.mark.parametrize(("claimed", "refused"), [("2026-11-28T21:05:00Z", []), ("2026-11-28T21:05:01Z", ["window"])])
def test_a_late_start_does_not_move_the_window_and_what_no_longer_fits_is_refused(
    claimed: str, refused: list[str]
) -> None:
    """30 minutes, of which 25 are needed."""
    late = run(mode=Mode.CUTOVER, scheduled=AT, claimed=claimed, started=claimed)
    assert text(window_end(NIGHT, late)) == "2026-11-28T21:30:00Z"
    assert fields(planned(), Mode.CUTOVER, AT, claimed) == refused


def test_a_window_of_30_minutes_for_an_estimate_of_45_is_refused_when_it_opens_in_words() -> None:
    plan = planned(replace(NIGHT, estimate=2700))
    (found,) = refusals(plan, run(mode=Mode.CUTOVER, claimed=AT, started=None), instant(AT))
    assert found.seen == (
        "at 2026-11-28T21:00:00Z 30 minutes of the window are left, and 45 minutes are estimated, with 10 minutes in "
        "reserve for the way back"
    )
    assert fields(plan, Mode.TEST, None, AT) == []


def test_what_was_waited_for_since_the_run_began_is_gone_from_its_window() -> None:
    begun = run(mode=Mode.CUTOVER, claimed=AT, started=AT)
    assert [each.field for each in refusals(planned(), begun, instant("2026-11-28T21:05:01Z"))] == ["window"]


@pytest.mark.parametrize(
    ("mode", "now", "refused"),
    [
        (Mode.TEST, "2026-12-20T22:59:59Z", False),
        (Mode.TEST, "2026-12-20T23:00:00Z", True),
        (Mode.TEST, "2027-01-02T22:59:59Z", True),
        (Mode.TEST, "2027-01-02T23:00:00Z", False),
        (Mode.CUTOVER, "2026-12-20T22:29:59Z", False),
        (Mode.CUTOVER, "2026-12-20T22:45:00Z", True),
        (Mode.CUTOVER, "2027-01-02T23:00:00Z", False),
    ],
)
def test_no_run_begins_in_a_blackout_and_no_window_reaches_into_one(mode: Mode, now: str, refused: bool) -> None:
    for scheduled in (now, None):
        assert fields(planned(NIGHT, FREEZE), mode, scheduled, now) == (["blackout"] if refused else [])


def test_a_blackout_is_told_with_its_reason() -> None:
    (found,) = refusals(planned(NIGHT, FREEZE), run(claimed=FREEZE.begins, started=None), instant(FREEZE.begins))
    assert "2026-12-20T23:00:00Z to 2027-01-02T23:00:00Z (end of year freeze)" in found.seen


def test_a_run_that_only_looks_may_always() -> None:
    looks = run(claimed=FREEZE.begins, started=None, observe=True)
    assert refusals(planned(NIGHT, FREEZE), looks, instant(FREEZE.begins)) == ()


def test_the_calendar_is_in_the_compiled_plan_and_one_compiled_before_is_refused_clearly() -> None:
    plan = planned(NIGHT, FREEZE)
    assert Plan.from_json(plan.canonical()) == plan
    older = json.dumps({**json.loads(plan.canonical()), "version": 4})
    with pytest.raises(ValueError, match=r"has version 4; this code reads version 6: put the plan again"):
        Plan.from_json(older)
