"""The evidence of an earlier test run, given with --after: what it verified opens the gate of a cutover."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cutover.evidence import SCHEMA_VERSION
from cutover.plan import Mode, Plan
from cutover.records import Proof

READABLE = range(1, SCHEMA_VERSION + 1)
"""Versions of the evidence that tell what is read here. Version 1 did not say what was launched: it is not compared."""


class NotEvidence(Exception):
    """When a file is not the evidence of a test run of this plan; the message says what was seen and what to do."""


def read_proofs(path: Path, plan: Plan) -> list[Proof]:
    """The verified tests in an evidence.json. NotEvidence unless it is of a test run of a plan of this name."""
    try:
        evidence = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotEvidence(
            f"{path}: cannot be read as evidence: {error}; give the evidence.json of a test run"
        ) from error
    try:
        return _proofs(path, plan, evidence)
    except (KeyError, TypeError, AttributeError) as error:
        raise NotEvidence(f"{path}: not an evidence.json of schema_version {SCHEMA_VERSION}: {error!r}") from error


def _proofs(path: Path, plan: Plan, evidence: dict[str, Any]) -> list[Proof]:
    if evidence["schema_version"] not in READABLE:
        seen = f"schema_version is {evidence['schema_version']!r}, and must be {READABLE[0]} to {READABLE[-1]}"
        raise NotEvidence(f"{path}: {seen}; give a test run of plan {plan.name} that this version or an older one made")
    wanted = {
        "plan.name": (evidence["plan"]["name"], plan.name),
        "run.mode": (evidence["run"]["mode"], Mode.TEST.value),
    }
    for field, (seen, rule) in wanted.items():
        if seen != rule:
            raise NotEvidence(f"{path}: {field} is {seen!r}, and must be {rule!r}; give a test run of plan {plan.name}")
    run = evidence["run"]
    return [
        Proof(
            machine=machine["id"],
            mode=Mode.TEST,
            run=run["id"],
            instance=machine["target"]["instance_id"] if machine["target"] else None,
            at=run["ended"] or run["started"],
            source=path.name,
            configuration=machine.get("launch_configuration"),
        )
        for wave in evidence["waves"]
        for machine in wave["machines"]
        if machine["status"] == "verified"
    ]
