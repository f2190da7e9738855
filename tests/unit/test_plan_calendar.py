"""When runs start by themselves: a plan's time zone and its changes of clocks, the test's time, windows, blackouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.plan import load_plan
from cli.plan.problems import InvalidPlan, Problem
from cutover.plan import WHEN_READY, Mode, Plan
from cutover.planned_calendar import Blackout, Calendar
from tests.unit.plans_of import NIGHT

HEAD = "version: 1\nname: shop\nservice: cloudendure\nproject: Shop\nregion: eu-central-1\non_failure: stop\n"
WAVES = "waves: [{name: a, machines: [x]}]\n"
BERLIN = "zone: Europe/Berlin, "


def load(folder: Path, schedule: str, *, night: str = NIGHT, waves: str = WAVES) -> Plan:
    path = folder / "plan.yaml"
    path.write_text(f"{HEAD}schedule: {{{schedule}}}\n{night}{waves}", encoding="utf-8")
    return load_plan(path)


def refused(folder: Path, schedule: str, *, night: str = NIGHT, waves: str = WAVES) -> Problem:
    """The only problem."""
    with pytest.raises(InvalidPlan) as error:
        load(folder, schedule, night=night, waves=waves)
    (problem,) = error.value.problems
    return problem


@pytest.mark.parametrize(
    ("test", "instant"),
    [
        ("zone: Europe/Berlin, test: 2030-06-01T09:00:00", "2030-06-01T07:00:00Z"),
        ("zone: Europe/Berlin, test: 2030-12-01T09:00:00", "2030-12-01T08:00:00Z"),
        ("zone: Europe/Berlin, test: 2030-03-31T01:59:59", "2030-03-31T00:59:59Z"),
        ("zone: Europe/Berlin, test: 2030-03-31T03:00:00", "2030-03-31T01:00:00Z"),
        ("zone: Europe/Berlin, test: 2030-10-27T02:30:00+02:00", "2030-10-27T00:30:00Z"),
        ("zone: Europe/Berlin, test: 2030-10-27T02:30:00+01:00", "2030-10-27T01:30:00Z"),
        ("zone: Europe/Berlin, test: 2030-10-27T03:00:00", "2030-10-27T02:00:00Z"),
        ("zone: America/New_York, test: 2030-06-01T22:00:00", "2030-06-02T02:00:00Z"),
        ("zone: Europe/Berlin, test: 2030-06-01T09:00:00Z", "2030-06-01T09:00:00Z"),
        ("zone: UTC, test: 2030-06-01T09:00:00", "2030-06-01T09:00:00Z"),
        ("test: 2030-06-01T09:00:00+05:45", "2030-06-01T03:15:00Z"),
    ],
)
def test_a_time_is_by_the_clock_of_the_plans_zone(tmp_path: Path, test: str, instant: str) -> None:
    assert load(tmp_path, test).schedule == {Mode.TEST: instant}


@pytest.mark.parametrize(
    ("given", "rule", "remedy"),
    [
        ("2030-03-31T02:30:00", "put forward over this time", "write 2030-03-31T01:30:00 or 2030-03-31T03:30:00"),
        ("2030-10-27T02:30:00", "it comes twice", "2030-10-27T02:30:00+02:00 or 2030-10-27T02:30:00+01:00"),
        ("2030-12-01T09:00:00+02:00", "the offset is that of Europe/Berlin", "write 2030-12-01T08:00:00+01:00 for"),
    ],
    ids=["no such time", "twice", "the offset of summer"],
)
def test_a_time_that_the_change_of_clocks_makes_unclear_is_refused(
    tmp_path: Path, given: str, rule: str, remedy: str
) -> None:
    problem = refused(tmp_path, f"{BERLIN}test: {given}")
    assert (problem.line, problem.field) == (7, "schedule.test")
    assert rule in problem.rule
    assert remedy in problem.remedy


def test_a_local_time_needs_a_zone(tmp_path: Path) -> None:
    problem = refused(tmp_path, "test: 2030-06-01T09:00:00")
    assert problem.remedy.startswith("add the offset, 2030-06-01T09:00:00+02:00 or 2030-06-01T09:00:00Z, or name")


@pytest.mark.parametrize("zone", ["CEST", "Europe/Bonn", "Europe", "+02:00", "../etc/passwd", "/etc/localtime"])
def test_a_zone_that_nobody_knows_is_the_only_thing_told(tmp_path: Path, zone: str) -> None:
    assert refused(tmp_path, f"zone: {zone}, test: 2030-03-31T02:30:00").field == "schedule.zone"


@pytest.mark.parametrize(
    ("start", "end"),
    [("2030-03-31T00:00:00", "2030-03-31T01:00:00Z"), ("2030-10-27T00:00:00", "2030-10-27T01:00:00Z")],
)
def test_a_window_over_a_change_of_clocks_is_as_long_as_it_says(tmp_path: Path, start: str, end: str) -> None:
    """3 hours from midnight end at 4 o'clock in spring, and at 2 o'clock, the second time, in autumn: a blackout
    that begins then is not touched, and one that begins before is."""
    waived = "waves: [{name: a, machines: [x], test_gate: {waiver: {by: a, reason: one two three}}}]\n"
    instant = {"2030-03-31T01:00:00Z": "2030-03-31T02:00:00Z", "2030-10-27T01:00:00Z": "2030-10-27T01:00:00Z"}[end]
    for begins, fits in ((instant.replace(":00Z", ":01Z"), True), (instant, False)):
        text = f"{BERLIN}cutover: {start}, blackouts: [{{from: {begins}, to: 2030-12-01T00:00:00, reason: a b c}}]"
        if fits:
            load(tmp_path, text, waves=waived)
        else:
            assert refused(tmp_path, text, waves=waived).field == "schedule.cutover"


def test_the_test_is_scheduled_by_itself_in_time_before_the_cutover(tmp_path: Path) -> None:
    cutover = "zone: Europe/Berlin, cutover: 2030-06-15T22:00:00"
    assert load(tmp_path, cutover).schedule == {Mode.TEST: "2030-06-05T20:00:00Z", Mode.CUTOVER: "2030-06-15T20:00:00Z"}
    assert load(tmp_path, f"{cutover}, repeat: 7d").schedule[Mode.TEST] == "2030-06-01T20:00:00Z"
    assert Mode.TEST not in load(tmp_path, f"{cutover}, test: by_hand").schedule


def test_the_longest_gate_counts_and_a_gate_that_is_lifted_does_not(tmp_path: Path) -> None:
    waiver = "waiver: {by: a, reason: one two three}"
    waves = (
        "waves:\n- {name: a, machines: [x], test_gate: {minimum_age: 9d}}\n"
        f"- {{name: b, machines: [y], test_gate: {{minimum_age: 30d, {waiver}}}}}\n"
    )
    assert load(tmp_path, "cutover: 2030-06-15T00:00:00Z", waves=waves).schedule[Mode.TEST] == "2030-06-03T00:00:00Z"
    lifted = f"test_gate: {{{waiver}}}\n{WAVES}"
    assert load(tmp_path, "cutover: 2030-06-15T00:00:00Z", waves=lifted).schedule.keys() == {Mode.CUTOVER}


def test_a_test_too_short_before_the_cutover_is_refused(tmp_path: Path) -> None:
    cutover = "zone: Europe/Berlin, cutover: 2030-06-15T22:00:00"
    load(tmp_path, f"{cutover}, test: 2030-06-05T22:00:00")
    problem = refused(tmp_path, f"{cutover}, test: 2030-06-05T22:00:01")
    assert problem.field == "schedule.cutover"
    assert "a test is 7d old at the cutover (test_gate.minimum_age), with 3d left to repeat it" in problem.rule
    assert "test at 2030-06-05T22:00:00+02:00 at the latest" in problem.remedy


def test_where_the_gate_is_lifted_the_cutover_need_only_be_after_the_test(tmp_path: Path) -> None:
    lifted = f"test_gate: {{waiver: {{by: a, reason: one two three}}}}\n{WAVES}"
    load(tmp_path, "test: 2030-06-14T00:00:00Z, cutover: 2030-06-15T00:00:00Z", waves=lifted)
    problem = refused(tmp_path, "test: 2030-06-15T00:00:00Z, cutover: 2030-06-15T00:00:00Z", waves=lifted)
    assert (problem.field, problem.rule) == ("schedule.cutover", "the cutover is after the test (2030-06-15T00:00:00Z)")


def test_a_window_of_30_minutes_for_an_estimate_of_45_is_refused_in_words(tmp_path: Path) -> None:
    night = NIGHT.replace("window: 3h, estimate: 1h, reserve: 1h", "window: 30m, estimate: 45m, reserve: 1m")
    problem = refused(tmp_path, "cutover: 2030-06-15T22:00:00Z", night=night)
    assert (problem.field, problem.seen) == ("cutover.window", "30m, with an estimate of 45m")
    assert "estimate and reserve (1m) fit into the window" in problem.rule


def test_a_start_as_late_as_allowed_still_fits_into_the_window(tmp_path: Path) -> None:
    load(tmp_path, "cutover: 2030-06-15T22:00:00Z, late_start: 1h")
    problem = refused(tmp_path, "cutover: 2030-06-15T22:00:00Z, late_start: 61m")
    assert problem.field == "cutover.window"
    assert "late by `schedule.late_start` (61m) still fits" in problem.rule


@pytest.mark.parametrize("late", ["59s", "25h"])
def test_a_start_is_late_within_what_schedules_can_do(tmp_path: Path, late: str) -> None:
    assert refused(tmp_path, f"test: 2030-06-15T22:00:00Z, late_start: {late}").field == "schedule.late_start"


FREEZE = "blackouts: [{from: 2030-06-10T00:00:00, to: 2030-06-15T00:00:00, reason: half-year closing of books}]"


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ("test: 2030-06-10T00:00:00", "schedule.test"),
        ("test: 2030-06-14T23:59:59", "schedule.test"),
        ("cutover: 2030-06-09T21:00:00", "schedule.cutover"),
        ("cutover: 2030-06-14T23:00:00", "schedule.cutover"),
        ("cutover: 2030-06-24T12:00:00", "schedule.cutover"),
    ],
    ids=["at its begin", "before its end", "window reaches in", "begins in it", "test by itself in it"],
)
def test_nothing_is_planned_into_a_blackout(tmp_path: Path, schedule: str, field: str) -> None:
    problem = refused(tmp_path, f"{BERLIN}{schedule}, {FREEZE}")
    assert problem.field == field
    assert "(half-year closing of books)" in problem.rule


@pytest.mark.parametrize("schedule", ["test: 2030-06-09T23:59:59", "test: 2030-06-15T00:00:00", "test: by_hand"])
def test_what_is_beside_a_blackout_may_be(tmp_path: Path, schedule: str) -> None:
    plan = load(tmp_path, f"{BERLIN}late_start: 5m, {schedule}, {FREEZE}")
    blackout = Blackout("2030-06-09T22:00:00Z", "2030-06-14T22:00:00Z", "half-year closing of books")
    assert plan.calendar == Calendar("Europe/Berlin", 300, (blackout,))


def test_a_blackout_ends_after_it_begins(tmp_path: Path) -> None:
    text = "blackouts: [{from: 2030-06-15T00:00:00Z, to: 2030-06-15T02:00:00+02:00, reason: one two three}]"
    assert refused(tmp_path, text).field == "schedule.blackouts[0].to"


def test_a_test_that_begins_once_its_machines_are_ready_has_no_time(tmp_path: Path) -> None:
    """The cutover's stays, and the test is not scheduled from it."""
    plan = load(tmp_path, "test: {when: ready}, cutover: 2030-06-15T22:00:00+02:00")
    assert plan.schedule == {Mode.TEST: WHEN_READY, Mode.CUTOVER: "2030-06-15T20:00:00Z"}
