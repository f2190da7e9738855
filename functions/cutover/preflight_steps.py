"""Preflight of the steps of the night: the nodes they send commands to are there, heard of, and may be sent any.

A step that reaches no node fails behind closed doors; its node's owner can be asked before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from cutover.finding import Finding, Severity
from cutover.plan import Plan
from cutover.planned_night import NODE_ALLOWED, NODE_TAG, Deed, OnStepFailure, PlannedStep
from cutover.surveyed import Node, Situation
from cutover.words import some

_ONLINE = "Online"
_RULE = "a step's commands reach every one of its nodes, and are allowed there"


def commanded(plan: Plan) -> dict[str, list[PlannedStep]]:
    """By node, the steps of the night that send it commands, on the way to the targets or back."""
    found: dict[str, list[PlannedStep]] = defaultdict(list)
    night = plan.night
    for step in (*night.quiesce, *night.power_off, *night.switch) if night else ():
        actions = [each for each in (step.do, step.undo) if each is not None and each.deed is Deed.SSM]
        for node in dict.fromkeys(node for action in actions for node in action.nodes):
            found[node].append(step)
    return dict(found)


def nodes(seen: Situation) -> Iterator[Finding]:
    """Each is known to Systems Manager, online, and tagged by its owner. A warning where the plan goes on without."""
    surveyed = seen.survey.account.nodes
    for node, steps in commanded(seen.plan).items():
        if node not in surveyed:  # not looked at: it is one of the things that could not be, or its steps are behind us
            continue
        without = all(each.on_failure is OnStepFailure.CONTINUE for each in steps)
        severity = Severity.WARNING if without else Severity.ERROR
        for said, do in _against(node, surveyed[node], seen.plan.region):
            whose = some(each.name for each in steps)
            yield Finding("nodes", f"{node}, which step {whose} sends commands to, {said}", _RULE, do, severity)


def _against(node: str, seen: Node | None, region: str) -> Iterator[tuple[str, str]]:
    """What is wrong with a node, and what to do."""
    if seen is None:
        yield (
            f"is not known to Systems Manager in {region}",
            "correct the id in the plan, or have its owner see that its SSM agent runs, reaches and may use SSM",
        )
        return
    if seen.ping != _ONLINE:
        yield f"is {seen.ping}", "have its owner start it, or its SSM agent, until Systems Manager shows it Online"
    if seen.allowed is False:
        yield f"does not carry the tag {NODE_TAG}={NODE_ALLOWED}", f"have its owner tag it: {_tagging(node, region)}"


def _tagging(node: str, region: str) -> str:
    tag = f"--tags Key={NODE_TAG},Value={NODE_ALLOWED} --region {region}"
    if node.startswith("i-"):
        return f"aws ec2 create-tags --resources {node} {tag}"
    return f"aws ssm add-tags-to-resource --resource-type ManagedInstance --resource-id {node} {tag}"
