"""What a replication service is set to launch, in our own words: where it differs from the plan, and what has changed.

An overlay (`Expectation`) speaks of nine settings, four of which only some services have. Everything else a service
can be told is kept under the service's own name for it, as text that is only ever compared.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from cutover.places import Place, Places
from cutover.plan import Expectation

Value = str | bool | tuple[str, ...] | None
Changes = Mapping[str, Value]
"""Values to set, by the name of a field of LaunchConfiguration (never `machine` or `others`)."""

NEW, COPY = "new", "copy"
"""A private address chosen at the launch, and one (or an instance type) taken from the source."""

RUNS = "runs_after_launch"


@dataclass(frozen=True)
class LaunchConfiguration:
    """How one machine's target will be launched. What an overlay speaks of has the same names; of SOME_HAVE, None means
    that the service has no such setting.

    `instance_type`: a type, or COPY. `subnet` and `security_groups`: ids. `private_ip`: addresses, comma-separated,
    NEW, COPY, or the service's own word for something else. `public_ip`: None: as the subnet says. None elsewhere: the
    service does not say. `others`: every other setting that is set, by the service's name for it, as canonical text.
    Of these, `instance_profile` (its name) and `volumes` (EBS type by source disk) are read for preflight.
    """

    machine: str
    instance_type: str | None = None
    subnet: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    private_ip: str | None = None
    public_ip: bool | None = None
    runs_after_launch: bool = True
    right_sizing: bool | None = None
    boot_mode: str | None = None
    copy_tags: bool | None = None
    copy_private_ip: bool | None = None
    others: Mapping[str, str] = field(default_factory=dict)
    instance_profile: str | None = None
    volumes: Mapping[str, str] = field(default_factory=dict)

    def value(self, name: str) -> Value:
        """What a field of `Changes` is set to."""
        found: Value = getattr(self, name)
        return found

    def lacks(self, changes: Changes) -> dict[str, Value]:
        """Those of the changes that it does not show."""
        return {name: value for name, value in changes.items() if not _same(self.value(name), value)}

    def settings(self) -> dict[str, str]:
        """Everything that could change between two launches, as text by name: to be recorded, and compared later."""
        named = (name for name in OVERLAID if name not in SOME_HAVE or self.value(name) is not None)
        return {name: said(name, self.value(name)) for name in named} | dict(self.others)


OVERLAID = tuple(each.name for each in fields(Expectation))
SOME_HAVE = ("right_sizing", "boot_mode", "copy_tags", "copy_private_ip")
"""Settings of an overlay that only some services have."""


@dataclass(frozen=True)
class Difference:
    """A setting that is not what the plan expects.

    `wanted`: what would have to be set. `problem`: why nobody can say what to set. `certain`: False when the setting
    may still come out as expected, which only the launch will tell.
    """

    field: str
    expected: str
    seen: str
    wanted: Value = None
    problem: str = ""
    certain: bool = True


@dataclass(frozen=True)
class Change:
    """A setting that is not what it was at the tested launch; "" for not set."""

    field: str
    before: str
    now: str


def differences(configuration: LaunchConfiguration, expect: Expectation, places: Places) -> tuple[Difference, ...]:
    """Where the configuration is not what the overlay expects. `places`: what EC2 knows under the overlay's names."""
    found: list[Difference | None] = []
    if expect.instance_type is not None:
        told = configuration.instance_type != COPY
        found.append(_unless_equal(configuration, "instance_type", expect.instance_type, certain=told))
    if expect.subnet is not None:
        found.append(_located(configuration, "subnet", [expect.subnet], places.subnets))
    if expect.security_groups is not None:
        groups = _within(places.groups, _vpcs(configuration, expect, places))
        found.append(_located(configuration, "security_groups", expect.security_groups, groups))
    if expect.private_ip is not None and expect.private_ip not in (configuration.private_ip or "").split(", "):
        told = configuration.private_ip != COPY
        found.append(_unless_equal(configuration, "private_ip", expect.private_ip, certain=told))
    if expect.public_ip is not None:
        told = configuration.public_ip is not None
        found.append(_unless_equal(configuration, "public_ip", expect.public_ip, certain=told))
    wanted = {name: getattr(expect, name) for name in SOME_HAVE}
    found += [_unless_equal(configuration, name, value) for name, value in wanted.items() if value is not None]
    found.append(_unless_equal(configuration, RUNS, True))
    return tuple(each for each in found if each is not None)


