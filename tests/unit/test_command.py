"""The command's own words: what it prints, what it refuses, with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.plan import load_plan
from cli.prior import NotEvidence, read_proofs
from cutover.plan import Mode
from stage.aws.ports import PortInUse
from stage.simulator import Scenario

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "plans" / "demo.yaml"


def run(*arguments: str | Path):
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "250"})


def test_check_says_that_a_plan_is_valid() -> None:
    done = run("check", DEMO)

    assert done.exit_code == 0
    assert f"5 machines in 2 waves, sha256 {load_plan(DEMO).sha256}" in done.output


def test_check_says_which_plan_can_only_be_tested() -> None:
    plans = Path(DEMO).parent

    assert "it can only be tested" in run("check", plans / "minimal.yaml").output
    assert "it can only be tested" not in run("check", plans / "full.yaml").output


def test_of_a_plan_that_selects_nobody_can_say_yet_how_many_machines_it_has(tmp_path):
    text = (DEMO.parent / "mgn.yaml").read_text()
    path = tmp_path / "plan.yaml"
    path.write_text(text.replace("[db01, db02]", "[db01, {tagged: {Wave: '3'}}, {in_mgn_wave: Wave 4}]"))
    said = run("check", path).output
    assert (
        "4 machines named, and those that a run finds when it begins (tagged Wave=3; wave Wave 4), in 3 waves" in said
    )


def test_check_says_every_mistake_with_its_line_and_exits_2(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("version: 2\nname: Demo\nservice: cloudendure\nproject: Demo\nregion: eu-central-1\nwaves: []\n")

    done = run("check", plan)

    assert done.exit_code == 2
    for line, field in ((1, "version"), (2, "name"), (1, "on_failure"), (6, "waves")):
        assert f"{plan}:{line}: {field}: " in done.stderr


def test_a_plan_that_is_not_there_is_named() -> None:
    done = run("check", "nowhere.yaml")

    assert done.exit_code == 2
    assert "nowhere.yaml" in done.stderr


@pytest.mark.parametrize(("mode", "out"), [("test", "out"), ("both", "out"), ("cutover", None)])
def test_chaos_is_said_in_one_line_and_leaves_a_scenario_that_replays_it(
    mode: str, out: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[Scenario] = []

    def no_stage(plays: Scenario, **_: object) -> None:
        played.append(plays)
        raise PortInUse("as far as this test goes")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stage.stage.Stage", no_stage)

    first = run("rehearse", DEMO, "--mode", mode, "--chaos", "4", *(["--out", out] if out else []))

    file = Path(out or "out/demo/cutover") / "scenario.yaml"
    assert "chaos 4: launch answer lost, " in first.stdout
    assert first.stdout.count("\n") == 1
    assert first.stdout.endswith(f"; replay it with --scenario {file}\n")
    run("rehearse", DEMO, "--scenario", file)
    assert played[1].projects == played[0].projects
    assert played[1].faults == played[0].faults
    assert played[1].seed == played[0].seed


def evidence(**changes: object) -> dict[str, object]:
    machines = [
        {"name": "db01", "id": "m-1", "status": "verified", "target": {"instance_id": "i-1"}},
        {"name": "db02", "id": "m-2", "status": "failed", "target": None},
    ]
    times = {"started": "2026-11-01T00:00:00Z", "ended": "2026-11-01T01:00:00Z"}
    return {
        "schema_version": 1,
        "plan": {"name": "demo", "sha256": "x"},
        "run": {"id": "demo-test-1", "mode": "test", **times},
        "waves": [{"name": "db", "machines": machines}],
        **changes,
    }


def test_only_what_an_earlier_test_verified_opens_the_gate(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(evidence()))

    (proof,) = read_proofs(path, load_plan(DEMO))

    assert (proof.machine, proof.mode, proof.run, proof.instance) == ("m-1", Mode.TEST, "demo-test-1", "i-1")
    assert proof.source == "evidence.json"


def test_what_a_test_launched_comes_with_its_evidence_and_an_older_one_did_not_say(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    machine = {"id": "m-1", "status": "verified", "target": None, "launch_configuration": {"tenancy": "SHARED"}}
    for version in (2, 3):
        path.write_text(json.dumps(evidence(schema_version=version, waves=[{"machines": [machine]}])))
        (proof,) = read_proofs(path, load_plan(DEMO))
        assert proof.configuration == {"tenancy": "SHARED"}

    path.write_text(json.dumps(evidence(schema_version=1)))
    (older,) = read_proofs(path, load_plan(DEMO))
    assert older.configuration is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema_version": 99}, "schema_version is 99"),
        ({"plan": {"name": "other"}}, "plan.name is 'other', and must be 'demo'"),
        ({"run": {"mode": "cutover"}}, "run.mode is 'cutover', and must be 'test'"),
        ({"waves": None}, "not an evidence.json"),
    ],
)
def test_evidence_of_something_else_is_refused_in_words(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    path = tmp_path / "evidence.json"
    path.write_text(json.dumps(evidence(**changes)))

    with pytest.raises(NotEvidence, match=said):
        read_proofs(path, load_plan(DEMO))


def test_a_file_that_is_no_json_is_refused_as_evidence(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_text("{")

    with pytest.raises(NotEvidence, match="cannot be read as evidence"):
        read_proofs(path, load_plan(DEMO))


@pytest.mark.parametrize("left_out", [0, 1])
def test_an_abort_without_a_name_or_a_reason_is_wrong_use(left_out: int) -> None:
    words = ["lead@example.com", "not tonight"]
    words[left_out] = " "

    done = run("abort", "demo-test-1", "--by", words[0], "--reason", words[1])

    assert done.exit_code == 2
    assert "an abort names who (--by) and why (--reason)" in done.output
