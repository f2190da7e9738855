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
    find,
    given_up,
    may_send_again,
)
from cutover.launch_room import LIMITS, room
from cutover.machine import Job, JobStatus, LifeCycle, Machine
from cutover.plan import Mode
from cutover.records import LaunchState, MachineRecord
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
