"""The published schema, the example plans and the reference say what the models say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

from cli.plan import InvalidPlan, load_plan
from cli.plan.explain import _model, keys_of
from cli.plan.model import AuthorPlan, Machine, Rules, Wave
from cli.plan.night import PARTS, Probe, Proof, Step, Undo
from cli.plan.schema import FILE, published
from cutover.plan import Plan

ROOT = Path(__file__).parents[2]
PLANS = sorted((ROOT / "plans").glob("*.yaml"))
SCHEMA = json.loads(FILE.read_text(encoding="utf-8"))
MINIMAL = (ROOT / "plans" / "minimal.yaml").read_text(encoding="utf-8")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


class InstantsAsText(SafeConstructor):
    """ruamel.yaml's own loader, but for instants, which are text in YAML 1.2's core schema."""


InstantsAsText.add_constructor("tag:yaml.org,2002:timestamp", InstantsAsText.construct_yaml_str)


def plain(text: str) -> Any:
    """A second reading of a plan file, independent of the command's."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = InstantsAsText
    return yaml.load(text)


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type[BaseModel] | None, Any]]:
    """Every key of a model and of the models in it, as (dotted path, model below it, default)."""
    for name, field in keys_of(model).items():
        below = _model(field.annotation)
        yield f"{prefix}{name}", below, field.default
        if below and below not in (Wave, Machine, Step, Undo, Proof, Probe):
            yield from keys(below, f"{prefix}{name}.")


def test_the_published_schema_is_up_to_date():
    assert FILE.read_text(encoding="utf-8") == published(), "run python -m cli.plan.schema"


def test_the_schema_is_a_valid_draft_2020_12_schema_and_never_allows_null():
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    VALIDATOR.check_schema(SCHEMA)
    assert "null" not in json.dumps(SCHEMA)


