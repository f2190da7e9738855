"""EC2 on the stage: status checks follow the scenario, and what the product asks of EC2 is answered as AWS does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cutover.ec2 import Ec2
from cutover.looks import Looks
from cutover.survey_nodes import NodeSurvey
from cutover.surveyed import Node
from stage.aws.ec2 import Statuses
from stage.aws.emulator import Emulator
from stage.aws.environment import emulator_environment


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(log_dir=tmp_path_factory.mktemp("ec2")) as aws:
        yield aws


@pytest.fixture
def instances(aws: Emulator) -> list[str]:
    launched = aws.client("ec2").run_instances(ImageId="ami-12c6146b", MinCount=2, MaxCount=2)
    return [instance["InstanceId"] for instance in launched["Instances"]]


def set_status(aws: Emulator, instance: str, wanted: dict[str, str]) -> int:
    request = urllib.request.Request(
        f"{aws.ec2_url}/_stage/instances/{instance}/status", json.dumps(wanted).encode(), method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        return int(answer.status)


def statuses(aws: Emulator, instances: list[str], **more: Any) -> dict[str, tuple[str, str]]:
    answer = aws.client("ec2").describe_instance_status(InstanceIds=instances, **more)
    return {
        status["InstanceId"]: (status["InstanceStatus"]["Status"], status["SystemStatus"]["Status"])
        for status in answer["InstanceStatuses"]
    }


def found(aws: Emulator, wanted: list[str]) -> dict[str, Any]:
    filters = [{"Name": "instance-id", "Values": wanted}]
    reservations = aws.client("ec2").describe_instances(Filters=filters)["Reservations"]
    return {each["InstanceId"]: each for reservation in reservations for each in reservation["Instances"]}


def test_an_instance_is_ok_until_the_scenario_says_otherwise(aws: Emulator, instances: list[str]) -> None:
    assert statuses(aws, instances) == dict.fromkeys(instances, ("ok", "ok"))
    assert set_status(aws, instances[0], {"instance_status": "impaired"}) == 204
    assert set_status(aws, instances[1], {"instance_status": "initializing", "system_status": "initializing"}) == 204
    assert statuses(aws, instances) == {
        instances[0]: ("impaired", "ok"),
        instances[1]: ("initializing", "initializing"),
    }
    set_status(aws, instances[0], {"instance_status": "ok"})
    assert statuses(aws, instances[:1]) == {instances[0]: ("ok", "ok")}


def test_a_stopped_instance_has_a_status_only_when_all_are_asked_for(aws: Emulator, instances: list[str]) -> None:
    aws.client("ec2").stop_instances(InstanceIds=instances[:1])
    assert list(statuses(aws, instances)) == instances[1:]
    assert statuses(aws, instances, IncludeAllInstances=True)[instances[0]] == ("not-applicable", "not-applicable")


@pytest.mark.parametrize("wanted", [{}, {"instance_status": "fine"}, {"state": "ok"}, "ok", None])
def test_a_status_that_ec2_does_not_have_is_refused(wanted: object) -> None:
    known = Statuses({}, {})
    with pytest.raises(ValueError, match="expected"):
        known.set("i-1", wanted)
    assert not known.instance


def test_a_command_succeeds_in_an_instance_until_the_scenario_says_otherwise(
    aws: Emulator, instances: list[str]
) -> None:
    """Functions speak to this Systems Manager: MiniStack's own knows none of these instances."""
    assert emulator_environment(10, "a", 1.0, "b", {})["AWS_ENDPOINT_URL_SSM"] == "http://127.0.0.1:11"
    ssm = boto3.client(
        "ssm", aws.region, endpoint_url=aws.ec2_url, aws_access_key_id=aws.account, aws_secret_access_key="stage"
    )
    told = urllib.request.Request(
        f"{aws.ec2_url}/_stage/instances/{instances[0]}/commands", b'{"status": "Failed"}', method="POST"
    )
    with urllib.request.urlopen(told) as answer:
        assert answer.status == 204
    command = ssm.send_command(DocumentName="trust", InstanceIds=instances)["Command"]["CommandId"]
    seen = [ssm.get_command_invocation(CommandId=command, InstanceId=each)["Status"] for each in instances]
    assert seen == ["Failed", "Success"]


def test_the_nodes_of_a_plans_steps_are_online_and_allowed_commands(aws: Emulator) -> None:
    ssm = boto3.client(
        "ssm", aws.region, endpoint_url=aws.ec2_url, aws_access_key_id=aws.account, aws_secret_access_key="stage"
    )
    seen = NodeSurvey(ssm, Looks()).nodes(["mi-0a1b2c3d4e5f60718", "i-0a1b2c3d4e5f60718"], {})
    assert seen == {"mi-0a1b2c3d4e5f60718": Node("Online", True), "i-0a1b2c3d4e5f60718": Node("Online", None)}


def test_a_console_can_be_kept(aws: Emulator, instances: list[str]) -> None:
    output, screen = Ec2(aws.region, aws.client("ec2")).console(instances[0])
    assert output is not None
    assert screen is not None
    assert screen.startswith(b"\xff\xd8")


@pytest.mark.parametrize("wanted", [{}, {"status": "Fine"}, "Failed", None])
def test_commands_come_to_nothing_else(wanted: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        Statuses({}, {}).have_commands("i-1", wanted)


def test_a_refused_status_is_a_bad_request(aws: Emulator) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        set_status(aws, "i-1", {"instance_status": "fine"})


def test_two_hundred_ids_can_be_asked_for_and_unknown_ones_are_passed_over(aws: Emulator, instances: list[str]) -> None:
    unknown = [f"i-{number:017x}" for number in range(198)]
    assert sorted(found(aws, unknown + instances)) == sorted(instances)
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        aws.client("ec2").describe_instances(InstanceIds=[*instances, unknown[0]])


def test_an_instance_its_volume_and_its_interface_can_be_found_and_tagged(aws: Emulator, instances: list[str]) -> None:
    ec2 = aws.client("ec2")
    seen = found(aws, instances)[instances[0]]
    (volume,) = (mapping["Ebs"]["VolumeId"] for mapping in seen["BlockDeviceMappings"])
    (interface,) = (each["NetworkInterfaceId"] for each in seen["NetworkInterfaces"])
    tag = {"Key": "cutover:run", "Value": "r"}
    ec2.create_tags(Resources=[instances[0], volume, interface], Tags=[tag])
    assert found(aws, instances)[instances[0]]["Tags"] == [tag]
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Tags"] == [tag]
    assert ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]["TagSet"] == [tag]


def test_subnets_and_security_groups_are_found_by_filter(aws: Emulator) -> None:
    ec2 = aws.client("ec2")
    (subnet,) = ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": ["us-west-2a"]}])["Subnets"]
    filters = [{"Name": "vpc-id", "Values": [subnet["VpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    assert len(ec2.describe_security_groups(Filters=filters)["SecurityGroups"]) == 1


def test_a_terminated_instance_stays_visible(aws: Emulator, instances: list[str]) -> None:
    aws.client("ec2").terminate_instances(InstanceIds=instances[:1])
    assert [found(aws, instances)[each]["State"]["Name"] for each in instances] == ["terminated", "running"]
