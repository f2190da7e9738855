"""What was seen before a run, of the service and of the account. Nothing here was changed, and nothing is decided.

Of everything that may be None: None was not looked at, and `unseen` says why. An empty collection was looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cutover.finding import Finding
from cutover.instants import instant
from cutover.launch_configuration import LaunchConfiguration
from cutover.machine import Job, Machine
from cutover.placement import Configured, Placement
from cutover.plan import WHEN_READY, Mode, Plan
from cutover.terms import Licence, ReplicationSettings


@dataclass(frozen=True)
class Unseen:
    """What could not be looked at: the request by its name, an IAM action for AWS; what it would have shown; why not.

    `denied`: for want of a permission.
    """

    action: str
    what: str
    reason: str
    denied: bool = True


@dataclass(frozen=True)
class Lock:
    """A machine is held by a run until an RFC 3339 instant."""

    machine: str
    owner: str
    until: str


@dataclass(frozen=True)
class Subnet:
    """A subnet; `free`: its available addresses. `default_route`: whether anything leads out of the VPC, None if that
    was not looked at.
    """

    id: str
    name: str
    vpc: str
    zone: str
    cidr: str
    free: int
    default_route: bool | None = None


@dataclass(frozen=True)
class SecurityGroup:
    """A security group. `inbound`, `outbound`: TCP port ranges that some rule lets through; (0, 65535) for all."""

    id: str
    name: str
    group_name: str
    vpc: str
    inbound: tuple[tuple[int, int], ...] = ()
    outbound: tuple[tuple[int, int], ...] = ()

    def called(self, wanted: str) -> bool:
        """Whether a plan may mean it by this id or name."""
        return wanted in (self.id, self.name, self.group_name)


@dataclass(frozen=True)
class Holder:
    """Who has an address: a network interface, of an instance or of something else."""

    interface: str
    instance: str | None


@dataclass(frozen=True)
class Running:
    """An instance that is there. `vcpus`: what it counts against a quota now: 0 unless it runs on demand."""

    id: str
    type: str
    vcpus: int | None
    subnet: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A node that Systems Manager knows. `ping`: its word for whether it hears of it; Online is the good one.

    `allowed`: whether it carries the tag without which no step may send it commands; None where that was not looked at.
    """

    ping: str
    allowed: bool | None


@dataclass(frozen=True)
class Volume:
    """An EBS volume and the instance it is attached to."""

    id: str
    type: str
    gib: int
    instance: str | None


@dataclass(frozen=True)
class Account:
    """What was seen of AWS, in the plan's region.

    `addresses`: who holds a wanted address, by subnet and address. `offered`: (instance type, zone). `vcpus`: of each
    instance type that exists. `quotas`: by code; in vCPUs, or TiB. `keys`: state by key, None for one that does not
    exist. `profiles`: by name of an instance profile whether it has a role, None for one that does not exist. `nodes`:
    by id those that steps send commands to, None for one that Systems Manager does not know.
    """

    subnets: Mapping[str, Subnet] | None = None
    groups: Mapping[str, SecurityGroup] | None = None
    addresses: Mapping[tuple[str, str], Holder] | None = None
    offered: frozenset[tuple[str, str]] | None = None
    vcpus: Mapping[str, int] | None = None
    instances: Mapping[str, Running] | None = None
    volumes: tuple[Volume, ...] | None = None
    quotas: Mapping[str, float] = field(default_factory=dict)
    keys: Mapping[str, str | None] = field(default_factory=dict)
    profiles: Mapping[str, bool | None] = field(default_factory=dict)
    nodes: Mapping[str, Node | None] = field(default_factory=dict)

    def subnet(self, wanted: str) -> tuple[Subnet, ...]:
        """The subnets of this id or Name tag."""
        return tuple(each for each in (self.subnets or {}).values() if wanted in (each.id, each.name))


@dataclass(frozen=True)
class Survey:
    """Everything that was seen before a run.

    `refused`: in which words the service turned us away, with `licensed` False when it was for want of a licence, and
    `initialised` when it was never set up.
    `targets`: by machine id the instance that a launch would delete. `launched`: the launch configurations, and
    `configured`: what they say of where and as what, by machine id.
    """

    refused: str | None = None
    licensed: bool = True
    initialised: bool = True
    machines: tuple[Machine, ...] | None = None
    targets: Mapping[str, str] = field(default_factory=dict)
    jobs: tuple[Job, ...] | None = None
    licences: tuple[Licence, ...] | None = None
    replication: ReplicationSettings | None = None
    launched: Mapping[str, LaunchConfiguration] | None = None
    configured: Mapping[str, Configured] | None = None
    locks: tuple[Lock, ...] | None = None
    account: Account = field(default_factory=Account)
    unseen: tuple[Unseen, ...] = ()


@dataclass(frozen=True)
class Situation:
    """What the checks judge: a survey, and what the plan wants of it. `run`: whose locks are our own."""

    plan: Plan
    mode: Mode
    now: datetime
    survey: Survey
    found: tuple[Machine | Finding, ...]
    placements: tuple[Placement, ...]
    run: str | None = None

    @property
    def begins(self) -> datetime:
        """When launches may begin: now, or at the instant the plan schedules."""
        at = self.plan.schedule.get(self.mode)
        return max(self.now, instant(at)) if at and at != WHEN_READY else self.now

    @property
    def ends_by(self) -> datetime:
        """The latest end of the run: every wave takes all the time it may."""
        waves = self.plan.waves
        seconds = sum(each.readiness_deadline + each.job_deadline + each.verify_deadline.longest for each in waves)
        return self.begins + timedelta(seconds=seconds)

    def subnet(self, placement: Placement) -> Subnet | None:
        """The one subnet a target is launched into, if that is known; of several alike the configured one."""
        matches = self.survey.account.subnet(placement.subnet) if placement.subnet else ()
        base = (self.survey.configured or {}).get(placement.machine.id)
        configured = tuple(each for each in matches if base and each.id == base.subnet)
        matches = matches if len(matches) == 1 else configured
        return matches[0] if len(matches) == 1 else None

    def replaced(self) -> set[str]:
        """The instances that the plan's launches delete."""
        return {each.replaces for each in self.placements if each.replaces}
