"""MGN's events as they are published, and as they may come."""

from __future__ import annotations

from typing import Any

import pytest

from cutover.mgn_events import heard
from cutover.waking import Heard

ARN = "arn:aws:mgn:eu-central-1:111122223333:source-server/s-12345678901234567"
LAUNCHED = Heard("s-12345678901234567", "mgnjob-04ca7d0d3fb6afa3e")


@pytest.mark.parametrize(
    "detail",
    [
        {"state": "*TEST_LAUNCH_SUCCEEDED*", "job-id": "*mgnjob-04ca7d0d3fb6afa3e*"},
        {"state": "CUTOVER_LAUNCH_FAILED", "job-id": "mgnjob-04ca7d0d3fb6afa3e"},
        {"state": "SOMETHING_NEW", "jobID": "mgnjob-04ca7d0d3fb6afa3e", "more": {"nested": [1]}},
    ],
)
def test_a_launch_result_is_of_one_server_in_one_job(detail: dict[str, Any]) -> None:
    assert heard({"detail-type": "MGN Source Server Launch Result", "resources": [ARN], "detail": detail}) == LAUNCHED


@pytest.mark.parametrize("state", ["*READY_FOR_TEST*", "STALLED", "NOT_STALLED", 7, None])
def test_everything_else_that_names_a_server_is_news_of_it(state: Any) -> None:
    assert heard({"resources": [ARN], "detail": {"state": state}}) == Heard("s-12345678901234567")
    assert heard({"resources": [], "detail": {"sourceServerID": "s-1", "state": state}}) == Heard("s-1")


@pytest.mark.parametrize(
    "event",
    [
        None,
        "text",
        {},
        {"resources": None, "detail": None},
        {"resources": ["arn:aws:mgn:eu-central-1:111122223333:job/mgnjob-1"], "detail": []},
        {"resources": [], "detail": {"job-id": "mgnjob-04ca7d0d3fb6afa3e"}},
        {"resources": [], "detail": {"sourceServerID": "**", 3: 4}},
    ],
)
def test_what_names_no_server_says_nothing(event: Any) -> None:
    assert heard(event) is None


@pytest.mark.parametrize("job", ["", "*", None, 5, ["mgnjob-1"]])
def test_a_job_that_cannot_be_read_is_none(job: Any) -> None:
    assert heard({"resources": [ARN], "detail": {"job-id": job}}) == Heard("s-12345678901234567")
