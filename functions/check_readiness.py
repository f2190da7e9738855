"""One look at the whole wave: may every machine be launched now?

One listing of the project's machines, however large the wave; the state machine waits and looks again. A wave that has
been launched already, in an execution that died, goes on from there.
"""

from __future__ import annotations

from cutover.instants import after, instant
from cutover.launch import already
from cutover.observed import observed
from cutover.readiness import Verdict
from cutover.step import Answer, Step, step
from cutover.unlaunched import aborted


@step
def handler(here: Step) -> Answer:
    """{verdict, wait_seconds, tell: whether the wait is news, reason}.

    The verdict is ready | wait | postponed | refused | aborted, or of a launch that is there: accepted | unconfirmed.
    """
    record = here.record
    known = already(record, here.store.launches(here.run.id, here.number))
    if known is not None:
        here.store.write_wave(here.run.id, record.but(execution=here.event.get("child", record.execution)))
        return {"verdict": known.verdict, "wait_seconds": 0, "tell": False, "reason": known.reason}
    if here.run.aborted:
        return aborted(here, record)
    if here.run.observe:
        return observed(here, record)
    listed = here.listed(here.wave.machines)
    looked = here.looked()
    if record.readiness_deadline is None:
        record = record.but(
            started=looked,
            execution=here.event.get("child"),
            readiness_deadline=after(looked, here.wave.readiness_deadline),
        )
    elif record.execution != here.event.get("child", record.execution):
        record = record.but(execution=here.event["child"])
    deadline = instant(str(record.readiness_deadline))
    machines = here.store.machines(here.run.id, here.number)
    seen = here.look(listed, deadline, record.ready_looks, machines)
    here.hold(seen.wait_seconds)
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
            progress=seen.progress({each.label: each.instance_before for each in machines}),
        ),
    )
    here.store.write_machines(here.run.id, here.number, seen.settle(machines, here.wave, deadline))
    return {"verdict": seen.verdict.value, "wait_seconds": seen.wait_seconds, "tell": news, "reason": seen.reason}
