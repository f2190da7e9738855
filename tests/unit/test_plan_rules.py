"""What a plan is refused for, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.plan import InvalidPlan, Problem, load_plan
from tests.unit.plans_of import NIGHT

HEAD = """\
version: 1
name: shop
service: cloudendure
project: Shop
region: eu-central-1
on_failure: stop
"""
WAVES = """\
waves:
  - name: web
    machines: [web01]
"""


def refused(tmp_path: Path, text: str) -> list[Problem]:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidPlan) as caught:
        load_plan(path)
    return list(caught.value.problems)


def test_five_mistakes_are_five_problems_each_with_its_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("shop.yaml").write_text(
        """\
version: 1
name: shop
service: cloudendure
project: Shop
regoin: eu-central-1
on_failure: stop
readiness:
  deadline: 90
waves:
  - name: db
    machines: [db01, DB01]
    expect:
      test:
        subnet: subnet-front
""",
        encoding="utf-8",
    )
    with pytest.raises(InvalidPlan) as caught:
        load_plan("shop.yaml")
    assert str(caught.value) == (
        "shop.yaml:1: region: seen nothing; rule: this key is required;"
        " do: add it, as in `region: eu-central-1` (The AWS region of the targets.)\n"
        "shop.yaml:5: regoin: seen the key 'regoin'; rule: the keys here are version, name, service, region,"
        " on_failure, waves, readiness, test_gate, verify, poll, launch_configuration, expect, tags, author, project,"
        " schedule, cutover, tests, tell;"
        " do: write `region`\n"
        "shop.yaml:8: readiness.deadline: seen 90; rule: a duration is whole numbers with units d, h, m, s,"
        " the largest first: 7d, 1h30m, 30s; do: add the unit: 90s, 90m, 90h or 90d\n"
        "shop.yaml:11: waves[0].machines[1]: seen 'DB01'; rule: a machine stands once in a plan, in whatever case,"
        " and it is on line 11; do: remove one of the two\n"
        "shop.yaml:14: waves[0].expect.test.subnet: seen 'subnet-front'; rule: a subnet is an id (subnet- and 8 or 17"
        " hexadecimal digits) or the value of its Name tag; do: correct the id, or name the subnet"
    )


@pytest.mark.parametrize(
    ("lines", "where", "seen", "remedy"),
    [
        # text that YAML takes for something else
        ("tags: {cost-centre: 0123}", (7, "tags.cost-centre"), "0123", 'put it in quotes: "0123"'),
        ("tags: {live: true}", (7, "tags.live"), "true", 'put it in quotes: "true"'),
        (
            "expect: {test: {public_ip: yes}}",
            (7, "expect.test.public_ip"),
            "'yes'",
            "write true or false, without quotes",
        ),
        ("verify: {ok_in_a_row: '3'}", (7, "verify.ok_in_a_row"), "'3'", "write digits only, without quotes"),
        ("verify: {ok_in_a_row: true}", (7, "verify.ok_in_a_row"), "true", "write digits only, without quotes"),
        # durations
        ("poll: {minimum: 30}", (7, "poll.minimum"), "30", "add the unit: 30s, 30m, 30h or 30d"),
        (
            "readiness:\n  lag: 22:00",
            (8, "readiness.lag"),
            "'22:00'",
            "colons are for times of day: write 22h0m",
        ),
        (
            "readiness: {lag: 1.5}",
            (7, "readiness.lag"),
            "1.5",
            "write it in whole numbers: 1h30m",
        ),
        ("readiness: {lag: 5min}", (7, "readiness.lag"), "'5min'", "write it like 30s, 5m, 1h30m or 7d"),
        ("readiness: {lag: 30m1h}", (7, "readiness.lag"), "'30m1h'", "write it like 30s, 5m, 1h30m or 7d"),
        ("readiness: {lag: ''}", (7, "readiness.lag"), "''", "write it like 30s, 5m, 1h30m or 7d"),
        ("poll: {minimum: 0s}", (7, "poll.minimum"), "'0s'", "write one between"),
        ("readiness: {deadline: 366d}", (7, "readiness.deadline"), "'366d'", "write one between"),
        ("readiness: {deadline: [1h]}", (7, "readiness.deadline"), "a list", "write a duration"),
        # instants
        ("schedule: {test: 2030-06-01T09:00}", (7, "schedule.test"), "'2030-06-01T09:00'", "add the offset, "),
        ("schedule: {test: 2030-06-01}", (7, "schedule.test"), "'2030-06-01'", "add the offset, 2030-06-01T00:00:00"),
        (
            "schedule: {test: 2030-02-30T09:00:00Z}",
            (7, "schedule.test"),
            "'2030-02-30T09:00:00Z'",
            "write it like the example, with a date that exists",
        ),
        (
            "schedule: {test: 2030-06-01T09:00:00.5Z}",
            (7, "schedule.test"),
            "'2030-06-01T09:00:00.5Z'",
            "write 2030-06-01T09:00:00+00:00",
        ),
        ("schedule: {test: {when: ever}}", (7, "schedule.test.when"), "'ever'", ""),
        ("schedule: {test: 20300601}", (7, "schedule.test"), "20300601", "write it like the example"),
        (
            "schedule: {test: 0001-01-01T00:00:00+14:00}",
            (7, "schedule.test"),
            "'0001-01-01T00:00:00+14:00'",
            "write 0001-01-01T00:00:00+14:00",
        ),
        # ids, addresses, tags
        ("expect: {test: {subnet: subnet-12}}", (7, "expect.test.subnet"), "'subnet-12'", "correct the id"),
        (
            "expect: {test: {security_groups: [web, sg-x]}}",
            (7, "expect.test.security_groups[1]"),
            "'sg-x'",
            "correct the id",
        ),
        ("expect: {test: {security_groups: web}}", (7, "expect.test.security_groups"), "'web'", "write `[one, two]`"),
        ("expect: {test: {security_groups: []}}", (7, "expect.test.security_groups"), "an empty list", "add to it"),
        (
            "expect: {test: {security_groups: [web, web]}}",
            (7, "expect.test.security_groups[1]"),
            "'web'",
            "remove one of the two",
        ),
        ("expect: {test: {private_ip: 10.0.0.256}}", (7, "expect.test.private_ip"), "'10.0.0.256'", "write it like"),
        ("expect: {test: {private_ip: 10.0.0.1/24}}", (7, "expect.test.private_ip"), "'10.0.0.1/24'", "write it like"),
        ("expect: {test: {private_ip: '::1'}}", (7, "expect.test.private_ip"), "'::1'", "write it like"),
        ("expect: {test: {instance_type: large}}", (7, "expect.test.instance_type"), "'large'", "write a type such as"),
        ("expect: {tets: {}}", (7, "expect.tets"), "the key 'tets'", "write `test`"),
        ("tags: {aws:x: y}", (7, 'tags["aws:x"]'), "the key 'aws:x'", "rename the tag"),
        ("tags: {Cutover:run: y}", (7, 'tags["Cutover:run"]'), "the key 'Cutover:run'", "rename the tag"),
        (f"tags: {{{'k' * 129}: y}}", (7, f"tags.{'k' * 129}"), f"the key '{'k' * 129}'", "rename the tag"),
        (f"tags: {{k: {'v' * 257}}}", (7, "tags.k"), f"'{'v' * 76}…", "shorten it"),
        (f"tags: {dict.fromkeys(map(str, range(46)), 'x')}", (7, "tags"), "a mapping", "remove some"),
        # rules
        ("test_gate: {waiver: {by: '', reason: we did it}}", (7, "test_gate.waiver.by"), "''", "correct the text"),
        (
            "test_gate:\n  waiver:\n    by: a\n    reason: just because",
            (10, "test_gate.waiver.reason"),
            "'just because'",
            "say why, for who reads it later",
        ),
        (
            "test_gate:\n  waiver: {by: a}",
            (8, "test_gate.waiver.reason"),
            "nothing",
            "add it, as in `reason: rebuilt",
        ),
        ("verify: {ok_in_a_row: 0}", (7, "verify.ok_in_a_row"), "0", "write 1 or more"),
        ("verify: {ok_in_a_row: 11}", (7, "verify.ok_in_a_row"), "11", "write 10 or less"),
        (
            "launch_configuration: {differences: ignore}",
            (7, "launch_configuration.differences"),
            "'ignore'",
            "choose one",
        ),
        ("poll: 30s", (7, "poll"), "'30s'", "write `key: value` below it, indented"),
        ("wibble: 1", (7, "wibble"), "the key 'wibble'", "remove it"),
    ],
)
def test_a_wrong_value_is_one_problem_that_says_where_what_and_what_to_do(tmp_path, lines, where, seen, remedy):
    (problem,) = refused(tmp_path, HEAD + lines + "\n" + WAVES)
    assert (problem.line, problem.field) == where
    assert problem.seen.startswith(seen)
    assert problem.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("old", "new", "line", "remedy"),
    [
        ("version: 1", "version: 2", 1, "write 1"),
        ("version: 1", "version: '1'", 1, "write 1"),
        ("version: 1", "version: true", 1, "write 1"),
        ("version: 1", "version: 1.0", 1, "write 1"),
        ("name: shop", "name: Shop", 2, "shorten or rename it"),
        ("name: shop", f"name: {'s' * 41}", 2, "shorten or rename it"),
        ("name: shop", "name: shop-", 2, "shorten or rename it"),
        ("name: shop", 'name: "shop\\n"', 2, "shorten or rename it"),
        ("service: cloudendure", "service: mng", 3, "write mgn"),
        ("project: Shop", "project: ' Shop'", 4, "correct the text"),
        ("region: eu-central-1", "region: eu-central-1a", 5, "write a code such as eu-central-1"),
        ("on_failure: stop", "on_failure: contine", 6, "write continue"),
        ("on_failure: stop", "on_failure: 7", 6, "choose one"),
        ("on_failure: stop\n", "", 1, "add it, as in `on_failure: stop`"),
    ],
)
def test_the_plans_own_keys_are_held_to_their_rules(tmp_path, old, new, line, remedy):
    (problem,) = refused(tmp_path, (HEAD + WAVES).replace(old, new))
    assert problem.line == line
    assert problem.remedy.startswith(remedy)


@pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1", "ap-southeast-7", "cn-north-1", "eusc-de-east-1"])
def test_regions_of_every_partition_are_known_by_their_form(tmp_path, region):
    path = tmp_path / "plan.yaml"
    path.write_text((HEAD + WAVES).replace("eu-central-1", region), encoding="utf-8")
    assert load_plan(path).region == region


@pytest.mark.parametrize(
    ("waves", "told"),
    [
        ("waves: []", [(7, "waves", "an empty list")]),
        ("waves: [{name: web, machines: []}]", [(7, "waves[0].machines", "an empty list")]),
        ("waves: [{name: web}]", [(7, "waves[0].machines", "nothing")]),
        ("waves: [web]", [(7, "waves[0]", "'web'")]),
        ("waves:\n- {name: a, machines: [x]}\n- {name: a, machines: [y]}", [(9, "waves[1].name", "'a'")]),
        ("waves: [{name: a, machines: [0815]}]", [(7, "waves[0].machines[0]", "0815")]),
        ("waves: [{name: a, machines: ['']}]", [(7, "waves[0].machines[0]", "''")]),
        ("waves: [{name: a, machines: [{tags: {}}]}]", [(7, "waves[0].machines[0]", "none of them")]),
        ("waves: [{name: a, machines: [{id: x1}]}]", [(7, "waves[0].machines[0].id", "'x1'")]),
        ("waves: [{name: a, machines: [{name: x, poll: {}}]}]", [(7, "waves[0].machines[0].poll", "the key 'poll'")]),
    ],
)
def test_waves_and_machines_are_held_to_their_rules(tmp_path, waves, told):
    problems = refused(tmp_path, HEAD + waves + "\n")
    assert [(problem.line, problem.field, problem.seen) for problem in problems] == told


WHO = "by: lead@example.com, reason: for a good reason"


@pytest.mark.parametrize(
    ("wave", "where", "seen", "rule", "remedy"),
    [
        (
            "machines: [{name: x, critical: true, optional: true}]",
            "machines[0].optional",
            "both critical and optional",
            "a machine is critical, optional, or neither",
            "remove one of the two",
        ),
        (
            "machines: [x, y]\n  at_least: 3",
            "at_least",
            "3",
            "at most the number of machines in the wave, 2",
            "write a",
        ),
        ("machines: [x, y]\n  at_least: 0", "at_least", "0", "at least 1", "write 1 or more"),
        ("machines: [x, y]\n  at_least: all", "at_least", "'all'", "a whole number", "write digits only"),
        (
            "machines: [Web01, {name: web02}]\n  canary: web03",
            "canary",
            "'web03'",
            "the canary is a machine of its wave, as listed there",
            "name one of: Web01; web02",
        ),
        (
            "machines: [web01, {name: web02, optional: true}]\n  canary: WEB02",
            "canary",
            "'WEB02'",
            "a canary is not optional",
            "name another one",
        ),
        ("machines: [x]\n  canary: x", "canary", "'x'", "a canary goes ahead of others in its wave", "add the others"),
        (
            f"machines: [{{name: x, replace: {{instance: i-12, {WHO}}}}}]",
            "machines[0].replace.instance",
            "'i-12'",
            "",
            "",
        ),
        (f"machines: [{{name: x, replace: {{{WHO}}}}}]", "machines[0].replace.instance", "nothing", "", "add it"),
        (
            "machines: [{name: x, replace: {instance: none, by: a}}]",
            "machines[0].replace.reason",
            "nothing",
            "",
            "add it",
        ),
        (
            f"machines: [{{name: x, accept_changes: {{fields: [a, b, a], {WHO}}}}}]",
            "machines[0].accept_changes.fields[2]",
            "'a'",
            "a field stands once in a list",
            "remove one of the two",
        ),
        (
            f"machines: [{{name: x, accept_changes: {{fields: [], {WHO}}}}}]",
            "machines[0].accept_changes.fields",
            "an empty list",
            "a list is not empty",
            "add to it",
        ),
    ],
)
def test_the_rules_of_waves_and_machines_are_checked(tmp_path, wave, where, seen, rule, remedy):
    (problem,) = refused(tmp_path, f"{HEAD}waves:\n- name: a\n  {wave}\n")
    assert (problem.field, problem.seen) == (f"waves[0].{where}", seen)
    assert problem.rule.startswith(rule)
    assert problem.remedy.startswith(remedy)
    assert problem.line == (10 if where in ("at_least", "canary") else 9)


def test_no_other_wave_is_called_as_the_one_of_a_canary(tmp_path):
    waves = "waves:\n- {name: web-canary, machines: [x]}\n- name: web\n  machines: [y, z]\n  canary: Y\n"
    (problem,) = refused(tmp_path, HEAD + waves)
    assert (problem.line, problem.field, problem.seen) == (8, "waves[0].name", "'web-canary'")
    assert problem.rule == "the canary of wave 'web', on line 11, is a wave of this name"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("db01", "DB01"),
        ("db01", "{name: Db01}"),
        ("straße", "STRASSE"),
        ("3f2504e0-4f89-41d3-9a0c-0305e82c3301", "{id: 3F2504E0-4F89-41D3-9A0C-0305E82C3301}"),
    ],
)
def test_no_machine_stands_twice_in_whatever_case_or_wave(tmp_path, first, second):
    waves = f"waves:\n- name: a\n  machines:\n  - {first}\n- name: b\n  machines:\n  - {second}\n"
    (problem,) = refused(tmp_path, HEAD + waves)
    assert problem.line == 13
    assert "line 10" in problem.rule


def test_a_machine_has_a_name_or_an_id_and_not_both(tmp_path):
    machine = "{name: x, id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301}"
    (problem,) = refused(tmp_path, f"{HEAD}waves: [{{name: a, machines: [{machine}]}}]\n")
    assert (problem.field, problem.seen) == ("waves[0].machines[0]", "name and id")


def test_one_private_ip_in_one_mode_is_one_machines_wherever_it_was_written(tmp_path):
    waves = """\
