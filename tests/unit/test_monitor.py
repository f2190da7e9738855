"""What is news of replication, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cutover.machine import Machine, Replication
from cutover.monitor import ReplicationNews, Seen, Told, Watched, compare, news_id

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
TICK = timedelta(minutes=5)
GIB = 2**30
DONE = (("ESTABLISHING_AGENT_REPLICATOR_COMMUNICATION", "SUCCEEDED", ""),)


def ready(now: datetime) -> dict[str, Any]:
    return {"consistent_at": now - timedelta(seconds=20)}


def lagging(now: datetime) -> dict[str, Any]:
    return {"consistent_at": now - timedelta(minutes=9), "backlog_bytes": 5 * GIB}


def stuck(_: datetime) -> dict[str, Any]:
    return {"consistent_at": NOW - timedelta(hours=1), "backlog_bytes": 5 * GIB}


def lost(now: datetime) -> dict[str, Any]:
    return {"consistent_at": now - timedelta(hours=1), "seen_at": now - timedelta(minutes=40)}


def copying(_: datetime) -> dict[str, Any]:
    return {"replicated_bytes": 40 * GIB, "backlog_bytes": 60 * GIB, "steps": DONE}


def unknown(now: datetime) -> dict[str, Any]:
    return {"consistent_at": now + timedelta(hours=1)}


def paused(_: datetime) -> dict[str, Any]:
    return {"status": "PAUSED"}


LOOKS = {each.__name__: each for each in (ready, lagging, stuck, lost, copying, unknown, paused)}


def at(now: datetime, kind: str) -> Machine:
    fields = {"status": "STARTED", "total_bytes": 100 * GIB, "replicated_bytes": 100 * GIB, "backlog_bytes": 0}
    return Machine("m-1", "db01", None, Replication(**{**fields, **LOOKS[kind](now)}))


def watch(*kinds: str) -> tuple[Seen, list[str]]:
    """Look after look, each remembered as the table remembers it; the last one, and all news."""
    watched: Watched | None = None
    for number, kind in enumerate(kinds):
        now = NOW + number * TICK
        seen = compare(watched, at(now, kind), now, 300)
        watched = Watched.from_json(seen.watched.to_json())
        assert watched == seen.watched
    return seen, [each.news.value for each in seen.watched.untold]


@pytest.mark.parametrize(
    ("kinds", "news"),
    [
        ("ready ready ready", "ready"),
        ("copying copying ready ready", "initial-sync-ended ready"),
        ("copying lagging lagging ready", "initial-sync-ended ready"),
        ("ready lagging ready lagging lagging ready ready", "ready"),
        ("ready lagging lagging lagging lagging", "ready lags"),
        ("lagging lagging lagging ready lagging ready lagging", "lags"),
        ("lagging lagging lagging ready ready ready", "lags recovered ready"),
        ("ready lagging lagging lagging ready ready ready", "ready lags recovered"),
        ("ready lost lost lost ready", "ready disconnected"),
        ("ready lost lost ready ready ready", "ready disconnected back"),
        ("ready lost ready lost ready lost ready", "ready disconnected"),
        ("lost lost copying copying ready", "disconnected back initial-sync-ended ready"),
        ("ready lost lagging lagging lagging lagging lagging ready ready", "ready disconnected back lags recovered"),
    ],
)
def test_a_change_is_told_once_it_is_one(kinds: str, news: str) -> None:
    assert watch(*kinds.split())[1] == news.split()


@pytest.mark.parametrize("looks", [2, 3, 10, 400])
def test_a_machine_that_stalls_and_recovers_is_told_twice_however_long_it_stalled(looks: int) -> None:
    assert watch("ready", *["stuck"] * looks, *["ready"] * 5)[1] == ["ready", "stalled", "recovered"]


def test_a_stall_that_moves_a_little_in_between_is_still_that_stall() -> None:
    kinds = "ready stuck stuck lagging lagging lagging lagging stuck stuck ready stuck stuck ready ready"
    assert watch(*kinds.split())[1] == ["ready", "stalled", "recovered"]


@pytest.mark.parametrize("kind", ["unknown", "paused"])
def test_what_is_not_known_is_no_news_and_changes_nothing(kind: str) -> None:
    assert watch("ready", *[kind] * 5, "ready")[1] == ["ready"]
    assert watch("ready", "lagging", kind, "lagging", kind, "lagging")[1] == ["ready", "lags"]
    seen, news = watch(kind)
    assert (news, seen.watched, seen.ready) == ([], Watched("m-1", "db01"), False)


def test_a_machine_that_is_well_leaves_nothing_to_write() -> None:
    first, second = watch("ready")[0], watch("ready", "ready", "ready")[0]
    assert first.watched == second.watched
    assert (first.watched.told, first.watched.arrived, first.ready) == (Told.READY, None, True)


def test_news_say_when_and_why_and_are_known_by_a_number() -> None:
    seen, _ = watch("copying", "ready", "lost")
    synced, became, gone = seen.watched.untold
    assert (synced.news, became.news, gone.news) == (
        ReplicationNews.SYNCED,
        ReplicationNews.READY,
        ReplicationNews.DISCONNECTED,
    )
    assert (gone.at, gone.reason) == (
        "2026-11-28T09:10:00Z",
        "Disconnected: agent last seen 40:00 ago (limit 10:00)",
    )
    assert [news_id("shop", seen.watched, each) for each in seen.watched.untold] == [
        "shop/m-1/1",
        "shop/m-1/2",
        "shop/m-1/3",
    ]
