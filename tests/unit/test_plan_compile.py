"""What a plan compiles to: overlays laid over each other, defaults filled in, one canonical form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from cli.plan import load_plan
from cutover.plan import (
    WHEN_READY,
    AcceptedChanges,
    ApplicationCheck,
    ByOs,
    Expectation,
    Look,
    Mode,
    OnDifference,
    OnFailure,
    Plan,
    PollBounds,
    Replacement,
    Waiver,
)
from tests.unit.plans_of import NIGHT

HEAD = """\
version: 1
name: shop
service: cloudendure
project: Shop
region: eu-central-1
on_failure: stop
"""


@pytest.fixture
def load(tmp_path):
    def load(text: str) -> Plan:
        path = tmp_path / "plan.yaml"
        path.write_text(HEAD + text, encoding="utf-8")
        return load_plan(path)

    return load


def test_a_minimal_plan_has_every_default_filled_in(load):
    plan = load("waves: [{name: web, machines: [web01]}]")
    (wave,) = plan.waves
    (machine,) = wave.machines
    assert (plan.name, plan.service, plan.project, plan.region) == ("shop", "cloudendure", "Shop", "eu-central-1")
    assert plan.schedule == {}
    assert (wave.lag_limit, wave.readiness_deadline, wave.test_minimum_age) == (300, 12 * 3600, 7 * 86400)
    assert (wave.job_deadline, wave.verify_deadline, wave.ok_in_a_row) == (3600, ByOs(1200, 1200), 1)
    assert (wave.test_waiver, wave.on_failure, wave.poll) == (None, OnFailure.STOP, PollBounds(30, 900))
    assert (machine.name, machine.id, machine.tags) == ("web01", None, {})
    assert machine.expect == {Mode.TEST: Expectation(), Mode.CUTOVER: Expectation()}
    assert (wave.at_least, wave.canary, wave.launch_configuration) == (None, False, OnDifference.REFUSE)
    assert (machine.critical, machine.optional, machine.replace, machine.accept_changes) == (False, False, None, None)


def test_the_waves_rules_are_laid_over_the_plans_key_by_key(load):
    plan = load("""
readiness: {lag: 10m, deadline: 2h}
test_gate: {minimum_age: 3d, waiver: {by: lead, reason: one two three}}
verify: {deadline: 30m, job_deadline: 2h}
poll: {minimum: 10s, maximum: 1m}
launch_configuration: {differences: correct}
waves:
  - {name: as-the-plan, machines: [a]}
  - name: its-own
    machines: [b]
    on_failure: hold
    readiness: {lag: 1m30s}
    test_gate: {waiver: {by: owner, reason: four five six}}
    verify: {ok_in_a_row: 3, job_deadline: 1d}
    poll: {maximum: 5m}
    launch_configuration: {differences: refuse}
""")
    first, second = plan.waves
    assert (first.lag_limit, first.readiness_deadline) == (600, 7200)
    assert (second.lag_limit, second.readiness_deadline) == (90, 7200)
    assert (first.test_minimum_age, first.test_waiver) == (3 * 86400, Waiver("lead", "one two three"))
    assert (second.test_minimum_age, second.test_waiver) == (3 * 86400, Waiver("owner", "four five six"))
    assert (first.verify_deadline, first.job_deadline, first.ok_in_a_row) == (ByOs(1800, 1800), 7200, 1)
    assert (second.verify_deadline, second.job_deadline, second.ok_in_a_row) == (ByOs(1800, 1800), 86400, 3)
    assert (first.poll, second.poll) == (PollBounds(10, 60), PollBounds(10, 300))
    assert (first.on_failure, second.on_failure) == (OnFailure.STOP, OnFailure.HOLD)
    assert (first.launch_configuration, second.launch_configuration) == (OnDifference.CORRECT, OnDifference.REFUSE)


def test_what_is_said_of_one_machine_is_compiled_with_it(load):
    plan = load("""
waves:
  - name: web
    machines:
      - {name: web01, critical: true}
      - {name: web02, optional: true}
      - name: web03
        replace: {instance: i-0a1b2c3d4e5f60718, by: lead, reason: one two three}
        accept_changes: {fields: [iamRole, subnetIDs], by: owner, reason: four five six}
""")
    one, two, three = plan.waves[0].machines
    assert [(each.critical, each.optional) for each in (one, two, three)] == [
        (True, False),
        (False, True),
        (False, False),
    ]
    assert three.replace == Replacement("i-0a1b2c3d4e5f60718", "lead", "one two three")
    assert three.accept_changes == AcceptedChanges(("iamRole", "subnetIDs"), "owner", "four five six")
    assert Plan.from_json(plan.canonical()) == plan


def test_checks_of_plan_wave_and_machine_are_added_up_for_whom_they_are_for(load):
    plan = load("""
verify:
  deadline: {linux: 25m, windows: 60m}
  checks:
    - {ssm: trust, for: windows, parameters: {site: [fra]}}
    - {tcp: 22, for: [WEB01]}
