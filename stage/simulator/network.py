"""A project's network in EC2: VPC, subnets, routes and security groups, found again by their Name tags."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from stage.simulator.cloud import STAGING, Network
from stage.simulator.scenario import Project

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


def created(ec2: EC2Client, name: str, project: Project) -> Network:
    """A new VPC with everything in it. The main route table leads out: agents and staging must reach the service."""
    vpc = ec2.create_vpc(CidrBlock=project.vpc, TagSpecifications=[named("vpc", name)])["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    tables = ec2.describe_route_tables(Filters=[filtered("vpc-id", vpc), filtered("association.main", "true")])
    main = tables["RouteTables"][0]["RouteTableId"]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    return _filled(ec2, vpc, project, {}, {})


def completed(ec2: EC2Client, vpc: str, project: Project) -> Network:
    """The VPC that is there, with what it lacks of the scenario's subnets and groups."""
    here = filtered("vpc-id", vpc)
    subnets = {name_of(one): one["SubnetId"] for one in ec2.describe_subnets(Filters=[here])["Subnets"]}
    groups = {name_of(one): one["GroupId"] for one in ec2.describe_security_groups(Filters=[here])["SecurityGroups"]}
    return _filled(ec2, vpc, project, subnets, groups)


def _filled(ec2: EC2Client, vpc: str, project: Project, subnets: dict[str, str], groups: dict[str, str]) -> Network:
    for subnet, cidr in (project.subnets | {STAGING: _last_block(project.vpc)}).items():
        if subnet not in subnets:
            tags = [named("subnet", subnet)]
            made = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, TagSpecifications=tags)
            subnets[subnet] = made["Subnet"]["SubnetId"]
            if subnet == STAGING and not project.replication.staging_routed:
                table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
                ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[subnet])
    for group in project.security_groups:
        if group not in groups:
            groups[group] = create_group(ec2, vpc, group)
    return Network(
        vpc,
        subnets[STAGING],
        {subnet: subnets[subnet] for subnet in project.subnets},
        {group: groups[group] for group in project.security_groups},
    )


def create_group(ec2: EC2Client, vpc: str, name: str) -> str:
    """A security group with this name, also as its Name tag; its id."""
    tags = [named("security-group", name)]
    return ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc, TagSpecifications=tags)["GroupId"]


def filtered(name: str, *values: str) -> Any:
    """One filter of a Describe call."""
    return {"Name": name, "Values": list(values)}


def named(kind: Any, name: str) -> Any:
    """The tag specification of a resource with a Name."""
    return {"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}


def name_of(resource: Any) -> str:
    """Its Name tag, or nothing."""
    return next((tag["Value"] for tag in resource.get("Tags", []) if tag["Key"] == "Name"), "")


def _last_block(vpc: str) -> str:
    """The last /24 of the VPC: CloudEndure's own instances live there."""
    return str(list(ip_network(vpc).subnets(new_prefix=24))[-1])
