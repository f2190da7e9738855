"""Read the wave's jobs and their logs, to their true end."""

from __future__ import annotations

from cutover.instants import after, instant
from cutover.launch import ids, statuses
from cutover.machine import Job
from cutover.readiness import LOOKS
from cutover.step import Answer, Step, step
from cutover.waking import results


@step
def handler(here: Step) -> Answer:
    """{status: as the service says it, ended, events: whether they are waited for while it is open, lines: how many the
    logs have, reason: the last line}."""
    record = here.record
    here.listen()
    jobs = [_read(here, job) for job in record.jobs]
    looked = here.hold()
    ended = all(job.status.ended for job in jobs)
    deadline = record.verify_deadline or (after(looked, here.wave.verify_deadline.longest) if ended else None)
    logged = [job.log[-1].message for job in jobs if job.log]
    last, status = logged[-1] if logged else "", statuses(jobs)
    here.store.write_wave(
        here.run.id,
        record.but(
            followed=True,
            job_status=status,
            log_lines=sum(len(job.log) for job in jobs),
            logged={job.id: len(job.log) for job in jobs},
            last_line=last,
            looked=looked,
            verify_deadline=deadline,
            reason=f"{ids(jobs)} is {status}" + (f": {last}" if last else ""),
        ),
    )
    events = not ended and here.expect(
        results(jobs), here.wave.poll.minimum, instant(str(record.job_deadline)), LOOKS - record.target_looks
    )
    return {
        "status": status,
        "ended": ended,
        "events": events,
        "lines": sum(len(job.log) for job in jobs),
        "reason": last,
    }


def _read(here: Step, job_id: str) -> Job:
    job = here.service.job(job_id)
    here.store.write_job(here.run.id, here.number, job)
    return job
