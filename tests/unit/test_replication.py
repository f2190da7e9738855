"""The label of a machine: contract §5.3, in its order, and never ready on a doubt."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cutover.machine import Machine, Replication, ReplicationState
from cutover.replication import LAST_STEP, derive

NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)
LIMIT = timedelta(minutes=5)
GIB = 2**30
T = TypeVar("T")

CAUGHT_UP = Replication(
    status="STARTED",
    agent_installed=True,
    total_bytes=100 * GIB,
    replicated_bytes=100 * GIB,
    backlog_bytes=0,
    rescanned_bytes=0,
    consistent_at=NOW - timedelta(seconds=42),
    seen_at=NOW - timedelta(seconds=5),
)
FLOWING = (("DOWNLOADING_REPLICATION_SOFTWARE", "SUCCEEDED", ""), (LAST_STEP, "SUCCEEDED", ""))


def machine(**changes: Any) -> Machine:
    return Machine(id="m-1", name="web1", replica=None, replication=replace(CAUGHT_UP, **changes))


def look(previous: Machine | None = None, now: datetime = NOW, **changes: Any) -> tuple[str, str]:
    progress = derive(machine(**changes), now, LIMIT, previous)
    return progress.state.name, progress.reason


def test_a_machine_that_has_caught_up_is_in_continuous_data_replication():
    progress = derive(machine(), NOW, LIMIT)
    assert progress.continuous
    assert progress.lag == timedelta(seconds=42)
    assert progress.reason == "lag 0:42 (limit 5:00), no backlog"


def test_a_lag_of_exactly_the_limit_is_still_good():
    assert look(consistent_at=NOW - LIMIT)[0] == "CONTINUOUS_DATA_REPLICATION"
    assert look(consistent_at=NOW - LIMIT - timedelta(milliseconds=1)) == ("LAGGING", "lag 5:01 (limit 5:00)")


def test_a_lag_across_midnight_is_minutes_and_not_negative():
    after_midnight = datetime(2026, 11, 29, 0, 4, 20, tzinfo=UTC)
    before_midnight = datetime(2026, 11, 28, 23, 50, tzinfo=UTC)
    state = look(now=after_midnight, consistent_at=before_midnight, seen_at=after_midnight)
    assert state == ("LAGGING", "lag 14:20 (limit 5:00)")


def test_a_machine_that_stood_still_for_25_hours_is_not_one_hour_late():
    assert look(consistent_at=NOW - timedelta(hours=25)) == ("LAGGING", "lag 25:00:00 (limit 5:00)")


def test_a_machine_that_stood_still_for_exactly_a_day_is_not_fresh():
    assert look(consistent_at=NOW - timedelta(days=1)) == ("LAGGING", "lag 24:00:00 (limit 5:00)")


def test_the_lag_is_the_same_whatever_offset_the_instants_are_written_in():
    tokyo = (NOW - timedelta(seconds=42)).astimezone(ZoneInfo("Asia/Tokyo"))
    assert derive(machine(consistent_at=tokyo), NOW, LIMIT).lag == timedelta(seconds=42)


def test_a_consistency_point_in_the_future_is_doubted_beyond_a_minute():
    assert look(consistent_at=NOW + timedelta(seconds=60))[0] == "CONTINUOUS_DATA_REPLICATION"
    state, reason = look(consistent_at=NOW + timedelta(seconds=61))
    assert (state, reason) == ("UNKNOWN", "last consistency point is 1:01 in the future: clocks disagree")
    assert look(seen_at=NOW + timedelta(hours=1))[0] == "UNKNOWN"


def test_a_backlog_alone_is_lagging():
    assert look(backlog_bytes=int(6.1 * GIB)) == ("LAGGING", "backlog 6.1 GiB")


def test_a_missing_backlog_counts_as_none():
    assert look(backlog_bytes=None)[0] == "CONTINUOUS_DATA_REPLICATION"


def test_an_unreadable_backlog_does_not_count_as_none():
    assert look(backlog_bytes=-1) == ("UNKNOWN", "the backlog size cannot be read")


def test_a_lagging_machine_says_everything_that_keeps_it():
    state, reason = look(
        consistent_at=NOW - timedelta(minutes=14, seconds=20),
        backlog_bytes=GIB,
        replicated_bytes=98 * GIB,
        next_consistent_at=NOW + timedelta(minutes=28),
    )
    assert state == "LAGGING"
    assert reason == (
        "lag 14:20 (limit 5:00), backlog 1.0 GiB, 2.0 GiB not replicated, next consistency point ≈ 22:28 UTC"
    )


def test_no_backlog_is_not_enough_when_not_everything_is_replicated():
    assert look(replicated_bytes=99 * GIB) == ("LAGGING", "1.0 GiB not replicated")


def test_more_replicated_than_there_is_cannot_be():
    assert look(replicated_bytes=101 * GIB)[0] == "UNKNOWN"


@pytest.mark.parametrize("missing", ["total_bytes", "replicated_bytes"])
def test_sizes_are_compared_only_when_both_are_given(missing):
    gap: dict[str, Any] = {missing: None}
    assert look(**gap)[0] == "CONTINUOUS_DATA_REPLICATION"


@pytest.mark.parametrize("tolerated", ["seen_at", "agent_installed"])
def test_what_older_accounts_omit_is_passed_over(tolerated):
    gap: dict[str, Any] = {tolerated: None}
    assert look(**gap)[0] == "CONTINUOUS_DATA_REPLICATION"


def test_a_missing_agent_wins_over_everything():
    assert look(agent_installed=False, status="STOPPED") == ("AGENT_MISSING", "the agent is not installed")


@pytest.mark.parametrize("status", ["STOPPED", "PAUSED"])
def test_the_operators_switch_is_believed(status):
    assert look(status=status)[0] == status


def test_a_missing_or_strange_status_is_unknown():
    assert look(status=None) == ("UNKNOWN", "replication status is missing")
    assert look(status="REVERSING") == ("UNKNOWN", "replication status 'REVERSING' is not known")
    assert look(status="started")[0] == "UNKNOWN"


def test_an_agent_out_of_sight_is_disconnected_however_fresh_the_data():
    assert look(seen_at=NOW - timedelta(minutes=10))[0] == "CONTINUOUS_DATA_REPLICATION"
    state = look(seen_at=NOW - timedelta(minutes=12, seconds=30))
    assert state == ("DISCONNECTED", "agent last seen 12:30 ago (limit 10:00)")


def test_an_initiation_says_the_step_it_is_at():
    steps = (
        ("WAITING_TO_INITIATE_REPLICATION", "SUCCEEDED", ""),
        ("CREATING_FIREWALL_RULES", "SKIPPED", ""),
        ("CREATING_REPLICATION_SERVER", "STARTED", ""),
        (LAST_STEP, "NOT_STARTED", ""),
    )
    state = look(consistent_at=None, replicated_bytes=0, steps=steps)
    assert state == ("INITIATING", "step 3 of 4: creating replication server (started)")


def test_a_failed_initiation_says_why_and_when_it_is_tried_again():
    steps = (("AUTHENTICATING_WITH_MANAGEMENT_SERVER", "FAILED", "port 443 is blocked"),)
    state = look(consistent_at=None, steps=steps, next_attempt_at=NOW + timedelta(minutes=5))
    assert state == (
        "INITIATION_FAILED",
        "authenticating with management server failed: port 443 is blocked; next attempt ≈ 22:05 UTC",
    )


def test_a_machine_that_never_began_is_initiating():
    state = look(consistent_at=None, replicated_bytes=None, total_bytes=None)
    assert state == ("INITIATING", "replication is not initiated yet")


def test_an_initial_sync_says_how_far_it_is():
    changes = {"replicated_bytes": 43 * GIB, "backlog_bytes": 57 * GIB, "steps": FLOWING}
    progress = derive(
        machine(consistent_at=None, next_consistent_at=NOW + timedelta(minutes=28), **changes), NOW, LIMIT
    )
    assert progress.state is ReplicationState.INITIAL_SYNC
    assert progress.reason == "initial sync 43 %, 57.0 GiB to go, ready ≈ 22:28 UTC"
    assert progress.percent == pytest.approx(43)
    assert progress.eta == NOW + timedelta(minutes=28)


def test_arrived_bytes_prove_the_sync_where_no_steps_are_listed():
    assert look(consistent_at=None, replicated_bytes=GIB)[0] == "INITIAL_SYNC"


def test_an_initial_sync_is_never_rounded_up_to_done():
    assert "99 %" in look(consistent_at=None, replicated_bytes=100 * GIB - 1, steps=FLOWING)[1]


def test_everything_copied_without_a_consistency_point_is_finalizing():
    state = look(consistent_at=None, steps=FLOWING)
    assert state == ("FINALIZING", "100.0 GiB copied, first consistency point pending")


def test_an_initial_sync_of_unknown_size_is_unknown():
    assert look(consistent_at=None, total_bytes=None, steps=FLOWING)[0] == "UNKNOWN"


def test_a_rescan_in_progress_is_rescanning():
    progress = derive(machine(rescanned_bytes=40 * GIB, replicated_bytes=40 * GIB), NOW, LIMIT)
    assert progress.state is ReplicationState.RESCANNING
    assert progress.reason == "rescan 40 % of 100.0 GiB"
    assert progress.percent == pytest.approx(40)


def test_a_rescan_counter_that_was_not_set_back_holds_nobody_up():
    assert look(rescanned_bytes=100 * GIB)[0] == "CONTINUOUS_DATA_REPLICATION"
    assert look(rescanned_bytes=7 * GIB, total_bytes=None)[0] == "CONTINUOUS_DATA_REPLICATION"


def test_a_scan_begun_after_the_last_consistency_point_is_rescanning():
    state, reason = look(scan_started_at=NOW - timedelta(seconds=30), total_bytes=None)
    assert (state, reason) == (
        "RESCANNING",
        "rescan of unknown size, begun 21:59 UTC, after the last consistency point",
    )
    assert look(scan_started_at=NOW - timedelta(hours=3))[0] == "CONTINUOUS_DATA_REPLICATION"


def test_a_lag_without_movement_between_two_looks_is_a_stall():
    late: dict[str, Any] = {"consistent_at": NOW - timedelta(minutes=30), "backlog_bytes": GIB}
    state, reason = look(previous=machine(**late), **late)
    assert state == "STALLED"
    assert reason == "lag 30:00 (limit 5:00), backlog 1.0 GiB, nothing moved since the last look"


@pytest.mark.parametrize(
    "before",
    [
        {"backlog_bytes": 2 * GIB},
        {"replicated_bytes": 99 * GIB},
        {"consistent_at": NOW - timedelta(minutes=31)},
    ],
)
def test_any_movement_between_two_looks_is_no_stall(before):
    late: dict[str, Any] = {"consistent_at": NOW - timedelta(minutes=30), "backlog_bytes": GIB}
    assert look(previous=machine(**{**late, **before}), **late)[0] == "LAGGING"


def test_a_backlog_within_the_lag_limit_is_no_stall():
    assert look(previous=machine(backlog_bytes=GIB), backlog_bytes=GIB)[0] == "LAGGING"


def test_a_machine_the_service_does_not_list_as_replicating_is_doubted():
    unlisted = replace(machine(), listed_as_replicating=False)
    assert derive(unlisted, NOW, LIMIT).state is ReplicationState.UNKNOWN


def test_an_estimate_that_has_passed_is_not_told():
    progress = derive(machine(backlog_bytes=GIB, next_consistent_at=NOW - timedelta(minutes=1)), NOW, LIMIT)
    assert progress.eta is None
    assert "≈" not in progress.reason


def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | strategy


INSTANTS = st.timedeltas(min_value=-timedelta(days=3), max_value=timedelta(minutes=3)).map(lambda age: NOW + age)
NEAR = st.timedeltas(min_value=-timedelta(minutes=7), max_value=timedelta(0)).map(lambda age: NOW + age)
SIZES = st.sampled_from([-1, 0, 1, 100 * GIB - 1, 100 * GIB]) | st.integers(min_value=0, max_value=200 * GIB)
STEPS = st.tuples(
    st.sampled_from(["CREATING_FIREWALL_RULES", LAST_STEP, ""]),
    st.sampled_from(["SUCCEEDED", "FAILED", "STARTED", "SKIPPED", "PAUSED", ""]),
    st.sampled_from(["", "went wrong"]),
)
REPLICATIONS = st.builds(
    Replication,
    status=st.sampled_from(["STARTED"] * 5 + ["PAUSED", "STOPPED", "", "started", None]),
    agent_installed=st.sampled_from([True, None, False]),
    total_bytes=maybe(SIZES),
    replicated_bytes=maybe(SIZES),
    backlog_bytes=maybe(SIZES),
    rescanned_bytes=maybe(SIZES),
    consistent_at=maybe(INSTANTS | NEAR),
    next_consistent_at=maybe(INSTANTS),
    scan_started_at=maybe(INSTANTS),
    seen_at=maybe(INSTANTS | NEAR),
    next_attempt_at=maybe(INSTANTS),
    steps=st.lists(STEPS, max_size=3).map(tuple),
)
MACHINES = st.builds(
    Machine,
    id=st.just("m-1"),
    name=st.just("web1"),
    replica=st.none(),
    replication=REPLICATIONS | st.just(CAUGHT_UP),
    listed_as_replicating=st.booleans(),
)


@settings(deadline=None)
@given(MACHINES, st.timedeltas(min_value=timedelta(0), max_value=timedelta(hours=3)), maybe(MACHINES))
def test_no_machine_whatsoever_is_ready_unless_every_condition_holds(one, limit, previous):
    progress = derive(one, NOW, limit, previous)
    seen = one.replication
    if progress.continuous:
        assert seen.status == "STARTED"
        assert seen.consistent_at is not None
        assert NOW - seen.consistent_at <= limit
        assert not seen.backlog_bytes
        assert None in (seen.total_bytes, seen.replicated_bytes) or seen.total_bytes == seen.replicated_bytes
        assert seen.agent_installed is not False
        assert one.listed_as_replicating


SHRUNK = machine(total_bytes=1, replicated_bytes=None, rescanned_bytes=100 * GIB, scan_started_at=NOW)


@settings(deadline=None)
@example(SHRUNK, None)
@given(MACHINES, maybe(MACHINES))
def test_every_label_has_its_reason_and_sensible_numbers(one, previous):
    progress = derive(one, NOW, LIMIT, previous)
    assert progress.reason.strip()
    assert progress.percent is None or 0 <= progress.percent <= 100
    assert progress.lag is None or progress.lag >= timedelta(0)
    assert progress.eta is None or progress.eta > NOW


@pytest.mark.parametrize(
    ("backlog", "limit", "state", "reason"),
    [
        (1, None, "LAGGING", "backlog 1 B"),
        (1, 0, "LAGGING", "backlog 1 B (limit 0 B)"),
        (2 * GIB, 2 * GIB, "CONTINUOUS_DATA_REPLICATION", "lag 0:42 (limit 5:00), backlog 2.0 GiB, within the limit"),
        (3 * GIB, 2 * GIB, "LAGGING", "backlog 3.0 GiB (limit 2.0 GiB)"),
        (0, 2 * GIB, "CONTINUOUS_DATA_REPLICATION", "lag 0:42 (limit 5:00), no backlog"),
    ],
)
def test_a_backlog_is_allowed_up_to_the_plans_limit(backlog, limit, state, reason):
    progress = derive(machine(backlog_bytes=backlog), NOW, LIMIT, backlog_limit=limit)
    assert (progress.state.name, progress.reason) == (state, reason)


def test_what_is_not_replicated_at_all_is_no_backlog():
    progress = derive(machine(replicated_bytes=99 * GIB), NOW, LIMIT, backlog_limit=2 * GIB)
    assert progress.state is ReplicationState.LAGGING
