"""The state machines as files: no dead ends, every error known, every wait bounded, JSONata that any engine reads."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonata import Jsonata  # type: ignore[import-untyped]  # it comes without types

from cutover import errors
from cutover.waking import ASKED_FALLBACK, ASKING, FALLBACK

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "statemachines").glob("*.asl.json"))
MACHINES: dict[str, dict[str, Any]] = {path.name: json.loads(path.read_text()) for path in FILES}
STATES = [(name, state, body) for name, machine in MACHINES.items() for state, body in machine["States"].items()]
TASKS = [(name, state, body) for name, state, body in STATES if body["Type"] == "Task"]

OF_THE_PLATFORM = {
    "States.ALL",
    "States.Timeout",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
}
AWAITING = {"AwaitReplication": ("CheckReadiness", "WaitForReplication"), "AwaitJob": ("FollowJob", "WaitForJob")}
"""States that sleep until they are woken: where they look when nobody does, and the plain wait beside them."""

FINAL = {
    "CutoverError": "never raised itself",
    "ServiceError": "never raised itself",
    "AuthenticationFailed": "asking again locks the account; a person puts a valid token in",
    "PermissionDenied": "asking again changes nothing; a person gives the rights",
    "NotInitialised": "asking again changes nothing; a person sets the service up",
    "LicenceExpired": "asking again changes nothing; a person renews the licence",
    "NotFound": "asking again changes nothing; a person corrects the plan",
    "RequestRefused": "the service understood and said no",
}
"""Public errors that no state matches by name: they end the wave or the run at once, by States.ALL."""


def named(body: dict[str, Any]) -> Iterator[str]:
    for rule in (*body.get("Retry", ()), *body.get("Catch", ())):
        yield from rule["ErrorEquals"]


def classes() -> set[str]:
    """The exceptions defined in functions/."""
    return {
        node.name
        for path in (ROOT / "functions").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    }


def public() -> set[str]:
    """The errors of the catalogue."""
    return {name for name, each in vars(errors).items() if isinstance(each, type) and issubclass(each, Exception)}


def targets(body: dict[str, Any]) -> set[str]:
    found = {body[key] for key in ("Next", "Default") if key in body}
    return found | {rule["Next"] for key in ("Choices", "Catch") for rule in body.get(key, ())}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings(each)


def expressions(body: Any) -> list[str]:
    return [text[2:-2].strip() for text in strings(body) if text.startswith("{%")]


def test_both_state_machines_are_there() -> None:
    assert set(MACHINES) == {"plan.asl.json", "wave.asl.json"}


@pytest.mark.parametrize("name", MACHINES)
def test_every_state_is_reached_and_every_next_exists(name: str) -> None:
    states = MACHINES[name]["States"]
    reached, todo = set(), {MACHINES[name]["StartAt"]}
    while todo:
        state = todo.pop()
        reached.add(state)
        todo |= targets(states[state]) - reached
    assert reached == set(states)


@pytest.mark.parametrize(("name", "state", "body"), STATES)
def test_every_state_ends_or_goes_on_and_says_what_it_is_for(name: str, state: str, body: dict[str, Any]) -> None:
    assert body["Comment"].strip().endswith((".", "?")), state
    if body["Type"] in ("Task", "Wait"):
        assert ("Next" in body) != bool(body.get("End"))
    if body["Type"] == "Choice":
        assert body["Choices"]
        assert "Default" in body


@pytest.mark.parametrize("name", MACHINES)
def test_jsonata_is_named_once_and_the_whole_machine_has_an_end(name: str) -> None:
    machine = MACHINES[name]
    assert machine["QueryLanguage"] == "JSONata"
    assert isinstance(machine["TimeoutSeconds"], int)
    assert machine["Comment"]
    assert not [state for state, body in machine["States"].items() if "QueryLanguage" in body]


@pytest.mark.parametrize(("name", "state", "body"), TASKS)
def test_every_task_has_a_literal_timeout_and_no_heartbeat(name: str, state: str, body: dict[str, Any]) -> None:
    assert isinstance(body["TimeoutSeconds"], int)
    assert body["TimeoutSeconds"] < MACHINES[name]["TimeoutSeconds"]
    assert "HeartbeatSeconds" not in body


def test_a_child_may_take_as_long_as_it_says() -> None:
    waits = MACHINES["plan.asl.json"]["States"]["RunWave"]["TimeoutSeconds"]
    assert MACHINES["wave.asl.json"]["TimeoutSeconds"] < waits < MACHINES["plan.asl.json"]["TimeoutSeconds"]


@pytest.mark.parametrize(("name", "state", "body"), TASKS)
def test_every_error_that_is_matched_exists(name: str, state: str, body: dict[str, Any]) -> None:
    assert set(named(body)) <= classes() | OF_THE_PLATFORM


def test_every_public_error_is_matched_or_final_for_a_reason() -> None:
    matched = {error for _, _, body in TASKS for error in named(body)}
    assert public() - matched == set(FINAL)
    assert not matched & set(FINAL)


def test_every_error_is_explained_where_errors_are_listed() -> None:
    listed = set(re.findall(r"^[├└]── (\w+)", errors.__doc__ or "", re.MULTILINE))
    assert listed == public() - {"CutoverError", "ServiceError"}


@pytest.mark.parametrize(("name", "state", "body"), TASKS)
def test_who_catches_all_does_so_last_and_alone(name: str, state: str, body: dict[str, Any]) -> None:
    for rules in (body.get("Catch", []), body.get("Retry", [])):
        for number, rule in enumerate(rules):
            if "States.ALL" in rule["ErrorEquals"]:
                assert rule["ErrorEquals"] == ["States.ALL"]
                assert number == len(rules) - 1


def test_only_the_last_word_of_a_wave_and_of_a_run_is_uncaught() -> None:
    uncaught = {state for _, state, body in TASKS if "States.ALL" not in str(body.get("Catch"))}
    assert uncaught == {"CloseWave", "CloseRun"}


def test_the_launch_is_never_retried_and_nothing_else_that_cannot_be_recognised() -> None:
    assert "Retry" not in MACHINES["wave.asl.json"]["States"]["LaunchTargets"]
    assert "Retry" not in MACHINES["plan.asl.json"]["States"]["RunWave"]
    others = {state for _, state, body in TASKS if "Retry" not in body}
    assert others == {"LaunchTargets", "RunWave", "AwaitAnswer", *AWAITING}


def test_whatever_becomes_of_a_launch_is_looked_for() -> None:
    launch = MACHINES["wave.asl.json"]["States"]["LaunchTargets"]
    assert [(rule["ErrorEquals"], rule["Next"]) for rule in launch["Catch"]] == [
        (["RunDisputed"], "NotThisExecution"),
        (["LaunchUnconfirmed"], "LetLaunchSettle"),
        (["States.ALL"], "LetLaunchSettle"),
    ]
    assert MACHINES["wave.asl.json"]["States"]["LetLaunchSettle"]["Next"] == "FindLaunch"


def test_a_service_that_asks_for_patience_is_given_it_wherever_it_is_asked() -> None:
    speaks = {
        *("OpenRun", "CheckReadiness", "ConfigureTargets", "FindLaunch", "FollowJob", "VerifyTargets", "GiveBack"),
        "WatchLateTargets",
    }
    for _, state, body in TASKS:
        if state in speaks:
            assert {"ServiceUnavailable", "ServiceThrottled"} <= set(body["Retry"][0]["ErrorEquals"]), state
            assert body["Retry"][0]["MaxAttempts"] >= 10


@pytest.mark.parametrize(("name", "state", "body"), TASKS)
def test_every_retry_is_bounded_and_spread(name: str, state: str, body: dict[str, Any]) -> None:
    for rule in body.get("Retry", ()):
        assert 1 <= rule["MaxAttempts"] <= 40
        assert rule["MaxDelaySeconds"] <= 60, "the local stage caps a pause there, too"
        # Jitter halves a wait on average: not where one is meant to sit an outage out.
        spread = "FULL" if "ServiceUnavailable" not in rule["ErrorEquals"] else None
        assert rule.get("JitterStrategy") == spread


def test_a_message_that_is_lost_goes_on_to_where_it_would_have() -> None:
    tells = [(state, body) for _, state, body in TASKS if body["Arguments"].get("FunctionName") == "${Tell}"]
    assert len(tells) == 6
    for state, body in tells:
        assert {rule["Next"] for rule in body["Catch"]} == {body["Next"]}, state
        assert "MessageNotSent" in body["Retry"][0]["ErrorEquals"]


@pytest.mark.parametrize("state", AWAITING)
def test_who_sleeps_looks_all_the_same_and_waits_plainly_where_it_cannot_sleep(state: str) -> None:
    states = MACHINES["wave.asl.json"]["States"]
    body, (look, plain) = states[state], AWAITING[state]
    assert body["Resource"].endswith(":lambda:invoke.waitForTaskToken")
    assert body["TimeoutSeconds"] == FALLBACK
    assert [(rule["ErrorEquals"], rule["Next"]) for rule in body["Catch"]] == [
        (["RunDisputed"], "NotThisExecution"),
        (["States.Timeout"], look),
        (["States.ALL"], plain),
    ]
    assert body["Next"] == plain, "what comes within the shortest pause is one look"
    assert states[plain]["Next"] == look
    assert {each for _, each, it in TASKS if it["Resource"].endswith(".waitForTaskToken")} == {*AWAITING, "AwaitAnswer"}


def test_a_run_that_waits_for_people_looks_all_the_same_and_waits_plainly_where_it_cannot_sleep() -> None:
    states = MACHINES["plan.asl.json"]["States"]
    body = states["AwaitAnswer"]
    assert body["Resource"].endswith(":lambda:invoke.waitForTaskToken")
    assert (body["TimeoutSeconds"], body["Arguments"]["Payload"]["wave"]) == (ASKED_FALLBACK, ASKING)
    assert [(rule["ErrorEquals"], rule["Next"]) for rule in body["Catch"]] == [
        (["RunDisputed"], "NotThisExecution"),
        (["States.Timeout"], "NextPart"),
        (["States.ALL"], "WaitForPart"),
    ]
    assert body["Next"] == "NextPart"
    for verdict in ("PartVerdict", "PartOrWait"):
        *_, sleeps, waits = states[verdict]["Choices"]
        assert sleeps["Next"] == "AwaitAnswer"
        assert waits["Next"] == "WaitForPart"


def test_an_end_has_no_output_of_its_own() -> None:
    for _, state, body in STATES:
        if body["Type"] in ("Succeed", "Fail"):
            assert "Output" not in body, state


def test_every_placeholder_is_a_function_or_the_wave() -> None:
    found = {name for _, _, body in TASKS for text in strings(body) for name in re.findall(r"\$\{(\w+)\}", text)}
    files = (path.stem for path in (ROOT / "functions").glob("*.py"))
    functions = {"".join(part.capitalize() for part in name.split("_")) for name in files}
    assert found - {"WaveMachine"} <= functions
    others = {
        "Start",
        "TellDeadRun",
        "NotifySns",
        "NotifySlack",
        "WriteSlack",
        "Invite",
        "Decide",
        "WatchSilence",
        "WatchReplication",
        "PublishChanges",
        "CleanUp",
        "Finalize",
        "Probe",
        "Wake",
    }
    assert functions - found == others, "these are reached by events, schedules, commands, and by verify_targets"


def test_every_outcome_has_its_end() -> None:
    ends = MACHINES["plan.asl.json"]["States"]["HowItEnded"]
    assert ends["Default"] == "Failed"
    for rule in ends["Choices"]:
        assert rule["Condition"] == f"{{% $outcome = '{rule['Next']}' %}}"


FUNCTIONS = {"exists", "count", "merge"}
OPERATORS = {"=", "!=", "<", "<=", ">", ">=", "and", "or", "&"}
EXPRESSIONS = [(f"{state}: {text}", text) for _, state, body in STATES for text in expressions(body)]


def lint(node: Any) -> Iterator[str]:
    """What in a parsed expression is outside of the subset that every engine reads alike."""
    kind = node.type
    for beyond in ("predicate", "stages", "group", "focus", "index"):
        if getattr(node, beyond, None) is not None:
            yield f"{beyond} on {node.value}"
    if kind == "path":
        children = node.steps
    elif kind in ("name", "string", "number", "value", "variable"):
        children = []
    elif kind == "binary":
        if node.value not in OPERATORS:
            yield f"operator {node.value}"
        children = [node.lhs, node.rhs]
    elif kind == "unary" and node.value == "{":
        children = [each for pair in node.lhs_object for each in pair]
    elif kind == "unary" and node.value == "[":
        children = node.expressions
    elif kind == "condition":
        children = [each for each in (node.condition, node.then, getattr(node, "_else", None)) if each]
    elif kind == "function":
        if node.procedure.value not in FUNCTIONS:
            yield f"function ${node.procedure.value}"
        children = node.arguments
    else:
        yield f"{kind} {node.value}"
        children = []
    for child in children:
        yield from lint(child)


@pytest.mark.parametrize("text", [text for _, text in EXPRESSIONS], ids=[where for where, _ in EXPRESSIONS])
def test_expressions_keep_to_the_subset(text: str) -> None:
    assert "${" not in text, "a placeholder inside an expression is code from outside"
    assert list(lint(Jsonata.jsonata(text).ast)) == []


@pytest.mark.parametrize(
    "text",
    [
        "$sum([1])",
        "$map(a, function($x){$x})",
        "a[b=1]",
        "a ~> $count",
        "1 + 1",
        "a.*",
        "$eval('1')",
        "a^(b)",
        "(a; b)",
    ],
)
def test_the_lint_itself_refuses_what_is_outside(text: str) -> None:
    assert list(lint(Jsonata.jsonata(text).ast))


@pytest.mark.parametrize(
    "text", ["$states.input.a.b", "$exists(a) ? 'x' : 1", "$merge([a, {'b': $count(c)}])", "'a' & b = 'ab' and c < 3"]
)
def test_the_lint_itself_lets_the_subset_through(text: str) -> None:
    assert list(lint(Jsonata.jsonata(text).ast)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_are_written_as_a_diff_wants_them(path: Path) -> None:
    assert path.read_text() == json.dumps(json.loads(path.read_text()), indent=2) + "\n"
