"""Preflight of MGN's own quotas against the plan's waves: how many servers replicate, and how many a launch takes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from cutover.finding import Finding, warning
from cutover.launch_room import LIMITS, room
from cutover.machine import Machine, ReplicationState
from cutover.surveyed import Situation
from cutover.words import some

ACTIVE, PER_JOB, JOBS, IN_JOBS = "L-9A599620", "L-F1FD732F", "L-FE2EBE17", "L-4FF77426"
QUOTAS = (ACTIVE, PER_JOB, JOBS, IN_JOBS)
"""By their codes: servers that replicate at a time, servers in one job, jobs at a time, servers in all jobs."""

_IDLE = (ReplicationState.STOPPED, ReplicationState.DISCONNECTED)
_RAISE = "have the quota raised in Service Quotas, weeks ahead"


def active_servers(seen: Situation) -> Iterator[Finding]:
    """The plan's machines that do not replicate yet find room among those that do."""
    allowed = seen.survey.account.quotas.get(ACTIVE)
    if allowed is None:
        return
    active = sum(_replicates(machine) for machine in seen.survey.machines or ())
    waiting = [each.label for each in seen.placements if not _replicates(each.machine)]
    if waiting and active + len(waiting) > allowed:
        said = f"{active} servers replicate, and {some(waiting)} would have to as well: quota {ACTIVE} is {allowed:g}"
        rule = "servers that replicate at a time are within the account's quota"
        yield Finding("mgn_quota", said, rule, f"finalize servers that were cut over, or {_RAISE}")


def job_quotas(seen: Situation) -> Iterator[Finding]:
    """The account allows what a launch of the plan's largest wave will ask for."""
    limits, largest = LIMITS[seen.plan.service], max(len(wave.machines) for wave in seen.plan.waves)
    at_once = min(largest, limits.machines_per_job or largest)
    for code, wanted, what in (
        (PER_JOB, at_once, "servers in one job"),
        (IN_JOBS, at_once, "servers in all jobs at a time"),
        (JOBS, 1, "jobs at a time"),
    ):
        allowed = seen.survey.account.quotas.get(code)
        if allowed is not None and allowed < wanted:
            said = f"quota {code} allows {allowed:g} {what}; the largest wave asks for {wanted}"
            yield Finding("mgn_quota", said, "a launch is within the account's quotas", f"split the wave, or {_RAISE}")


def several_jobs(seen: Situation) -> Iterator[Finding]:
    """What does not fit into one job, or not beside those that are at work, is launched later."""
    limits = LIMITS[seen.plan.service]
    if limits.machines_per_job is None:
        return
    rule = f"one job launches at most {limits.machines_per_job} machines; others wait until it has ended"
    for wave in seen.plan.waves:
        jobs = math.ceil(len(wave.machines) / limits.machines_per_job)
        if jobs > 1:
            said = f"wave {wave.name} has {len(wave.machines)} machines: {jobs} jobs, one after another"
            yield warning("mgn_quota", said, rule, "see that the window has room for that, or split the wave")
    known = [job for job in seen.survey.jobs or () if job.machines is not None]  # the others are told by themselves
    largest = max(len(wave.machines) for wave in seen.plan.waves)
    crowded = room(limits, known, [str(number) for number in range(largest)])
    if not crowded.machines:
        rule = "a launch finds room beside the jobs that are at work"
        yield warning("mgn_quota", crowded.reason, rule, "wait for them to end, or ask who started them")


def _replicates(machine: Machine) -> bool:
    return machine.replication.said is None or machine.replication.said.state not in _IDLE
