"""The compiled plan: what the author wrote, with every default filled in, as the functions read it.

The author's plan (YAML, pydantic) lives in cli/; it is compiled once into this shape, stored under the SHA-256 of its
canonical JSON, and never changed. Durations are whole seconds; instants are RFC 3339 in UTC.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from cutover.planned_calendar import Calendar, read_calendar
from cutover.planned_night import Night, read_night
from cutover.planned_selection import Selection
from cutover.planned_telling import Telling, read_telling

VERSION = 6


class Mode(StrEnum):
    """How targets are launched: as a rehearsal, or as the machines that take over."""

    TEST = "test"
    CUTOVER = "cutover"


WHEN_READY = "ready"
"""In a plan's schedule, in place of an instant: the test starts once all machines are ready."""


class OnFailure(StrEnum):
    """The rule when a machine fails after its launch."""

    HOLD = "hold"
    STOP = "stop"
    CONTINUE = "continue"


class OnDifference(StrEnum):
    """The rule when a launch configuration is not what the plan expects of the target."""

    REFUSE = "refuse"
    CORRECT = "correct"


@dataclass(frozen=True)
class Expectation:
    """What a target must look like in one mode; None: not compared.

    `subnet` and `security_groups` are ids (`subnet-…`, `sg-…`) or values of the Name tag. The fields after `public_ip`
    are not seen on a target but set in the launch configuration, and only some services have them: whether the type is
    chosen by the source's size, how it boots (the service's word), and what is copied from the source.
    """

    instance_type: str | None = None
    subnet: str | None = None
    security_groups: tuple[str, ...] | None = None
    private_ip: str | None = None
    public_ip: bool | None = None
    right_sizing: bool | None = None
    boot_mode: str | None = None
    copy_tags: bool | None = None
    copy_private_ip: bool | None = None


@dataclass(frozen=True)
class Replacement:
    """Who lets a launch delete a target that a guard speaks for, which one, and why.

    `instance`: its EC2 id, or NO_INSTANCE for a machine whose target is gone and whose recorded cutover remains.
    """

    instance: str
    by: str
    reason: str


NO_INSTANCE = "none"
"""In a Replacement: there is no target left to delete."""


@dataclass(frozen=True)
class AcceptedChanges:
    """Who accepts that these fields of a launch configuration changed since the tested launch, and why."""

    fields: tuple[str, ...]
    by: str
    reason: str


class Look(StrEnum):
    """How an application is looked at: a connection, a page, or a command inside of the machine."""

    TCP = "tcp"
    HTTP = "http"
    SSM = "ssm"


@dataclass(frozen=True)
class ApplicationCheck:
    """A look at the application on a target. It changes nothing, and may be repeated.

    `subject`: tcp: the port; http: the URL, in which `{ip}` stands for the target's private address; ssm: the
    document's name. `arguments`: ssm: parameter → texts. `os`: made on targets of this operating system only, linux or
    windows; "": on any. `timeout`: seconds, for one look or one command.
    """

    name: str
    look: Look
    subject: str
    arguments: dict[str, list[str]] = field(default_factory=dict)
    status: int = 200
    contains: str = ""
    os: str = ""
    timeout: int = 10


@dataclass(frozen=True)
class PlannedMachine:
    """A machine by its source name (compared without case) or by the service's id, with all overlays applied.

    With a `selection` alone it stands for all machines that this chooses when a run begins; with an id as well it is
    one that was chosen, and then the name is only what it is called.

    `critical`: no wave passes without it; `optional`: no wave fails for it. Never both. `group`: which of its wave's.
    `prewarm`: its volumes are read through once it runs, so that nobody waits for their first blocks.
    """

    name: str | None
    id: str | None
    expect: dict[Mode, Expectation]
    tags: dict[str, str] = field(default_factory=dict)
    critical: bool = False
    optional: bool = False
    replace: Replacement | None = None
    accept_changes: AcceptedChanges | None = None
    group: int = 0
    checks: tuple[ApplicationCheck, ...] = ()
    prewarm: bool = False
    selection: Selection | None = None

    @property
    def label(self) -> str:
        """What the plan calls it."""
        return self.name or self.id or str(self.selection or "")

    @property
    def known_as(self) -> str:
        """What it is found by among the service's machines: its id where there is one, else its name."""
        return self.id or self.name or ""

    @property
    def selects(self) -> bool:
        """Whether it stands for machines that are still to be chosen."""
        return self.selection is not None and self.id is None


@dataclass(frozen=True)
class Waiver:
    """Who lifted the test gate, and why."""

    by: str
    reason: str


@dataclass(frozen=True)
class AskedToSign:
    """Who signs a test off before it counts, all of them; `until`: later words are not taken."""

    by: tuple[str, ...]
    until: str | None = None


@dataclass(frozen=True)
class ByOs:
    """Seconds, by the operating system of a target."""

    linux: int
    windows: int

    @property
    def longest(self) -> int:
        """What nothing takes longer than."""
        return max(self.linux, self.windows)

    def of(self, os: str) -> int:
        """For `linux` or `windows`; where nobody knows, the longer time."""
        return {"linux": self.linux, "windows": self.windows}.get(os, self.longest)


@dataclass(frozen=True)
class PollBounds:
    """Seconds between two looks at the service: at least `minimum`; an estimate stretches it to `maximum` at most."""

    minimum: int
    maximum: int


@dataclass(frozen=True)
class Group:
    """A wave of the author's that is launched with others; its rule is its own."""

    name: str
    at_least: int | None = None


