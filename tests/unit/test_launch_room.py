"""How much of a wave may be launched now."""

from __future__ import annotations

import pytest

from cutover.launch_room import LIMITS, room
from cutover.machine import Job, JobStatus
from tests.unit.records_of import job

MGN = LIMITS["mgn"]
WAVE = [f"m-{number}" for number in range(250)]


def of(count: int, status: JobStatus = JobStatus.STARTED, name: str = "x", **more: object) -> Job:
    return job(status, machines=frozenset(f"{name}-{number}" for number in range(count)), **more)


def test_where_nothing_is_at_work_a_job_takes_as_many_as_it_may() -> None:
    assert room(MGN, [], WAVE[:100]).machines == tuple(WAVE[:100])
    assert room(MGN, [], WAVE).machines == tuple(WAVE[:200])
    assert room(LIMITS["cloudendure"], [], WAVE).machines == tuple(WAVE)


def test_the_rest_waits_for_the_first_job_to_end() -> None:
    first = of(200, name="m")
    assert room(MGN, [first], WAVE[200:]).machines == ()
    assert room(MGN, [of(200, JobStatus.COMPLETED, "m")], WAVE[200:]).machines == tuple(WAVE[200:])


@pytest.mark.parametrize(("others", "machines"), [(150, 50), (151, 0)])
def test_all_jobs_together_hold_so_many(others: int, machines: int) -> None:
    found = room(MGN, [of(others)], WAVE[:50])
    assert len(found.machines) == machines
    assert ("200 at a time" in found.reason) is (machines == 0)


def test_there_are_so_many_jobs_at_a_time() -> None:
    assert room(MGN, [of(1)] * 19, WAVE[:5]).machines == tuple(WAVE[:5])
    assert room(MGN, [of(1)] * 20, WAVE[:5]).machines == ()


def test_a_job_of_others_forbids_a_launch_only_where_a_project_has_one_at_a_time() -> None:
    others = of(3, initiated_by="ann")
    assert room(MGN, [others], WAVE[:5]).machines
    found = room(LIMITS["cloudendure"], [others], WAVE[:5])
    assert (found.machines, found.reason) == ((), "job j-1 (cutover, STARTED, started by ann)")


def test_a_job_that_still_terminates_one_of_the_wave_is_waited_for_and_named() -> None:
    terminating = job(JobStatus.STARTED, kind="TERMINATE", machines=frozenset({"m-3", "other"}))
    found = room(MGN, [of(5, JobStatus.COMPLETED, "m"), terminating], WAVE[:5])
    assert (found.machines, found.taken) == ((), frozenset({"m-3"}))
    assert found.reason == "job j-1 (TERMINATE, STARTED) has m-3"


@pytest.mark.parametrize("status", [JobStatus.UNKNOWN, JobStatus.PENDING])
def test_a_job_that_does_not_say_whom_it_has_may_have_all(status: JobStatus) -> None:
    found = room(MGN, [job(status, machines=None)], WAVE[:5])
    assert (found.machines, found.taken) == ((), frozenset(WAVE[:5]))
