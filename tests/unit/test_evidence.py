"""The evidence of a run is as its published schema says, and its summary is a page one can mail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cutover.evidence import SCHEMA_VERSION, STEPPED, NightEvidence, WaveEvidence, build
from cutover.finding import Finding, Severity
from cutover.machine import JobStatus
from cutover.night_records import Holder, NightRecord, Part, StepState
from cutover.plan import Mode
from cutover.records import Accepted, Check, MachineRecord, MachineStatus, Outcome, RunStatus, TargetRecord, WaveRecord
from cutover.summary import render
from tests.unit import night_of as at
from tests.unit.records_of import job, run

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "schemas" / "evidence.schema.json").read_text())
VALID = Draft202012Validator(SCHEMA)

ADDED = {"lag", "lag_limit", "moments", "report", "source_ips"}
"""What evidence of this version may lack: it was written before these came."""

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


def evidence(
    machines: tuple[MachineRecord, ...] = (VERIFIED, FAILED), night: NightEvidence | None = None, **of_run: Any
) -> dict[str, Any]:
    given = {"status": RunStatus.FAILED, "outcome": Outcome.FAILED, "requests": {"GET job": 2, "GET jobs": 1}, **of_run}
    done = run(ended="2026-11-28T22:00:00Z", **given)
    jobs = [job(JobStatus.COMPLETED, "Job started", "Job finished")]
    return build(done, [WaveEvidence(WaveRecord(1, "db"), machines, jobs)], 42, night)


def around(night: NightRecord) -> NightEvidence:
    return NightEvidence(at.PLANNED, night, at.STEPS, [at.GO, at.MANUAL, at.USERS])


def test_the_schema_is_one_and_strict() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    objects = [each for each in _objects(SCHEMA) if "properties" in each]
    assert len(objects) > 6
    assert set().union(*(set(each["properties"]) - set(each["required"]) for each in objects)) == ADDED
    for each in objects:
        assert each["additionalProperties"] is False
        assert set(each["properties"]) - set(each["required"]) <= ADDED


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
    defined, part = SCHEMA["$defs"], list(Part)
    assert SCHEMA["properties"]["production"]["items"]["properties"]["holder"]["enum"] == list(Holder)
    assert defined["night"]["properties"]["parts"]["items"]["properties"]["part"]["enum"] == part
    assert defined["hold"]["properties"]["part"]["enum"] == part
    assert defined["step"]["properties"]["part"]["enum"] == list(STEPPED)
    assert defined["step"]["properties"]["state"]["enum"] == list(StepState)
    assert set(SCHEMA["$defs"]["finding"]["properties"]["severity"]["enum"]) == set(Severity)


@pytest.mark.parametrize("status", MachineStatus)
@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_evidence_is_valid_however_it_ended(status: MachineStatus, outcome: Outcome | None) -> None:
    VALID.validate(evidence((VERIFIED.but(status=status),), outcome=outcome))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema_version", 2),
        ("production", []),
        ("production.0.holder", "aws"),
        ("night", {}),
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


@pytest.mark.parametrize("moment", at.EVERY_MOMENT)
def test_evidence_is_valid_at_every_moment_of_a_night(moment: str) -> None:
    night = at.EVERY_MOMENT[moment]
    made = evidence(night=around(night))
    VALID.validate(made)
    VALID.validate(json.loads(json.dumps(made)))
    assert made["production"][-1]["until"] is None


@pytest.mark.parametrize("moment", at.EVERY_MOMENT)
def test_who_holds_production_last_is_who_the_record_says(moment: str) -> None:
    night = at.EVERY_MOMENT[moment]
    last = evidence(night=around(night))["production"][-1]
    assert (last["holder"], last["since"]) == (night.holder, night.since)


def test_who_held_production_in_a_night_that_was_rolled_back_by_hand() -> None:
    assert evidence(night=around(at.BACK_LATE))["production"] == [
        {"holder": "source", "since": None, "until": "2026-11-28T22:41:00Z"},
        {"holder": "nobody", "since": "2026-11-28T22:41:00Z", "until": "2026-11-29T00:58:00Z"},
        {"holder": "target", "since": "2026-11-29T00:58:00Z", "until": "2026-11-29T03:05:00Z"},
        {"holder": "nobody", "since": "2026-11-29T03:05:00Z", "until": "2026-11-29T03:42:00Z"},
        {"holder": "source", "since": "2026-11-29T03:42:00Z", "until": None},
    ]


def test_a_test_has_no_night_and_leaves_production_where_it_was() -> None:
    made = evidence(mode=Mode.TEST)
    VALID.validate(made)
    assert made["night"] is None
    assert made["production"] == [{"holder": "source", "since": None, "until": None}]


def test_the_night_in_evidence() -> None:
    night = evidence(night=around(at.HELD))["night"]
    assert night["parts"][:2] == [
        {"part": "go", "done": "2026-11-28T22:40:00Z"},
        {"part": "quiesce", "done": "2026-11-28T22:51:03Z"},
    ]
    assert night["downtime_seconds"] is None
    assert night["hold"] == {
        "part": "wave",
        "since": "2026-11-28T23:40:00Z",
        "deadline": "2026-11-29T11:40:00Z",
        "reason": "wave db: db02 failed",
    }
    assert [(each["name"], each["answer"], each["answered_by"]) for each in night["questions"]] == [
        ("go", "yes", "lead"),
        ("power_off-1", None, ""),
        ("users", None, ""),
    ]
    assert night["steps"][0]["state"] == "done"


def test_only_a_way_back_after_the_switch_began_leaves_data_behind() -> None:
    assert evidence(night=around(at.BACK))["night"]["back"]["data_stays"] is None
    late = evidence(night=around(at.BACK_LATE))["night"]
    assert late["back"]["data_stays"] == {"from": "2026-11-29T00:50:00Z", "to": "2026-11-29T03:05:00Z"}
    assert late["downtime_seconds"] == 8220
    going = evidence(night=around(at.BACK_BY_HAND))["night"]["back"]
    assert going["data_stays"] == {"from": "2026-11-29T00:50:00Z", "to": None}


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


def test_the_summary_of_a_night_begins_with_how_it_stands() -> None:
    page = render(evidence((VERIFIED,), around(at.COMMITTED), outcome=Outcome.CUT_OVER)).splitlines()
    assert page[0] == "# demo, cutover: cut over: every machine verified"
    assert page[2:6] == [
        "- 1 of 1 machines verified; production is held by the **targets** since 2026-11-29T00:58:00Z",
        "- users were shut out for 2:17:00, planned 2:30:00",
        "- going back now would lose what is entered after 2026-11-29T00:58:00Z",
        "- committed 2026-12-02T01:00:00Z",
    ]


def test_the_summary_has_the_timeline_of_the_night() -> None:
    page = render(evidence(night=around(at.BACK_LATE), outcome=Outcome.ROLLED_BACK))
    timeline = page.partition("## The night\n")[2].partition("\n## ")[0]
    assert (
        timeline
        == """
