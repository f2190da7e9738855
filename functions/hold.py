"""A run that waits for a person: say so, look whether anything is wanted, end at the deadline and change nothing."""

from __future__ import annotations

from cutover.instants import instant
from cutover.night import FAILED
from cutover.night_records import Hold
from cutover.readiness import LOOKS, interval
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """Input {run, execution}; {verdict: done | wait, wait_seconds, tell, reason}."""
    night, now = here.store.night(here.run.id), here.clock()
    if night.hold is None:
        return here.said("done", "nothing holds the run any more")
    if here.store.order(here.run.id) is not None:
        return here.said("done", "an operator wants something")
    hold: Hold = night.hold
    if instant(now) >= instant(hold.deadline) or hold.looks >= LOOKS:
        ending = f"{FAILED}: nobody took up the hold by {hold.deadline}; it held because {hold.reason}"
        here.store.write_night(here.run.id, night.but(ending=ending))
        return here.said("done", ending)
    wait = interval(here.poll, instant(now), instant(hold.deadline), LOOKS - hold.looks)
    here.hold(wait)
    here.store.write_night(here.run.id, night.but(hold=hold.but(looks=hold.looks + 1, told=True)))
    return here.said("wait", f"holds until {hold.deadline}: {hold.reason}", wait=wait, tell="" if hold.told else "held")
