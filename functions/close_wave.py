"""Give every machine of the wave its final status, and report the wave."""

from __future__ import annotations

from cutover.closing import Error, settle, wave_outcome, wave_reason
from cutover.records import MachineStatus, Phase, Proof
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """Input {run, wave, error: "" or {name, cause}}; {wave, outcome, reason}."""
    record = here.record
    if record.phase is Phase.ENDED and record.outcome:  # delivered twice
        return {"wave": record.name, "outcome": record.outcome.value, "reason": record.reason}
    error = Error.from_event(here.event["error"])
    launches = here.store.launches(here.run.id, here.number)
    machines = [
        settle(machine, launches, here.wave.on_failure, error, record.reason)
        for machine in here.store.machines(here.run.id, here.number)
    ]
    here.store.write_machines(here.run.id, here.number, machines)
    proofs = [
        Proof(
            machine=machine.id,
            mode=here.run.mode,
            run=here.run.id,
            instance=machine.target.instance_id if machine.target else None,
            at=record.looked or here.run.claimed,
        )
        for machine in machines
        if machine.id and machine.status is MachineStatus.VERIFIED
    ]
    here.store.record_proofs(here.plan.name, proofs)
    outcome = wave_outcome(machines)
    reason = wave_reason(machines) or record.reason
    here.store.write_wave(here.run.id, record.but(phase=Phase.ENDED, outcome=outcome, reason=reason))
    return {"wave": record.name, "outcome": outcome.value, "reason": reason}
