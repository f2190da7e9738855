"""The night in a plan: what it compiles to, and what it is refused for, in which words."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from cli.plan import InvalidPlan, Problem, load_plan
from cutover.plan import Group, OnFailure, Plan
from cutover.planned_night import Action, Approval, Deed, Night, OnSilence, OnStepFailure, PlannedStep
from tests.unit.plans_of import NIGHT, NO
from tests.unit.test_plan_schema import VALIDATOR, plain

HEAD = """\
version: 1
name: shop
service: cloudendure
project: Shop
region: eu-central-1
on_failure: stop
"""
WAVES = "waves: [{name: web, machines: [web01]}]\n"
NODE = "mi-0a1b2c3d4e5f60718"


def load(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "plan.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_plan(path)


def refused(tmp_path: Path, text: str) -> list[Problem]:
    with pytest.raises(InvalidPlan) as caught:
        load(tmp_path, text)
    return list(caught.value.problems)


def night(**parts: str) -> str:
    """A night with these parts in place of those of the least one; each begins a line, the first is line 8."""
    asked = {name: parts.pop(name, NO) for name in ("go", "users", "commit")}
    approvals = "{" + ", ".join(f"{name}: {text}" for name, text in asked.items()) + "}"
    given = {"window": "2h", "estimate": "1h", "reserve": "1h", "approvals": approvals}
    given |= dict.fromkeys(("quiesce", "power_off", "switch", "probe"), NO)
    if {"quiesce", "power_off"} & {*parts}:
        given["probe"] = '[{http: "https://shop/"}]'
    return "cutover:\n" + "".join(f"  {key}: {text}\n" for key, text in (given | parts).items()) + WAVES


def test_a_plan_without_a_night_has_none(tmp_path):
    assert load(tmp_path, WAVES).night is None


def test_the_least_night_says_why_there_is_nothing_and_has_every_default(tmp_path):
    why = "one two three"
    plan = load(tmp_path, NIGHT + WAVES)
    assert plan.night == Night(
        window=10800,
        estimate=3600,
        reserve=3600,
        go=Approval(none=why),
        users=Approval(none=why),
        commit=Approval(none=why),
        no_quiesce=why,
        zero_loss_wait=1800,
        no_power_off=why,
        no_switch=why,
        no_probe=why,
        soak=0,
        hold=12 * 3600,
        silent=900,
    )
    assert Plan.from_json(plan.canonical()) == plan


def test_questions_compile_with_what_silence_means(tmp_path):
    who = "by: [lead, app], timeout: 30m"
    given = load(tmp_path, night(go=f"{{{who}}}", users=f"{{{who}}}", commit=f"{{{who}}}")).night
    assert given is not None
    assert given.go == Approval(("lead", "app"), 1800, OnSilence.POSTPONE)
    assert (given.users.on_silence, given.commit.on_silence) == (OnSilence.HOLD, OnSilence.HOLD)
    other = load(
        tmp_path, night(users=f"{{{who}, on_silence: go_back}}", commit=f"{{{who}, on_silence: end}}", soak="3d")
    ).night
    assert other is not None
    assert (other.users.on_silence, other.commit.on_silence) == (OnSilence.GO_BACK, OnSilence.END)
    assert other.soak == 3 * 86400


def test_steps_compile_to_what_is_done_proved_and_undone(tmp_path):
    quiesce = f"""
    - name: stop-web
      ssm: stop-web
      nodes: [{NODE}, i-0a1b2c3d]
      parameters: {{wait: ["5"]}}
      timeout: 1h30m
      proof: [{{tcp: "web01:443", closed: true}}, {{agents_silent: true}}]
      undo: {{lambda: cutover-start-web, payload: {{n: 1, deep: [true, {{x: y}}]}}}}
      undo_proof: [{{http: "https://web01/", status: 204, contains: ready}}]
      on_failure: hold
    - name: drain
      webhook: "https://lb/drain"
      body: {{p: 1.5}}
      secret: cutover/a
      undo: {NO}
      on_failure: continue
    - {{name: pull, manual: pull the plug, who: dba, undo: {{manual: plug it in, who: dba}}}}
    - {{name: look, tcp: "10.0.0.1:80", closed: true}}
    - {{name: page, http: "https://shop/", status: 503, contains: closed}}"""
    given = load(tmp_path, night(quiesce=quiesce, probe='[{tcp: "shop:443"}]'))
    assert Plan.from_json(given.canonical()) == given
    assert given.night is not None
    stop, drain, pull, look, page = given.night.quiesce
    assert stop == PlannedStep(
        name="stop-web",
        do=Action(Deed.SSM, "stop-web", {"wait": ["5"]}, (NODE, "i-0a1b2c3d")),
        timeout=5400,
        proof=(Action(Deed.TCP, "web01:443", closed=True), Action(Deed.AGENTS_SILENT, "")),
        undo=Action(Deed.LAMBDA, "cutover-start-web", {"n": 1, "deep": [True, {"x": "y"}]}),
        undo_proof=(Action(Deed.HTTP, "https://web01/", status=204, contains="ready"),),
        on_failure=OnStepFailure.HOLD,
    )
    assert drain.do == Action(Deed.WEBHOOK, "https://lb/drain", {"p": 1.5}, secret="cutover/a")
    assert (drain.undo, drain.no_undo, drain.on_failure) == (None, "one two three", OnStepFailure.CONTINUE)
    assert pull.do == Action(Deed.MANUAL, "pull the plug", who="dba")
    assert pull.undo == Action(Deed.MANUAL, "plug it in", who="dba")
    assert (look.do, look.timeout, look.undo, look.no_undo) == (
        Action(Deed.TCP, "10.0.0.1:80", closed=True),
        600,
        None,
        "",
    )
    assert page.do == Action(Deed.HTTP, "https://shop/", status=503, contains="closed")
    assert given.night.probe == (Action(Deed.TCP, "shop:443"),)


@pytest.mark.parametrize(
    "key", ["window", "estimate", "reserve", "approvals", "quiesce", "power_off", "switch", "probe"]
)
def test_nothing_of_a_night_is_silently_absent(tmp_path, key):
    lines = [line for line in night().splitlines() if not line.startswith(f"  {key}:")]
    (problem,) = refused(tmp_path, "\n".join(lines))
    assert (problem.line, problem.field, problem.seen) == (7, f"cutover.{key}", "nothing")
    assert problem.remedy.startswith("add it, as in `")


@pytest.mark.parametrize("name", ["go", "users", "commit"])
def test_no_question_is_silently_absent(tmp_path, name):
    (problem,) = refused(tmp_path, night().replace(f"{name}: {NO}, ", "").replace(f", {name}: {NO}", ""))
    assert (problem.line, problem.field, problem.seen) == (11, f"cutover.approvals.{name}", "nothing")


def step(**keys: str) -> str:
    given = {"name": "one", **keys}
    return "[{" + ", ".join(f"{key}: {text}" for key, text in given.items()) + "}]"


DOES = {"manual": "do it", "who": "dba", "undo": NO}
FIRST = "cutover.quiesce[0]"


@pytest.mark.parametrize(
    ("parts", "field", "seen", "rule", "remedy"),
    [
        # times
        (
            {"window": "119m"},
            "cutover.window",
            "119m, with an estimate of 1h",
            "estimate and reserve (1h) fit",
            "widen",
        ),
        ({"soak": "0s"}, "cutover.soak", "'0s'", "a duration is at least 1s", "write one between"),
        # questions
        ({"go": "{}"}, "cutover.approvals.go", "no by and no timeout", "a question has who", "write it like `go: {by"),
        ({"go": "{by: [a]}"}, "cutover.approvals.go", "no timeout", "a question has who", "write it like"),
        ({"go": "{by: [], timeout: 1h}"}, "cutover.approvals.go.by", "an empty list", "a list is not empty", "add to"),
        ({"go": "{by: [a, a], timeout: 1h}"}, "cutover.approvals.go.by[1]", "'a'", "each stands once", "remove one"),
        (
            {"go": "{by: [a], timeout: 1h, on_silence: hold}"},
            "cutover.approvals.go.on_silence",
            "'hold'",
            "only postpone is known",
            "write postpone",
        ),
        (
            {"users": "{by: [a], timeout: 1h, on_silence: end}"},
            "cutover.approvals.users.on_silence",
            "'end'",
            "one of hold or go_back",
            "choose one",
        ),
        (
            {"users": "{none: one two three, timeout: 1h}"},
            "cutover.approvals.users.timeout",
            "the key 'timeout'",
            "where nobody is asked",
            "remove it, or",
        ),
        ({"commit": "{none: because}"}, "cutover.approvals.commit.none", "'because'", "a reason is a sentence", "say"),
        # steps as a whole
        ({"quiesce": "{none: no}"}, "cutover.quiesce.none", "'no'", "a reason is a sentence", "say why"),
        (
            {"quiesce": "{none: one two three, why: x}"},
            "cutover.quiesce.why",
            "the key 'why'",
            "the keys here are none",
            "rem",
        ),
        ({"quiesce": "[]"}, "cutover.quiesce", "an empty list", "a list of them, or `none` and why", "write one with"),
        ({"quiesce": "none"}, "cutover.quiesce", "'none'", "a list of them, or `none` and why", "write one with"),
        ({"quiesce": "[stop]"}, FIRST, "'stop'", "a mapping of: name, ", "write `key: value`"),
        ({"quiesce": "[{manual: a, who: b, undo: {none: a b c}}]"}, f"{FIRST}.name", "nothing", "this key", "add it"),
        (
            {"quiesce": step(tcp="a:1", nmae="x")},
            f"{FIRST}.nmae",
            "the key 'nmae'",
            "the keys here are",
            "write `name`",
        ),
        # one kind, with what belongs to it
        ({"quiesce": step()}, FIRST, "none of ssm, lambda,", "exactly one of ssm, lambda", "add one of ssm"),
        ({"quiesce": step(tcp="a:1", http="http://a")}, FIRST, "tcp and http", "exactly one of", "write each as one"),
        (
            {"quiesce": step(tcp="a:1", status="200")},
            f"{FIRST}.status",
            "the key 'status' beside tcp",
            "status bel",
            "r",
        ),
        (
            {"quiesce": step(**DOES, nodes=f"[{NODE}]")},
            f"{FIRST}.nodes",
            "the key 'nodes' beside",
            "nodes belongs",
            "r",
        ),
        (
            {"quiesce": step(**DOES, closed="true")},
            f"{FIRST}.closed",
            "the key 'closed'",
            "closed belongs to tcp and",
            "",
        ),
        ({"quiesce": step(ssm="stop", undo=NO)}, FIRST, "ssm without nodes", "ssm says on which nodes", "add `nodes`"),
        (
            {"quiesce": step(manual="stop", undo=NO)},
            FIRST,
            "manual without who",
            "manual says who does it",
            "add `who`",
        ),
        (
            {"quiesce": step(ssm="stop", nodes=f"[{NODE}, {NODE}]", undo=NO)},
            f"{FIRST}.nodes[1]",
            f"'{NODE}'",
            "each stands once",
            "",
        ),
        # undo
        (
            {"quiesce": step(manual="a", who="b")},
            FIRST,
            "manual without undo",
            "a step that changes something",
            "add `u",
        ),
        ({"quiesce": step(tcp="a:1", undo=NO)}, f"{FIRST}.undo", "a mapping", "a step that only looks", "remove it"),
        (
            {"quiesce": step(**DOES, undo_proof="[{tcp: 'a:1'}]")},
            f"{FIRST}.undo_proof",
            "a list",
            "what is not undone is not proved undone",
            "remove it",
        ),
        (
            {"quiesce": step(**{**DOES, "undo": "{none: a b c, tcp: 'a:1'}"})},
            f"{FIRST}.undo",
            "tcp and none",
            "exactly one of",
            "write each",
        ),
        (
            {"quiesce": step(**{**DOES, "undo": "{manual: x}"})},
            f"{FIRST}.undo",
            "manual without who",
            "manual says",
            "",
        ),
        # looks
        (
            {"quiesce": step(**DOES, proof="[{agents_silent: true, closed: true}]")},
            f"{FIRST}.proof[0].closed",
            "the key 'closed' beside agents_silent",
            "closed belongs to tcp and http",
            "remove it",
        ),
        (
            {"quiesce": step(**DOES, proof="[{}]")},
            f"{FIRST}.proof[0]",
            "none of tcp, http, agents_silent",
            "exactly",
            "",
        ),
        (
            {"quiesce": step(**DOES, proof="[{agents_silent: false}]")},
            f"{FIRST}.proof[0].agents_silent",
            "false",
            "",
            "",
        ),
        ({"quiesce": step(**DOES, proof="[]")}, f"{FIRST}.proof", "an empty list", "a list is not empty", "add to it"),
        ({"probe": "[{tcp: 'a:1', closed: true}]"}, "cutover.probe[0].closed", "the key 'closed'", "the keys here", ""),
        ({"probe": "[{contains: x}]"}, "cutover.probe[0]", "none of tcp, http", "exactly one of tcp, http", "add one"),
        (
            {"switch": step(**DOES)},
            "cutover.probe",
            "a mapping",
            "a cutover that shuts its users out looks",
            "write how",
        ),
        # kinds of text
        ({"quiesce": step(tcp="a:0")}, f"{FIRST}.tcp", "'a:0'", "a host and a port", "write host:port"),
        ({"quiesce": step(tcp="a:65536")}, f"{FIRST}.tcp", "'a:65536'", "a host and a port", "write host:port"),
        ({"quiesce": step(tcp="443")}, f"{FIRST}.tcp", "443", "a host and a port", "write host:port"),
        ({"quiesce": step(http="ftp://a")}, f"{FIRST}.http", "'ftp://a'", "a URL begins with http", "write it like"),
        (
            {"quiesce": step(http="'http://a:99999/'")},
            f"{FIRST}.http",
            "'http://a:99999/'",
            "a URL begins",
            "correct the",
        ),
        (
            {"quiesce": step(http="http://a", status="700")},
            f"{FIRST}.status",
            "700",
            "at most 599",
            "write 599 or less",
        ),
        (
            {"quiesce": step(ssm="stop", nodes="[web01]", undo=NO)},
            f"{FIRST}.nodes[0]",
            "'web01'",
            "the id of an",
            "copy",
        ),
        (
            {"quiesce": step(**{"lambda": "a b", "undo": NO})},
            f"{FIRST}.lambda",
            "'a b'",
            "the name or ARN of a Lambda function",
            "",
        ),
        (
            {"quiesce": step(**{"lambda": "dns-switch", "undo": NO})},
            f"{FIRST}.lambda",
            "'dns-switch'",
            "the name or ARN of a Lambda function whose name begins with cutover-",
            "write a name such as cutover-dns-switch",
        ),
        (
            {"quiesce": step(webhook="https://lb/drain", secret="lb", undo=NO)},
            f"{FIRST}.secret",
            "'lb'",
            "the name of a secret begins with cutover/",
            "write a name such as cutover/lb",
        ),
        (
            {"quiesce": step(**{"lambda": "cutover-a", "payload": "{x: [.nan]}", "undo": NO})},
            f"{FIRST}.payload",
            "a mapping",
            "JSON has no .inf and no .nan",
            "write numbers",
        ),
        (
            {"quiesce": step(**{"lambda": "cutover-a", "payload": "[x]", "undo": NO})},
            f"{FIRST}.payload",
            "a list",
            "a mapping",
            "",
        ),
    ],
)
def test_a_fault_of_the_night_says_where_what_and_what_to_do(tmp_path, parts, field, seen, rule, remedy):
    text = night(**parts)
    (problem,) = refused(tmp_path, text)
    part = "approvals" if "approvals" in field else field.split(".")[1].partition("[")[0]
    line = next(number for number, line in enumerate((HEAD + text).splitlines(), 1) if line.startswith(f"  {part}:"))
    assert problem.field == field
    assert problem.line == line
    assert problem.seen.startswith(seen)
    assert problem.rule.startswith(rule)
    assert problem.remedy.startswith(remedy)


@pytest.mark.parametrize(
    "url",
    [
        "https://me:hunter2@lb/drain",
        "https://hunter2@lb/drain",
        "https://lb/drain?token=hunter2",
        "https://lb/drain?a=b&X-Api-Key=hunter2",
        "https://lb/drain?X-Amz-Signature=hunter2",
        "https://lb/drain?client_secret=hunter2",
    ],
)
@pytest.mark.parametrize("kind", ["webhook", "http"])
def test_no_secret_stands_in_a_url_and_none_is_told(tmp_path, url, kind):
    more = {"undo": NO} if kind == "webhook" else {}
    (problem,) = refused(tmp_path, night(quiesce=step(**{kind: f"'{url}'", **more})))
    assert problem.field == f"cutover.quiesce[0].{kind}"
    assert "hunter2" not in str(problem)
    assert problem.seen == "a URL with a secret in it"


def test_a_secret_is_sent_over_https_only_or_to_this_machine(tmp_path):
    def hook(url: str) -> str:
        return night(quiesce=step(webhook=f"'{url}'", secret="cutover/lb", undo=NO))

    for url in ("http://lb/drain", "http://localhost.example.com/drain", "http://127.0.0.11/"):
        (problem,) = refused(tmp_path, hook(url))
        assert (problem.field, problem.remedy) == ("cutover.quiesce[0].webhook", "write https, or remove `secret`")
    for url in ("https://lb/drain", "http://127.0.0.1:8080/drain", "http://localhost"):
        assert load(tmp_path, hook(url)).night is not None


def test_a_url_may_have_a_query(tmp_path):
    given = load(tmp_path, night(quiesce=step(http="'https://lb:8443/drain?pool=shop&keyboard=1#x'"))).night
    assert given is not None
    assert given.quiesce[0].do.subject == "https://lb:8443/drain?pool=shop&keyboard=1#x"


def test_a_steps_name_stands_once_in_the_whole_night(tmp_path):
    text = night(quiesce=step(**DOES), switch=step(**DOES), probe="[{http: 'http://a'}]")
    (problem,) = refused(tmp_path, text)
    assert (problem.line, problem.field) == (14, "cutover.switch[0].name")
    assert problem.rule == "a step's name stands once in a plan, and it is on line 12"


def test_a_cutover_is_not_scheduled_of_a_plan_that_can_only_be_tested(tmp_path):
    at = "schedule: {cutover: 2030-06-15T22:00:00Z}\n"
    (problem,) = refused(tmp_path, at + WAVES)
    assert (problem.line, problem.field) == (7, "schedule.cutover")
    assert load(tmp_path, at + NIGHT + WAVES).night is not None


@pytest.mark.parametrize("value", ["5", "x", "[]", "[[x]]", "{}", "{x: {y: z}}", "[5, {x: 1}, ~]", "true", "~"])
@pytest.mark.parametrize(
    "written",
    [
        "cutover: %s",
        "cutover: {window: %s, estimate: %s, reserve: 1h, approvals: %s, quiesce: %s, switch: %s, probe: %s}",
        "cutover: {approvals: {go: %s, users: {by: %s, timeout: %s}, commit: {none: %s}}}",
        "cutover: {quiesce: [{name: %s, ssm: %s, nodes: %s, parameters: %s, undo: %s, proof: %s, undo_proof: %s}]}",
        "cutover: {quiesce: [{tcp: %s, closed: %s, undo: {http: %s, none: %s}, proof: [{tcp: %s}]}]}",
        "cutover: {switch: [{webhook: %s, body: %s, secret: %s}, {lambda: %s, payload: %s}, {manual: %s, who: %s}]}",
        "waves: [{name: a, machines: [x]}, {name: b, machines: [y], launch_with: %s, readiness: %s, on_failure: %s}]",
        "readiness: %s\nwaves: [{name: a}, {name: %s, launch_with: a, canary: %s, readiness: {backlog: %s}}]",
    ],
)
def test_a_value_of_the_wrong_kind_never_breaks_the_checks(tmp_path, written, value):
    path = tmp_path / "plan.yaml"
    path.write_text(written.replace("%s", value) + "\n", encoding="utf-8")
    with pytest.raises(InvalidPlan):
        load_plan(path)


@pytest.mark.parametrize(
    "parts",
    [
        {"go": "{}"},
        {"go": "{by: [a]}"},
        {"go": "{none: a b c, by: [a]}"},
        {"users": "{by: [a], timeout: 1h, on_silence: end}"},
        {"quiesce": "[]"},
        {"quiesce": "{none: no}"},
        {"quiesce": step()},
        {"quiesce": step(tcp="a:1", http="http://a")},
        {"quiesce": step(tcp="a:1", status="200")},
        {"quiesce": step(ssm="stop", undo=NO)},
        {"quiesce": step(ssm="stop", nodes=f"[{NODE}, {NODE}]", undo=NO)},
        {"quiesce": step(**{**DOES, "undo": "{none: a b c, tcp: 'a:1'}"})},
        {"quiesce": step(http="http://me:pass@a")},
        {"quiesce": step(tcp="a:0")},
        {"probe": "[{tcp: 'a:1', closed: true}]"},
    ],
)
def test_what_the_schema_can_express_of_a_night_it_refuses_as_the_command_does(tmp_path, parts):
    VALIDATOR.validate(plain(HEAD + night()))
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(plain(HEAD + night(**parts)))
    assert refused(tmp_path, night(**parts))


# What is launched together


def test_a_backlog_is_compiled_to_bytes(tmp_path):
    waves = "waves: [{name: a, machines: [x]}, {name: b, machines: [y], readiness: {backlog: 0B}}]\n"
    assert [wave.backlog_limit for wave in load(tmp_path, f"readiness: {{backlog: 2GiB}}\n{waves}").waves] == [2**31, 0]
    assert [wave.backlog_limit for wave in load(tmp_path, waves).waves] == [None, 0]


@pytest.mark.parametrize(
    ("written", "remedy"),
    [("5", "add the unit: 5MiB"), ("5GB", "write it like"), ("1.5GiB", "write it like"), ("[1]", "write it like")],
)
def test_a_backlog_has_a_unit(tmp_path, written, remedy):
    (problem,) = refused(tmp_path, f"readiness: {{backlog: {written}}}\n{WAVES}")
    assert problem.field == "readiness.backlog"
    assert problem.remedy.startswith(remedy)


def test_waves_that_are_launched_together_are_one_wave_of_groups(tmp_path):
    plan = load(
        tmp_path,
        """