expect: {test: {private_ip: 10.0.0.9}}
waves:
- name: a
  machines: [a1, a2, a3]
- name: b
  machines:
  - {name: b1, expect: {test: {private_ip: 10.0.0.1}, cutover: {private_ip: 10.0.0.1}}}
  - {name: b2, expect: {test: {private_ip: 10.0.0.2}, cutover: {private_ip: 10.0.0.1}}}
"""
    problems = refused(tmp_path, HEAD + waves)
    assert [(problem.line, problem.field) for problem in problems] == [
        (7, "expect.test.private_ip"),
        (14, "waves[1].machines[1].expect.cutover.private_ip"),
    ]
    assert "line 10" in problems[0].rule
    assert "line 13" in problems[1].rule


@pytest.mark.parametrize(
    ("plan", "wave", "field"),
    [
        ("{minimum: 20m}", None, "poll.minimum"),  # past the default maximum
        ("{minimum: 2m, maximum: 1m}", None, "poll.minimum"),
        ("{minimum: 2m}", "{maximum: 1m}", "waves[0].poll.maximum"),
        ("{maximum: 10m}", "{minimum: 11m}", "waves[0].poll.minimum"),
    ],
)
def test_the_smallest_poll_is_at_most_the_largest_after_all_overlays(tmp_path, plan, wave, field):
    text = f"{HEAD}poll: {plan}\nwaves: [{{name: a, machines: [x]{f', poll: {wave}' if wave else ''}}}]\n"
    assert [problem.field for problem in refused(tmp_path, text)] == [field]


@pytest.mark.parametrize("cutover", ["2030-06-01T10:00:00+04:00", "2030-06-01T07:00:00Z"])
def test_the_cutover_is_after_the_test_whatever_the_offsets_look_like(tmp_path, cutover):
    schedule = f"schedule:\n  test: 2030-06-01T09:00:00+02:00\n  cutover: {cutover}\n"
    (problem,) = refused(tmp_path, HEAD + schedule + NIGHT + WAVES)
    assert (problem.line, problem.field) == (9, "schedule.cutover")


def test_tags_are_counted_after_all_overlays(tmp_path):
    plan, machine = dict.fromkeys(map(str, range(40)), "x"), dict.fromkeys(map(str, range(38, 46)), "x")
    text = f"{HEAD}tags: {plan}\nwaves: [{{name: a, machines: [x, {{name: y, tags: {machine}}}]}}]\n"
    (problem,) = refused(tmp_path, text)
    assert (problem.field, problem.seen) == ("waves[0].machines[1]", "46 tags with those of the plan and the wave")


def test_rules_across_keys_are_told_although_single_keys_are_wrong_too(tmp_path):
    text = """\
