"""Where targets are made, as the simulated world sees it; and the cloud of a simulator without an EC2: only names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, Protocol

from stage.simulator.identity import Identity
from stage.simulator.scenario import Project

CREATION_TAG = "CloudEndure creation time"
MANAGED = "AWSApplicationMigrationServiceManaged"
MANAGED_FOR = "AWSApplicationMigrationServiceSourceServerID"
"""What MGN tags its instances with, and the launched ones with the server that they are of."""

STAGING = "cloudendure-staging"

Check = Literal["initializing", "ok", "impaired"]


class Ec2Refused(Exception):
    """EC2 did not do what was asked; the message is EC2's."""


class Ec2Away(Exception):
    """EC2 gave no answer: whether it did what was asked is not known, and asking again is for the caller."""


@dataclass(frozen=True)
class Network:
    """Ids by name; `staging` is the subnet of CloudEndure's own instances."""

    vpc: str
    staging: str
    subnets: dict[str, str]
    groups: dict[str, str]


@dataclass(frozen=True)
class Wanted:
    """An instance to create. `private_ip` None: from the subnet; `public_ip` None: as the subnet says.

    `token`: EC2's idempotency token, with which asking twice makes one instance.
    """

    subnet: str
    groups: Sequence[str]
    instance_type: str
    tags: dict[str, str]
    private_ip: str | None = None
    public_ip: bool | None = False
    running: bool = True
    token: str | None = None


@dataclass(frozen=True)
class Made:
    """An instance that exists."""

    id: str
    public_ips: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Template:
    """What an EC2 launch template says of an instance; None: nothing. `role`: the name of an instance profile."""

    instance_type: str | None
    subnet: str | None
    groups: tuple[str, ...]
    private_ip: str | None
    public_ip: bool | None
    role: str | None
    tags: dict[str, str]


class Cloud(Protocol):
    """Where targets are made. All may raise Ec2Away, and all but `status` and `fail_commands` Ec2Refused."""

    def network(self, name: str, project: Project) -> Network:
        """Make sure that the project's network and its replication server exist; safe to repeat."""
        ...

    def targets(self) -> dict[str, Made]:
        """Targets left by an earlier simulator, by Name tag."""
        ...

    def create(self, wanted: Wanted) -> Made:
        """Launch one instance."""
        ...

    def stop(self, instance: str) -> None:
        """Stop an instance."""
        ...

    def terminate(self, instance: str) -> None:
        """Terminate an instance; one that is gone already is no error, a protected one is."""
        ...

    def keep(self, instance: str, tags: dict[str, str], *, protected: bool) -> None:
        """Do what a person does who wants to keep an instance: tag it, protect it against termination."""
        ...

    def status(self, instance: str, check: Check) -> None:
        """Have the instance's status checks say this."""
        ...

    def fail_commands(self, instance: str) -> None:
        """Have commands inside of the instance fail."""
        ...

    def create_group(self, network: Network, name: str) -> str:
        """Create a security group of the service's own."""
        ...

    def delete_group(self, group: str) -> None:
        """Delete it."""
        ...

    def write_template(self, name: str, template: Template) -> str:
        """Have the launch template of this name say this by default; its id. Safe to repeat."""
        ...

    def read_template(self, id: str) -> Template | None:
        """What a launch template says by default; None: what was written last."""
        ...


class Invented:
    """No EC2 at all: ids derived from the seed."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._numbers = count()
        self._protected: set[str] = set()

    def network(self, name: str, project: Project) -> Network:
        """Invent ids for the scenario's subnets and groups."""
        aws = self._identity.aws
        return Network(
            vpc=aws("vpc", name),
            staging=aws("subnet", name, STAGING),
            subnets={subnet: aws("subnet", name, subnet) for subnet in project.subnets},
            groups={group: aws("sg", name, group) for group in project.security_groups},
        )

    def targets(self) -> dict[str, Made]:
        """Nothing is left over from before."""
        return {}

    def create(self, wanted: Wanted) -> Made:
        """Invent an instance id."""
        return Made(self._identity.aws("i", wanted.tags["Name"], next(self._numbers)))

    def stop(self, instance: str) -> None:
        """Nothing to stop."""

    def terminate(self, instance: str) -> None:
        """Nothing to terminate, unless it is protected."""
        if instance in self._protected:
            raise Ec2Refused(f"OperationNotPermitted: the instance {instance} may not be terminated")

    def keep(self, instance: str, tags: dict[str, str], *, protected: bool) -> None:
        """Remember the protection; nobody sees the tags."""
        if protected:
            self._protected.add(instance)

    def fail_commands(self, instance: str) -> None:
        """Nobody sends any."""

    def status(self, instance: str, check: Check) -> None:
        """Nobody looks."""

    def create_group(self, network: Network, name: str) -> str:
        """Invent a group id."""
        return self._identity.aws("sg", network.vpc, name)

    def delete_group(self, group: str) -> None:
        """Nothing to delete."""

    def write_template(self, name: str, template: Template) -> str:
        """Invent its id."""
        return self._identity.aws("lt", name)

    def read_template(self, id: str) -> Template | None:
        """Nobody else writes it."""
        return None
