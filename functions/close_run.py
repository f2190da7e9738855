"""Decide how the run ended, and write its evidence."""

from __future__ import annotations

from cutover.closing import Error
from cutover.ending import close
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """Input {run, error: "" or {name, cause}}; {outcome, status, reason}."""
    run = close(here.store, here.run, here.plan, here.everything(), Error.from_event(here.event["error"]))
    return {"outcome": run.outcome, "status": run.status, "reason": run.reason}
