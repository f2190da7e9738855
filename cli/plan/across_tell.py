"""Rules of `tell` that span several keys, over the plain data as those of across.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cli.plan.across import Part
from cli.plan.night import PARTS
from cli.plan.problems import Problem
from cli.plan.source import Source

APPROVALS = ("go", "users", "commit")


def problems(source: Source) -> Iterator[Problem]:
    """What single keys of `tell` cannot show."""
    plan = Part((), source.data)
    people = Part(("tell",), plan.at("tell")).at("people")
    asked = set(_asked(plan))
    members: dict[str, str] = {}
    for name, person in people.items():
        path = ("tell", "people", name)
        if name not in asked:
            rule = "whoever has a way of their own is asked for something, by the same name"
            remedy = "take them out, or ask them in `cutover.approvals` or by a step's `who`"
            yield source.problem(path, rule, remedy, f"{name}, who is asked nothing")
        member = person.get("slack") if isinstance(person, dict) else None
        if isinstance(member, str) and members.setdefault(member, name) != name:
            rule = f"a member of Slack is one person, and this one is {members[member]}"
            yield source.problem((*path, "slack"), rule, "correct one of the two ids")


def _asked(plan: Part) -> Iterator[str]:
    night = Part(("cutover",), plan.at("cutover"))
    for name in APPROVALS:
        by: Any = Part(("cutover", "approvals"), night.at("approvals")).at(name).get("by")
        yield from (each for each in (by if isinstance(by, list) else []) if isinstance(each, str))
    for part in PARTS:
        for step in night.blocks(part):
            for action in (step.data, step.data.get("undo")):
                if isinstance(action, dict) and isinstance(action.get("who"), str):
                    yield action["who"]
