"""What a person watches: the board on a terminal, lines elsewhere."""

from __future__ import annotations

import io

from rich.console import Console

from cli.board import Lines, draw, watching
from cli.deployment import RunView
from cutover.finding import Finding
from cutover.plan import Mode
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


def drawn(view: RunView) -> str:
    out = io.StringIO()
    Console(file=out, width=140, color_system=None).print(draw(view))
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
