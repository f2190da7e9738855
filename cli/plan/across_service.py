"""Rules that depend on the replication service: what one has and the other not."""

from __future__ import annotations

from collections.abc import Iterator

from cli.plan.across import Part, selects
from cli.plan.fields import IDS
from cli.plan.model import SELECTIONS
from cli.plan.problems import Path, Problem
from cli.plan.source import Source
from cutover.launch_configuration import SOME_HAVE

_TOGETHER = (
    ("right_sizing", "instance_type", "the instance type is chosen by the source's size, or named"),
    ("copy_private_ip", "private_ip", "the private IP is copied from the source, or named"),
)
"""A setting that, where it is true, leaves nothing to be said of another."""


def problems(source: Source) -> Iterator[Problem]:
    """Of a plan whose service is known; another service is refused by the model."""
    plan = Part((), source.data)
    service = plan.data.get("service")
    if not isinstance(service, str) or service not in IDS:
        return
    if service == "cloudendure" and "project" not in plan.data:
        remedy = "add it, as in `project: Shop`"
        yield source.problem(("project",), "with CloudEndure, a project holds the machines", remedy, "nothing")
    waves = [(wave, list(wave.parts("machines"))) for wave in plan.parts("waves")]
    machines = [machine for _, machines in waves for machine in machines]
    for machine in machines:
        yield from _id(source, service, machine)
        if selects(machine):
            yield from _selection(source, service, machine)
    if service == "cloudendure":
        for part in (plan, *(wave for wave, _ in waves), *machines):
            yield from _not_there(source, part)
    else:
        yield from _contradictions(source, plan, waves)


def _id(source: Source, service: str, machine: Part) -> Iterator[Problem]:
    """An id that is written like another service's; like none is refused by the model."""
    given = machine.data.get("id")
    if isinstance(given, str) and not IDS[service].fullmatch(given):
        others = [other for other, pattern in IDS.items() if other != service and pattern.fullmatch(given)]
        for other in others:
            rule = f"this is written like an id of {other}, and the plan's service is {service}"
            path = source.nearest((*machine.path, "id"))
            yield source.problem(path, rule, "copy the id there, or give the source's `name` instead")


def _selection(source: Source, service: str, machine: Part) -> Iterator[Problem]:
    """Machines that are chosen when a run begins: only where the service can say which, and what is of one machine
    alone is not of several."""
    if service == "cloudendure":
        for key in SELECTIONS:
            if key in machine.data:
                path = (*machine.path, key)
                yield source.problem(path, "CloudEndure knows neither tags nor waves", "name the machines one by one")
    if "replace" in machine.data:
        rule = "a target that may be deleted belongs to one machine"
        yield source.problem(
            (*machine.path, "replace"), rule, "name that machine beside the selection, and put it there"
        )


def _not_there(source: Source, part: Part) -> Iterator[Problem]:
    for mode in ("test", "cutover"):
        for key in SOME_HAVE:
            if key in part.at("expect", mode):
                path = (*part.path, "expect", mode, key)
                yield source.problem(path, f"only MGN has the setting `{key}`", "remove it")


def _contradictions(source: Source, plan: Part, waves: list[tuple[Part, list[Part]]]) -> Iterator[Problem]:
    """What the levels say together of one machine. Each line is told once."""
    told: set[Path] = set()
    for wave, machines in waves:
        for machine in machines:
            for mode in ("test", "cutover"):
                for setting, named, rule in _TOGETHER:
                    levels = (machine, wave, plan)
                    decides = next((each for each in levels if setting in each.at("expect", mode)), None)
                    names = next((each for each in levels if named in each.at("expect", mode)), None)
                    if decides is None or names is None or decides.at("expect", mode)[setting] is not True:
                        continue
                    path = (*names.path, "expect", mode, named)
                    if path not in told:
                        told.add(path)
                        line = source.line((*decides.path, "expect", mode, setting))
                        told_rule = f"{rule}: `{setting}` is true on line {line}"
                        yield source.problem(path, told_rule, f"remove it, or set `{setting}: false`")
