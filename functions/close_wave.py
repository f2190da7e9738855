"""Give every machine of the wave its final status, and report the wave."""

from __future__ import annotations

from cutover.closing import Error, abort_finding_of, settled, wave_outcome, wave_reason
from cutover.launch import still_open
from cutover.observing import SOURCE
from cutover.records import MachineStatus, Phase, Proof
from cutover.rule import ruling
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """Input {run, wave, error: "" or {name, cause}}; {wave, outcome, reason}."""
    record = here.record
    if record.phase is Phase.ENDED and record.outcome:  # delivered twice
        return {"wave": record.name, "outcome": record.outcome.value, "reason": record.reason}
    error = Error.from_event(here.event["error"])
    launches = here.store.launches(here.run.id, here.number)
    known = here.store.machines(here.run.id, here.number)
    machines = settled(here.wave, known, launches, error, record.reason, abort_finding_of(here.run))
    here.store.write_machines(here.run.id, here.number, machines)
    proofs = [
        Proof(
            machine=machine.id,
            mode=here.run.mode,
            run=here.run.id,
            instance=machine.target.instance_id if machine.target else None,
            at=record.looked or here.run.claimed,
            configuration=machine.configuration,
            source=SOURCE if here.run.observe else "ledger",
        )
        for machine in machines
        if machine.id and machine.status is MachineStatus.VERIFIED
    ]
    here.store.record_proofs(here.plan.name, proofs)
    if not still_open(record, launches):
        here.locks.give_up([here.project_lock])
    here.waits.forget(here.run.id, here.number)
    outcome = wave_outcome(machines)
    reason = wave_reason(here.wave, machines) or record.reason
    passed = ruling(here.wave, machines).passes
    here.store.write_wave(here.run.id, record.but(phase=Phase.ENDED, outcome=outcome, passed=passed, reason=reason))
    return {"wave": record.name, "outcome": outcome.value, "reason": reason}