version: 7
schedule: {test: 2030-06-02T00:00:00Z, cutover: 2030-06-01T00:00:00Z, soon: true}
poll: {minimum: 20m, maximum: 1h, often: 1}
waves:
- name: a
  poll: {maximum: 1m}
  machines: [x, X, 5]
  at_least: 4
  canary: z
- name: a
"""
    fields = {problem.field for problem in refused(tmp_path, text)}
    assert fields == {
        *("version", "name", "service", "region", "on_failure"),
        *("schedule.soon", "schedule.cutover", "poll.often"),
        *("waves[0].at_least", "waves[0].canary"),
        *("waves[0].poll.maximum", "waves[0].machines[1]", "waves[0].machines[2]"),
        *("waves[1].name", "waves[1].machines"),
    }


KEYS = (
    "version",
    "name",
    "service",
    "schedule",
    "readiness",
    "test_gate",
    "verify",
    "poll",
    "launch_configuration",
    "expect",
    "tags",
)


@pytest.mark.parametrize("value", ["5", "x", "[]", "[[x]]", "{}", "{x: {y: z}}", "[5, {x: 1}, ~]", "true", "~"])
@pytest.mark.parametrize(
    "written",
    [
        *(f"{key}: %s" for key in (*KEYS, "waves")),
        "waves: [{name: a, machines: %s, at_least: 2, canary: x}]",
        "waves: [{name: a, machines: [x, {y: z}, 5], at_least: %s, canary: %s}]",
        "waves: [{name: %s, machines: [x, y], canary: x}]",
        "waves: [{machines: [{name: x, critical: %s, optional: true, replace: %s, accept_changes: %s}]}]",
        "waves: [{machines: [{name: x, accept_changes: {fields: %s}}]}]",
    ],
)
def test_a_value_of_the_wrong_kind_never_breaks_the_checks(tmp_path, written, value):
    path = tmp_path / "plan.yaml"
    path.write_text(written.replace("%s", value) + "\n", encoding="utf-8")
    with pytest.raises(InvalidPlan):
        load_plan(path)


CHECKED = (
    HEAD
    + """\
