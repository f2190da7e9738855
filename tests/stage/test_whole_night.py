"""The demo, through the command: a test, and seven days later a whole night with application, users and people."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from stage.simulator import Scenario
from tests.stage.rehearsing import ROOT, cutover, evidence, files_that_say, processes_of, statuses

DEMO = ROOT / "plans" / "demo.yaml"
TOKEN = str(Scenario.load(ROOT / "plans" / "scenarios" / "demo.yaml").account.token)
EVERYBODY = dict.fromkeys(["db01", "db02", "web01", "web02", "web03"], "verified")
SECONDS = 180
"""What the demo may take of somebody's time."""


def targets(seen: dict[str, Any]) -> dict[str, Any]:
    return {machine["name"]: machine["target"] for wave in seen["waves"] for machine in wave["machines"]}


def users(folder: Path) -> dict[str, int]:
    return dict(json.loads((folder / "users.json").read_text()))


def test_the_demo_tests_and_then_moves_the_shop_without_losing_or_doubling_an_order(tmp_path: Path) -> None:
    began = time.monotonic()
    done = cutover("rehearse", DEMO, "--mode", "both", "--out", tmp_path)
    took = time.monotonic() - began

    assert done.returncode == 0, done.stdout + done.stderr
    schema = json.loads((ROOT / "docs" / "schemas" / "evidence.schema.json").read_text())
    for mode, outcome in (("test", "Tested"), ("cutover", "CutOver")):
        seen = evidence(tmp_path / mode)
        jsonschema.validate(seen, schema)
        assert statuses(seen) == EVERYBODY
        levels = {machine["level"] for wave in seen["waves"] for machine in wave["machines"]}
        assert levels == {"application"}, "not only booted"
        assert (seen["run"]["mode"], seen["run"]["outcome"], seen["simulated"]) == (mode, outcome, True)
        assert seen["requests"]["POST launchMachines"] == 2
        assert outcome.lower()[:6] in (tmp_path / mode / "summary.md").read_text().lower().replace(" ", "")
    before = targets(evidence(tmp_path / "test"))
    for name, target in targets(evidence(tmp_path / "cutover")).items():
        assert target["replaced"] == before[name]["instance_id"]

    tested, moved = users(tmp_path / "test"), users(tmp_path / "cutover")
    assert (tested["refused"], tested["downtime"], tested["served_target"]) == (0, 0, 0), (
        "a test takes nothing from users"
    )
    for count in (tested, moved):
        assert (count["lost"], count["served_twice"]) == (0, 0)
        assert count["orders"] == count["served_source"] + count["served_target"] + count["refused"]
    assert min(moved["served_source"], moved["served_target"], moved["refused"]) > 0

    night = evidence(tmp_path / "cutover")["night"]
    assert night["committed"]
    assert night["downtime_seconds"] == pytest.approx(moved["downtime"], abs=120), "as users saw it"
    assert night["downtime_seconds"] < night["estimate_seconds"]
    assert {(step["name"], step["state"]) for step in night["steps"]} >= {
        ("doors", "done"),
        ("sources", "done"),
        ("address", "done"),
    }
    for said in (
        "lead@example.com says yes to go",
        "production: nobody since ",
        "production: target since ",
        f"{moved['orders']} orders, 0 lost, 0 served twice",
        "export AWS_ENDPOINT_URL=http://127.0.0.1:",
    ):
        assert said in done.stdout
    assert files_that_say(tmp_path, TOKEN) == []
    assert TOKEN not in done.stdout + done.stderr
    assert processes_of(tmp_path) == []
    assert took < SECONDS
