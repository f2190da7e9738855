"""What a job's log holds against a machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cutover.finding import Finding, Severity
from cutover.joblog import Named, findings
from cutover.machine import LogKind, LogLine
from cutover.plan import Mode
from tests.unit.records_of import NOW

WEB1, WEB10 = Named("m-1", "web1"), Named("m-10", "web10")
STALE = (
    "The latest state of the machine {} could not have been fetched. Creating replica that is up-to-date to {} instead."
)


def against(machine: Named, *lines: str, mode: Mode = Mode.CUTOVER, lag_limit: int = 300) -> tuple[Finding, ...]:
    return findings([LogLine(NOW, line) for line in lines], machine, [WEB1, WEB10], mode, NOW, lag_limit)


@pytest.mark.parametrize(
    ("upto", "stale"),
    [
        ("2026-11-28 21:55:00.000000UTC", False),
        ("2026-11-28 21:54:59.000000UTC", True),
        ("2026-11-28T21:54:59Z", True),
        ("2026-11-27 21:59:00UTC", True),
        ("2026-11-28 22:00:30UTC", False),
    ],
)
def test_data_is_stale_by_the_lag_limit_not_by_the_line(upto: str, stale: bool) -> None:
    assert bool(against(WEB1, STALE.format("m-1", upto))) is stale


def test_stale_data_is_an_error_in_a_cutover_and_a_warning_in_a_test() -> None:
    line = STALE.format("m-1", "2026-11-28 20:00:00UTC")
    assert [each.severity for each in against(WEB1, line)] == [Severity.ERROR]
    (told,) = against(WEB1, line, mode=Mode.TEST)
    assert told.severity is Severity.WARNING
    assert told.seen == "data up to 2026-11-28 20:00:00 UTC, 2:00:00 before the launch"


@pytest.mark.parametrize("said", ["", "yesterday", "2026-11-28", "28.11.2026 20:00"])
def test_a_time_that_cannot_be_read_is_stale(said: str) -> None:
    (found,) = against(WEB1, STALE.format("m-1", said))
    assert "does not say how old the data is" in found.seen


def test_a_line_about_another_machine_is_not_held_against_this_one() -> None:
    line = STALE.format("m-10", "2026-11-28 20:00:00UTC")
    assert against(WEB10, line)
    assert not against(WEB1, "Failed creating a replica for instance web10")
    assert against(WEB10, "Failed creating a replica for instance web10")


@pytest.mark.parametrize("line", ["Failed: web1", "failed for WEB1: no", "Failed for web1.", "Failed (web1)"])
def test_a_name_is_a_whole_word(line: str) -> None:
    assert [each.severity for each in against(WEB1, line)] == [Severity.ERROR]
    assert not against(WEB10, line)


@pytest.mark.parametrize("name", ["web1.example.com", "my-web1", "web1-old", "x.web1"])
def test_a_longer_name_is_another_name(name: str) -> None:
    line = f"Failed for {name}"
    assert [each.severity for each in against(WEB1, line)] == [Severity.WARNING], "it names nobody of the wave"


def test_a_failure_that_names_nobody_warns_everybody() -> None:
    for machine in (WEB1, WEB10):
        assert [each.severity for each in against(machine, "Failed machine conversions")] == [Severity.WARNING]


def test_stale_data_of_nobody_in_particular_is_everybodys() -> None:
    line = STALE.format("of the project", "2026-11-28 20:00:00UTC")
    assert [each.severity for each in against(WEB1, line)] == [Severity.ERROR]


def test_a_failed_cleanup_is_the_affair_of_the_previous_target() -> None:
    assert not against(WEB1, "Failed cleanup of instance i-0 of web1")


def test_lines_may_come_twice_in_any_order_and_empty() -> None:
    lines = ["Job finished", "Failed creating web1", "", "Job started", "Failed creating web1"]
    assert len(against(WEB1, *lines)) == 1


def test_a_machine_without_a_name_is_known_by_its_id() -> None:
    nameless = Named("3f2a-77", None)
    (found,) = findings(
        [LogLine(None, "Failed volume vol-3F2A-77:/dev/sda")], nameless, [nameless], Mode.TEST, NOW, 300
    )
    assert found.severity is Severity.ERROR


@pytest.mark.parametrize(
    "line", ["Job finished", "Finished machine conversions", "Nothing failed", "Started failing over"]
)
def test_other_lines_say_nothing(line: str) -> None:
    assert not against(WEB1, line)


def said(kind: LogKind, machine: str | None = "m-1", **more: Any) -> list[Severity]:
    """How heavily an event weighs on web1."""
    line = LogLine(NOW, f"EVENT {machine}", kind, machine)
    found = findings([line], WEB1, [WEB1, WEB10], Mode.CUTOVER, NOW, 300, **more)
    return [each.severity for each in found]


def test_an_event_weighs_by_its_kind_and_on_its_machine() -> None:
    assert said(LogKind.FAILURE) == [Severity.ERROR]
    assert said(LogKind.WARNING) == [Severity.WARNING]
    assert said(LogKind.INFORMATION) == []
    assert said(LogKind.FAILURE, "m-10") == []  # though m-1 stands in its text
    assert said(LogKind.FAILURE, None) == [Severity.WARNING]


@pytest.mark.parametrize(("age", "stale"), [(300, False), (301, True), (86400, True)])
def test_data_of_an_earlier_snapshot_is_as_old_as_the_last_one_known_before_the_launch(age: int, stale: bool) -> None:
    snapshot = NOW - timedelta(seconds=age)
    assert said(LogKind.PREVIOUS_DATA, snapshot=snapshot) == ([Severity.ERROR] if stale else [])
    quiesced = NOW - timedelta(hours=2)
    assert bool(said(LogKind.PREVIOUS_DATA, snapshot=snapshot, quiesced=quiesced)) is (age > 7200)


def test_without_a_snapshot_known_before_the_launch_nobody_knows_how_old_the_data_is() -> None:
    assert said(LogKind.PREVIOUS_DATA, snapshot=None) == [Severity.ERROR]
