"""The EC2 side: a project's targets and CloudEndure's own instances, made in the stage's EC2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from stage.simulator import ec2_templates
from stage.simulator.cloud import CREATION_TAG, MANAGED_FOR, Check, Ec2Away, Ec2Refused, Made, Network, Template, Wanted
from stage.simulator.network import completed, create_group, created, filtered, name_of
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
        with _translated():
            vpcs = self._client.describe_vpcs(Filters=[filtered("tag:Name", name)])["Vpcs"]
            if vpcs:
                network = completed(self._client, vpcs[0]["VpcId"], project)
            else:
                network = created(self._client, name, project)
            alive = filtered("instance-state-name", "pending", "running")
            here = [filtered("tag:Name", _REPLICATION_SERVER), filtered("vpc-id", network.vpc), alive]
            if not vpcs or not self._client.describe_instances(Filters=here)["Reservations"]:
                self._replication_server(network)
        return network

    def _replication_server(self, network: Network) -> None:
        tags = {
            "Name": _REPLICATION_SERVER,
            "CloudEndure_Name": _REPLICATION_SERVER,
            "CloudEndure_Replication_Service": "true",
            "management": "con17",
        }
        self.create(Wanted(network.staging, [], "t3.small", tags))

    def targets(self) -> dict[str, Made]:
        """By the tags of which every target carries one."""
        alive = filtered("instance-state-name", "pending", "running", "stopped")
        found: dict[str, Made] = {}
        with _translated():
            pages = self._client.get_paginator("describe_instances").paginate(
                Filters=[filtered("tag-key", CREATION_TAG, MANAGED_FOR), alive]
            )
            for page in pages:
                for reservation in page["Reservations"]:
                    for instance in reservation["Instances"]:
                        found[name_of(instance)] = _made(instance)
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
        if wanted.token:
            ask["ClientToken"] = wanted.token
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
        """TerminateInstances, unless somebody has done it before: EC2 takes it twice, but not every stand-in does."""
        with _translated():
            found = self._client.describe_instances(
                Filters=[
                    filtered("instance-id", instance),
                    filtered("instance-state-name", "pending", "running", "stopping", "stopped"),
                ]
            )
            if found["Reservations"]:
                self._client.terminate_instances(InstanceIds=[instance])

    def keep(self, instance: str, tags: dict[str, str], *, protected: bool) -> None:
        """CreateTags, and ModifyInstanceAttribute for termination protection."""
        with _translated():
            if tags:
                given: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
                self._client.create_tags(Resources=[instance], Tags=given)
            if protected:
                self._client.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})

    def status(self, instance: str, check: Check) -> None:
        """Tell the stage's EC2, which takes status checks from us; any other EC2 is left alone."""
        self._tell(
            instance, "status", {"instance_status": check, "system_status": "ok" if check == "impaired" else check}
        )

    def fail_commands(self, instance: str) -> None:
        """Tell the stage's EC2, which has Systems Manager with it."""
        self._tell(instance, "commands", {"status": "Failed"})

    def _tell(self, instance: str, what: str, body: dict[str, str]) -> None:
        endpoint = self._client.meta.endpoint_url
        if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost"):
            return
        try:
            requests.post(f"{endpoint}/_stage/instances/{instance}/{what}", json=body, timeout=5)
        except requests.RequestException as error:
            raise Ec2Away(str(error)) from error

    def create_group(self, network: Network, name: str) -> str:
        """CreateSecurityGroup in the project's network."""
        mine = [filtered("vpc-id", network.vpc), filtered("tag:Name", name)]
        with _translated():
            found = self._client.describe_security_groups(Filters=mine)["SecurityGroups"]
            return found[0]["GroupId"] if found else create_group(self._client, network.vpc, name)

    def delete_group(self, group: str) -> None:
        """DeleteSecurityGroup; one still in use stays, as it would in EC2."""
        with suppress(Ec2Refused), _translated():
            self._client.delete_security_group(GroupId=group)

    def write_template(self, name: str, template: Template) -> str:
        """CreateLaunchTemplate, or a version that is made the default."""
        with _translated():
            return ec2_templates.write(self._client, name, template)

    def read_template(self, id: str) -> Template:
        """DescribeLaunchTemplateVersions."""
        with _translated():
            return ec2_templates.read(self._client, id)

    def _image_id(self) -> str:
        if self._image is None:
            found = self._client.describe_images(Owners=["self"], Filters=[filtered("name", _IMAGE)])["Images"]
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
    """What botocore raises, as Ec2Refused or Ec2Away."""
    try:
        yield
    except (HTTPClientError, NoConnection) as error:
        raise Ec2Away(str(error)) from error
    except (ClientError, BotoCoreError) as error:
        raise Ec2Refused(str(error)) from error


def _made(instance: Any) -> Made:
    public = instance.get("PublicIpAddress")
    return Made(instance["InstanceId"], [public] if public else [])