verify:
  deadline: {linux: 25m, windows: 60m}
  checks:
    - ssm: check-trust
      for: windows
    - http: http://{ip}:8080/health
      contains: ready
waves:
  - name: web
    verify:
      checks: [{tcp: 443, for: [WEB01]}]
    machines:
      - {name: web01, checks: [{tcp: 22, name: ssh}]}
      - web02
"""
)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("{linux: 25m, windows: 60m}", "{linux: 25m}", 8, "add it, as in `windows: 60m`"),
        ("{linux: 25m, windows: 60m}", "90", 8, "add the unit: 90s, 90m, 90h or 90d"),
        ("for: windows", "for: mac", 11, "linux, windows, or a list of machines of the plan"),
        ("for: windows", "for: []", 11, "linux, windows, or a list of machines of the plan"),
        ("tcp: 443", "tcp: 443, ssm: abcd", 17, "a check has one of tcp, http and ssm"),
        ("tcp: 443", "name: x", 17, "a check has one of tcp, http and ssm"),
        ("tcp: 443", "tcp: 70000", 17, "at most 65535"),
        ("tcp: 443", "tcp: 443, timeout: 1m", 17, "a look takes at most 15s"),
        ("for: [WEB01]", "for: [web03]", 17, "name one of: web01; web02"),
        (
            "name: ssh",
            "name: tcp 443",
            19,
            "a machine's checks have different names, and one on line 17 is 'tcp 443' too",
        ),
        ("http://{ip}:8080/health", "http://web01/health", 12, "write it like http://{ip}/health"),
        ("http://{ip}:8080/health", "http://{ip}/?token=1", 12, "take it out"),
        ("contains: ready", "parameters: {a: [b]}", 13, "`parameters` belongs to `ssm`"),
    ],
)
def test_a_check_that_cannot_be_made_is_refused(tmp_path, old, new, line, words):
    assert old in CHECKED
    (problem,) = refused(tmp_path, CHECKED.replace(old, new))
    assert words in str(problem)
    assert f"plan.yaml:{line}:" in str(problem)


def test_checks_for_different_systems_may_have_one_name(tmp_path):
    checks = "[{ssm: a-linux, for: linux, name: time}, {ssm: a-windows, for: windows, name: time}]"
    (tmp_path / "plan.yaml").write_text(HEAD + f"verify: {{checks: {checks}}}\n{WAVES}", encoding="utf-8")
    assert [each.os for each in load_plan(tmp_path / "plan.yaml").waves[0].machines[0].checks] == ["linux", "windows"]
