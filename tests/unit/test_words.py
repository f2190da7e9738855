from datetime import UTC, datetime, timedelta

import pytest

from cutover.words import clock, duration, size


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(0), "0:00"),
        (timedelta(seconds=7), "0:07"),
        (timedelta(minutes=14, seconds=20), "14:20"),
        (timedelta(hours=1), "1:00:00"),
        (timedelta(hours=25), "25:00:00"),
        (timedelta(days=3, hours=2), "3 d 02:00:00"),
        (-timedelta(seconds=90), "-1:30"),
    ],
)
def test_a_duration_reads_like_a_stopwatch(span, words):
    assert duration(span) == words


def test_an_age_just_over_its_limit_does_not_read_like_the_limit():
    assert duration(timedelta(minutes=5, milliseconds=1)) == "5:01"


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (int(6.1 * 2**30), "6.1 GiB"),
        (5 * 2**60, "5120.0 PiB"),
    ],
)
def test_a_size_has_one_decimal_and_its_unit(count, words):
    assert size(count) == words


def test_a_time_of_day_names_the_date_only_when_it_is_another_day():
    now = datetime(2026, 11, 28, 23, 50, tzinfo=UTC)
    assert clock(now, now) == clock(now) == "23:50 UTC"
    assert clock(now + timedelta(minutes=20), now) == "29 Nov 00:10 UTC"
