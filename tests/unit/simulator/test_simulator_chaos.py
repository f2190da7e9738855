"""Chaos by seed: the same for everybody, everything in turn, and a file that replays it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from stage.simulator import Clock, Scenario, Simulator
from stage.simulator.chaos import Drawn, chaos, draw
from stage.simulator.faults import EFFECTS
from stage.simulator.troubles import TROUBLES
from tests.unit.simulator.conftest import PROJECT, START

ROOT = Path(__file__).parents[3]
DEMO = Scenario.load(ROOT / "plans" / "scenarios" / "demo.yaml")
SEEDS = range(1000)


@cache
def thousand() -> list[Drawn]:
    """One for each seed. Drawing parses: a drawn scenario that is none is a ScenarioError here."""
    return [draw(seed, DEMO) for seed in SEEDS]


def machines() -> list[Any]:
    return [one for drawn in thousand() for one in drawn.scenario.projects["Demo"].machines.values()]


def test_the_same_seed_gives_the_same_scenario_in_every_process():
    program = (
        "from stage.simulator import Scenario; from stage.simulator.chaos import chaos;"
        "print([chaos(seed, Scenario.load('plans/scenarios/demo.yaml')).data() for seed in range(20)])"
    )
    environment = os.environ | {"PYTHONHASHSEED": "1"}  # here it is another, or none
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{[drawn.scenario.data() for drawn in thousand()[:20]]}\n"


def test_other_seeds_give_other_scenarios():
    drawn = {json.dumps(one.scenario.data() | {"seed": ""}) for one in thousand()}
    assert len(drawn) > 950


def test_everything_that_can_go_wrong_does_for_some_seed_and_a_handful_at_a_time():
    seen = [set(drawn.troubles) for drawn in thousand()]
    assert set.union(*seen) == {trouble.name for trouble in TROUBLES}
    assert 3 < sum(map(len, seen)) / len(seen) < 6
    assert all(len(one) < 15 for one in seen)


def test_every_effect_of_a_fault_occurs_on_reads_and_on_launches():
    faults = [fault for drawn in thousand() for fault in drawn.scenario.faults]
    assert {fault.effect for fault in faults} == set(EFFECTS)
    launches = [fault for fault in faults if "launchMachines" in fault.on]
    assert {(fault.effect, fault.accepted) for fault in launches} >= {
        *((effect, accepted) for effect in ("drop", "status", "body") for accepted in (True, False))
    }
    assert {fault.body for fault in faults} == {None, "half", "torn", "empty"}
    assert {fault.clock.shown for fault in faults if fault.clock} == {"header", "bodies"}
    assert {fault.clock.skew.days < 0 for fault in faults if fault.clock} == {True, False}
    assert {fault.status for fault in faults} == {None, 429, 500, 503}
    assert {bool(fault.answer.omit) for fault in faults if fault.answer} == {True, False}
    assert None in {value for fault in faults if fault.answer for value in fault.answer.replace.values()}


def test_every_misbehaviour_of_machines_jobs_and_people_occurs():
    rules = [rule for machine in machines() for rule in machine.launch]
    assert {rule.target for rule in rules} == {"created", "missing", "conversion_failed"}
    assert {rule.then.state for rule in rules if rule.then} == {"stopped", "terminated", "vanished"}
    assert {rule.checks for rule in rules} == {"ok", "impaired", "initializing"}
    assert any(rule.late for rule in rules)
    assert any(rule.stale for rule in rules)
    assert {one.replication[0].state.value for one in machines()} >= {"lagging", "rescan", "disconnected", "stalled"}
    assert any(one.protected for one in machines())
    assert any(one.target_tags for one in machines())
    assert any(one.blueprint_ignores for one in machines())
    assert any(one.blueprint_changes for one in machines())
    projects = [drawn.scenario.projects["Demo"] for drawn in thousand()]
    jobs = [rule for project in projects for rule in project.jobs]
    assert {rule.log for rule in jobs} == {"normal", "duplicated", "out_of_order"}
    assert {rule.status for rule in jobs} == {None, "COMPLETED", "FAILED"}
    assert any(rule.hangs for rule in jobs)
    assert {project.busy_status for project in projects if project.console} == {400, 404, 409}


def test_every_fault_is_bounded_or_seldom():
    for drawn in thousand():
        for fault in drawn.scenario.faults:
            assert fault.times or fault.until or fault.nth or (fault.every or 0) >= 15, (drawn.seed, fault)


def test_only_what_goes_wrong_differs_from_the_scenario_it_was_drawn_from():
    struck = {"replication", "launch", "protected", "target_tags", "blueprint_ignores", "blueprint_changes"}
    struck |= {"cut_over", "licensed_since"}
    before = DEMO.data()
    for drawn in thousand():
        after = drawn.scenario.data()
        assert after["account"].pop("license", None) in (None, drawn.scenario.data()["account"].get("license"))
        faults = after.pop("faults", [])
        assert len(faults) == len(drawn.scenario.faults)
        assert after.pop("seed") == f"demo, chaos {drawn.seed}"
        demo = after["projects"]["Demo"]
        for key in ("jobs", "console", "busy_status"):
            demo.pop(key, None)
        for name, machine in demo["machines"].items():
            origin = before["projects"]["Demo"]["machines"][name]
            assert {key: value for key, value in machine.items() if key not in struck} == {
                key: value for key, value in origin.items() if key not in struck
            }
        assert after | {"projects": before["projects"], "seed": "demo"} == before
        assert list(demo["machines"]) == list(before["projects"]["Demo"]["machines"])


def test_faults_and_rules_of_the_scenario_stay_behind_what_is_drawn():
    fault = {"on": "GET /me", "status": 503}
    project = PROJECT | {"jobs": {"number": 9, "hangs": True}, "machines": {"db01": {"launch": {"boot": "5m"}}}}
    base = {"projects": {"Demo": project}, "faults": [fault]}
    for seed in range(100):
        drawn = chaos(seed, base)
        assert drawn.faults[0].status == 503
        assert drawn.projects["Demo"].jobs[-1].number == 9
        rules = drawn.projects["Demo"].machines["db01"].launch
        assert rules[-1].boot.total_seconds() == 300


def test_a_fleets_machine_is_struck_as_one_of_the_fleet():
    fleet = {"count": 40, "name": "srv{n:02}", "machine": {"tested": "9d", "target": False}}
    base = Scenario.parse({"projects": {"Demo": PROJECT | {"machines": {}, "fleet": fleet}}})
    singled = [one for seed in range(50) for one in chaos(seed, base).projects["Demo"].machines.values()]
    assert singled
    assert all(one.tested is not None and not one.target for one in singled)


@pytest.mark.parametrize("seed", range(0, 1000, 50))
def test_a_drawn_scenario_can_be_written_read_and_served(seed, tmp_path):
    drawn = thousand()[seed]
    path = tmp_path / "scenario.yaml"
    path.write_text(drawn.scenario.text(str(drawn)))
    assert path.read_text().startswith(f"# chaos {seed}: ")
    account = drawn.scenario.account.model_copy(update={"token": None})
    assert Scenario.load(path) == drawn.scenario.model_copy(update={"account": account})
    assert str(drawn.scenario.account.token) not in path.read_text()
    simulator = Simulator(drawn.scenario, None, Clock(START, 0))
    simulator.advance(3600)
    assert len(simulator.world.projects) == 1


def test_what_was_drawn_is_said_in_one_line():
    assert str(draw(3, DEMO)) == "chaos 3: internal errors, unavailable now and then"
    assert str(Drawn(1, DEMO, ())) == "chaos 1: nothing goes wrong"
