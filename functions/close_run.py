"""Decide how the run ended, and write its evidence."""

from __future__ import annotations

from cutover.closing import Error
from cutover.ending import close
from cutover.late import to_watch
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """Input {run, error: "" or {name, cause}}; {outcome, status, watch: whether something may still come, reason}."""
    run = here.run
    closed = close(here.store, here.run, here.plan, here.everything(), Error.from_event(here.event["error"]))
    if run.observe:  # it holds nothing up, and stops nothing that comes late
        closed = here.store.update_run(run.id, lease=None)
    watch = not run.observe and any(
        to_watch(wave, here.store.launches(here.run.id, wave.number), machines) for wave, machines in here.everything()
    )
    return {"outcome": closed.outcome, "status": closed.status, "watch": watch, "reason": closed.reason}
