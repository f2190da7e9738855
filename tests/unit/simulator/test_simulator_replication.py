"""A machine's replication as time goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from stage.simulator.replication import STEPS, Replication, replication_at
from stage.simulator.spec import Phase

START = datetime(2026, 12, 5, 23, 50, tzinfo=UTC)
TOTAL = 100 * 2**30


def after(seconds: float, *phases: dict[str, Any]) -> Replication:
    return replication_at(
        [Phase.model_validate(phase) for phase in phases], START, START + timedelta(seconds=seconds), total=TOTAL
    )


def lag(seen: Replication, seconds: float) -> float:
    assert seen.consistent_at is not None
    return (START + timedelta(seconds=seconds) - seen.consistent_at).total_seconds()


def test_continuous_replication_has_a_new_consistency_point_every_minute():
    points = [after(seconds, {"state": "continuous"}).consistent_at for seconds in range(0, 1200, 20)]
    assert len(set(points)) == 20
    assert all(lag(after(seconds, {}), seconds) < 60 for seconds in range(1200))


def test_a_lagging_machine_closes_the_gap_evenly_and_is_then_continuous():
    phase = {"state": "lagging", "behind": "20m", "for": "4m"}
    assert [round(lag(after(seconds, phase), seconds)) for seconds in (0, 60, 120, 180)] == [1200, 900, 600, 300]
    assert after(120, phase).backlog > after(180, phase).backlog > 0
    assert after(60, phase).next_consistent_at == START + timedelta(minutes=4)
    assert after(241, phase).backlog == 0
    assert lag(after(241, phase), 241) < 61


def test_a_lagging_machine_without_an_end_never_catches_up_but_does_move():
    phase = {"state": "lagging", "behind": "45m"}
    assert lag(after(86_400, phase), 86_400) == pytest.approx(45 * 60)
    assert after(60, phase).backlog != after(120, phase).backlog


def test_a_stalled_machine_stands_still_and_a_disconnected_one_is_not_seen():
    stalled = after(3600, {"state": "stalled"})
    assert (stalled.consistent_at, stalled.seen_at) == (START, START + timedelta(hours=1))
    assert stalled.backlog == after(7200, {"state": "stalled"}).backlog > 0
    gone = after(3600, {"state": "disconnected", "behind": "2h"})
    assert gone.seen_at == gone.consistent_at == START - timedelta(hours=2)


def test_an_initial_sync_has_no_consistency_point_until_it_is_done():
    phase = {"state": "initial_sync", "progress": 50, "for": "10m"}
    half = after(300, phase)
    assert half.consistent_at is None
    assert half.replicated == TOTAL * 3 // 4
    assert half.next_consistent_at == START + timedelta(minutes=10)
    assert after(601, phase).consistent_at is not None


def test_an_initiation_walks_through_its_steps_in_order():
    seen = after(300, {"state": "initiating", "for": "11m"}, {"state": "initial_sync", "for": "1h"}).initiation
    assert seen is not None
    statuses = {step["name"]: step["status"] for step in seen["items"][-1]["steps"]}
    assert list(statuses) == list(STEPS)
    assert list(statuses.values()) == ["SUCCEEDED"] * 5 + ["STARTED"] + ["NOT_STARTED"] * 5


def test_a_failed_initiation_names_its_step_its_message_and_the_next_attempt():
    phase = {"state": "initiating", "step": "CREATING_REPLICATION_SERVER", "failed": "no capacity"}
    seen = after(60, phase).initiation
    assert seen is not None
    failed = seen["items"][-1]["steps"][2]
    assert (failed["name"], failed["status"], failed["message"]) == (
        "CREATING_REPLICATION_SERVER",
        "FAILED",
        "no capacity",
    )
    assert seen["estimatedNextAttemptDateTime"] == "2026-12-05T23:55:00.000000+00:00"


def test_a_rescan_reads_every_byte_again():
    phase = {"state": "rescan", "for": "10m"}
    assert 0 < after(300, phase).rescanned < TOTAL
    assert after(300, phase).scan_started_at == START
    assert after(601, phase).rescanned == 0


@pytest.mark.parametrize(
    ("state", "status", "agent", "listed"),
    [
        ("paused", "PAUSED", True, True),
        ("stopped", "STOPPED", True, False),
        ("agent_missing", "STARTED", False, False),
        ("continuous", "STARTED", True, True),
    ],
)
def test_only_replicating_machines_are_listed_by_default(state, status, agent, listed):
    seen = after(60, {"state": state})
    assert (seen.status, seen.agent, seen.listed) == (status, agent, listed)


def test_time_never_takes_a_consistency_point_back():
    phases = [{"state": "lagging", "behind": "20m", "for": "4m"}, {"for": "3m"}, {"state": "stalled", "for": "2m"}]
    points = [after(seconds, *phases).consistent_at for seconds in range(0, 900, 7)]
    assert all(a is not None and b is not None and a <= b for a, b in pairwise(points))
