"""Preflight of the steps of the night: their nodes are known, online and tagged, or it is said what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.finding import Finding
from cutover.planned_night import Action, Deed, OnStepFailure, PlannedStep
from cutover.preflight_steps import commanded
from cutover.surveyed import Node
from tests.unit.night_of import PLANNED
from tests.unit.records_of import plan
from tests.unit.survey_of import but, of, survey

NODE, INSTANCE = "mi-0a1b2c3d4e5f60718", "i-0a1b2c3d4e5f60718"
FIT = Node("Online", True)


def ssm(*nodes: str) -> Action:
    return Action(Deed.SSM, "AWS-RunShellScript", nodes=nodes)


def step(name: str, *nodes: str, rule: OnStepFailure = OnStepFailure.UNDO, **more: Any) -> PlannedStep:
    return PlannedStep(name, ssm(*nodes), 600, on_failure=rule, **more)


def found(nodes: dict[str, Node | None], *steps: PlannedStep) -> list[Finding]:
    night = replace(PLANNED, quiesce=steps, power_off=(), switch=())
    seen = of(but(survey(), nodes=nodes), replace(plan(), night=night))
    return [each for each in seen.run if each.field == "nodes"]


def test_a_node_that_is_online_and_tagged_is_fit() -> None:
    assert found({NODE: FIT, INSTANCE: FIT}, step("stop db", NODE, INSTANCE)) == []


@pytest.mark.parametrize(
    ("node", "seen", "said", "do"),
    [
        (NODE, None, "is not known to Systems Manager in eu-central-1", "correct the id in the plan"),
        (NODE, Node("ConnectionLost", True), "is ConnectionLost", "start it, or its SSM agent"),
        (
            NODE,
            Node("Online", False),
            "does not carry the tag cutover:commands=allowed",
            f"aws ssm add-tags-to-resource --resource-type ManagedInstance --resource-id {NODE} "
            "--tags Key=cutover:commands,Value=allowed --region eu-central-1",
        ),
        (
            INSTANCE,
            Node("Online", False),
            "does not carry the tag cutover:commands=allowed",
            f"aws ec2 create-tags --resources {INSTANCE} --tags Key=cutover:commands,Value=allowed",
        ),
    ],
)
def test_what_a_step_would_stumble_over_is_refused_with_what_to_do(
    node: str, seen: Node | None, said: str, do: str
) -> None:
    (one,) = found({node: seen}, step("stop db", node))
    assert one.seen == f"{node}, which step stop db sends commands to, {said}"
    assert do in one.remedy
    assert one.severity == "error"


def test_everything_that_is_wrong_with_a_node_is_said() -> None:
    assert len(found({NODE: Node("Inactive", False)}, step("stop db", NODE))) == 2


def test_a_step_that_the_plan_goes_on_without_is_warned_of_unless_another_one_needs_the_node() -> None:
    spare = step("say so", NODE, rule=OnStepFailure.CONTINUE)
    assert [each.severity for each in found({NODE: None}, spare)] == ["warning"]
    (both,) = found({NODE: None}, spare, step("stop db", NODE))
    assert (both.severity, "say so, stop db" in both.seen) == ("error", True)


def test_what_could_not_be_looked_at_is_not_held_against_a_node() -> None:
    assert found({}, step("stop db", NODE)) == []
    assert found({NODE: Node("Online", None)}, step("stop db", NODE)) == []


def test_nodes_are_those_of_the_way_back_too_and_of_ssm_alone() -> None:
    hook = Action(Deed.WEBHOOK, "https://lb.example.com/drain")
    back = PlannedStep("drain", hook, 600, undo=ssm(NODE))
    both = step("stop db", INSTANCE, undo=ssm(INSTANCE))
    night = replace(PLANNED, quiesce=(back,), power_off=(both,), switch=())
    assert commanded(replace(plan(), night=night)) == {NODE: [back], INSTANCE: [both]}
    assert commanded(plan()) == {}
