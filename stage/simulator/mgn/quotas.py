"""How much MGN takes at once: jobs, servers in all of them, and one job for each server."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from stage.simulator.mgn.errors import Refused, conflict
from stage.simulator.mgn.jobs import running
from stage.simulator.mgn.names import Names
from stage.simulator.state import Machine, Project

JOBS, SERVERS_IN_JOBS = "L-FE2EBE17", "L-4FF77426"


def check_room(project: Project, machines: Sequence[Machine], now: datetime) -> None:
    """Whether one more job, of so many servers, can begin. Refused if not; how many a job has the model says."""
    active = [job for job in project.jobs if running(job, now)]
    quota = project.described.mgn
    if len(active) >= quota.jobs:
        raise _exceeded("Concurrent jobs in progress", JOBS, quota.jobs)
    if sum(len(job.participants) for job in active) + len(machines) > quota.servers_in_jobs:
        raise _exceeded("Max number of source servers in all jobs", SERVERS_IN_JOBS, quota.servers_in_jobs)


def check_idle(project: Project, names: Names, machines: Sequence[Machine], now: datetime) -> None:
    """Whether no job is about any of these servers. Refused, by the names of those that are busy."""
    busy = {id for job in project.jobs if running(job, now) for id in job.participants}
    taken = [one for one in machines if one.id in busy]
    if taken:
        said = ", ".join(one.name for one in taken)
        raise conflict(f"Source servers are in an active job: {said}", *map(names.server, taken))


def _exceeded(what: str, quota: str, value: int) -> Refused:
    return Refused(
        "ServiceQuotaExceededException",
        f"Quota exceeded: {what} ({quota}), {value}",
        code=quota,
        quotaCode=quota,
        quotaValue=value,
        serviceCode="mgn",
    )
