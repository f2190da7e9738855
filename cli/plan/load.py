"""From a file to a compiled plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cli.plan import across, across_calendar, across_checks, across_groups, across_night, across_service, across_tell
from cli.plan.compile import compiled
from cli.plan.explain import explain
from cli.plan.model import AuthorPlan
from cli.plan.problems import InvalidPlan
from cli.plan.source import Source, read
from cutover.plan import Plan


def load_plan(path: str | Path, on: str | None = None) -> Plan:
    """The compiled plan of a YAML file. Raises InvalidPlan with every fault of the file that can be seen at once.

    `on`: the replication service to carry it out on in place of the one that it names; that one's project is let go.
    """
    source = read(Path(path))
    if on is not None and source.data.get("service") != on:
        kept = {key: value for key, value in source.data.items() if key != "project"}
        source = replace(source, data={**kept, "service": on})
    plan, problems = None, [*source.problems]
    try:
        plan = AuthorPlan.model_validate(source.data)
    except ValidationError as error:
        problems += (explain(fault, source) for fault in _faults(error, source))
    for rules in (across, across_calendar, across_checks, across_groups, across_night, across_service, across_tell):
        problems += rules.problems(source)
    if problems or plan is None:
        raise InvalidPlan(problems)
    return compiled(plan)


def _faults(error: ValidationError, source: Source) -> list[ErrorDetails]:
    return [fault for fault in error.errors(include_url=False) if not source.is_unread(fault["loc"])]
