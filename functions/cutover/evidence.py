"""The evidence of a run: what was done, seen, proved and refused, for every machine. Built from records alone.

The shape is published as docs/schemas/evidence.schema.json; a new value anywhere raises SCHEMA_VERSION.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cutover.machine import Job
from cutover.records import MachineRecord, RunRecord, TargetRecord, WaveRecord

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class WaveEvidence:
    """A wave's records, and its jobs with the mode they launched in."""

    wave: WaveRecord
    machines: Sequence[MachineRecord]
    jobs: Sequence[Job]


def build(run: RunRecord, waves: Sequence[WaveEvidence], transitions: int) -> dict[str, Any]:
    """The evidence as JSON values. `transitions`: states entered so far, in the run's executions."""
    return {
        "schema_version": SCHEMA_VERSION,
        "simulated": run.simulated,
        "plan": {"name": run.plan, "sha256": run.sha256},
        "run": {
            "id": run.id,
            "mode": run.mode.value,
            "status": run.status.value,
            "outcome": run.outcome.value if run.outcome else None,
            "started": run.started,
            "ended": run.ended,
            "attempt": run.attempt,
            "clock": run.clock,
            "reason": run.reason,
            "findings": [finding.to_json() for finding in run.findings],
        },
        "waves": [_wave(each) for each in waves],
        "requests": dict(sorted(run.requests.items())),
        "transitions": transitions,
    }


def _wave(each: WaveEvidence) -> dict[str, Any]:
    return {
        "name": each.wave.name,
        "jobs": [_job(job) for job in each.jobs],
        "machines": [_machine(machine) for machine in each.machines],
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "type": job.kind,
        "status": job.status_as_given,
        "log": [{"at": line.at.isoformat() if line.at else None, "message": line.message} for line in job.log],
    }


def _machine(machine: MachineRecord) -> dict[str, Any]:
    return {
        "name": machine.name or machine.label,
        "group": machine.group or None,
        "id": machine.id,
        "status": machine.status.value,
        "replaces": machine.instance_before,
        "launch_configuration": machine.configuration,
        "target": _target(machine.target),
        "checks": [check.to_json() for check in machine.checks],
        "findings": [finding.to_json() for finding in machine.findings],
    }


def _target(target: TargetRecord | None) -> dict[str, Any] | None:
    return target.to_json() if target else None
