"""Preflight of MGN's quotas against the plan's waves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.launch_room import LIMITS
from cutover.machine import JobStatus, ReplicationState, Said
from cutover.plan import Plan
from cutover.preflight_mgn import ACTIVE, IN_JOBS, JOBS, PER_JOB
from cutover.surveyed import Survey
from tests.unit.records_of import job, plan, planned, wave
from tests.unit.survey_of import account, of, source, survey


def on_mgn(*names: str) -> Plan:
    return replace(plan(wave(*map(planned, names or ("db01",)))), service="mgn")


def said(seen: Survey, a_plan: Plan, field: str = "mgn_quota") -> list[str]:
    return [f"{each.severity}: {each.seen}" for each in of(seen, a_plan).run if each.field == field]


def looked(*machines: Any, jobs: tuple[Any, ...] | None = (), **quotas: float) -> Survey:
    codes = {"active": ACTIVE, "per_job": PER_JOB, "at_a_time": JOBS, "in_jobs": IN_JOBS}
    known = {codes[name]: value for name, value in quotas.items()}
    return survey(*machines, jobs=jobs, licences=None, account=account(quotas={**account().quotas, **known}))


def idle(name: str, state: ReplicationState = ReplicationState.DISCONNECTED) -> Any:
    machine = source(name)
    return replace(machine, replication=replace(machine.replication, said=Said(state, "")))


def names(count: int) -> list[str]:
    return [f"srv{number:03}" for number in range(count)]


def test_within_all_quotas_nothing_is_said_and_of_unknown_ones_neither():
    assert said(looked(active=150, per_job=200, at_a_time=20, in_jobs=200), on_mgn()) == []
    assert said(looked(), on_mgn()) == []


@pytest.mark.parametrize("state", [ReplicationState.STOPPED, ReplicationState.DISCONNECTED])
@pytest.mark.parametrize(("allowed", "fits"), [(3, True), (2, False)])
def test_machines_that_do_not_replicate_yet_find_room_among_those_that_do(state, allowed, fits):
    seen = looked(source("db01"), source("other"), idle("web01", state), active=allowed)
    found = said(seen, on_mgn("db01", "web01"))
    expected = f"error: 2 servers replicate, and web01 would have to as well: quota {ACTIVE} is {allowed}"
    assert found == ([] if fits else [expected])
    assert said(seen, on_mgn("db01")) == [], "the plan does not need that one"


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ({"per_job": 2}, f"error: quota {PER_JOB} allows 2 servers in one job; the largest wave asks for 3"),
        ({"in_jobs": 2}, f"error: quota {IN_JOBS} allows 2 servers in all jobs at a time; the largest wave asks for 3"),
        ({"at_a_time": 0}, f"error: quota {JOBS} allows 0 jobs at a time; the largest wave asks for 1"),
        ({"per_job": 3, "in_jobs": 3, "at_a_time": 1}, None),
    ],
)
def test_the_account_allows_what_the_largest_wave_asks_for(quotas, expected):
    machines = [source(name) for name in names(3)]
    assert said(looked(*machines, **quotas), on_mgn(*names(3))) == ([expected] if expected else [])


def test_a_wave_larger_than_a_job_takes_several_and_that_is_told():
    per_job = LIMITS["mgn"].machines_per_job or 0
    machines = [source(name) for name in names(per_job + 1)]
    (found,) = said(looked(*machines, per_job=per_job), on_mgn(*names(per_job + 1)))
    assert found == f"warning: wave db has {per_job + 1} machines: 2 jobs, one after another"
    assert said(looked(*machines), on_mgn(*names(per_job))) == []


def test_jobs_of_others_are_told_only_where_they_leave_no_room():
    beside = job(JobStatus.STARTED, machines=frozenset(names(199)))
    assert said(looked(jobs=(beside,)), on_mgn()) == []
    assert said(looked(jobs=(beside,)), on_mgn(), "job") == [], "it goes on beside ours"
    full = job(JobStatus.STARTED, machines=frozenset(names(200)))
    assert said(looked(jobs=(full,)), on_mgn()) == [
        "warning: 1 machines do not fit beside the 200 that are in jobs: 200 at a time"
    ]
    ended = job(JobStatus.COMPLETED, machines=frozenset(names(200)))
    assert said(looked(jobs=(ended,)), on_mgn()) == []


def test_a_job_with_one_of_the_plans_machines_is_told():
    (found,) = said(looked(jobs=(job(machines=frozenset({"m-db01"})),)), on_mgn(), "job")
    assert found.startswith("warning: job j-1 (cutover, STARTED) is open for db01")


def test_cloudendure_has_none_of_these():
    assert said(looked(idle("db01")), plan()) == []


def test_a_service_that_was_never_set_up_is_one_finding():
    seen = of(Survey(refused="400: UninitializedAccountException", initialised=False), on_mgn())
    (finding,) = seen.all()
    assert (finding.field, finding.rule) == (
        "session",
        "MGN is initialised in the plan's account and region, eu-central-1",
    )
