"""Rules that span several keys.

They read the plain data, so that they are told together with the faults of single keys; what is not of the right kind
they pass over, because the model refuses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from cli.plan.compile import canary_name
from cli.plan.fields import seconds
from cli.plan.model import MOST_TAGS, SELECTIONS, Poll, spelled_out
from cli.plan.problems import Path, Problem
from cli.plan.source import Source


@dataclass(frozen=True)
class Part:
    """A plan, wave or machine, and where it stands."""

    path: Path
    data: dict[str, Any]

    def at(self, *keys: str) -> dict[str, Any]:
        """The mapping at `keys`, empty when there is none."""
        data: Any = self.data
        for key in keys:
            data = data.get(key) if isinstance(data, dict) else {}
        return data if isinstance(data, dict) else {}

    def labels(self) -> dict[str, str]:
        """What a machine may be called, without case, and as it is written."""
        given = [self.data[key] for key in ("name", "id") if isinstance(self.data.get(key), str)]
        return {label.casefold(): label for label in given}

    def blocks(self, key: str) -> Iterator[Part]:
        """The mappings in the list at `key`."""
        items = self.data.get(key)
        for position, item in enumerate(items if isinstance(items, list) else []):
            if isinstance(item, dict):
                yield Part((*self.path, key, position), item)

    def parts(self, key: str) -> Iterator[Part]:
        """Like `blocks`, where text may stand for a mapping."""
        items = self.data.get(key)
        for position, item in enumerate(items if isinstance(items, list) else []):
            data = spelled_out(item)
            if isinstance(data, dict):
                yield Part((*self.path, key, position), data)


def problems(source: Source) -> Iterator[Problem]:
    """What single keys cannot show."""
    plan = Part((), source.data)
    waves = [(wave, list(wave.parts("machines"))) for wave in plan.parts("waves")]
    yield from _poll(source, plan)
    yield from _wave_names(source, [wave for wave, _ in waves])
    for wave, machines in waves:
        yield from _at_least(source, wave, machines)
        yield from _canary(source, wave, machines)
    yield from _machines(source, [machine for _, machines in waves for machine in machines])
    yield from _tags(source, plan, waves)
    for mode in ("test", "cutover"):
        yield from _private_ips(source, mode, plan, waves)
    for part in [plan, *(wave for wave, _ in waves), *(machine for _, machines in waves for machine in machines)]:
        yield from _security_groups(source, part)


def _poll(source: Source, plan: Part) -> Iterator[Problem]:
    defaults = {key: field.default for key, field in Poll.model_fields.items()}
    for part in (plan, *plan.parts("waves")):
        written = part.at("poll")
        poll = {**defaults, **plan.at("poll"), **written}
        try:
            wrong = bool(written) and seconds(poll["minimum"]) > seconds(poll["maximum"])
        except (TypeError, ValueError):
            continue
        if wrong:
            key = "minimum" if "minimum" in written else "maximum"
            rule = f"poll.minimum ({poll['minimum']}) is at most poll.maximum ({poll['maximum']})"
            yield source.problem((*part.path, "poll", key), rule, "write both, the smaller one as minimum")


def _wave_names(source: Source, waves: list[Part]) -> Iterator[Problem]:
    first: dict[str, Path] = {}
    for wave in waves:
        name, path = wave.data.get("name"), (*wave.path, "name")
        if isinstance(name, str) and first.setdefault(name, path) != path:
            rule = f"a wave's name stands once, and it is on line {source.line(first[name])}"
            yield source.problem(path, rule, "rename one of the two")
    for wave in waves:
        name = wave.data.get("name")
        if isinstance(name, str) and "canary" in wave.data and (taken := first.get(canary_name(name))):
            rule = f"the canary of wave {name!r}, on line {source.line((*wave.path, 'canary'))}, is a wave of this name"
            yield source.problem(taken, rule, "rename one of the two waves")


def _at_least(source: Source, wave: Part, machines: list[Part]) -> Iterator[Problem]:
    wanted = wave.data.get("at_least")
    if any(selects(each) for each in machines):
        return  # how many there are is known when a run begins, and judged then
    if isinstance(wanted, int) and wanted > len(machines) > 0:
        rule = f"at most the number of machines in the wave, {len(machines)}"
        yield source.problem((*wave.path, "at_least"), rule, "write a smaller number, or leave it out for all")


def _canary(source: Source, wave: Part, machines: list[Part]) -> Iterator[Problem]:
    """A canary is one of the wave's machines, goes ahead of others, and decides whether they follow."""
    canary, path = wave.data.get("canary"), (*wave.path, "canary")
    if not isinstance(canary, str) or not machines:
        return
    ahead = [each for each in machines if canary.casefold() in each.labels()]
    if not ahead:
        listed = "; ".join(label for each in machines[:5] for label in each.labels().values())
        remedy = f"name one of: {listed}" if listed else "list it by its name, beside the selection"
        yield source.problem(path, "the canary is a machine of its wave, as listed there", remedy)
    elif ahead[0].data.get("optional") is True:
        rule = "a canary is not optional: nothing would depend on what became of it"
        yield source.problem(path, rule, "name another one, or remove its `optional`")
    if len(machines) == 1 and not selects(machines[0]):
        yield source.problem(path, "a canary goes ahead of others in its wave", "add the others, or remove `canary`")


