"""Events of an MGN job: what of them spoils a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from cutover.machine import Job, LogKind
from cutover.mgn_answers import job as read
from cutover.mgn_log import lines
from tests.unit.mgn_of import job, server_id


def item(event: str, server: int | None = 1, minute: int = 0, **data: Any) -> dict[str, Any]:
    about = {"sourceServerID": server_id(server)} if server else {}
    return {"logDateTime": f"2026-11-28T22:{minute:02d}:00Z", "event": event, "eventData": {**about, **data}}


def kinds(*items: Any, status: str = "COMPLETED") -> list[LogKind | None]:
    found = read(job(1, status=status))
    assert isinstance(found, Job)
    return [line.kind for line in lines(found, items).log]


FAILS = ["CONVERSION_FAIL", "LAUNCH_FAILED", "SNAPSHOT_FAIL", "SERVER_SKIPPED", "JOB_CANCEL"]


@pytest.mark.parametrize("event", FAILS)
def test_what_nobody_mended_is_a_failure(event: str) -> None:
    assert kinds(item(event)) == [LogKind.FAILURE]
    assert kinds(item(event), item("CONVERSION_END", server=2, minute=1))[0] is LogKind.FAILURE


@pytest.mark.parametrize(
    ("event", "mended"),
    [
        ("CONVERSION_FAIL", "CONVERSION_END"),
        ("SNAPSHOT_FAIL", "SNAPSHOT_END"),
        ("SNAPSHOT_FAIL", "USING_PREVIOUS_SNAPSHOT"),
        ("SNAPSHOT_FAIL", "SNAPSHOT_FAIL"),
    ],
)
def test_what_was_done_later_or_tried_again_is_only_told(event: str, mended: str) -> None:
    assert kinds(item(event), item(mended, minute=1))[0] is LogKind.WARNING
    assert kinds(item(mended), item(event, minute=1))[-1] is LogKind.FAILURE


@pytest.mark.parametrize(("event", "kind"), [("SNAPSHOT_FAIL", "WARNING"), ("CONVERSION_FAIL", "WARNING")])
def test_while_the_job_is_open_another_try_may_come(event: str, kind: str) -> None:
    assert kinds(item(event), status="STARTED") == [LogKind[kind]]
    assert kinds(item("LAUNCH_FAILED"), status="STARTED") == [LogKind.FAILURE]


@pytest.mark.parametrize(
    "event", ["JOB_START", "SNAPSHOT_START", "LAUNCH_START", "JOB_END", "CLEANUP_FAIL", "NEW_WORD"]
)
def test_everything_else_is_information(event: str) -> None:
    """That the previous target was not cleaned up is seen in EC2, and judged there."""
    assert kinds(item(event)) == [LogKind.INFORMATION]


def test_the_use_of_an_earlier_snapshot_is_left_to_be_judged_by_its_age() -> None:
    assert kinds(item("USING_PREVIOUS_SNAPSHOT")) == [LogKind.PREVIOUS_DATA]


def test_lines_are_in_their_order_and_say_whom_and_why() -> None:
    found = read(job(1))
    assert found is not None
    failed = item("CONVERSION_FAIL", minute=2, rawError="no driver", attemptCount=2, maxAttemptsCount=3)
    log = lines(found, [failed, item("JOB_START", server=None), {"eventData": None}, "garbage"]).log
    assert [each.message for each in log] == [
        "an event without a name",
        "an event without a name",
        "JOB_START",
        f"CONVERSION_FAIL {server_id(1)} (attempt 2 of 3): no driver",
    ]
    assert [each.machine for each in log] == [None, None, None, server_id(1)]
