"""What of a wave is not launched any more: by an abort, a refusal, or the end of its time. As a rule all of it."""

from __future__ import annotations

from cutover.closing import abort_finding
from cutover.finding import Finding
from cutover.launch import launched
from cutover.records import MachineStatus, WaveRecord
from cutover.step import Answer, Step


def aborted(here: Step, record: WaveRecord) -> Answer:
    """An operator's abort: what was not judged before is aborted, with who said so and why."""
    return end(here, record, MachineStatus.ABORTED, abort_finding(here.run))


def end(here: Step, record: WaveRecord, status: MachineStatus, finding: Finding) -> Answer:
    """Give every machine that has no verdict yet this one; {verdict: the status, reason, wait_seconds, tell}.

    Those of an earlier job of this wave are left to it, and then it is that which the wave goes on with: accepted.
    """
    begun = launched(here.store.launches(here.run.id, here.number))
    here.store.write_wave(here.run.id, record.but(reason=finding.seen))
    machines = here.store.machines(here.run.id, here.number)
    here.store.write_machines(
        here.run.id,
        here.number,
        [
            each
            if each.judged or each.id in begun
            else each.but(status=status, findings=tuple(dict.fromkeys((*each.findings, finding))))
            for each in machines
        ],
    )
    verdict = "accepted" if begun else status.value
    return {"verdict": verdict, "reason": finding.seen, "wait_seconds": 0, "tell": False}
