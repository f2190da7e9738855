"""What a plan may say of one replication service and not of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.plan import InvalidPlan, Problem, load_plan
from cutover.plan import Expectation, Mode, Plan
from cutover.planned_selection import Selection

MGN = """\
version: 1
name: shop
service: mgn
region: eu-central-1
on_failure: stop
"""
CLOUDENDURE = MGN.replace("service: mgn", "service: cloudendure\nproject: Shop")
WAVES = "waves: [{name: web, machines: [web01]}]\n"
UUID, SERVER = "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "s-3f2504e04f8941d39"


def read(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return load_plan(path)


def refused(tmp_path: Path, text: str) -> Problem:
    with pytest.raises(InvalidPlan) as caught:
        read(tmp_path, text)
    (problem,) = caught.value.problems
    return problem


def test_mgn_needs_no_project(tmp_path):
    plan = read(tmp_path, MGN + WAVES)
    assert (plan.service, plan.project, plan.place) == ("mgn", "", "region eu-central-1")


def test_a_name_given_for_messages_is_said_in_them(tmp_path):
    plan = read(tmp_path, f"{MGN}project: Shop\n{WAVES}")
    assert plan.place == "project Shop"


def test_cloudendure_needs_a_project(tmp_path):
    problem = refused(tmp_path, CLOUDENDURE.replace("project: Shop\n", "") + WAVES)
    assert (problem.line, problem.field, problem.seen) == (1, "project", "nothing")
    assert problem.remedy == "add it, as in `project: Shop`"


@pytest.mark.parametrize(("head", "machine"), [(MGN, SERVER), (CLOUDENDURE, UUID)])
def test_what_is_written_like_an_id_is_one(tmp_path, head, machine):
    (wave,) = read(tmp_path, f"{head}waves: [{{name: web, machines: [{machine}]}}]\n").waves
    assert (wave.machines[0].id, wave.machines[0].name) == (machine, None)


@pytest.mark.parametrize("written", ["{machine}", "{{id: {machine}}}"])
@pytest.mark.parametrize(("head", "machine", "other"), [(MGN, UUID, "cloudendure"), (CLOUDENDURE, SERVER, "mgn")])
def test_an_id_of_the_other_service_is_refused(tmp_path, head, machine, other, written):
    text = f"{head}waves:\n- name: web\n  machines:\n  - {written.format(machine=machine)}\n"
    problem = refused(tmp_path, text)
    assert problem.line == text.count("\n")
    assert f"written like an id of {other}" in problem.rule


def test_what_only_mgn_can_be_set_to_is_compiled(tmp_path):
    test = "{right_sizing: true, boot_mode: UEFI, copy_tags: false}"
    plan = read(tmp_path, f"{MGN}expect: {{test: {test}, cutover: {{copy_private_ip: true}}}}\n{WAVES}")
    (machine,) = plan.waves[0].machines
    assert machine.expect[Mode.TEST] == Expectation(right_sizing=True, boot_mode="UEFI", copy_tags=False)
    assert machine.expect[Mode.CUTOVER] == Expectation(copy_private_ip=True)


@pytest.mark.parametrize(
    "setting", ["right_sizing: false", "boot_mode: UEFI", "copy_tags: true", "copy_private_ip: true"]
)
@pytest.mark.parametrize("level", ["plan", "wave", "machine"])
def test_cloudendure_has_none_of_it(tmp_path, setting, level):
    expect = f"expect: {{cutover: {{{setting}}}}}"
    texts = {
        "plan": f"{expect}\n{WAVES}",
        "wave": f"waves:\n- name: web\n  machines: [web01]\n  {expect}\n",
        "machine": f"waves:\n- name: web\n  machines:\n  - name: web01\n    {expect}\n",
    }
    problem = refused(tmp_path, CLOUDENDURE + texts[level])
    name = setting.partition(":")[0]
    assert problem.field.endswith(f"expect.cutover.{name}")
    assert (problem.rule, problem.remedy) == (f"only MGN has the setting `{name}`", "remove it")


@pytest.mark.parametrize(
    ("setting", "named"), [("right_sizing", "instance_type: m5.large"), ("copy_private_ip", "private_ip: 10.0.0.7")]
)
def test_what_is_taken_from_the_source_is_not_named_as_well(tmp_path, setting, named):
    waves = f"waves:\n- name: web\n  machines:\n  - name: web01\n    expect: {{test: {{{named}}}}}\n"
    problem = refused(tmp_path, f"{MGN}expect: {{test: {{{setting}: true}}}}\n{waves}")
    assert (problem.line, problem.remedy) == (11, f"remove it, or set `{setting}: false`")
    assert problem.rule.endswith(f"`{setting}` is true on line 6")

    nearer = waves.replace(f"{{{named}}}", f"{{{named}, {setting}: false}}")
    assert read(tmp_path, f"{MGN}expect: {{test: {{{setting}: true}}}}\n{nearer}")


def selecting(entry: str, rules: str = "") -> str:
    return f"waves:\n- name: web\n  machines:\n  - {entry}\n{rules}"


def test_a_selection_is_compiled_and_read_again(tmp_path):
    entries = "{tagged: {Wave: '3', env: prod}}, {in_mgn_wave: Wave 3, at_most: 40, critical: true}, web01"
    plan = read(tmp_path, f"{MGN}waves: [{{name: web, machines: [{entries}]}}]\n")
    tagged, grouped, named = plan.waves[0].machines
    assert tagged.selection == Selection(tagged={"Wave": "3", "env": "prod"}, at_most=200)
    assert (grouped.selection, grouped.critical) == (Selection(group="Wave 3", at_most=40), True)
    assert [each.selects for each in (tagged, grouped, named)] == [True, True, False]
    assert [each.label for each in (tagged, grouped)] == ["tagged Wave=3 env=prod", "wave Wave 3"]
    assert plan.selects
    assert Plan.from_json(plan.canonical()) == plan


@pytest.mark.parametrize("entry", ["{tagged: {Wave: '3'}}", "{in_mgn_wave: '3'}"])
def test_nothing_is_selected_with_cloudendure(tmp_path, entry):
    problem = refused(tmp_path, CLOUDENDURE + selecting(entry))
    assert (problem.line, problem.remedy) == (10, "name the machines one by one")
    assert problem.rule == "CloudEndure knows neither tags nor waves"


@pytest.mark.parametrize(
    ("entry", "rules", "field", "rule"),
    [
        ("{name: web01, at_most: 3}", "", "machines[0].at_most", "`at_most` belongs to `tagged` or `in_mgn_wave`"),
        ("{tagged: {a: b}, in_mgn_wave: c}", "", "machines[0]", "a machine has one of"),
        (
            "{tagged: {a: b}, replace: {instance: i-0a1b2c3d4e5f60718, by: a, reason: one two three}}",
            "",
            "machines[0].replace",
            "belongs to one machine",
        ),
        (
            "{tagged: {a: b}}",
            "  expect: {test: {private_ip: 10.0.0.7}}\n",
            "expect.test.private_ip",
            "a selection stands for several",
        ),
        ("{tagged: {a: b}}", "  canary: web01\n", "canary", "the canary is a machine of its wave"),
        ("{tagged: {a: b}, checks: [{tcp: 22}, {tcp: 22}]}", "", "machines[0].checks[1]", "have different names"),
    ],
)
def test_what_is_of_one_machine_is_not_said_of_a_selection(tmp_path, entry, rules, field, rule):
    problem = refused(tmp_path, MGN + selecting(entry, rules))
    assert problem.field == f"waves[0].{field}"
    assert rule in problem.rule


def test_how_many_pass_is_judged_when_they_are_known(tmp_path):
    (wave,) = read(tmp_path, MGN + selecting("{tagged: {a: b}}", "  at_least: 12\n")).waves
    assert wave.at_least == 12


def test_a_canary_is_named_beside_the_selection(tmp_path):
    text = f"{MGN}waves: [{{name: web, machines: [{{tagged: {{a: b}}}}, web01], canary: web01}}]\n"
    ahead, rest = read(tmp_path, text).waves
    assert [each.label for each in ahead.machines] == ["web01"]
    assert [each.label for each in rest.machines] == ["tagged a=b"]
