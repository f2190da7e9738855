"""What a run has left of each machine, by the service, EC2 and the table as they are now; and what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cutover.after_records import Aftermath, Remainder
from cutover.cleanup import Left, said
from cutover.instants import instant
from cutover.previous import previous_of
from cutover.records import MachineRecord
from cutover.step import Answer, Step

FILES = {"CLEANUP": "cleanup.json", "FINALIZE": "finalize.json"}


def left_of(here: Step) -> list[Left]:
    """Every machine of the run: one listing, one request for each present target, one look at EC2."""
    records = [each for _, machines in here.everything() for each in machines]
    machines = {machine.id: machine for machine in here.service.machines(all_machines=True)}
    targets = {each.label: each.target.instance_id for each in records if each.target and each.target.instance_id}
    instances = here.ec2.instances(set(targets.values()))
    protected = here.ec2.protected([key for key, each in instances.items() if not each.gone])
    held = _held(here, records)
    found = []
    for each in records:
        machine, target = machines.get(str(each.id)), targets.get(each.label, "")
        found.append(
            Left(
                record=each,
                machine=machine,
                replica=previous_of(here.service, machine) if machine else None,
                instance=instances.get(target),
                protected=protected.get(target),
                held_by=held.get(each.label, ""),
            )
        )
    return found


def _held(here: Step, records: Sequence[MachineRecord]) -> dict[str, str]:
    """By label, another run that has the machine now."""
    names = {here.lock_of(each.id): each.label for each in records if each.id}
    now = here.now().at
    return {
        names[name]: holder.run
        for name, holder in here.locks.holders(names).items()
        if holder.run != here.run.id and instant(holder.until) > now
    }


def written(here: Step, what: str, aftermath: Aftermath) -> Aftermath:
    """Kept in the table, and as a file beside the run's evidence."""
    here.store.write_aftermath(here.run.id, what, aftermath)
    said_of_it = {"run": here.run.id, "plan": here.run.plan, "simulated": here.run.simulated, **aftermath.to_json()}
    here.store.write_file(here.run.id, FILES[what], json.dumps(said_of_it, indent=2) + "\n", "application/json")
    return aftermath


def answer(verdict: str, remainders: Sequence[Remainder], reason: str = "", wait: int = 0) -> Answer:
    """What the command shows: {verdict, wait_seconds, reason, machines: each with what speaks against it}."""
    machines: list[dict[str, Any]] = [each.to_json() for each in remainders]
    return {"verdict": verdict, "wait_seconds": wait, "reason": reason or said(remainders), "machines": machines}
