"""What a person watches: the board on a terminal, lines elsewhere."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from rich.console import Console

from cli.board import Lines, draw, watching
from cli.deployment import RunView
from cli.night_board import night_lines
from cutover.finding import Finding
from cutover.instants import instant
from cutover.night_records import Back, Hold, Holder, NightRecord, Part, QuestionRecord, StepRecord, StepState
from cutover.plan import Mode
from cutover.planned_night import Action, Approval, Deed, Night, PlannedStep
from cutover.records import (
    Check,
    MachineRecord,
    MachineStatus,
    Phase,
    RunRecord,
    TargetRecord,
    WaveRecord,
)

RUN = RunRecord("demo-test-1", "demo", "abc", Mode.TEST, 1, None, "2026-11-28T09:00:00Z", simulated=True)
LAGS = {
    "label": "db01",
    "ready": False,
    "state": "Lagging",
    "reason": "lag 20:00 (limit 5:00)",
    "lag": 1200,
    "percent": None,
}
SYNCS = {
    "label": "db02",
    "ready": False,
    "state": "Initial sync",
    "reason": "initial sync 43 %",
    "lag": None,
    "percent": 43,
}


def waiting() -> RunView:
    wave = WaveRecord(1, "db", reason="not ready: db01", looked="2026-11-28T09:01:00Z", progress=(LAGS, SYNCS))
    return RunView(RUN, ((wave, (MachineRecord("db01", 0), MachineRecord("db02", 1))),))


def ended() -> RunView:
    target = TargetRecord("i-1", ("10.0.0.1",), ("1.2.3.4",), "t3.large", "subnet-1")
    verified = MachineRecord("db01", 0, status=MachineStatus.VERIFIED, target=target)
    finding = Finding("running", "stopped", "running", "find out who stopped it")
    failed = MachineRecord("db02", 1, status=MachineStatus.FAILED, findings=(finding,))
    wave = WaveRecord(1, "db", phase=Phase.ENDED, outcome=MachineStatus.FAILED, reason="db02 failed (running: stopped)")
    return RunView(RUN, ((wave, (verified, failed)),))


def passed() -> RunView:
    ((wave, machines),) = ended().waves
    reason = "1 of 2 machines verified; db02 failed, which the plan lets pass"
    return RunView(RUN, ((wave.but(passed=True, reason=reason), machines),))


def following() -> RunView:
    target = TargetRecord("i-1", ("10.0.0.1",))
    booting = MachineRecord("db01", 0, target=target, checks=(Check("status_checks", "ok", "initializing", None),))
    wave = WaveRecord(1, "db", phase=Phase.FOLLOWING, job_status="STARTED", last_line="Started machine conversions")
    return RunView(RUN, ((wave, (booting, MachineRecord("db02", 1))),))


def drawn(view: RunView, planned: Night | None = None) -> str:
    out = io.StringIO()
    Console(file=out, width=140, color_system=None).print(draw(view, planned, LATER))
    return out.getvalue()


def test_the_board_shows_lag_and_percent_of_who_is_waited_for() -> None:
    seen = drawn(waiting())

    assert "0 of 2 verified" in seen
    assert "20:00" in seen
    assert "43 %" in seen
    assert "lag 20:00 (limit 5:00)" in seen


def test_the_board_shows_the_jobs_last_line_and_what_a_target_waits_for() -> None:
    seen = drawn(following())

    assert "job STARTED: Started machine conversions" in seen
    assert "i-1 10.0.0.1 (waits for status_checks)" in seen
    assert "launching" in seen


def test_a_log_that_speaks_of_machines_by_their_ids_has_them_named() -> None:
    ((wave, (booting, other)),) = following().waves
    known = (booting.but(id="s-00000000000000001"), other.but(id="s-00000000000000002"))
    at_work = wave.but(last_line="CONVERSION_START s-00000000000000002")
    assert "job STARTED: CONVERSION_START db02" in drawn(RunView(RUN, ((at_work, known),)))


def test_the_board_shows_verdicts_with_their_reason() -> None:
    seen = drawn(ended())

    assert "i-1 10.0.0.1 1.2.3.4" in seen
    assert "stopped" in seen
    assert "1 of 2 verified" in seen


def test_a_wave_that_passed_without_one_of_its_machines_says_so() -> None:
    seen = drawn(passed())

    assert "wave db: passed: 1 of 2 machines verified; db02 failed, which the plan lets pass" in seen
    assert "1 of 2 verified" in seen


def test_without_a_terminal_each_change_is_one_line() -> None:
    out = io.StringIO()
    with watching(Console(file=out, width=200)) as board:
        assert isinstance(board, Lines)
        for view in (waiting(), waiting(), following(), ended(), ended()):
            board.show(view)

    assert out.getvalue().splitlines() == [
        "2026-11-28T09:01:00Z wave db: not ready: db01",
        "                     wave db: job STARTED: Started machine conversions",
        "                     wave db: failed: db02 failed (running: stopped)",
        "                       db01 verified i-1 10.0.0.1 1.2.3.4",
        "                       db02 failed: running: seen stopped; rule: running; do: find out who stopped it",
    ]


# The night


STEP = PlannedStep("doors", Action(Deed.WEBHOOK, "http://control.example/doors/close"), 300)
ASK = Approval(("lead@example.com",), 1800)
PLANNED = Night(
    21600, 3600, 5400, ASK, ASK, ASK, quiesce=(STEP,), switch=(STEP,), probe=(Action(Deed.HTTP, "http://a.example"),)
)
CLOSED = NightRecord(
    holder=Holder.NOBODY,
    since="2026-12-05T22:10:00Z",
    closed="2026-12-05T22:10:00Z",
    done={"check": "2026-12-05T22:00:00Z", "go": "2026-12-05T22:05:00Z", "check_again": "2026-12-05T22:06:00Z"},
)
LATER = instant("2026-12-05T22:52:59Z")
DOORS = StepRecord(Part.QUIESCE, 1, "doors", StepState.DONE, "2026-12-05T22:10:00Z", "2026-12-05T22:15:00Z")
GO = QuestionRecord("go", "May it begin?", ("lead@example.com",), "2026-12-05T22:00:00Z", "2026-12-05T22:30:00Z")


def in_the_night(night: NightRecord | None = CLOSED, **more: Any) -> RunView:
    return replace(waiting(), night=night, **more)


def lines(view: RunView, now: datetime | None = LATER) -> list[str]:
    return [line.strip() for line in night_lines(view, PLANNED, now).values()]


def test_the_night_says_its_part_who_holds_production_and_its_clock() -> None:
    assert lines(in_the_night(steps=(DOORS,))) == [
        "production: nobody since 2026-12-05T22:10:00Z",
        "night: quiesce",
        "quiesce doors: done",
        "downtime 42:59 of 1:00:00 estimated",
    ]
    assert "production: nobody since 2026-12-05T22:10:00Z" in drawn(in_the_night(), PLANNED)


def test_a_test_run_and_a_night_that_has_not_begun_say_nothing_of_it() -> None:
    assert night_lines(in_the_night(), None, LATER) == {}
    assert lines(in_the_night(None)) == []


def test_the_clock_says_when_the_estimate_is_over_and_stops_when_users_are_in() -> None:
    over = instant("2026-12-05T23:20:00Z")
    assert lines(in_the_night(), over)[-1] == "downtime 1:10:00 of 1:00:00 estimated, over the estimate"
    opened = CLOSED.but(opened="2026-12-05T22:40:00Z")
    assert lines(in_the_night(opened), over)[-1] == "downtime 30:00 of 1:00:00 estimated"
    assert not lines(in_the_night(CLOSED.but(closed=None)), over)[-1].startswith("downtime")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"answer": "yes", "answered_by": "lead@example.com"}, "go: lead@example.com says yes"),
        (
            {"answer": "no", "answered_by": "lead@example.com", "reason": "freeze"},
            "go: lead@example.com says no: freeze",
        ),
        ({"closed": True}, "go: nobody answered by 2026-12-05T22:30:00Z"),
        ({}, "asks go of lead@example.com by 2026-12-05T22:30:00Z"),
    ],
)
def test_a_question_is_open_answered_or_too_late(change: dict[str, Any], said: str) -> None:
    assert said in lines(in_the_night(questions=(GO.but(**change),)))


def begun(phase: Phase) -> RunView:
    wave = WaveRecord(1, "db", phase=phase, started="2026-12-05T22:20:00Z")
    return RunView(RUN, ((wave, ()), (WaveRecord(2, "web"), ())) if phase is not Phase.ENDED else ((wave, ()),))


SHUT = CLOSED.done | dict.fromkeys(("quiesce", "zero_loss"), "2026-12-05T22:15:00Z")


@pytest.mark.parametrize(
    ("view", "done", "said"),
    [
        (waiting(), {}, "check"),
        (waiting(), {"check": "x"}, "go"),
        (waiting(), CLOSED.done, "quiesce"),
        (waiting(), CLOSED.done | {"quiesce": "x"}, "zero loss"),
        (waiting(), SHUT, "wave db"),
        (begun(Phase.FOLLOWING), SHUT, "wave db"),
        (begun(Phase.ENDED), SHUT, "users"),
        (begun(Phase.ENDED), SHUT | {"users": "x"}, "switch"),
        (begun(Phase.ENDED), SHUT | {"users": "x", "switch": "x"}, "probe"),
        (begun(Phase.ENDED), SHUT | {"users": "x", "switch": "x", "probe": "x"}, "soak"),
        (
            begun(Phase.ENDED),
            SHUT | dict.fromkeys(("users", "switch", "probe", "soak", "commit"), "x"),
            "everything is done",
        ),
    ],
)
def test_the_part_is_the_first_that_is_not_done(view: RunView, done: dict[str, str], said: str) -> None:
    closed = CLOSED.closed if "check_again" in done else None
    assert f"night: {said}" in lines(replace(view, night=CLOSED.but(done=done, closed=closed)))


def test_a_hold_and_the_way_back_say_why() -> None:
    hold = Hold(Part.WAVE, "2026-12-05T22:40:00Z", "2026-12-06T10:40:00Z", "db02 failed")
    assert "night: holds at wave until 2026-12-06T10:40:00Z: db02 failed" in lines(in_the_night(CLOSED.but(hold=hold)))
    back = CLOSED.but(back=Back("the plan's rule", "db02 failed", "2026-12-05T22:40:00Z", automatic=True))
    assert "night: goes back, stop targets: db02 failed" in lines(in_the_night(back))
    went = back.but(done=dict.fromkeys(("stop_targets", "undo_switch", "power_on", "open_doors"), "x"))
    assert "night: went back: db02 failed" in lines(in_the_night(went))


def test_without_a_terminal_the_night_is_said_as_it_changes_and_its_clock_when_it_stops() -> None:
    out = io.StringIO()
    with watching(Console(file=out, width=200), PLANNED) as board:
        for view in (in_the_night(), in_the_night(), in_the_night(CLOSED.but(opened="2026-12-05T22:40:00Z"))):
            board.show(view, LATER)
    said = [line[21:].strip() for line in out.getvalue().splitlines()]
    assert said == [
        "production: nobody since 2026-12-05T22:10:00Z",
        "night: quiesce",
        "wave db: not ready: db01",
        "downtime 30:00 of 1:00:00 estimated",
    ]
