"""Where the probe stands: outside of any VPC, or in the targets' subnets, as the CDK's context says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.wildcards import acknowledge_wildcard

SUBNETS, SECURITY_GROUPS = "probe_subnets", "probe_security_groups"
_INTERFACES = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
)
"""What Lambda itself needs in a function's name to attach it (Lambda Developer Guide, "Giving Lambda functions access
to resources in an Amazon VPC"); the function's code is denied all of it."""


class PlaceUnclear(Exception):
    """When the context names subnets without groups, or groups without subnets; the message says what to do."""


@dataclass(frozen=True)
class Place:
    """Subnets and security groups by id; none of both: outside of any VPC."""

    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @classmethod
    def from_context(cls, scope: Construct) -> Place:
        """`-c probe_subnets=subnet-…,subnet-… -c probe_security_groups=sg-…`, or lists of them in cdk.json."""
        node = scope.node
        subnets, groups = _ids(node.try_get_context(SUBNETS)), _ids(node.try_get_context(SECURITY_GROUPS))
        if bool(subnets) != bool(groups):
            there, missing = (SUBNETS, SECURITY_GROUPS) if subnets else (SECURITY_GROUPS, SUBNETS)
            raise PlaceUnclear(
                f"the context names {there} and no {missing}: a probe inside of a VPC has both. "
                f"Add `-c {missing}=…`, or leave both out for a probe outside of any VPC"
            )
        return cls(subnets, groups)

    @property
    def words(self) -> str:
        """For evidence: from where was it looked?"""
        return f"inside {', '.join(self.subnets)}" if self.subnets else "outside of any VPC"


def _ids(given: Any) -> tuple[str, ...]:
    some: Sequence[Any] = given if isinstance(given, list) else str(given or "").split(",")
    return tuple(each for one in some if (each := str(one).strip()))


def attach(function: lambda_.Function, place: Place) -> None:
    """Have the function stand in that place."""
    if not place.subnets:
        return
    resource, role = function.node.default_child, function.role
    assert isinstance(resource, lambda_.CfnFunction)  # what a Function is made of
    assert role is not None  # each has its own
    resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
        subnet_ids=list(place.subnets), security_group_ids=list(place.groups)
    )
    acknowledge_wildcard(function, "*", "Network interfaces of a function do not exist before it is attached.")
    policy = iam.Policy(
        function,
        "Network",
        roles=[role],
        statements=[
            iam.PolicyStatement(actions=list(_INTERFACES), resources=["*"]),
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=list(_INTERFACES),
                resources=["*"],
                # Of calls that the function's code makes, and of no others.
                conditions={"Null": {"lambda:SourceFunctionArn": "false"}},
            ),
        ],
    )
    resource.node.add_dependency(policy)