def _machines(source: Source, machines: list[Part]) -> Iterator[Problem]:
    first: dict[tuple[str, str], Path] = {}
    for machine in machines:
        given = [key for key in ("name", "id", *SELECTIONS) if key in machine.data]
        if len(given) != 1:
            seen = " and ".join(given) or "none of them"
            remedy = "remove all but one" if given else "add `name`, the source server's"
            yield source.problem(machine.path, "a machine has one of name, id, tagged and in_mgn_wave", remedy, seen)
        for key in {*given} & {"name", "id"}:
            value = machine.data[key]
            path = source.nearest((*machine.path, key))
            if isinstance(value, str) and first.setdefault((key, value.casefold()), path) != path:
                line = source.line(first[key, value.casefold()])
                rule = f"a machine stands once in a plan, in whatever case, and it is on line {line}"
                yield source.problem(path, rule, "remove one of the two")
        yield from _machine(source, machine)


def selects(machine: Part) -> bool:
    """Whether it stands for machines that are chosen when a run begins."""
    return any(key in machine.data for key in SELECTIONS)


def _machine(source: Source, machine: Part) -> Iterator[Problem]:
    if machine.data.get("critical") is True and machine.data.get("optional") is True:
        rule = "a machine is critical, optional, or neither"
        yield source.problem((*machine.path, "optional"), rule, "remove one of the two", "both critical and optional")
    if "at_most" in machine.data and not selects(machine):
        yield source.problem((*machine.path, "at_most"), "`at_most` belongs to `tagged` or `in_mgn_wave`", "remove it")
    yield from _twice(source, machine, "a field", "accept_changes", "fields")


def _tags(source: Source, plan: Part, waves: list[tuple[Part, list[Part]]]) -> Iterator[Problem]:
    for wave, machines in waves:
        for machine in machines:
            tags = {**plan.at("tags"), **wave.at("tags"), **machine.at("tags")}
            if len(tags) > MOST_TAGS and max(len(part.at("tags")) for part in (plan, wave, machine)) <= MOST_TAGS:
                seen = f"{len(tags)} tags with those of the plan and the wave"
                yield source.problem(machine.path, f"a target has at most {MOST_TAGS}", "remove some", seen)


def _private_ips(source: Source, mode: str, plan: Part, waves: list[tuple[Part, list[Part]]]) -> Iterator[Problem]:
    """A machine's address is the nearest: its own, its wave's, the plan's. One that several inherit is told once."""
    first: dict[IPv4Address, Path] = {}
    told: set[Path] = set()
    for wave, machines in waves:
        for machine in machines:
            level = next((part for part in (machine, wave, plan) if "private_ip" in part.at("expect", mode)), plan)
            path = (*level.path, "expect", mode, "private_ip")
            try:
                ip = IPv4Address(str(level.at("expect", mode)["private_ip"]))
            except (KeyError, AddressValueError):
                continue
            if selects(machine) and path not in told:
                told.add(path)
                rule = "a private IP belongs to one machine, and a selection stands for several"
                yield source.problem(path, rule, "name that machine beside the selection, and put it there")
            if first.setdefault(ip, machine.path) == machine.path or path in told:
                continue
            told.add(path)
            line = source.line((*first[ip], "expect", mode, "private_ip"))
            rule = f"a private IP belongs to one machine in a mode; the machine on line {line} has it too"
            yield source.problem(path, rule, "give each machine its own")


def _security_groups(source: Source, part: Part) -> Iterator[Problem]:
    for mode in ("test", "cutover"):
        yield from _twice(source, part, "a security group", "expect", mode, "security_groups")


def _twice(source: Source, part: Part, what: str, *keys: str) -> Iterator[Problem]:
    """Texts that stand a second time in the list at `keys`."""
    given = part.at(*keys[:-1]).get(keys[-1])
    items = given if isinstance(given, list) else []
    for position, item in enumerate(items):
        if isinstance(item, str) and item in items[:position]:
            yield source.problem(
                (*part.path, *keys, position), f"{what} stands once in a list", "remove one of the two"
            )
