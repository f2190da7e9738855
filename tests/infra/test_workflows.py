"""The workflows of the template are the files, wired to the right functions, within the timeout ladder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cutover.cloudendure_session import TIMEOUT as HTTP_TIMEOUT
from infra.bundle import ROOT
from infra.function_table import camel_case
from tests.infra.template import Json, Template, arn

MACHINES = {"Plan": ROOT / "statemachines" / "plan.asl.json", "Wave": ROOT / "statemachines" / "wave.asl.json"}


def definition(template: Template, machine: str) -> Json:
    text = template.properties(template.machine(machine))["DefinitionString"]
    loaded: Json = json.loads(text)
    return loaded


def substitutions(template: Template, machine: str) -> dict[str, Any]:
    filled: dict[str, Any] = template.properties(template.machine(machine))["DefinitionSubstitutions"]
    return filled


def tasks(states: Json) -> Iterator[tuple[str, Json]]:
    """Every Task, also those inside Map and Parallel."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        for inner in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            yield from tasks(inner["States"])


@pytest.mark.parametrize("machine", MACHINES)
def test_the_workflow_in_the_template_is_the_file(machine: str, template: Template) -> None:
    assert definition(template, machine) == json.loads(MACHINES[machine].read_text())


def test_every_file_of_statemachines_is_deployed() -> None:
    assert sorted((ROOT / "statemachines").glob("*.json")) == sorted(MACHINES.values())


@pytest.mark.parametrize("machine", MACHINES)
def test_every_placeholder_is_filled_and_every_substitution_used(machine: str, template: Template) -> None:
    placeholders = set(re.findall(r"\$\{(\w+)\}", MACHINES[machine].read_text()))
    assert placeholders == set(substitutions(template, machine))


@pytest.mark.parametrize("machine", MACHINES)
def test_a_placeholder_stands_for_the_function_of_that_name(machine: str, template: Template) -> None:
    by_placeholder = {camel_case(template.file_of(id_)): arn(id_) for id_ in template.of("Lambda::Function")}
    by_placeholder["WaveMachine"] = {"Ref": template.machine("Wave")}
    for name, value in substitutions(template, machine).items():
        assert value == by_placeholder[name]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_workflow_may_call_exactly_the_functions_it_names(machine: str, template: Template) -> None:
    callable_ = {
        resource
        for action, resource in template.rights_of(template.machine(machine))
        if action == "lambda:InvokeFunction"
    }
    named = {json.dumps(value) for name, value in substitutions(template, machine).items() if name != "WaveMachine"}
    assert callable_ == named


def test_the_run_may_start_its_waves_and_wait_for_them(template: Template) -> None:
    """What `startExecution.sync:2` needs: Step Functions Developer Guide, IAM policies for calling Step Functions."""
    rights = template.rights_of(template.machine("Plan"))
    wave = template.machine("Wave")
    assert ("states:StartExecution", json.dumps({"Ref": wave})) in rights
    for action in ("states:DescribeExecution", "states:StopExecution"):
        (of,) = (resource for right, resource in rights if right == action)
        assert f'{{"Fn::GetAtt": ["{wave}", "Name"]}}' in of
        assert of.count("*") == 1
    for action in ("events:PutTargets", "events:PutRule", "events:DescribeRule"):
        (of,) = (resource for right, resource in rights if right == action)
        assert of.endswith('":rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"]]}')


@pytest.mark.parametrize("machine", MACHINES)
def test_a_request_ends_before_its_function_before_its_task_before_its_workflow(
    machine: str, template: Template
) -> None:
    workflow = definition(template, machine)
    lambdas = {
        camel_case(template.file_of(id_)): it["Properties"]["Timeout"]
        for id_, it in template.of("Lambda::Function").items()
    }
    seen = 0
    for name, state in tasks(workflow["States"]):
        if state["Resource"].removesuffix(".waitForTaskToken") == "arn:aws:states:::lambda:invoke":
            inner = lambdas[state["Arguments"]["FunctionName"].strip("${}")]
            assert sum(HTTP_TIMEOUT) < inner, name
        else:
            assert state["Resource"] == "arn:aws:states:::states:startExecution.sync:2"
            inner = definition(template, "Wave")["TimeoutSeconds"]
        assert inner < state["TimeoutSeconds"] < workflow["TimeoutSeconds"], name
        seen += 1
    assert seen


def test_a_workflow_writes_everything_to_its_log(template: Template) -> None:
    for it in template.of("StepFunctions::StateMachine").values():
        logging = it["Properties"]["LoggingConfiguration"]
        assert logging["Level"] == "ALL"
        (destination,) = logging["Destinations"]
        assert destination["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0] in template.of("Logs::LogGroup")
