"""The clock of a night: how long nobody served users, and the last moment to turn back."""

from __future__ import annotations

import pytest

from cutover.downtime import clock, downtime, last_moment, turn_back, window_end
from cutover.instants import text
from cutover.night_records import NightRecord
from cutover.planned_night import Approval, Night
from tests.unit.records_of import run

NIGHT = Night(
    window=7 * 3600,
    estimate=9000,
    reserve=5400,
    go=Approval(none="a test"),
    users=Approval(none="a test"),
    commit=Approval(none="a test"),
)
CLOSED = NightRecord(closed="2026-11-28T22:41:00Z")


@pytest.mark.parametrize(
    ("night", "now", "seconds"),
    [
        (NightRecord(), "2026-11-28T23:00:00Z", None),
        (CLOSED, None, None),
        (CLOSED, "2026-11-28T23:00:00Z", 1140),
        (CLOSED.but(opened="2026-11-29T00:58:00Z"), "2026-11-29T04:00:00Z", 8220),
        (CLOSED.but(reopened="2026-11-28T22:51:30Z"), None, 630),
        (CLOSED, "2026-11-28T22:40:00Z", 0),
    ],
    ids=["not closed", "closed, no clock", "still closed", "on the targets", "rolled back", "clocks that disagree"],
)
def test_the_downtime_is_from_shutting_users_out_to_letting_them_in(
    night: NightRecord, now: str | None, seconds: int | None
) -> None:
    assert downtime(night, now) == seconds


def test_the_window_is_counted_from_when_the_run_began() -> None:
    begun = run(started="2026-11-28T21:00:05Z")
    assert text(window_end(NIGHT, begun)) == "2026-11-29T04:00:05Z"
    assert text(turn_back(NIGHT, begun)) == "2026-11-29T02:30:05Z"
    assert text(last_moment(NIGHT, begun)) == "2026-11-29T00:00:05Z"
    assert text(window_end(NIGHT, run(started=None, claimed="2026-11-28T21:00:00Z"))) == "2026-11-29T04:00:00Z"


def test_a_clock_is_read_in_minutes_or_in_hours() -> None:
    assert [clock(each) for each in (0, 61, 2579, 8225)] == ["00:00", "01:01", "42:59", "2:17:05"]
