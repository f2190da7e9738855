"""The runbook names everything that can reach an operator: collected from the code, compared in both directions."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli.sheet import lines
from cutover import errors
from cutover.instants import text
from cutover.night_records import NightRecord, Wish
from cutover.records import MachineStatus, Outcome
from cutover.takeover import sheet
from cutover.telling.messages import News
from cutover.verification import REMEDIES
from tests.statemachines.interpreter import REGION, load_handlers
from tests.statemachines.night import TABLE, a_night, a_plan, a_world
from tests.unit import night_of
from tests.unit.records_of import run

ROOT = Path(__file__).parents[1]
SOURCES = [*sorted((ROOT / "functions").glob("*.py")), *sorted((ROOT / "functions" / "cutover").glob("*.py"))]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
GROUPS = ("Before the launch", "The launch", "The targets", "Our own")

HELPERS = {
    "finding": "warning",
    "guard": "_against",
    "preflight_capacity": "_fits",
}
"""By module, the helper that hands its first argument on as a finding's field: its calls name the fields instead."""

ELSEWHERE = {
    ("verification", "check.name"): set(REMEDIES),  # a check that failed becomes a finding of its name, with a remedy
}
"""Fields that are no constant where the finding is made: by module and expression, what they can be."""


class Unclear(AssertionError):
    """When nobody can tell which fields an expression can be: name a constant, or say it in HELPERS or ELSEWHERE."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def calls(path: Path, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def handed_on(path: Path) -> set[ast.Call]:
    """The findings made inside of a helper: their field is its argument."""
    helper = HELPERS.get(path.stem)
    return {
        node
        for function in ast.walk(tree(path))
        if isinstance(function, ast.FunctionDef) and function.name == helper
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
    }


def can_be(path: Path, field: ast.expr) -> set[str]:
    """What the expression of a field can be."""
    if isinstance(field, ast.Constant) and isinstance(field.value, str):
        return {field.value}
    if isinstance(field, ast.IfExp):
        return can_be(path, field.body) | can_be(path, field.orelse)
    if isinstance(field, ast.Name):  # a constant of the module, its own or imported
        package = "cutover." if path.parent.name == "cutover" else ""
        value = getattr(import_module(f"{package}{path.stem}"), field.id, None)
        if isinstance(value, str):
            return {value}
    said = ast.unparse(field)
    if (path.stem, said) in ELSEWHERE:
        return ELSEWHERE[path.stem, said]
    raise Unclear(f"{path.relative_to(ROOT)}:{field.lineno}: the field of a finding is {said}")


def fields() -> set[str]:
    """The field of every finding that the functions can make."""
    found: set[str] = set()
    for path in SOURCES:
        makers = {"Finding", "warning"} | ({HELPERS[path.stem]} if path.stem in HELPERS else set())
        for call in set(calls(path, *makers)) - handed_on(path):
            given = [each.value for each in call.keywords if each.arg == "field"] or call.args[:1]
            assert given, f"{path.name}:{call.lineno}: a finding without a field"
            found |= can_be(path, given[0])
    return found


def checks() -> set[str]:
    """The names of the checks of a target."""
    (path,) = (each for each in SOURCES if each.stem == "verification")
    named = [call.args[0] for call in calls(path, "Check", "_equal") if call.args]
    return {each.value for each in named if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def section(title: str) -> str:
    """The text below a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title}"
    return found[1]


def headings(part: str) -> list[str]:
    return re.findall(r"^### `(\w+)`$", part, re.MULTILINE)


def rows(part: str) -> list[str]:
    return re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)


def bodies(part: str) -> dict[str, str]:
    parts = re.split(r"^### `(\w+)`\n", part, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_finding_has_its_heading_and_every_heading_its_finding() -> None:
    there = [slug for group in GROUPS for slug in headings(section(group))]

    assert len(there) == len(set(there)), "once each"
    assert sorted(there) == sorted(headings(RUNBOOK)), "all of them in one of the groups"
    assert set(there) == fields() | set(REMEDIES)


def test_every_check_has_a_remedy_and_so_its_heading() -> None:
    assert checks() == set(REMEDIES)


def test_every_heading_says_what_to_do_in_a_few_lines() -> None:
    for group in GROUPS:
        for slug, body in bodies(section(group)).items():
            lines = [line for line in body.split("\n") if line.strip()]
            assert 2 <= len(lines) <= 5, slug
            assert "**Do:**" in body, slug


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("How a run ended", Outcome),
        ("What became of a machine", MachineStatus),
        ("Messages", News),
        ("A run that holds", Wish),
    ],
)
def test_every_word_of_an_enumeration_has_its_row(title: str, words: type[StrEnum]) -> None:
    assert rows(section(title)) == [each.value for each in words], "in the code's order"


def test_every_section_of_the_takeover_sheet_is_explained() -> None:
    made = lines(sheet(night_of.PLAN, run(), NightRecord(), [], [], [], "2026-11-28T21:05:00Z"))
    titles = [match[0] for line in made if (match := re.match(r"[A-Z][A-Z' ]{3,}(?=,|:|$)", line))]

    assert titles[:2] == ["PRODUCTION", "OPEN"]
    assert len(titles) == 9
    explained = " ".join(section("Take over by hand").split())
    assert [title for title in titles[1:] if title not in explained] == []


def test_every_error_has_its_row() -> None:
    ours = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.CutoverError)]
    raised = [each.__name__ for each in ours if each not in (errors.CutoverError, errors.ServiceError)]

    assert rows(section("Errors")) == raised


def test_it_begins_with_what_is_needed_first() -> None:
    titles = re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)

    assert titles[:2] == ["The first five minutes", "What goes on by itself"]


def test_an_added_finding_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "added.py"
    path.write_text('Finding("brand_new" if here else "other", "seen", "rule", "do")\nFinding(field, "", "", "")\n')
    named, unclear = (call.args[0] for call in calls(path, "Finding"))

    assert can_be(path, named) == {"brand_new", "other"}
    with pytest.raises((Unclear, ModuleNotFoundError, ValueError)):
        can_be(path, unclear)


def test_the_mark_that_it_has_written_by_hand_aborts_a_run() -> None:
    """Every line of it is meant to be copied: this one is carried out as it stands."""
    (line,) = re.findall(r"^ *(aws dynamodb update-item .*)$", RUNBOOK, re.MULTILINE)

    def look(event: dict[str, Any]) -> Any:
        answer = handlers["CheckReadiness"](event)
        if "aborted" not in written:
            written["aborted"] = now = text(night.simulator.clock.now())
            filled = {"<TableName>": TABLE, "<run>": event["run"], "<you>": "lead@example.com", "<why>": "not tonight"}
            for name, value in {**filled, "<now, as 2030-06-01T22:00:00Z>": now}.items():
                assert name in line
                written["line"] = written.get("line", line).replace(name, value)
            words = shlex.split(written["line"])[3:]
            given = dict(zip((word[2:] for word in words[::2]), words[1::2], strict=True))
            arguments = {camel(name): json.loads(value) if value[0] == "{" else value for name, value in given.items()}
            boto3.client("dynamodb", REGION).update_item(**arguments)
        return answer

    handlers, written = load_handlers(), dict[str, str]()
    with a_night(a_world({"db01": {"replication": {"state": "paused"}}}), handlers={"CheckReadiness": look}) as night:
        night.run(a_plan())

        assert night.outcome() == "Aborted"
        assert "aborted by lead@example.com" in night.findings("db01")
        assert night.wave_states().count("CheckReadiness") == 2
        assert night.launches() == 0


def camel(option: str) -> str:
    return "".join(word.capitalize() for word in option.split("-"))
