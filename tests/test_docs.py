"""The documents are true: their commands parse, their plan compiles, their picture shows the real states."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.main import app
from cli.plan import load_plan
from cli.reading import read
from cutover import mgn_launch_configuration as mgn_configuration
from cutover.cloudendure_blueprints import configuration
from cutover.configuration_findings import launch_configuration_findings
from cutover.launch_configuration import SOME_HAVE
from cutover.places import Place, Places
from cutover.plan import Mode
from cutover.planned_telling import Audience
from cutover.telling.messages import News
from stage.simulator import Scenario, Simulator
from stage.simulator.mgn.configuration import launch_configuration
from stage.simulator.mgn.names import Names

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def blocks(document: Path, kind: str) -> list[str]:
    return [text for language, text in BLOCK.findall(document.read_text()) if language == kind]


def commands(starting: str) -> list[str]:
    lines = [
        line.strip() for document in DOCUMENTS for block in blocks(document, "console") for line in block.splitlines()
    ]
    return sorted({line for line in lines if line.startswith(starting)})


@pytest.mark.parametrize("line", commands(".venv/bin/cutover"))
def test_a_command_in_the_documents_is_one_the_command_line_takes(line: str) -> None:
    arguments = shlex.split(line)[1:]

    command = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[arguments.pop(0)]
    command.make_context("cutover", arguments)

    for file in (each for each in arguments if each.startswith("plans/") and "shop" not in each):
        assert (ROOT / file).exists()


def test_the_make_targets_in_the_documents_exist() -> None:
    named = {line.split()[1] for line in commands("make ")}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {"demo", "test", "deploy"} <= named <= targets


def test_ci_runs_the_readmes_test_command_and_nothing_cleverer() -> None:
    script = (ROOT / ".ci" / "run").read_text().splitlines()

    assert [line for line in script if line.startswith("make")] == ["make test"]


@pytest.mark.parametrize("document", [ROOT / "README.md", ROOT / "docs" / "plan.md"], ids=lambda path: path.name)
def test_a_plan_in_the_documents_is_valid(document: Path, tmp_path: Path) -> None:
    whole = [text for text in blocks(document, "yaml") if "version:" in text]

    assert whole
    for text in whole:
        path = tmp_path / "plan.yaml"
        path.write_text(text)
        load_plan(path)


def test_every_message_is_shown_as_the_command_prints_it() -> None:
    printed = CliRunner().invoke(app, ["messages", str(ROOT / "plans" / "demo.yaml"), "--markdown"])
    assert printed.output == (ROOT / "docs" / "messages.md").read_text("utf-8"), (
        "run .venv/bin/cutover messages plans/demo.yaml --markdown > docs/messages.md"
    )


def test_every_kind_of_news_and_every_end_is_among_the_messages_shown() -> None:
    found = read(load_plan(ROOT / "plans" / "demo.yaml"), [Audience.ENGINEERS], ["en"])
    assert {each["news"] for each in found} == {news.value for news in News}
    text = "\n".join(each["text"] for each in found)
    for words in ("Tested:", "Cut over:", "Refused:", "Postponed:", "FAILED:", "Aborted", "Rolled back:"):
        assert words in text, words


@pytest.mark.parametrize("path", sorted((ROOT / "plans").glob("*.yaml")), ids=lambda path: path.name)
def test_an_example_plan_is_valid_and_its_machines_are_in_the_default_scenario(path: Path) -> None:
    world = Scenario.load(ROOT / "plans" / "scenarios" / "demo.yaml")

    plan = load_plan(path)

    (project,) = world.projects
    there = {name.casefold() for name in world.projects[project].all_machines()}
    assert {machine.label.casefold() for wave in plan.waves for machine in wave.machines} <= there
    assert plan.project in (project, "")
    assert plan.region == world.projects[project].region


@pytest.mark.parametrize("path", sorted((ROOT / "plans").glob("*.yaml")), ids=lambda path: path.name)
def test_the_default_scenario_is_set_to_launch_what_an_example_plan_expects(path: Path) -> None:
    world = Simulator(Scenario.load(ROOT / "plans" / "scenarios" / "demo.yaml")).world
    (project,) = world.projects.values()
    subnets = {name: (Place(subnet, "vpc"),) for name, subnet in project.network.subnets.items()}
    groups = {name: (Place(group, "vpc"),) for name, group in project.network.groups.items()}
    plan = load_plan(path)
    configured = {machine.name: configuration(machine.blueprint) for machine in project.machines.values()}
    if plan.service == "mgn":
        names = Names(world.identity, project)
        for server in project.machines.values():
            as_mgn_says = mgn_configuration.configuration(launch_configuration(names, server), {})
            only_mgns: dict[str, Any] = {setting: as_mgn_says.value(setting) for setting in SOME_HAVE}
            seen = configured[server.name]
            assert seen is not None
            configured[server.name] = replace(seen, **only_mgns)

    for wave in plan.waves:
        for machine in wave.machines:
            seen = configured[machine.label]
            for mode in Mode:
                found = launch_configuration_findings(wave, machine, mode, seen, None, Places(subnets, groups))
                assert found == (), (machine.label, mode)


@pytest.mark.parametrize("path", sorted((ROOT / "plans" / "scenarios").glob("*.yaml")), ids=lambda path: path.name)
def test_a_scenario_can_be_read(path: Path) -> None:
    Scenario.load(path)


def test_the_picture_shows_states_that_exist() -> None:
    picture = blocks(ROOT / "README.md", "mermaid")[0]
    shown = set(re.findall(r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b", re.sub(r"\[.*?\]", "", picture)))
    states = {
        name for file in (ROOT / "statemachines").glob("*.json") for name in json.loads(file.read_text())["States"]
    }

    assert len(shown) > 10
    assert shown <= states


def test_the_readme_tells_the_default_scenario() -> None:
    world = Scenario.load(ROOT / "plans" / "scenarios" / "demo.yaml")

    assert str(world.account.token) in README
    for name, project in world.projects.items():
        assert f"`{name}`" in README
        assert all(f"`{machine}`" in README for machine in project.all_machines())


def test_links_in_the_documents_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text()):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"