| at | what |
|---|---|
| 2026-11-28T22:10:00Z | go asked of lead, by 2026-11-28T22:40:00Z |
| 2026-11-28T22:39:00Z | lead says yes to go |
| 2026-11-28T22:40:00Z | done: go |
| 2026-11-28T22:41:00Z | **users are shut out** |
| 2026-11-28T22:51:03Z | done: quiesce |
| 2026-11-28T22:58:40Z | done: zero loss |
| 2026-11-28T22:58:40Z | power_off-1 asked of network, by 2026-11-28T23:18:40Z |
| 2026-11-28T22:59:30Z | done: power off |
| 2026-11-29T00:05:00Z | users asked of lead or app, by 2026-11-29T00:50:00Z |
| 2026-11-29T00:50:00Z | the switch begins |
| 2026-11-29T00:58:00Z | **users are on the targets** |
| 2026-11-29T03:00:00Z | lead goes back: orders are lost |
| 2026-11-29T03:05:00Z | done: stop targets |
| 2026-11-29T03:42:00Z | **users are on the source again** |

| step | part | state | begun | done | undone | seen |
|---|---|---|---|---|---|---|
| stop web | quiesce | **done** | 2026-11-28T22:41:00Z | 2026-11-28T22:51:03Z | - | c-1 ended |
| power off | power off | **begun** | 2026-11-28T22:58:40Z | - | - | asked |
"""
    )
    assert "- rolled back by hand, by lead, from 2026-11-29T03:00:00Z on: orders are lost\n" in page
    assert (
        "- what users entered on the targets from 2026-11-29T00:50:00Z to 2026-11-29T03:05:00Z stays only on the "
        "stopped targets\n" in page
    )
    assert "users were never on the targets; nothing was lost" in render(evidence(night=around(at.BACK)))


@pytest.mark.parametrize("moment", at.EVERY_MOMENT)
def test_a_summary_of_every_moment_of_a_night_says_who_holds_production(moment: str) -> None:
    night = at.EVERY_MOMENT[moment]
    page = render(evidence(night=around(night), outcome=Outcome.FAILED))
    word = {Holder.SOURCE: "the **source**", Holder.NOBODY: "**nobody**", Holder.TARGET: "the **targets**"}
    assert f"production is held by {word[night.holder]}" in page
    assert not re.search("success", page, re.IGNORECASE)


def test_the_summary_of_a_hold_that_nobody_took_up() -> None:
    page = render(evidence(night=around(at.HELD), outcome=Outcome.FAILED))
    assert page.startswith("# demo, cutover: failed: the night did not come to its end\n")
    assert "production is held by **nobody** since 2026-11-28T22:41:00Z" in page
    assert "- users are shut out since 2026-11-28T22:41:00Z, planned 2:30:00" in page
    assert (
        "- holds at wave since 2026-11-28T23:40:00Z, to be decided by 2026-11-29T11:40:00Z: wave db: db02 failed\n"
        in page
    )


BOOTED = Check("status_checks", "ok", "ok", True)
ANSWERS = Check("application: port", "port 5432 takes a connection", "it answers", True)


@pytest.mark.parametrize(
    ("checks", "level"),
    [
        ((), None),
        ((BOOTED,), "booted"),
        ((BOOTED, ANSWERS), "application"),
        ((BOOTED, ANSWERS.but(passed=False)), "booted"),
    ],
)
def test_it_says_how_far_a_target_was_seen_to_be_up(checks: tuple[Check, ...], level: str | None) -> None:
    given = evidence((VERIFIED.but(checks=checks),))
    VALID.validate(given)
    assert given["waves"][0]["machines"][0]["level"] == level
    assert (f"**verified** ({level})" in render(given)) is (level is not None)


def test_what_was_not_checked_who_accepted_it_and_what_was_kept_of_it_is_there_and_on_the_page() -> None:
    word = Accepted("lead@example.com", "answers by hand", "2026-11-28T22:00:00Z")
    one, other = (
        FAILED.but(
            label=name, name=name, not_made=("port: not looked at",), accepted=word, console=(f"runs/r/{name}.txt",)
        )
        for name in ("db01", "db02")
    )
    given = evidence((one, other))
    VALID.validate(given)
    machine = given["waves"][0]["machines"][0]
    assert machine["accepted"] == {"by": "lead@example.com", "reason": "answers by hand", "at": "2026-11-28T22:00:00Z"}
    assert machine["status"] == "failed", "it stays what it was"
    page = render(given)
    assert "**failed**, accepted by lead@example.com: answers by hand" in page
    assert "- not checked on db01, db02: port: not looked at" in page
    assert "- **db02** console: `runs/r/db02.txt`" in page