def test_every_key_in_the_schema_is_explained():
    definitions = [SCHEMA, *SCHEMA["$defs"].values()]
    for definition in definitions:
        assert definition["description"]
        for name, key in definition.get("properties", {}).items():
            target = SCHEMA["$defs"].get(key.get("$ref", "").rpartition("/")[2], {})
            assert key.get("description") or target.get("description"), name


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_every_example_plan_compiles_and_keeps_to_the_schema(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../docs/schemas/plan.schema.json\n")
    VALIDATOR.validate(plain(text))
    plan = load_plan(path)
    assert plan.name == path.stem
    assert Plan.from_json(plan.canonical()) == plan


def test_the_example_plans_are_there():
    assert {path.stem for path in PLANS} >= {"minimal", "demo", "full", "mgn"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1", "version: 2"),
        ("name: minimal", "name: Minimal"),
        ("name: minimal", f"name: {'m' * 41}"),
        ("service: cloudendure", "service: drs"),
        ("project: Demo\n", ""),
        ("region: eu-central-1", "region: Frankfurt"),
        ("region: eu-central-1\n", ""),
        ("on_failure: stop\n", ""),
        ("on_failure: stop", "on_failure: ignore"),
        ("on_failure: stop", "on_failure: stop\nunknown: 1"),
        ("on_failure: stop", "on_failure: stop\npoll: {minimum: 30}"),
        ("on_failure: stop", "on_failure: stop\npoll: {minimum: 1h 30m}"),
        ("on_failure: stop", "on_failure: stop\npoll: {minimum: '22:00'}"),
        ("on_failure: stop", "on_failure: stop\npoll: {minimum: ~}"),
        ("on_failure: stop", "on_failure: stop\npoll: ~"),
        ("on_failure: stop", "on_failure: stop\nverify: {ok_in_a_row: 11}"),
        ("on_failure: stop", "on_failure: stop\nschedule: {test: '2030-06-01T09:00:00'}"),
        ("on_failure: stop", "on_failure: stop\ntest_gate: {waiver: {by: lead, reason: because}}"),
        ("on_failure: stop", "on_failure: stop\ntest_gate: {waiver: {by: lead}}"),
        ("on_failure: stop", "on_failure: stop\ntags: {a: 1}"),
        ("on_failure: stop", "on_failure: stop\ntags: {'AWS:a': b}"),
        ("on_failure: stop", "on_failure: stop\ntags: {'cutover:a': b}"),
        ("on_failure: stop", f"on_failure: stop\ntags: {dict.fromkeys(map(str, range(46)), 'x')}"),
        ("on_failure: stop", "on_failure: stop\nexpect: {test: {subnet: subnet-1}}"),
        ("on_failure: stop", "on_failure: stop\nexpect: {test: {security_groups: []}}"),
        ("on_failure: stop", "on_failure: stop\nexpect: {test: {security_groups: [a, a]}}"),
        ("on_failure: stop", "on_failure: stop\nexpect: {test: {private_ip: 10.0.0}}"),
        ("on_failure: stop", "on_failure: stop\nexpect: {test: {instance_type: large}}"),
        ("on_failure: stop", "on_failure: stop\nlaunch_configuration: {differences: ignore}"),
        ("machines: [web01]", "machines: []"),
        ("machines: [web01]", "machines: [web01]\n    at_least: 0"),
        ("machines: [web01]", "machines: [web01]\n    canary: ''"),
        ("machines: [web01]", "machines: [{name: web01, optional: 'yes'}]"),
        ("machines: [web01]", "machines: [{name: web01, replace: {instance: i-1, by: a, reason: one two three}}]"),
        ("machines: [web01]", "machines: [{name: web01, accept_changes: {fields: [a], by: a}}]"),
        ("machines: [web01]", "machines: [{name: a, accept_changes: {fields: [a, a], by: b, reason: c d e}}]"),
        ("machines: [web01]", "machines: [17]"),
        ("machines: [web01]", "machines: ['']"),
        ("machines: [web01]", "machines: [{tags: {}}]"),
        ("machines: [web01]", "machines: [{name: a, id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301}]"),
        ("machines: [web01]", "machines: [{id: web01}]"),
        ("on_failure: stop", "on_failure: stop\nexpect: {test: {boot_mode: BIOS}}"),
        ("machines: [web01]", "machines: [{name: web01, poll: {}}]"),
        ("machines: [web01]", "machines: [{name: web01, at_most: 3}]"),
        ("machines: [web01]", "machines: [{name: web01, tagged: {Wave: '3'}}]"),
        ("machines: [web01]", "machines: [{tagged: {}}]"),
        ("machines: [web01]", "machines: [{tagged: {Wave: 3}}]"),
        ("machines: [web01]", "machines: [{in_mgn_wave: ' 3'}]"),
        ("machines: [web01]", "machines: [{in_mgn_wave: '3', at_most: 0}]"),
    ],
)
def test_what_the_schema_can_express_it_refuses_as_the_command_does(tmp_path, old, new):
    assert VALIDATOR.is_valid(plain(MINIMAL))
    assert old in MINIMAL
    text = MINIMAL.replace(old, new)
    assert not VALIDATOR.is_valid(plain(text))
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidPlan):
        load_plan(path)


def test_the_full_plan_shows_every_key():
    text = (ROOT / "plans" / "full.yaml").read_text(encoding="utf-8")
    for model in (AuthorPlan, Wave, Machine, Step, Undo, Proof):
        for path, _, _ in keys(model):
            assert re.search(rf"(^[\s#-]*|[{{ ]){path.rpartition('.')[2]}:", text, re.MULTILINE), path


def test_the_reference_names_every_key_with_its_default():
    reference = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
    rows: dict[str, str] = {}
    for row in re.findall(r"^\| `.*", reference, re.MULTILINE):
        rows |= dict.fromkeys(re.findall("`([^`]+)`", row.split("|")[1]), row)
    wanted = {path: default for path, below, default in keys(AuthorPlan) if below is None}
    wanted |= {f"waves[].{path}": None for path in set(Wave.model_fields) - set(Rules.model_fields)}
    wanted |= {f"waves[].machines[].{path}": None for path in Machine.model_fields}
    wanted |= {f"cutover.quiesce[].{path}": field.default for path, field in keys_of(Step).items()}
    wanted |= {f"cutover.quiesce[].undo.{path}": None for path in set(keys_of(Undo)) - set(keys_of(Step))}
    wanted |= {f"cutover.quiesce[].proof[].{path}": None for path in set(keys_of(Proof)) - set(keys_of(Step))}
    assert set(rows) == set(wanted) | {"waves", "cutover.probe", *(f"cutover.{part}" for part in PARTS)}
    for path, default in wanted.items():
        shown = str(default).lower() if isinstance(default, bool) else default
        assert not isinstance(default, str | int) or f"| `{shown}` |" in rows[path], path
