"""When an event wakes a wave: the decision alone, whatever order and however often events come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from cutover.machine import Job, JobStatus, ReplicationState
from cutover.waking import FALLBACK, Heard, Listening, news, results, worth_it

NOW = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
WAVE = Listening("run", 1)


def a_job(id_: str, *machines: str, status: JobStatus = JobStatus.STARTED, launched: str = "") -> Job:
    instances = {machine: f"i-{machine}" for machine in launched.split()}
    return Job(id_, "test", status, status.value, NOW, None, frozenset(machines), instances=instances)


def waiting_for(*jobs: Job) -> Listening:
    return replace(WAVE, groups=results(jobs))


def heard(wave: Listening, *said: Heard) -> Listening:
    return replace(wave, heard=wave.heard | {each.word for each in said})


def test_a_job_wakes_once_every_machine_has_reported_in_any_order() -> None:
    wave = waiting_for(a_job("j1", "a", "b", "c"))
    for order in permutations([Heard("a", "j1"), Heard("b", "j1"), Heard("c", "j1")]):
        assert [heard(wave, *order[:count]).awake for count in range(4)] == [False, False, False, True]


def test_the_same_event_twice_is_heard_once() -> None:
    assert not heard(waiting_for(a_job("j1", "a", "b")), Heard("a", "j1"), Heard("a", "j1")).awake


def test_what_the_look_has_seen_is_not_waited_for() -> None:
    assert results([a_job("j1", "a", "b", launched="a")]) == (frozenset({"j1 b"}),)


def test_two_hundred_machines_wake_at_the_last_one() -> None:
    names = [f"s-{number}" for number in range(200)]
    wave, awake = waiting_for(a_job("j1", *names)), 0
    for name in names:
        wave = heard(wave, Heard(name, "j1"))
        awake += wave.awake
    assert awake == 1


def test_each_of_several_jobs_wakes_by_itself() -> None:
    """What the service's limits held back can be sent when the first one is over."""
    wave = waiting_for(a_job("j1", "a", "b"), a_job("j2", "c"), a_job("j0", "d", status=JobStatus.COMPLETED))
    assert heard(wave, Heard("c", "j2")).awake
    assert not heard(wave, Heard("a", "j1")).awake


@pytest.mark.parametrize("other", [Heard("a", "j9"), Heard("z", "j1"), Heard("a"), Heard("j1")])
def test_events_of_other_jobs_and_machines_wake_nobody(other: Heard) -> None:
    wave = waiting_for(a_job("j1", "a"))
    assert wave.concerned(Heard("a", "j1"))
    assert not wave.concerned(other)
    assert not heard(wave, other).awake


def test_what_comes_while_the_wave_is_looked_at_is_kept() -> None:
    early = heard(WAVE, Heard("a", "j1"))
    assert WAVE.concerned(Heard("a", "j1")), "nobody knows yet what it will wait for"
    assert not early.awake, "it is being looked at"
    assert replace(early, groups=results([a_job("j1", "a")])).awake


@pytest.mark.parametrize(
    "jobs",
    [
        [],
        [a_job("j1", "a", status=JobStatus.COMPLETED)],
        [a_job("j1", "a", launched="a")],
        [a_job("j1", "a"), a_job("j2", "b", launched="b")],
        [replace(a_job("j1"), machines=None)],
    ],
    ids=["none", "ended", "all launched", "one of two all launched", "does not say"],
)
def test_no_event_is_due_where_the_end_of_a_job_is_all_that_is_left(jobs: list[Job]) -> None:
    assert results(jobs) == ()


def test_any_machine_that_gets_further_wakes_who_waits_for_replication() -> None:
    wave = replace(WAVE, groups=news([("a", ReplicationState.INITIAL_SYNC), ("b", ReplicationState.STALLED)]))
    assert not wave.awake
    assert heard(wave, Heard("b")).awake
    assert not wave.concerned(Heard("c"))
    assert not wave.concerned(Heard("a", "j1")), "somebody launches it: that is no news of its replication"


@pytest.mark.parametrize(
    "other", [("b", ReplicationState.LAGGING), ("b", ReplicationState.PAUSED), ("b", None), (None, None)]
)
def test_what_no_event_tells_of_is_looked_at(other: tuple[str | None, ReplicationState | None]) -> None:
    assert news([("a", ReplicationState.STALLED), other]) == ()
    assert news([]) == ()


@pytest.mark.parametrize(
    ("groups", "wait", "left", "looks", "worth"),
    [
        (({"a"},), 60, 3600, 400, True),
        ((), 60, 3600, 400, False),
        (({"a"},), 60, FALLBACK + 60, 400, True),
        (({"a"},), 60, FALLBACK + 59, 400, False),
        (({"a"},), 60, 10 * FALLBACK, 10, True),
        (({"a"},), 60, 10 * FALLBACK + 1, 10, False),
        (({"a"},), 60, 3600, -1, False),
        (({"a"},), 60, -5, 400, False),
    ],
    ids=["due", "none due", "just in time", "deadline too near", "looks suffice", "looks run out", "late", "over"],
)
def test_events_are_waited_for_within_the_deadline_and_the_looks(
    groups: tuple[set[str], ...], wait: int, left: int, looks: int, worth: bool
) -> None:
    due = tuple(frozenset(each) for each in groups)
    assert worth_it(due, wait, NOW, NOW + timedelta(seconds=left), looks) is worth


@pytest.mark.parametrize(("silent", "worth"), [(None, True), (900, False), (1799, False), (1800, True)])
def test_sleep_is_never_taken_for_silence_behind_closed_doors(silent: int | None, worth: bool) -> None:
    due = (frozenset({"a"}),)
    assert worth_it(due, 60, NOW, NOW + timedelta(hours=1), 400, silent) is worth
