"""The evidence of a run is as its published schema says, and its summary is a page one can mail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cutover.evidence import SCHEMA_VERSION, WaveEvidence, build
from cutover.finding import Finding, Severity
from cutover.machine import JobStatus
from cutover.plan import Mode
from cutover.records import Check, MachineRecord, MachineStatus, Outcome, RunStatus, TargetRecord, WaveRecord
from cutover.summary import render
from tests.unit.records_of import job, run

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "schemas" / "evidence.schema.json").read_text())
VALID = Draft202012Validator(SCHEMA)

VERIFIED = MachineRecord(
    "db01",
    0,
    "m-1",
    "db01",
    MachineStatus.VERIFIED,
    target=TargetRecord("i-new", ("10.0.0.4",), ("3.4.5.6",), "m5.large", "subnet-1", "i-old"),
    checks=(Check("running", "running", "running", True),),
)
FAILED = MachineRecord(
    "DB|02",
    1,
    status=MachineStatus.FAILED,
    checks=(Check("new_target", "a target", "no new target", False),),
    findings=(
        Finding("new_target", "no new\ntarget", "a target", "launch again"),
        Finding("stale_data", "old", "fresh", "look", Severity.WARNING),
    ),
)


def evidence(machines: tuple[MachineRecord, ...] = (VERIFIED, FAILED), **of_run: Any) -> dict[str, Any]:
    given = {"status": RunStatus.FAILED, "outcome": Outcome.FAILED, "requests": {"GET job": 2, "GET jobs": 1}, **of_run}
    done = run(ended="2026-11-28T22:00:00Z", **given)
    jobs = [job(JobStatus.COMPLETED, "Job started", "Job finished")]
    return build(done, [WaveEvidence(WaveRecord(1, "db"), machines, jobs)], 42)


def test_the_schema_is_one_and_strict() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    objects = [each for each in _objects(SCHEMA) if "properties" in each]
    assert len(objects) > 6
    for each in objects:
        assert each["additionalProperties"] is False
        assert set(each["required"]) == set(each["properties"])


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(each)


def test_its_words_are_those_of_the_code() -> None:
    of_run, machine = SCHEMA["properties"]["run"]["properties"], SCHEMA["$defs"]["machine"]["properties"]
    assert SCHEMA["properties"]["schema_version"] == {"const": SCHEMA_VERSION}
    assert of_run["status"]["enum"] == list(RunStatus)
    assert of_run["mode"]["enum"] == list(Mode)
    assert set(of_run["outcome"]["enum"]) == {*Outcome, None}
    assert set(machine["status"]["enum"]) == set(MachineStatus)
    assert set(SCHEMA["$defs"]["finding"]["properties"]["severity"]["enum"]) == set(Severity)


@pytest.mark.parametrize("status", MachineStatus)
@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_evidence_is_valid_however_it_ended(status: MachineStatus, outcome: Outcome | None) -> None:
    VALID.validate(evidence((VERIFIED.but(status=status),), outcome=outcome))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema_version", 1),
        ("invented", True),
        ("run.outcome", "Succeeded"),
        ("run.started", "yesterday"),
        ("waves.0.machines.0.status", "ok"),
        ("waves.0.machines.0.target.instance_type", "x"),
        ("waves.0.machines.0.checks.0.passed", "yes"),
        ("waves.0.jobs.0.log.0.token", "x"),
        ("requests.GET job", 0),
    ],
)
def test_what_is_not_evidence_is_refused(path: str, value: Any) -> None:
    wrong: Any = evidence()
    *way, last = [int(each) if each.isdigit() else each for each in path.split(".")]
    place = wrong
    for each in way:
        place = place[each]
    place[last] = value
    assert not VALID.is_valid(wrong)


def test_a_machine_goes_by_its_own_name_or_by_what_the_plan_calls_it() -> None:
    assert [each["name"] for each in evidence()["waves"][0]["machines"]] == ["db01", "DB|02"]


def test_the_summary() -> None:
    page = render(evidence(reason="wave db: one failed", simulated=True))
    assert (
        page
        == """\
# demo, cutover: failed: not every machine is verified

**Simulated.** AWS was a stage on one machine: these instances exist nowhere else.

- 1 of 2 machines verified; production is held by the **source**: this run stopped no source machine and moved no users
- run `demo-cutover-20261128T210000Z`, 2026-11-28T21:00:05Z to 2026-11-28T22:00:00Z (service clock)
- plan `abababababab`
- reason: wave db: one failed

## Wave db

Job `j-1` (cutover): COMPLETED, 2 log lines

| machine | status | target | private IP | public IP | replaced | checks passed |
|---|---|---|---|---|---|---|
| db01 | **verified** | i-new | 10.0.0.4 | 3.4.5.6 | i-old | 1 of 1 |
| DB\\|02 | **failed** | - | - | - | - | 0 of 1 |

- **DB\\|02** error: new_target: seen no new target; rule: a target; do: launch again
- **DB\\|02** warning: stale_data: seen old; rule: fresh; do: look

## Effort

| requests | |
|---|---:|
| GET job | 2 |
| GET jobs | 1 |
| state transitions | 42 |
"""
    )


def test_a_summary_never_claims_a_machine_that_was_not_verified() -> None:
    assert render(evidence(outcome=Outcome.TESTED)).startswith("# demo, cutover: tested: 1 of 2 machines verified\n")
    whole = render(evidence((VERIFIED,), outcome=Outcome.CUT_OVER))
    assert whole.startswith("# demo, cutover: cut over: every machine verified\n")


@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_a_summary_of_every_end_says_who_holds_production(outcome: Outcome | None) -> None:
    page = render(evidence(outcome=outcome))
    assert "production is held by the **source**" in page
    assert not re.search("success", page, re.IGNORECASE)