waves:
  - name: web
    verify:
      deadline: 30m
      checks: [{http: "http://{ip}/health", contains: ready, status: 204, timeout: 5s, name: health}]
    machines: [{name: web01, checks: [{tcp: 443}], prewarm: true}, web02]
  - {name: app, machines: [app01]}
""")
    web, app = plan.waves
    trust = ApplicationCheck("ssm trust", Look.SSM, "trust", {"site": ["fra"]}, os="windows", timeout=600)
    health = ApplicationCheck("health", Look.HTTP, "http://{ip}/health", status=204, contains="ready", timeout=5)
    ssh, https = (ApplicationCheck(f"tcp {port}", Look.TCP, str(port)) for port in (22, 443))
    assert [each.checks for each in web.machines] == [(trust, ssh, health, https), (trust, health)]
    assert app.machines[0].checks == (trust,)
    assert [each.prewarm for each in web.machines] == [True, False]
    assert (web.verify_deadline, app.verify_deadline) == (ByOs(1800, 1800), ByOs(1500, 3600))
    assert Plan.from_json(plan.canonical()) == plan


@pytest.mark.parametrize(
    ("written", "rule", "at_least"),
    [
        ("", OnFailure.STOP, None),
        ("on_failure: hold", OnFailure.HOLD, None),
        ("on_failure: continue", OnFailure.STOP, None),
        ("at_least: 3", OnFailure.STOP, 2),
        ("at_least: 1", OnFailure.STOP, 0),
    ],
)
def test_a_canary_is_a_wave_of_its_own_that_nothing_follows_unless_it_passes(load, written, rule, at_least):
    plan = load(f"""
waves:
  - name: web
    canary: WEB02
    machines: [web01, web02, web03]
    readiness: {{deadline: 1h}}
    {written}
  - {{name: app, machines: [app01]}}
""")
    canary, rest, other = plan.waves
    assert [wave.name for wave in plan.waves] == ["web-canary", "web", "app"]
    assert [[each.label for each in wave.machines] for wave in (canary, rest)] == [["web02"], ["web01", "web03"]]
    assert [wave.canary for wave in plan.waves] == [True, False, False]
    assert canary.readiness_deadline == rest.readiness_deadline == 3600
    assert (canary.on_failure, canary.at_least) == (rule, None)
    assert rest.at_least == at_least
    assert rest.on_failure == OnFailure(written.removeprefix("on_failure: ") if "on_failure" in written else "stop")
    assert other.at_least is None


def test_expectations_and_tags_are_laid_over_each_other_machine_over_wave_over_plan(load):
    plan = load("""
expect:
  test: {subnet: plan, instance_type: m5.large, public_ip: true}
  cutover: {subnet: plan, security_groups: [plan, both]}
tags: {a: plan, b: plan, c: plan}
waves:
  - name: web
    expect: {test: {subnet: wave, public_ip: false}}
    tags: {b: wave, c: wave}
    machines:
      - web01
      - name: web02
        expect: {test: {subnet: machine}, cutover: {security_groups: [machine]}}
        tags: {c: machine}
