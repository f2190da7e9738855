"""One look at the whole wave: may every machine be launched now?

One listing of the project's machines, however large the wave; the state machine waits and looks again. A wave that has
been launched already, in an execution that died, goes on from there.
"""

from __future__ import annotations

from datetime import datetime

from cutover.instants import after, instant
from cutover.launch import already
from cutover.observed import observed
from cutover.readiness import LOOKS, Verdict, WaveReadiness
from cutover.step import Answer, Step, step
from cutover.unlaunched import aborted
from cutover.waking import news


@step
def handler(here: Step) -> Answer:
    """{verdict, wait_seconds, tell: whether the wait is news, events: whether they are waited for, reason}.

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
    here.listen()
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
    first = seen.verdict is Verdict.WAIT and not record.told_waiting
    here.store.write_wave(
        here.run.id,
        record.but(
            ready_looks=record.ready_looks + 1,
            told_waiting=record.told_waiting or first,
            reason=seen.reason,
            looked=looked,
            ready=sum(each.ready for each in seen.machines),
            total=len(seen.machines),
            progress=seen.progress({each.label: each.instance_before for each in machines}),
        ),
    )
    here.store.write_lag(here.run.id, here.number, record.ready_looks, seen.lag(looked))
    here.store.write_machines(here.run.id, here.number, seen.settle(machines, here.wave, deadline))
    events = not first and _events(here, seen, deadline, record.ready_looks + 1)
    # Woken, it looks after the shortest pause: what is heard within that is one look.
    wait = here.wave.poll.minimum if events else seen.wait_seconds
    return {
        "verdict": seen.verdict.value,
        "wait_seconds": wait,
        "tell": first,
        "events": events,
        "reason": seen.reason,
    }


def _events(here: Step, seen: WaveReadiness, deadline: datetime, looks: int) -> bool:
    """Whether the wave waits for events of the machines that are not ready."""
    if seen.verdict is not Verdict.WAIT:
        return False
    unready = [each for each in seen.machines if not each.ready and not each.refusals]
    expected = news(
        (each.machine.id if each.machine else None, each.progress.state if each.progress else None) for each in unready
    )
    return here.expect(expected, here.wave.poll.minimum, deadline, LOOKS - looks)
