"""The EC2 side: a project's network, its targets and CloudEndure's own instances, made in the stage's EC2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stage.simulator.cloud import CREATION_TAG, STAGING, Check, Ec2Refused, Made, Network, Wanted
from stage.simulator.scenario import Project

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

_REPLICATION_SERVER = "CloudEndure Replication Server con17"
_IMAGE = "cloudendure-simulator"


def ec2_client(region: str) -> EC2Client | None:
    """A client for the EC2 named by AWS_ENDPOINT_URL_EC2, None without one: real EC2 is never asked by accident.

    One attempt only: a repeated RunInstances would make a second target.
    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL_EC2")
    if not endpoint:
        return None
    client: EC2Client = boto3.client(
        "ec2",
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id="simulator",
        aws_secret_access_key="simulator",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
    )
    return client


class Ec2:
    """An EC2 API that boto3 can talk to."""

    def __init__(self, client: EC2Client) -> None:
        self._client = client
        self._image: str | None = None

    def network(self, name: str, project: Project) -> Network:
        """Find by Name tag, create what is missing."""
        ec2 = self._client
        with _translated():
            vpcs = ec2.describe_vpcs(Filters=[_filter("tag:Name", name)])["Vpcs"]
            vpc = (
                vpcs[0]["VpcId"]
                if vpcs
                else ec2.create_vpc(CidrBlock=project.vpc, TagSpecifications=[_named("vpc", name)])["Vpc"]["VpcId"]
            )
            here = _filter("vpc-id", vpc)
            subnets = {_name(one): one["SubnetId"] for one in ec2.describe_subnets(Filters=[here])["Subnets"]}
            for subnet, cidr in (project.subnets | {STAGING: _last_block(project.vpc)}).items():
                if subnet not in subnets:
                    subnets[subnet] = ec2.create_subnet(
                        VpcId=vpc, CidrBlock=cidr, TagSpecifications=[_named("subnet", subnet)]
                    )["Subnet"]["SubnetId"]
            groups = {
                _name(one): one["GroupId"] for one in ec2.describe_security_groups(Filters=[here])["SecurityGroups"]
            }
            for group in project.security_groups:
                if group not in groups:
                    groups[group] = self._create_group(vpc, group)
        network = Network(
            vpc,
            subnets[STAGING],
            {subnet: subnets[subnet] for subnet in project.subnets},
            {group: groups[group] for group in project.security_groups},
        )
        self._replication_server(network)
        return network

    def _replication_server(self, network: Network) -> None:
        alive = _filter("instance-state-name", "pending", "running")
        with _translated():
            found = self._client.describe_instances(
                Filters=[_filter("tag:Name", _REPLICATION_SERVER), _filter("vpc-id", network.vpc), alive]
            )
        if not found["Reservations"]:
            tags = {
                "Name": _REPLICATION_SERVER,
                "CloudEndure_Name": _REPLICATION_SERVER,
                "CloudEndure_Replication_Service": "true",
                "management": "con17",
            }
            self.create(Wanted(network.staging, [], "t3.small", tags))

    def targets(self) -> dict[str, Made]:
        """By the tag that every target carries."""
        alive = _filter("instance-state-name", "pending", "running", "stopped")
        found: dict[str, Made] = {}
        with _translated():
            pages = self._client.get_paginator("describe_instances").paginate(
                Filters=[_filter("tag-key", CREATION_TAG), alive]
            )
            for page in pages:
                for reservation in page["Reservations"]:
                    for instance in reservation["Instances"]:
                        found[_name(instance)] = _made(instance)
        return found

    def create(self, wanted: Wanted) -> Made:
        """RunInstances with one interface, then stopped again if it shall not run."""
        interface: dict[str, Any] = {
            "DeviceIndex": 0,
            "SubnetId": wanted.subnet,
            "Groups": list(wanted.groups),
            "DeleteOnTermination": True,  # gives the address back to the next launch
        }
        if wanted.private_ip:
            interface["PrivateIpAddress"] = wanted.private_ip
        if wanted.public_ip is not None:
            interface["AssociatePublicIpAddress"] = wanted.public_ip
        tags = [{"Key": key, "Value": value} for key, value in wanted.tags.items()]
        ask: dict[str, Any] = {
            "NetworkInterfaces": [interface],
            "InstanceType": wanted.instance_type,
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
        }
        with _translated():
            answer = self._client.run_instances(ImageId=self._image_id(), MinCount=1, MaxCount=1, **ask)
            made = _made(answer["Instances"][0])
            if wanted.public_ip is not False:
                made = _made(self._client.describe_instances(InstanceIds=[made.id])["Reservations"][0]["Instances"][0])
        if not wanted.running:
            self.stop(made.id)
        return made

    def stop(self, instance: str) -> None:
        """StopInstances."""
        with _translated():
            self._client.stop_instances(InstanceIds=[instance])

    def terminate(self, instance: str) -> None:
        """TerminateInstances; somebody else may have done it before."""
        try:
            with _translated():
                self._client.terminate_instances(InstanceIds=[instance])
        except Ec2Refused as error:
            if "InvalidInstanceID.NotFound" not in str(error):
                raise

    def status(self, instance: str, check: Check) -> None:
        """Tell the stage's EC2, which takes status checks from us; any other EC2 is left alone."""
        endpoint = self._client.meta.endpoint_url
        if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost"):
            return
        body = {"instance_status": check, "system_status": "ok" if check == "impaired" else check}
        try:
            requests.post(f"{endpoint}/_stage/instances/{instance}/status", json=body, timeout=5)
        except requests.RequestException:
            return

    def create_group(self, network: Network, name: str) -> str:
        """CreateSecurityGroup in the project's network."""
        mine = [_filter("vpc-id", network.vpc), _filter("tag:Name", name)]
        with _translated():
            found = self._client.describe_security_groups(Filters=mine)["SecurityGroups"]
            return found[0]["GroupId"] if found else self._create_group(network.vpc, name)

    def _create_group(self, vpc: str, name: str) -> str:
        return self._client.create_security_group(
            GroupName=name, Description=name, VpcId=vpc, TagSpecifications=[_named("security-group", name)]
        )["GroupId"]

    def delete_group(self, group: str) -> None:
        """DeleteSecurityGroup; one still in use stays, as it would in EC2."""
        try:
            self._client.delete_security_group(GroupId=group)
        except ClientError:
            return

    def _image_id(self) -> str:
        if self._image is None:
            found = self._client.describe_images(Owners=["self"], Filters=[_filter("name", _IMAGE)])["Images"]
            self._image = (
                found[0]["ImageId"]
                if found
                else self._client.register_image(
                    Name=_IMAGE, Architecture="x86_64", RootDeviceName="/dev/sda1", VirtualizationType="hvm"
                )["ImageId"]
            )
        return self._image


@contextmanager
def _translated() -> Iterator[None]:
    """What botocore raises, as Ec2Refused."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Ec2Refused(str(error)) from error


def _filter(name: str, *values: str) -> Any:
    return {"Name": name, "Values": list(values)}


def _named(kind: Any, name: str) -> Any:
    return {"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}


def _name(resource: Any) -> str:
    return next((tag["Value"] for tag in resource.get("Tags", []) if tag["Key"] == "Name"), "")


def _made(instance: Any) -> Made:
    public = instance.get("PublicIpAddress")
    return Made(instance["InstanceId"], [public] if public else [])


def _last_block(vpc: str) -> str:
    """The last /24 of the VPC: CloudEndure's own instances live there."""
    return str(list(ip_network(vpc).subnets(new_prefix=24))[-1])
