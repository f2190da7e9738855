"""Scenario files: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from stage.simulator import Scenario, ScenarioError

SCENARIOS = Path(__file__).parents[3] / "plans" / "scenarios"
PROJECT = {"subnets": {"db": "10.20.1.0/24"}, "security_groups": ["db"]}


def complaint(machine: object = None, **scenario: object) -> str:
    project = PROJECT | {"machines": {"db01": machine or {}}}
    with pytest.raises(ScenarioError) as caught:
        Scenario.parse({"projects": {"Demo": project}} | scenario)
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_scenario_of_the_project_loads(path):
    machines = Scenario.load(path).projects["Demo"].all_machines()
    assert {"db01", "db02", "web01", "web02", "web03"} <= set(machines)


def test_a_fleet_of_1600_machines_is_two_lines():
    assert len(Scenario.load(SCENARIOS / "fleet-1600.yaml").projects["Demo"].all_machines()) == 1605


def test_a_scenario_changes_only_what_it_names_of_its_base():
    base, changed = (Scenario.load(SCENARIOS / name) for name in ("demo.yaml", "stale-data.yaml"))
    assert changed.projects["Demo"].machines["db01"].disks == base.projects["Demo"].machines["db01"].disks
    assert changed.projects["Demo"].machines["db01"].launch[0].stale is not None
    assert changed.projects["Demo"].machines["db02"] == base.projects["Demo"].machines["db02"]


def test_an_unknown_key_is_refused_where_it_stands():
    assert "projects.Demo.machines.db01.replicaton: Extra inputs" in complaint({"replicaton": {}})


def test_an_unknown_state_is_answered_with_those_there_are():
    text = complaint({"replication": {"state": "laggy"}})
    assert "db01.replication.0.state" in text
    assert "'stalled'" in text
    assert "seen: 'laggy'" in text


def test_a_duration_without_a_unit_is_refused_with_an_example():
    assert "write for example 90s" in complaint({"tested": 9})


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ({"replication": {"state": "continuous", "behind": "1h"}}, "behind has no meaning while continuous"),
        ({"replication": {"state": "initiating", "failed": "x"}}, "failed needs step"),
        ({"replication": {"state": "lagging"}}, "needs `behind`"),
        ({"replication": [{"state": "paused"}, {}]}, "only the last phase may lack `for`"),
        ({"subnet": "web"}, "subnet 'web' is unknown; there are: db"),
        ({"launch": {"security_groups": ["web"]}}, "security group 'web' is unknown; there are: db"),
        ({"blueprint": {"instancetype": "m5.large"}}, "blueprint field 'instancetype' is unknown"),
        ({"blueprint_ignores": ["privateIpAction"]}, "blueprint field 'privateIpAction' is unknown"),
        ({"blueprint_changes": {"at": "2d", "set": {"iamrole": "x"}}}, "blueprint field 'iamrole' is unknown"),
        ({"protected": True}, "need a target: say tested or cut_over"),
        ({"tested": "9d", "target": False, "target_tags": {"keep": "yes"}}, "need a target"),
        ({"tested": "9d", "licensed_since": "8d"}, "before its agent was installed"),
        ({"launch": {"target": "gone"}}, "'created', 'missing' or 'conversion_failed'"),
    ],
)
def test_what_contradicts_itself_is_refused(machine, words):
    assert words in complaint(machine)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"on": "GET *"}, "exactly one of delay, expire_sessions, status, drop, answer, clock, body"),
        ({"status": 503, "drop": True}, "exactly one of"),
        ({"expire_sessions": True, "accepted": True}, "accepted goes with status, drop or body"),
        ({"body": "half", "clock": {"skew": "3m"}}, "exactly one of"),
        ({"body": "torn", "message": "away"}, "message goes with status"),
        ({"answer": {}}, "answer needs omit or set"),
        ({"clock": {"skew": "3"}}, "not a duration"),
        ({"status": 200}, "greater than or equal to 400"),
        ({"on": "launchMachines", "status": 503}, "faults.0.on"),
    ],
)
def test_a_fault_does_exactly_one_thing(fault, words):
    assert words in complaint(faults=[fault])


def test_a_subnet_lies_inside_its_vpc():
    with pytest.raises(ScenarioError, match=r"subnets\.db: 10\.30\.1\.0/24 is not inside the VPC"):
        Scenario.parse({"projects": {"Demo": PROJECT | {"subnets": {"db": "10.30.1.0/24"}}}})


def test_a_file_that_is_not_there_or_starts_from_itself_is_named(tmp_path):
    with pytest.raises(ScenarioError, match=r"none\.yaml: cannot be read"):
        Scenario.load(tmp_path / "none.yaml")
    (tmp_path / "loop.yaml").write_text("base: loop.yaml")
    with pytest.raises(ScenarioError, match="leads back to this file"):
        Scenario.load(tmp_path / "loop.yaml")
    (tmp_path / "twice.yaml").write_text("seed: a\nseed: b\n")
    with pytest.raises(ScenarioError, match="duplicate key"):
        Scenario.load(tmp_path / "twice.yaml")
