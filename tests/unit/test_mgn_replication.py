"""MGN's word on replication is a claim: what speaks against CONTINUOUS wins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cutover.machine import Machine, ReplicationState
from cutover.mgn_answers import machine
from cutover.replication import Progress, after_quiesce, derive
from tests.unit.mgn_of import continuous, server

NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)
LIMIT = timedelta(minutes=5)
STATES = {
    "STOPPED": ReplicationState.STOPPED,
    "INITIATING": ReplicationState.INITIATING,
    "INITIAL_SYNC": ReplicationState.INITIAL_SYNC,
    "BACKLOG": ReplicationState.LAGGING,
    "CREATING_SNAPSHOT": ReplicationState.FINALIZING,
    "PAUSED": ReplicationState.PAUSED,
    "RESCAN": ReplicationState.RESCANNING,
    "STALLED": ReplicationState.STALLED,
    "DISCONNECTED": ReplicationState.DISCONNECTED,
    "PENDING_SNAPSHOT_SHIPPING": ReplicationState.LAGGING,
    "SHIPPING_SNAPSHOT": ReplicationState.LAGGING,
    "SOMETHING_NEW": ReplicationState.UNKNOWN,
    None: ReplicationState.UNKNOWN,
}


def seen(life: dict[str, Any] | None = None, **info: Any) -> Machine:
    life = life or {"state": "READY_FOR_TEST", "lastSeenByServiceDateTime": "2026-11-28T21:59:50Z"}
    found = machine(server(1, dataReplicationInfo=continuous(**info), lifeCycle=life))
    assert found is not None
    return found


def progress(**given: Any) -> Progress:
    return derive(seen(**given), NOW, LIMIT)


def disks(**bytes_: int | None) -> dict[str, Any]:
    return {"replicatedDisks": [{"deviceName": "a", "totalStorageBytes": 100, "replicatedStorageBytes": 100, **bytes_}]}


def test_what_everything_speaks_for_is_continuous() -> None:
    assert progress().continuous
    assert progress().lag == timedelta(0)


@pytest.mark.parametrize("word", STATES)
def test_every_other_word_is_not_ready_whatever_the_numbers_say(word: str | None) -> None:
    found = progress(dataReplicationState=word)
    assert found.state is STATES[word]
    assert not found.continuous
    assert str(word) in found.reason or word is None


@pytest.mark.parametrize(
    ("contradiction", "state", "words"),
    [
        ({"lagDuration": None}, ReplicationState.UNKNOWN, "no lag"),
        ({"lagDuration": "soon"}, ReplicationState.UNKNOWN, "a lag of 'soon'"),
        ({"lagDuration": "P1M"}, ReplicationState.UNKNOWN, "a lag of 'P1M'"),
        ({"lagDuration": "PT5M0.1S"}, ReplicationState.LAGGING, "lag"),
        ({"lagDuration": "P1DT2H"}, ReplicationState.LAGGING, "lag"),
        (disks(backloggedStorageBytes=1), ReplicationState.LAGGING, "backlog"),
        (disks(backloggedStorageBytes=-1), ReplicationState.UNKNOWN, "cannot be read"),
        (disks(), ReplicationState.UNKNOWN, "no backlog"),
        ({"replicatedDisks": []}, ReplicationState.UNKNOWN, "no backlog"),
        (disks(backloggedStorageBytes=0, replicatedStorageBytes=99), ReplicationState.LAGGING, "not replicated"),
        (disks(backloggedStorageBytes=0, rescannedStorageBytes=40), ReplicationState.RESCANNING, "rescan"),
        ({"lastSnapshotDateTime": None}, ReplicationState.UNKNOWN, "no snapshot"),
        ({"lastSnapshotDateTime": "2026-11-27T21:00:00Z"}, ReplicationState.LAGGING, "last snapshot"),
        ({"lastSnapshotDateTime": "2026-11-28T22:05:00Z"}, ReplicationState.UNKNOWN, "in the future"),
        ({"dataReplicationError": {"error": "NOT_CONVERGING"}}, ReplicationState.UNKNOWN, "NOT_CONVERGING"),
        ({"life": {"state": "NOT_READY"}}, ReplicationState.UNKNOWN, "NOT_READY"),
        ({"life": {"state": "SOMETHING"}}, ReplicationState.UNKNOWN, "SOMETHING"),
        (
            {"life": {"state": "TESTING", "lastSeenByServiceDateTime": "2026-11-28T21:40:00Z"}},
            ReplicationState.DISCONNECTED,
            "last seen",
        ),
    ],
)
def test_continuous_is_not_believed_against_what_else_is_said(
    contradiction: dict[str, Any], state: ReplicationState, words: str
) -> None:
    found = progress(**contradiction)
    assert found.state is state
    assert words in found.reason


@pytest.mark.parametrize("lag", ["P0D", "PT0S", "PT4M59.999S", "PT5M"])
def test_a_lag_within_the_limit_is_continuous(lag: str) -> None:
    assert progress(lagDuration=lag).continuous


@pytest.mark.parametrize("state", ["READY_FOR_TEST", "TESTING", "READY_FOR_CUTOVER", "CUTTING_OVER"])
def test_a_life_cycle_that_may_be_launched_says_nothing_against_it(state: str) -> None:
    assert progress(life={"state": state}).continuous


def test_the_snapshot_may_be_older_than_the_lag_for_the_launch_takes_another() -> None:
    assert progress(lastSnapshotDateTime="2026-11-28T12:00:00Z").continuous


def test_the_way_there_is_told() -> None:
    found = progress(
        dataReplicationState="INITIAL_SYNC",
        replicatedDisks=[
            {"deviceName": "a", "totalStorageBytes": 100, "replicatedStorageBytes": 60},
            {"deviceName": "b", "totalStorageBytes": 100, "replicatedStorageBytes": 20},
        ],
        etaDateTime="2026-11-28T23:00:00Z",
    )
    assert (found.percent, found.eta) == (40.0, NOW + timedelta(hours=1))
    stalled = progress(
        dataReplicationState="STALLED", dataReplicationError={"error": "AGENT_NOT_SEEN", "rawError": "x"}
    )
    assert stalled.reason == "the service says STALLED, AGENT_NOT_SEEN: x"


def test_a_step_that_failed_says_why() -> None:
    steps = [
        {"name": "CREATE_SECURITY_GROUP", "status": "SUCCEEDED"},
        {"name": "LAUNCH_REPLICATION_SERVER", "status": "FAILED"},
    ]
    found = progress(
        dataReplicationState="INITIATING",
        dataReplicationInitiation={"steps": steps},
        dataReplicationError={"error": "FAILED_TO_LAUNCH_REPLICATION_SERVER"},
    )
    assert found.state is ReplicationState.INITIATION_FAILED
    assert "launch replication server failed: FAILED_TO_LAUNCH_REPLICATION_SERVER" in found.reason
    steps[1]["status"] = "IN_PROGRESS"
    going = progress(dataReplicationState="INITIATING", dataReplicationInitiation={"steps": steps})
    assert "step 2 of 2" in going.reason


@pytest.mark.parametrize("word", ["CONTINUOUS", "BACKLOG", "STALLED", "DISCONNECTED"])
def test_after_the_quiesce_a_later_snapshot_and_no_backlog_prove_it(word: str) -> None:
    whole = seen(dataReplicationState=word)
    assert after_quiesce(whole, NOW, NOW - timedelta(minutes=30)).continuous
    assert not after_quiesce(whole, NOW, NOW - timedelta(minutes=5)).continuous


@pytest.mark.parametrize(
    "given",
    [
        {"dataReplicationState": "RESCAN"},
        {"dataReplicationState": "INITIAL_SYNC"},
        {"dataReplicationState": "SOMETHING"},
        {"dataReplicationState": "STALLED", **disks()},
        {"dataReplicationState": "STALLED", **disks(backloggedStorageBytes=1)},
    ],
)
def test_what_leaves_it_open_whether_all_has_arrived_proves_nothing(given: dict[str, Any]) -> None:
    assert not after_quiesce(seen(**given), NOW, NOW - timedelta(minutes=30)).continuous
