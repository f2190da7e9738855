"""What became of a launch that nobody answered for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cutover.launch import (
    ATTEMPTS,
    CLEAN_LOOKS,
    LOOKS,
    SETTLE,
    FindVerdict,
    Found,
    already,
    find,
    followed,
    given_up,
    may_send_again,
    queued,
    still_open,
    tags,
)
from cutover.launch_room import LIMITS, room
from cutover.machine import Job, JobStatus, LifeCycle, Machine
from cutover.plan import Mode
from cutover.records import LaunchState, MachineRecord, MachineStatus, WaveRecord
from tests.unit.records_of import NOW, ago, job, launch, machine, record

BEFORE = {"m-db01": record(replica=None, replica_before="r-old")}
UNCHANGED = machine(replica="r-old", life_cycle=LifeCycle(tested_at=ago(days=9)))
OURS = job(created_at=ago(minutes=5))


def found(jobs: list[Job], seen: Machine | None = UNCHANGED, now: Any = NOW, **more: Any) -> Found:
    before: dict[str, MachineRecord] = BEFORE
    return find(launch(**more), jobs, before, {seen.id: seen} if seen else {}, now)


def test_the_job_with_the_same_machines_type_and_a_later_creation_is_adopted() -> None:
    seen = found([OURS])
    assert (seen.verdict, seen.jobs) == (FindVerdict.ACCEPTED, (OURS,))


@pytest.mark.parametrize("state", [LaunchState.INTENDED, LaunchState.SENT, LaunchState.UNKNOWN])
def test_adoption_does_not_depend_on_how_far_the_ledger_came(state: LaunchState) -> None:
    assert found([OURS], state=state).verdict is FindVerdict.ACCEPTED


@pytest.mark.parametrize(
    "foreign",
    [
        job(created_at=ago(minutes=5), machines=frozenset({"m-db01", "m-db02"})),
        job(created_at=ago(minutes=5), machines=frozenset({"m-db01"}), kind="test"),
        job(created_at=ago(minutes=5), machines=None),
        job(created_at=ago(minutes=5), kind="CLEANUP"),
        job(created_at=ago(hours=1)),
    ],
)
def test_a_job_that_matches_in_part_calls_a_person(foreign: Job) -> None:
    assert found([foreign]).verdict is FindVerdict.DISPUTED


def test_two_jobs_that_match_call_a_person() -> None:
    assert found([OURS, job(id="j-2", created_at=ago(minutes=4))]).verdict is FindVerdict.DISPUTED


@pytest.mark.parametrize(
    "other",
    [
        job(created_at=ago(minutes=4), id="j-0"),
        job(created_at=ago(minutes=4), machines=frozenset({"m-web01"})),
    ],
)
def test_a_job_known_before_the_intent_and_one_of_other_machines_are_not_ours(other: Job) -> None:
    assert found([other], now=ago(minutes=4), known_jobs=("j-0",)).verdict is FindVerdict.LOOK_AGAIN
    assert found([other], clean_looks=CLEAN_LOOKS - 1, known_jobs=("j-0",)).verdict is FindVerdict.ABSENT


@pytest.mark.parametrize("created", [None, ago(minutes=10), ago(minutes=5, seconds=2), NOW])
def test_a_job_is_told_by_being_new_and_not_by_clocks_that_may_differ(created: Any) -> None:
    assert found([job(created_at=created)], known_jobs=("j-0",)).verdict is FindVerdict.ACCEPTED


def test_absence_takes_the_settle_time_and_two_clean_looks() -> None:
    sent = NOW - SETTLE + timedelta(seconds=1)
    early = found([], sent=sent.isoformat())
    assert (early.verdict, early.clean) == (FindVerdict.LOOK_AGAIN, False)
    first = found([])
    assert (first.verdict, first.clean) == (FindVerdict.LOOK_AGAIN, True)
    assert found([], clean_looks=1).verdict is FindVerdict.ABSENT


@pytest.mark.parametrize(
    "changed",
    [
        machine(replica="r-new", life_cycle=UNCHANGED.life_cycle),
        machine(replica=None, life_cycle=UNCHANGED.life_cycle),
        machine(replica="r-old", life_cycle=LifeCycle(cut_over_at=ago(minutes=4))),
        machine(replica="r-old", life_cycle=LifeCycle(tested_at=ago(minutes=4))),
        None,
    ],
)
def test_a_machine_that_changed_without_a_job_calls_a_person(changed: Machine | None) -> None:
    assert found([], changed, clean_looks=5).verdict is FindVerdict.DISPUTED


def test_looking_is_given_up() -> None:
    assert not given_up(launch(looks=LOOKS - 1))
    assert given_up(launch(looks=LOOKS))


@pytest.mark.parametrize(
    ("states", "may"),
    [
        ([], True),
        ([LaunchState.ABSENT], True),
        ([LaunchState.REFUSED, LaunchState.ABSENT], True),
        ([LaunchState.ABSENT] * ATTEMPTS, False),
        *(([state], False) for state in LaunchState if not state.settled),
        # What is launched job after job: each job has its own attempts.
        ([LaunchState.ACCEPTED], True),
        ([LaunchState.ABSENT, LaunchState.REFUSED, LaunchState.ACCEPTED, LaunchState.ABSENT], True),
        ([LaunchState.ACCEPTED, *[LaunchState.ABSENT] * ATTEMPTS], False),
        ([LaunchState.ACCEPTED, LaunchState.UNKNOWN], False),
    ],
)
def test_another_request_needs_every_one_before_refused_or_absent(states: list[LaunchState], may: bool) -> None:
    assert may_send_again([launch(state) for state in states]) is may


@pytest.mark.parametrize(("status", "open"), [(each, not each.ended) for each in JobStatus])
def test_a_job_that_has_not_surely_ended_keeps_the_project_busy(status: JobStatus, open: bool) -> None:
    space = room(LIMITS["cloudendure"], [job(JobStatus.COMPLETED), job(status)], ["m-1"])
    assert (not space.machines) == open


def test_modes_are_the_kinds_of_our_jobs() -> None:
    assert found([job(created_at=ago(minutes=5), kind="test")], mode=Mode.TEST).verdict is FindVerdict.ACCEPTED


# job after job, and jobs that are recognised by tags

TAGS = tags("r", 1, 2)


def tagged(number: int = 1, **more: Any) -> Job:
    return job(**{"id": f"j-{number}", "created_at": ago(minutes=5), "tags": TAGS, **more})


def test_where_jobs_have_tags_they_alone_tell_whose_it_is() -> None:
    assert found([tagged()], tags=TAGS).verdict is FindVerdict.ACCEPTED
    assert found([tagged(tags={**TAGS, "Owner": "x"})], tags=TAGS).verdict is FindVerdict.ACCEPTED
    assert found([tagged(1, tags={}), tagged(2)], tags=TAGS).jobs == (tagged(2),)
    for other in ({}, tags("r", 1, 1), tags("r2", 1, 2)):
        assert found([tagged(tags=other)], tags=TAGS).verdict is FindVerdict.DISPUTED
    # However late it was made: tags are not a matter of clocks.
    assert found([tagged(created_at=ago(hours=3))], tags=TAGS).verdict is FindVerdict.ACCEPTED


def test_tags_on_a_job_of_other_machines_make_it_no_launch_of_ours() -> None:
    assert found([tagged(machines=frozenset({"m-db01", "m-db02"}))], tags=TAGS).verdict is FindVerdict.DISPUTED


FIRST = launch(LaunchState.ACCEPTED, machines=("m-1",), jobs=("j-1",))
WAITING = [record(label=name, id=f"m-{name}", target=None) for name in ("1", "2", "3")]


def test_what_no_job_has_yet_waits_in_line_once_the_first_job_was_accepted() -> None:
    assert queued(WAITING, []) == []
    assert queued(WAITING, [launch(LaunchState.UNKNOWN)]) == []
    assert [each.id for each in queued(WAITING, [FIRST])] == ["m-2", "m-3"]
    left_out = [each.but(status=MachineStatus.REFUSED) if each.id == "m-2" else each for each in WAITING]
    assert [each.id for each in queued(left_out, [FIRST])] == ["m-3"]
    second = launch(LaunchState.ACCEPTED, number=2, machines=("m-2", "m-3"), jobs=("j-2",))
    assert queued(WAITING, [FIRST, second]) == []


def test_a_wave_keeps_its_first_job_when_the_next_one_is_accepted() -> None:
    wave = followed(WaveRecord(1, "w"), [job(id="j-1")], "2026-11-28T21:00:00Z", 600)
    ended = wave.but(verify_deadline="2026-11-28T21:30:00Z", told_launched=True, followed=True)
    after = followed(ended, [job(id="j-2")], "2026-11-28T22:00:00Z", 600)
    assert (after.jobs, after.job_deadline) == (("j-1", "j-2"), "2026-11-28T22:10:00Z")
    assert (after.verify_deadline, after.told_launched, after.followed) == (None, False, False)
    assert followed(after, [job(id="j-2")], "2026-11-28T22:00:00Z", 600).jobs == ("j-1", "j-2")


@pytest.mark.parametrize("state", LaunchState)
def test_a_wave_goes_on_from_its_first_job_whatever_became_of_the_next_one(state: LaunchState) -> None:
    wave = WaveRecord(1, "w", jobs=("j-1",), verify_deadline="2026-11-28T21:30:00Z")
    second = launch(state, number=2, machines=("m-2",), jobs=("j-2",) if state is LaunchState.ACCEPTED else ())
    known = already(wave, [FIRST, second])
    assert known is not None
    # A second job that was accepted and never written down is read first, like any that nobody knows of.
    assert (known.verdict == "accepted") is (state in (LaunchState.REFUSED, LaunchState.ABSENT))
    assert still_open(wave, [FIRST, second]) is not state.settled
