"""Which changes of a record are events, and what these say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cutover.changes import Change, events, log_line, new_lines
from cutover.finding import Finding
from cutover.machine import LogLine
from cutover.night_records import Holder, NightRecord, Order, QuestionRecord, Wish
from cutover.plan import Mode
from cutover.records import (
    MachineRecord,
    MachineStatus,
    Outcome,
    Phase,
    Record,
    RunRecord,
    RunStatus,
    TargetRecord,
    WaveRecord,
)

RUN = "shop-1-cutover-20261128T090000Z"
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas" / "events"
NOW = "2026-11-28T09:00:00Z"

A_RUN = RunRecord(RUN, "shop-1", "0" * 64, Mode.CUTOVER, 1, None, NOW)
A_WAVE = WaveRecord(1, "db")
A_MACHINE = MachineRecord("db01", 0)
A_QUESTION = QuestionRecord("go", "Go?", ("lead@example.com",), NOW, "2026-11-28T09:30:00Z")
AN_ORDER = Order(Wish.RESUME, "lead@example.com", "the switch is repaired", NOW)


def made(sk: str, old: Record | None, new: Record | None, pk: str = f"RUN#{RUN}") -> list[tuple[str, dict[str, Any]]]:
    """The events of a change; each is as published."""
    change = Change("e-1", pk, sk, old.to_json() if old else None, new.to_json() if new else None)
    found = events(change)
    for kind, detail in found:
        schema = json.loads((SCHEMAS / f"{kind.lower().replace(' ', '-')}.schema.json").read_text())
        Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(detail)
    return found


@pytest.mark.parametrize(
    ("sk", "old", "new", "kind"),
    [
        ("META", None, A_RUN, "Run Changed"),
        ("META", A_RUN, A_RUN.but(attempt=2), "Run Changed"),
        ("META", A_RUN, A_RUN.but(aborted=True), "Run Changed"),
        ("META", A_RUN, A_RUN.but(status=RunStatus.SUCCEEDED, outcome=Outcome.CUT_OVER), "Run Changed"),
        ("WAVE#001", None, A_WAVE, "Wave Changed"),
        ("WAVE#001", A_WAVE, A_WAVE.but(phase=Phase.LAUNCHING), "Wave Changed"),
        ("WAVE#001", A_WAVE, A_WAVE.but(jobs=("j-1",), job_status="STARTED"), "Wave Changed"),
        ("WAVE#001#MACHINE#db01", None, A_MACHINE, "Machine Changed"),
        ("WAVE#001#MACHINE#db01", A_MACHINE, A_MACHINE.but(status=MachineStatus.VERIFIED), "Machine Changed"),
        ("WAVE#001#MACHINE#db01", A_MACHINE, A_MACHINE.but(target=TargetRecord("i-1")), "Machine Changed"),
        ("WAVE#001#MACHINE#db01", A_MACHINE, A_MACHINE.but(isolated="i-2"), "Machine Changed"),
        ("NIGHT", None, NightRecord(holder=Holder.NOBODY, since=NOW), "Production Changed"),
        ("NIGHT", NightRecord(holder=Holder.NOBODY), NightRecord(holder=Holder.TARGET), "Production Changed"),
        ("QUESTION#go", None, A_QUESTION, "Decision"),
        ("ORDER", None, AN_ORDER, "Decision"),
        ("ORDER", AN_ORDER, Order(Wish.ROLLBACK, "lead", "it does not serve", NOW), "Decision"),
    ],
)
def test_what_others_act_upon_is_an_event(sk: str, old: Record | None, new: Record, kind: str) -> None:
    ((name, detail),) = made(sk, old, new)
    assert name == kind
    assert detail["id"] == "e-1"
    assert (detail["run"], detail["plan"], detail["mode"], detail["observe"]) == (RUN, "shop-1", "cutover", False)


@pytest.mark.parametrize(
    ("sk", "old", "new"),
    [
        ("META", A_RUN, A_RUN.but(lease=NOW, requests={"GET jobs": 3}, execution="arn", told=True)),
        ("META", A_RUN, None),
        ("WAVE#001", A_WAVE, A_WAVE.but(ready_looks=3, ready=1, looked=NOW, reason="waits", version=4)),
        ("WAVE#001#MACHINE#db01", A_MACHINE, A_MACHINE.but(oks=1, replica="r-1")),
        ("WAVE#001#LAUNCH#01", None, A_WAVE),
        ("NIGHT", None, NightRecord()),
        ("NIGHT", NightRecord(), NightRecord(version=2, progressed=NOW)),
        ("QUESTION#go", A_QUESTION, A_QUESTION.but(looks=3)),
        ("QUESTION#go", A_QUESTION.but(answer="yes"), A_QUESTION.but(answer="yes", closed=True)),
        ("ORDER", AN_ORDER, None),
        ("CLEANUP", None, A_WAVE),
    ],
)
def test_what_is_merely_counted_is_none(sk: str, old: Record, new: Record | None) -> None:
    assert made(sk, old, new) == []


def test_what_is_no_record_of_a_run_is_none() -> None:
    assert made("META", None, A_RUN, pk="PLAN#shop") == []
    assert made("WAVE#001", None, A_WAVE, pk="MONITOR") == []
    assert new_lines(Change("e-1", "PLAN#shop", "WAVE#001", None, {"logged": {"j-1": 2}})) == []


def test_a_run_that_only_observes_says_so() -> None:
    ((_, detail),) = made("META", None, A_RUN, pk="RUN#shop-test-observe-20261128T090000Z")
    assert (detail["plan"], detail["mode"], detail["observe"]) == ("shop", "test", True)


def test_a_decision_says_who_decided_what() -> None:
    ((_, asked),) = made("QUESTION#go", None, A_QUESTION)
    assert (asked["state"], asked["asked_of"], asked["decision"]) == ("asked", ["lead@example.com"], None)
    yes = A_QUESTION.but(answer="yes", answered_by="lead@example.com", answered_at="2026-11-28T09:10:00Z")
    ((_, decided),) = made("QUESTION#go", A_QUESTION, yes)
    assert [decided[name] for name in ("state", "decision", "by", "at")] == [
        "decided",
        "yes",
        "lead@example.com",
        "2026-11-28T09:10:00Z",
    ]
    ((_, expired),) = made("QUESTION#go", A_QUESTION, A_QUESTION.but(closed=True))
    assert (expired["state"], expired["decision"], expired["by"]) == ("expired", None, None)


def test_a_machine_says_what_speaks_against_it() -> None:
    failed = A_MACHINE.but(status=MachineStatus.FAILED, findings=(Finding("status", "impaired", "ok", "look at it"),))
    ((_, detail),) = made("WAVE#002#MACHINE#db01", A_MACHINE, failed)
    assert (detail["wave"], detail["before"], detail["findings"]) == (2, "not_started", ["impaired"])


def test_lines_read_for_the_first_time_are_new() -> None:
    before, after = A_WAVE.but(logged={"j-1": 2}), A_WAVE.but(logged={"j-1": 3, "j-2": 1, "j-3": 0})
    change = Change("e-1", f"RUN#{RUN}", "WAVE#001", before.to_json(), after.to_json())
    lines = new_lines(change)
    assert [(each.job, each.begin, each.end) for each in lines] == [("j-1", 2, 3), ("j-2", 0, 1)]
    _, detail = log_line(change, lines[0], 3, LogLine(None, "Finished"))
    assert (detail["id"], detail["at"], detail["message"]) == (f"{RUN}/1/j-1/3", None, "Finished")