readiness: {lag: 1m}
waves:
- {name: first, machines: [f]}
- {name: db, machines: [a, {name: b, optional: true}]}
- {name: web, machines: [c, d], launch_with: db, at_least: 1, readiness: {lag: 60s}, tags: {t: w}}
- {name: app, machines: [e], launch_with: db}
- {name: last, machines: [g], on_failure: hold}
""",
    )
    first, together, last = plan.waves
    assert [wave.name for wave in plan.waves] == ["first", "db+web+app", "last"]
    assert together.groups == (Group("db"), Group("web", 1), Group("app"))
    assert together.at_least is None
    assert [(each.label, each.group) for each in together.machines] == [
        ("a", 0),
        ("b", 0),
        ("c", 1),
        ("d", 1),
        ("e", 2),
    ]
    assert [each.tags for each in together.machines[1:3]] == [{}, {"t": "w"}]
    assert (first.groups, last.groups, last.on_failure) == ((), (), OnFailure.HOLD)
    assert Plan.from_json(plan.canonical()) == plan


@pytest.mark.parametrize(
    ("waves", "where", "rule", "remedy"),
    [
        (
            "- {name: b, machines: [y], launch_with: c}",
            "launch_with",
            "a wave is launched with the one",
            "write `a`, or",
        ),
        (
            "- {name: b, machines: [y], launch_with: b}",
            "launch_with",
            "a wave is launched with the one",
            "write `a`, or",
        ),
        (
            "- {name: b, machines: [y, z], launch_with: a, canary: y}",
            "canary",
            "a canary is launched alone",
            "remove `c",
        ),
        (
            "- {name: b, machines: [y], launch_with: a, readiness: {lag: 1m}}",
            "readiness.lag",
            "waves that are launched together have the same rules, and wave 'a' says readiness.lag: 5m",
            "write the same for both",
        ),
        (
            "- {name: b, machines: [y], launch_with: a, readiness: {backlog: 1GiB}}",
            "readiness.backlog",
            "waves that are launched together have the same rules, and wave 'a' says readiness.backlog: nothing",
            "write",
        ),
        ("- {name: b, machines: [y], launch_with: a, poll: {maximum: 1h}}", "poll.maximum", "waves that are", "write"),
        (
            "- {name: b, machines: [y], launch_with: a, verify: {ok_in_a_row: 2}}",
            "verify.ok_in_a_row",
            "waves",
            "write",
        ),
        (
            "- {name: b, machines: [y], launch_with: a, launch_configuration: {differences: correct}}",
            "launch_configuration.differences",
            "waves",
            "write",
        ),
        (
            "- {name: b, machines: [y], launch_with: a, test_gate: {waiver: {by: a, reason: a b c}}}",
            "test_gate.waiver",
            "waves",
            "write",
        ),
        ("- {name: b, machines: [y], launch_with: a, on_failure: hold}", "on_failure", "waves", "write"),
    ],
)
def test_what_cannot_be_launched_together_is_refused(tmp_path, waves, where, rule, remedy):
    (problem,) = refused(tmp_path, f"waves:\n- {{name: a, machines: [x]}}\n{waves}\n")
    assert (problem.line, problem.field) == (9, f"waves[1].{where}")
    assert problem.rule.startswith(rule)
    assert problem.remedy.startswith(remedy)


def test_a_difference_is_told_where_it_is_written(tmp_path):
    waves = "waves:\n- {name: a, machines: [x], readiness: {lag: 1m}}\n- {name: b, machines: [y], launch_with: a}\n"
    (problem,) = refused(tmp_path, waves)
    assert (problem.line, problem.field) == (8, "waves[0].readiness.lag")
    assert "readiness.lag: 1m" in problem.rule


def test_the_first_of_waves_that_are_launched_together_has_no_canary_and_follows_nobody(tmp_path):
    waves = "waves:\n- {name: a, machines: [x, z], canary: x}\n- {name: b, machines: [y], launch_with: a}\n"
    (problem,) = refused(tmp_path, waves)
    assert (problem.line, problem.field) == (8, "waves[0].canary")
    (problem,) = refused(tmp_path, "waves: [{name: a, machines: [x], launch_with: b}]")
    assert problem.remedy == "remove it: no wave stands before this one"


def test_a_wave_is_not_launched_with_one_that_others_stand_between(tmp_path):
    waves = "waves: [{name: a, machines: [x]}, {name: b, machines: [y]}, {name: c, machines: [z], launch_with: a}]\n"
    (problem,) = refused(tmp_path, waves)
    assert (problem.field, problem.remedy) == ("waves[2].launch_with", "write `b`, or move the wave")
