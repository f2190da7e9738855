"""Delete the test targets that a run has left, through the service: what may go, and nothing that is live or kept.

Called again it goes on: it reads the job it asked for, and asks again for what is still there.
Reached by a command, and by the schedules that are made when a verified test is told.
"""

from __future__ import annotations

from cutover.after_records import Aftermath, Fate
from cutover.aftermath import answer, left_of, written
from cutover.cleanup import CLEANUP, judge, not_of_the_run, open_ones
from cutover.errors import NotFound, RequestRefused
from cutover.step import Answer, Step, step

LOOK = 20
"""Seconds until a clean-up is worth another look."""


@step
def handler(here: Step) -> Answer:
    """Input {run, by}; {verdict: done | wait | refused, wait_seconds, reason, machines}."""
    refused = not_of_the_run(here.run)
    if refused is not None:
        return answer("refused", (), str(refused))
    left, looked = left_of(here), here.looked()
    known = here.store.aftermath(here.run.id, CLEANUP) or Aftermath(by="", asked=looked)
    job = _job_still_open(here, known)
    asked = {each.label: str(each.replica) for each in known.machines if each.fate is Fate.GOING} if job else {}
    judged = judge(here.run, left, asked)
    go = [each for each in judged if each.fate is Fate.GOES]
    reason = ""
    if go:
        try:
            job = here.service.clean_up([str(each.replica) for each in go]).id
            judged = [each.but(fate=Fate.GOING) if each in go else each for each in judged]
        except (RequestRefused, NotFound) as busy:  # another job is running, or one of them has gone meanwhile
            reason = f"not yet: {busy}"
    done = not open_ones(judged)
    seen = known.but(by=here.event.get("by") or known.by, looks=known.looks + 1, job=job, machines=tuple(judged))
    written(here, CLEANUP, seen.but(done=looked if done else None))
    return answer("done" if done else "wait", judged, reason, 0 if done else LOOK)


def _job_still_open(here: Step, known: Aftermath) -> str | None:
    """The job that was asked for, while it is at work; what it did not delete is asked for again after it."""
    if known.job is None:
        return None
    try:
        return None if here.service.job(known.job).status.ended else known.job
    except NotFound:
        return None