""")
    one, two = plan.waves[0].machines
    of_plan = Expectation(subnet="plan", security_groups=("plan", "both"))
    assert one.expect == {
        Mode.TEST: Expectation(instance_type="m5.large", subnet="wave", public_ip=False),
        Mode.CUTOVER: of_plan,
    }
    assert two.expect == {
        Mode.TEST: Expectation(instance_type="m5.large", subnet="machine", public_ip=False),
        Mode.CUTOVER: Expectation(subnet="plan", security_groups=("machine",)),
    }
    assert one.tags == {"a": "plan", "b": "wave", "c": "wave"}
    assert two.tags == {"a": "plan", "b": "wave", "c": "machine"}


def test_a_key_written_with_its_default_value_still_overrides(load):
    plan = load("readiness: {lag: 1h}\nwaves: [{name: a, machines: [x], readiness: {lag: 5m}}]")
    assert plan.waves[0].lag_limit == 300


def test_a_machine_is_a_name_or_when_it_is_a_uuid_an_id(load):
    ids = ["3F2504E0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0-4f89-41d3-9a0c-0305e82c3302"]
    plan = load(f"waves: [{{name: a, machines: [Web01, {ids[0]}, {{id: {ids[1]}}}, {{name: {ids[1]}}}]}}]")
    machines = [(machine.name, machine.id) for machine in plan.waves[0].machines]
    assert machines == [("Web01", None), (None, ids[0].lower()), (None, ids[1]), (ids[1], None)]


def test_instants_are_compiled_to_utc(load):
    schedule = "schedule: {test: 2030-06-01T01:30:00+02:00, cutover: 2030-06-14T22:00:00-00:30}"
    plan = load(f"{schedule}\n{NIGHT}waves: [{{name: a, machines: [x]}}]")
    assert plan.schedule == {Mode.TEST: "2030-05-31T23:30:00Z", Mode.CUTOVER: "2030-06-14T22:30:00Z"}


def test_a_test_may_start_when_its_machines_are_ready(load):
    schedule = "schedule: {test: {when: ready}, cutover: 2030-06-14T22:00:00Z}"
    plan = load(f"{schedule}\n{NIGHT}waves: [{{name: a, machines: [x]}}]")
    assert plan.schedule == {Mode.TEST: WHEN_READY, Mode.CUTOVER: "2030-06-14T22:00:00Z"}
    assert Plan.from_json(plan.canonical()) == plan


def test_the_same_plan_written_otherwise_is_the_same_plan(load):
    one = load("tags: {a: x, b: y}\npoll: {minimum: 60s}\nwaves: [{name: a, machines: [x]}]")
    other = load(
        '# said otherwise\nwaves:\n- machines:\n  - name: "x"\n  name: a\ntags: {b: y, a: x}\npoll: {minimum: 1m}'
    )
    assert one.canonical() == other.canonical()
    assert one.sha256 == other.sha256
    assert load("tags: {a: x, b: z}\nwaves: [{name: a, machines: [x]}]").sha256 != one.sha256


def test_a_plan_of_two_thousand_machines_loads(load):
    lines = [
        f"      - {{name: m{number}, expect: {{cutover: {{private_ip: 10.0.{number // 250}.{number % 250}}}}}}}"
        for number in range(2000)
    ]
    plan = load("waves:\n  - name: all\n    machines:\n" + "\n".join(lines))
    assert len(plan.waves[0].machines) == 2000
    assert plan.waves[0].machines[1999].expect[Mode.CUTOVER].private_ip == "10.0.7.249"


names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
lines = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12).filter(
    lambda text: not text.lower().startswith(("subnet-", "sg-", "aws:", "cutover:"))
)
durations = st.builds(lambda number, unit: f"{number}{unit}", st.integers(1, 90), st.sampled_from("dhms"))


def some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys)


targets = some(
    instance_type=st.sampled_from(["m5.large", "u-6tb1.metal"]),
    subnet=lines,
    security_groups=st.lists(lines, min_size=1, max_size=3, unique=True),
    public_ip=st.booleans(),
)
overlays = {"expect": some(test=targets, cutover=targets), "tags": st.dictionaries(lines, lines, max_size=4)}
rules = {
    **overlays,
    "on_failure": st.sampled_from(["hold", "stop", "continue"]),
    "readiness": some(lag=durations, deadline=durations),
    "test_gate": some(minimum_age=durations, waiver=st.just({"by": "lead", "reason": "for good reason"})),
    "verify": some(deadline=durations, ok_in_a_row=st.integers(1, 10), job_deadline=durations),
    "poll": st.just({"minimum": "1s"}),
    "launch_configuration": some(differences=st.sampled_from(["refuse", "correct"])),
}
by = {"by": "lead", "reason": "for good reason"}
of_a_machine = {
    **overlays,
    "replace": st.sampled_from([{"instance": "none", **by}, {"instance": "i-0a1b2c3d", **by}]),
    "accept_changes": st.just({"fields": ["iamRole"], **by}),
}


weight = st.sampled_from([{}, {"critical": True}, {"optional": True}, {"critical": False, "optional": False}])


@st.composite
def machines(draw: st.DrawFn, name: str) -> str | dict[str, Any]:
    return {**draw(some(**of_a_machine)), **draw(weight), "name": name} if draw(st.booleans()) else name


@st.composite
def author_plans(draw: st.DrawFn) -> dict[str, Any]:
    sources = draw(st.lists(lines, min_size=1, max_size=6, unique_by=str.casefold))
    cut = draw(st.integers(1, len(sources)))
    wave_names = draw(st.lists(names, min_size=2, max_size=2, unique=True))
    return {
        **draw(some(**rules)),
        "version": 1,
        "name": draw(names),
        "service": "cloudendure",
        "project": draw(lines),
        "region": "eu-central-1",
        "on_failure": "stop",
        "waves": [
            {
                **draw(some(**rules)),
                "name": name,
                **draw(some(at_least=st.integers(1, len(part) or 1))),
                "machines": [draw(machines(source)) for source in part],
            }
            for name, part in zip(wave_names, (sources[:cut], sources[cut:]), strict=True)
            if part
        ],
    }


@given(author_plans())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_is_compiled_comes_back_from_its_canonical_json(tmp_path, written):
    path = tmp_path / "plan.yaml"
    path.write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")  # JSON is YAML
    plan = load_plan(path)
    assert Plan.from_json(plan.canonical()) == plan
    assert Plan.from_json(plan.canonical()).sha256 == plan.sha256
    assert [wave.name for wave in plan.waves] == [wave["name"] for wave in written["waves"]]
    unshared = json.loads(json.dumps(written))  # else the dump has anchors
    with path.open("w", encoding="utf-8") as file:
        YAML(pure=True).dump(unshared, file)  # in block style, with quotes only where they are needed
    assert load_plan(path) == plan