@dataclass(frozen=True)
class Wave:
    """Machines launched together, and the rules they are launched under. All durations in seconds.

    `at_least`: how many must be verified for the wave to pass; None: all that are not optional. `canary`: this is the
    machine that its wave sends ahead; the wave after it is the rest. `backlog_limit`: bytes that a machine may still
    have to send when it is launched; None: none. `groups`: the waves of the author's that are launched together as
    this one, in their order; empty for a wave that is launched by itself. `sign_off`: who has to accept a machine's
    test before its cutover; None: nobody is asked.
    """

    name: str
    machines: tuple[PlannedMachine, ...]
    lag_limit: int
    readiness_deadline: int
    test_minimum_age: int
    test_waiver: Waiver | None
    job_deadline: int
    verify_deadline: ByOs
    ok_in_a_row: int
    on_failure: OnFailure
    poll: PollBounds
    at_least: int | None = None
    canary: bool = False
    launch_configuration: OnDifference = OnDifference.REFUSE
    backlog_limit: int | None = None
    groups: tuple[Group, ...] = ()
    sign_off: AskedToSign | None = None

    def parts(self) -> tuple[Wave, ...]:
        """Its groups, each as the wave that it was; the wave itself where it has none."""
        return tuple(
            replace(
                self,
                name=group.name,
                machines=tuple(each for each in self.machines if each.group == number),
                at_least=group.at_least,
                groups=(),
            )
            for number, group in enumerate(self.groups)
        ) or (self,)

    def author_name(self, machine: PlannedMachine) -> str:
        """What the author calls the wave of this machine."""
        return self.groups[machine.group].name if self.groups else self.name


@dataclass(frozen=True)
class Plan:
    """The whole of what a run carries out. `schedule`: the UTC instant named for a mode, as the plan gives it,
    or WHEN_READY for the test.

    `project`: the service's that holds the machines; MGN has none, and then it is a name for messages, or "".
    `night`: what a cutover does around its launches; a plan without it can only be tested.
    `test_ttl`: seconds after a verified test at which its targets are cleaned up by themselves; None: never.
    `author`: who wrote it, as `by` would call them; "" where it does not say.
    """

    name: str
    service: str
    project: str
    region: str
    waves: tuple[Wave, ...]
    schedule: dict[Mode, str] = field(default_factory=dict)
    night: Night | None = None
    test_ttl: int | None = None
    calendar: Calendar = field(default_factory=Calendar)
    telling: Telling = field(default_factory=Telling)
    author: str = ""

    def canonical(self) -> str:
        """Canonical JSON: sorted keys, no spaces, ASCII."""
        return json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True, separators=(",", ":"))

    @property
    def selects(self) -> bool:
        """Whether machines of it are still to be chosen."""
        return any(entry.selects for wave in self.waves for entry in wave.machines)

    @property
    def place(self) -> str:
        """Where the service has the machines, in words."""
        return f"project {self.project}" if self.project else f"region {self.region}"

    @property
    def sha256(self) -> str:
        """Hex digest of the canonical JSON: the plan's identity."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @property
    def key(self) -> str:
        """Where the plan lies in the bucket."""
        return plan_key(self.name, self.sha256)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read what `canonical` wrote. A plan of another version is a ValueError: it was compiled by other code."""
        data = json.loads(text)
        if data["version"] != VERSION:
            raise ValueError(
                f"compiled plan has version {data['version']}; this code reads version {VERSION}: put the plan again"
            )
        return cls(
            name=data["name"],
            service=data["service"],
            project=data["project"],
            region=data["region"],
            waves=tuple(_wave(wave) for wave in data["waves"]),
            schedule={Mode(mode): instant for mode, instant in data["schedule"].items()},
            night=read_night(data["night"]) if data["night"] else None,
            test_ttl=data["test_ttl"],
            calendar=read_calendar(data["calendar"]),
            telling=read_telling(data["telling"]),
            author=data["author"],
        )


def plan_key(name: str, sha256: str) -> str:
    """The bucket key of a compiled plan."""
    return f"plans/{name}/{sha256}.json"


def _wave(data: dict[str, Any]) -> Wave:
    return Wave(
        **{
            **data,
            "machines": tuple(_machine(machine) for machine in data["machines"]),
            "test_waiver": Waiver(**data["test_waiver"]) if data["test_waiver"] else None,
            "sign_off": _sign_off(data["sign_off"]),
            "on_failure": OnFailure(data["on_failure"]),
            "poll": PollBounds(**data["poll"]),
            "verify_deadline": ByOs(**data["verify_deadline"]),
            "launch_configuration": OnDifference(data["launch_configuration"]),
            "groups": tuple(Group(**group) for group in data["groups"]),
        }
    )


def _sign_off(data: dict[str, Any] | None) -> AskedToSign | None:
    return AskedToSign(**{**data, "by": tuple(data["by"])}) if data else None


def _machine(data: dict[str, Any]) -> PlannedMachine:
    expect = {Mode(mode): _expectation(expectation) for mode, expectation in data["expect"].items()}
    replace, accepted, selection = data["replace"], data["accept_changes"], data["selection"]
    return PlannedMachine(
        **{
            **data,
            "expect": expect,
            "replace": Replacement(**replace) if replace else None,
            "accept_changes": AcceptedChanges(**accepted | {"fields": tuple(accepted["fields"])}) if accepted else None,
            "checks": tuple(ApplicationCheck(**{**each, "look": Look(each["look"])}) for each in data["checks"]),
            "selection": Selection(**selection) if selection else None,
        }
    )


def _expectation(data: dict[str, Any]) -> Expectation:
    groups = data["security_groups"]
    return Expectation(**{**data, "security_groups": None if groups is None else tuple(groups)})
