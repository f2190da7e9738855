"""Remove the sources of a committed cutover from the service, for good: agents, replication and staging go.

Only by a person's command that names the plan once more; never by a timer. Called again it goes on with what is left.
"""

from __future__ import annotations

from cutover.after_records import Aftermath, Fate, Remainder
from cutover.aftermath import answer, left_of, written
from cutover.cleanup import open_ones, said
from cutover.errors import NotFound, RequestRefused
from cutover.finalizing import FINALIZE, RETRY, judge, not_of_the_run
from cutover.step import Answer, Step, step

LOOK = 20
SECONDS_TO_WRITE = 20
"""Sources are removed only while this long is left to write down what became of them; the rest go at the next call."""


@step
def handler(here: Step) -> Answer:
    """Input {run, by, confirm: the plan's name}; {verdict: done | wait | refused, wait_seconds, reason, machines}."""
    run = here.run
    refused = not_of_the_run(run, here.store.night(run.id), str(here.event.get("confirm") or ""))
    if refused is not None:
        return answer("refused", (), str(refused))
    judged = judge(left_of(here))
    known = here.store.aftermath(run.id, FINALIZE) or Aftermath(by="", asked=here.looked())
    known = known.but(by=str(here.event["by"]), looks=known.looks + 1)
    written(here, FINALIZE, known.but(machines=tuple(judged)))  # before the first goes: who asked, and what goes
    busy, one_job = "", here.service.limits.one_job
    for each in judged:
        # Where one job at a time is all that a project has, a refusal is meant for every source.
        if each.fate is not Fate.GOES or (busy and one_job) or here.seconds_left() < SECONDS_TO_WRITE:
            continue
        try:
            here.service.remove(str(each.machine))
        except NotFound:
            continue  # it has gone meanwhile, or another job is running; the listing below says which
        except RequestRefused as refusal:
            busy = f"not yet: {refusal}"
    still = {machine.id for machine in here.service.machines(all_machines=True)}
    seen = [_seen(each, still) for each in judged]
    done = not open_ones(seen)
    written(here, FINALIZE, known.but(machines=tuple(seen), done=here.looked() if done else None))
    reason = busy or f"{said(seen)}; {RETRY}"
    return answer("done" if done else "wait", seen, reason, 0 if done else LOOK)


def _seen(each: Remainder, listed: set[str]) -> Remainder:
    return each.but(fate=Fate.GONE) if each.fate is Fate.GOES and each.machine not in listed else each
