"""Find every machine of the plan, and refuse before anything is touched what must not be launched."""

from __future__ import annotations

from typing import Any

from cutover.errors import RunDisputed
from cutover.finding import Finding
from cutover.previous import live_instances
from cutover.readiness import refusals, remarks, resolve
from cutover.records import MachineRecord, MachineStatus, RunStatus, as_planned
from cutover.step import Answer, Step, step

NAMED = 10
"""Refused machines that the run's reason names; each has its own findings."""


@step
def handler(here: Step) -> Answer:
    """Input {run, execution: its ARN}; {verdict: go | refused, reason}."""
    run, plan = here.run, here.plan
    execution = here.event["execution"]
    if run.status is not RunStatus.RUNNING or not execution.endswith(f":{run.id}-{run.attempt}"):
        raise RunDisputed(f"{execution} does not carry out run {run.id}, attempt {run.attempt}, which is {run.status}")
    here.store.update_run(run.id, execution=execution)

    everyone = [entry for wave in plan.waves for entry in wave.machines]
    found = resolve(everyone, here.listed(everyone))
    here.store.update_run(run.id, started=run.started or here.looked())
    machines = [each for each in found if not isinstance(each, Finding)]
    live = live_instances(here.service, machines)
    proofs = here.store.proofs(plan.name)

    meant = iter(found)
    refused: list[str] = []
    for (wave, fresh), planned in zip(as_planned(plan), plan.waves, strict=True):
        records = []
        for record in fresh:
            machine = next(meant)
            if isinstance(machine, Finding):
                records.append(_refused(record, (machine,)))
                continue
            record = record.but(id=machine.id, name=machine.name, findings=remarks(run.mode, planned))
            against = refusals(machine, run.mode, planned, here.now().at, proofs, live.get(machine.id))
            records.append(_refused(record, against) if against else record)
        refused += [f"{each.label} ({each.findings[-1].seen})" for each in records if each.judged]
        here.store.write_machines(run.id, wave.number, records)
        here.store.write_wave(run.id, wave)
    if refused:
        more = f" and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
        reason = f"refused: {', '.join(refused[:NAMED])}{more}"
        here.store.update_run(run.id, reason=reason)
        return {"verdict": "refused", "reason": reason}
    return {"verdict": "go", "reason": f"{len(everyone)} machines found, none of them forbidden"}


def _refused(record: MachineRecord, findings: tuple[Finding, ...]) -> MachineRecord:
    changes: dict[str, Any] = {"status": MachineStatus.REFUSED, "findings": (*record.findings, *findings)}
    return record.but(**changes)
