"""One look at the whole wave: may every machine be launched now?

One listing of the project's machines, however large the wave; the state machine waits and looks again.
"""

from __future__ import annotations

from cutover.instants import after, instant
from cutover.readiness import Verdict
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """{verdict: ready | wait | postponed | refused, wait_seconds, tell: whether the wait is news, reason}."""
    record = here.record
    listed = here.listed(here.wave.machines)
    looked = here.looked()
    if record.readiness_deadline is None:
        record = record.but(
            started=looked,
            execution=here.event.get("execution"),
            readiness_deadline=after(looked, here.wave.readiness_deadline),
        )
    deadline = instant(str(record.readiness_deadline))
    seen = here.look(listed, deadline, record.ready_looks)
    if seen.verdict in (Verdict.POSTPONED, Verdict.REFUSED):
        machines = here.store.machines(here.run.id, here.number)
        here.store.write_machines(here.run.id, here.number, seen.settle(machines, here.wave, deadline))
    news = seen.verdict is Verdict.WAIT and not record.told_waiting
    here.store.write_wave(
        here.run.id,
        record.but(
            ready_looks=record.ready_looks + 1,
            told_waiting=record.told_waiting or news,
            reason=seen.reason,
            looked=looked,
            ready=sum(each.ready for each in seen.machines),
            total=len(seen.machines),
            progress=seen.progress(),
        ),
    )
    return {"verdict": seen.verdict.value, "wait_seconds": seen.wait_seconds, "tell": news, "reason": seen.reason}