def drift(before: Mapping[str, str], now: Mapping[str, str], overlays: Collection[Expectation]) -> tuple[Change, ...]:
    """What changed between two `settings()`, but for the fields that an overlay speaks of: those are to differ."""
    spoken_of = {name for name in OVERLAID for each in overlays if getattr(each, name) is not None}
    names = sorted({*before, *now} - spoken_of)
    changes = (Change(name, before.get(name, ""), now.get(name, "")) for name in names)
    return tuple(each for each in changes if each.before != each.now)


def said(name: str, value: Value) -> str:
    """A value in words."""
    match value:
        case None:
            return "as the subnet says" if name == "public_ip" else "not set"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case _:
            return ", ".join(sorted(value)) or "none"


def canonical(value: Any) -> str:
    """A service's value as text that is equal when the value is: keys and entries in order."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "[" + ",".join(sorted(_json(each) for each in value)) + "]"
    return _json(value)


def places_named(
    overlays: Iterable[Expectation], configurations: Iterable[LaunchConfiguration]
) -> tuple[set[str], set[str]]:
    """The subnets and the security groups, by id or name, that EC2 must be asked about to compare these."""
    overlays = list(overlays)
    groups = {group for each in overlays for group in each.security_groups or ()}
    subnets = {each.subnet for each in overlays if each.subnet is not None}
    # A group's name is looked for in the target's network: where the overlay names none, it is the configured one's.
    configured = {subnet for each in configurations for subnet in each.subnet} if groups else set()
    return subnets | configured, groups


def _unless_equal(
    configuration: LaunchConfiguration, name: str, expected: Value, *, certain: bool = True
) -> Difference | None:
    seen = configuration.value(name)
    if seen == expected:
        return None
    return Difference(name, said(name, expected), said(name, seen), wanted=expected, certain=certain)


def _located(
    configuration: LaunchConfiguration, name: str, expected: Collection[str], known: Mapping[str, tuple[Place, ...]]
) -> Difference | None:
    seen, wanted = configuration.value(name), ", ".join(expected)
    problems = [_not_one(name, each, known.get(each, ())) for each in expected if len(known.get(each, ())) != 1]
    if problems:
        return Difference(name, wanted, said(name, seen), problem="; ".join(problems))
    ids = tuple(dict.fromkeys(known[each][0].id for each in expected))
    return None if _same(seen, ids) else Difference(name, wanted, said(name, seen), wanted=ids)


def _not_one(name: str, called: str, found: Collection[Place]) -> str:
    what = "subnet" if name == "subnet" else "security group"
    if not found:
        return f"EC2 knows no {what} {called}"
    return f"{len(found)} {what}s are called {called}: {', '.join(sorted(each.id for each in found))}"


def _vpcs(configuration: LaunchConfiguration, expect: Expectation, places: Places) -> set[str]:
    """Where the target will be: the networks of its subnet."""
    subnets = configuration.subnet if expect.subnet is None else (expect.subnet,)
    return {place.vpc for subnet in subnets for place in places.subnets.get(subnet, ())}


def _within(groups: Mapping[str, tuple[Place, ...]], vpcs: Collection[str]) -> dict[str, tuple[Place, ...]]:
    """Of several groups of one name, those in these networks, if any are."""
    return {
        name: tuple(each for each in found if each.vpc in vpcs) or found if len(found) > 1 else found
        for name, found in groups.items()
    }


def _same(one: Value, other: Value) -> bool:
    """Ids are a set; everything else is what it is."""
    return set(one) == set(other) if isinstance(one, tuple) and isinstance(other, tuple) else one == other


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
