"""What targets look like in EC2, and tags on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from cutover.ec2 import Ec2
from cutover.errors import Ec2Unavailable
from cutover.instance import Instance
from cutover.places import Place
from stage.aws.ec2 import screenshots

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


@pytest.fixture(scope="module")
def client() -> Iterator[EC2Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        with mock_aws():
            yield boto3.client("ec2", "eu-central-1", aws_access_key_id="stage", aws_secret_access_key="stage")


@pytest.fixture(scope="module")
def image(client: EC2Client) -> str:
    return client.register_image(Name="image", RootDeviceName="/dev/sda1")["ImageId"]


@pytest.fixture(scope="module")
def some(client: EC2Client, image: str) -> list[str]:
    """Enough instances for a second batch of every kind."""
    made = client.run_instances(ImageId=image, MinCount=205, MaxCount=205, InstanceType="t3.micro")
    return sorted(each["InstanceId"] for each in made["Instances"])


@pytest.fixture
def struck(client: EC2Client) -> Iterator[Callable[[str, Any], None]]:
    """Have an operation go wrong until the test ends."""
    hooks: list[tuple[str, Any]] = []

    def strike(operation: str, act: Any) -> None:
        hooks.append((f"before-call.ec2.{operation}", act))
        client.meta.events.register(*hooks[-1])

    yield strike
    for hook in hooks:
        client.meta.events.unregister(*hook)


def refuses(code: str, status: int = 400) -> Callable[..., None]:
    def act(**_: Any) -> None:
        response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
        raise ClientError(response, "Operation")

    return act


def test_hundreds_are_described_in_few_requests(client: EC2Client, some: list[str]) -> None:
    ec2 = Ec2("eu-central-1", client)
    seen = ec2.instances(some)
    assert sorted(seen) == some
    assert {(each.state, each.instance_status, each.system_status) for each in seen.values()} == {
        ("running", "ok", "ok")
    }
    assert ec2.requests == {
        "ec2 DescribeInstances": 2,
        "ec2 DescribeInstanceStatus": 3,
        "ec2 DescribeSubnets": 1,
        "ec2 DescribeSecurityGroups": 1,
    }


def test_an_unknown_instance_is_absent_and_fails_no_other(client: EC2Client, some: list[str]) -> None:
    assert list(Ec2("eu-central-1", client).instances([some[0], "i-00000000000000000"])) == [some[0]]


def test_nothing_is_asked_for_nothing(client: EC2Client) -> None:
    ec2 = Ec2("eu-central-1", client)
    assert ec2.instances([]) == {}
    assert not ec2.requests


def test_an_instance_is_seen_with_the_names_of_its_network(client: EC2Client, image: str) -> None:
    vpc = client.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    client.create_tags(Resources=[subnet], Tags=[{"Key": "Name", "Value": "prod"}])
    group = client.create_security_group(GroupName="db-group", Description="x", VpcId=vpc)["GroupId"]
    made = client.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="m5.large", SubnetId=subnet, SecurityGroupIds=[group]
    )
    instance = made["Instances"][0]["InstanceId"]
    seen = Ec2("eu-central-1", client).instances([instance])[instance]
    assert (seen.type, seen.subnet_id, seen.subnet_name) == ("m5.large", subnet, "prod")
    assert seen.groups == {group: "db-group"}
    assert len(seen.private_ips) == 1
    assert seen.private_ips[0].startswith("10.1.1.")
    assert len(seen.volumes) == 1
    assert len(seen.interfaces) == 1


def test_a_terminated_instance_is_gone_and_has_no_status(client: EC2Client, image: str) -> None:
    made = client.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    client.terminate_instances(InstanceIds=[made])
    seen = Ec2("eu-central-1", client).instances([made])[made]
    assert seen.gone
    assert seen.instance_status is None


def test_an_instance_that_vanishes_between_two_requests_is_looked_at_again(
    client: EC2Client, some: list[str], struck: Callable[[str, Any], None]
) -> None:
    struck("DescribeInstanceStatus", refuses("InvalidInstanceID.NotFound"))
    seen = Ec2("eu-central-1", client).instances(some[:2])
    assert [(each.state, each.instance_status) for each in seen.values()] == [("running", None)] * 2


def raises_no_connection(**_: Any) -> None:
    raise ConnectTimeoutError(endpoint_url="https://ec2")


@pytest.mark.parametrize(
    "operation", ["DescribeInstances", "DescribeInstanceStatus", "DescribeSubnets", "DescribeSecurityGroups"]
)
@pytest.mark.parametrize(
    "act",
    [refuses("RequestLimitExceeded", 503), refuses("Throttling"), refuses("InternalError", 500), raises_no_connection],
)
def test_what_asking_again_may_cure_has_a_name(
    client: EC2Client, some: list[str], struck: Callable[[str, Any], None], operation: str, act: Any
) -> None:
    struck(operation, act)
    with pytest.raises(Ec2Unavailable, match=operation):
        Ec2("eu-central-1", client).instances(some[:1])


def test_a_refusal_is_not_cured_by_asking_again(
    client: EC2Client, some: list[str], struck: Callable[[str, Any], None]
) -> None:
    struck("DescribeInstances", refuses("UnauthorizedOperation", 403))
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        Ec2("eu-central-1", client).instances(some[:1])


def test_tags_go_on_instances_volumes_and_interfaces(client: EC2Client, some: list[str]) -> None:
    ec2 = Ec2("eu-central-1", client)
    seen = ec2.instances(some[:2])
    assert ec2.tag(list(seen.values()), {"cutover:run": "r", "a": "b"}) == {}
    found = client.describe_tags(Filters=[{"Name": "key", "Values": ["cutover:run"]}])["Tags"]
    assert sorted(each["ResourceId"].split("-")[0] for each in found) == ["eni"] * 2 + ["i"] * 2 + ["vol"] * 2
    assert ec2.requests["ec2 CreateTags"] == 1
    assert ec2.instances(some[:1])[some[0]].tags == {"cutover:run": "r", "a": "b"}


def test_a_target_that_is_going_away_keeps_no_other_from_its_tags(
    client: EC2Client, some: list[str], struck: Callable[[str, Any], None]
) -> None:
    ec2 = Ec2("eu-central-1", client)
    seen = ec2.instances(some[2:4])
    lost = Instance("i-00000000000000000", "running")

    def unknown(params: dict[str, Any], **_: Any) -> None:
        if lost.id in str(params["body"]):
            refuses("InvalidInstanceID.NotFound")()

    struck("CreateTags", unknown)
    assert list(ec2.tag([*seen.values(), lost], {"only": "these"})) == [lost.id]
    assert all(each.tags.get("only") for each in ec2.instances(some[2:4]).values())


def test_tags_that_are_not_allowed_are_told_and_asked_for_once(
    client: EC2Client, some: list[str], struck: Callable[[str, Any], None]
) -> None:
    ec2 = Ec2("eu-central-1", client)
    seen = ec2.instances(some[:3])
    struck("CreateTags", refuses("UnauthorizedOperation", 403))
    refused = ec2.tag(list(seen.values()), {"x": "y"})
    assert sorted(refused) == some[:3]
    assert ec2.requests["ec2 CreateTags"] == 1


def test_one_instance_with_too_many_tags_keeps_no_other_from_its_own(
    client: EC2Client, some: list[str], struck: Callable[[str, Any], None]
) -> None:
    ec2 = Ec2("eu-central-1", client)
    seen = ec2.instances(some[5:8])

    def full(params: dict[str, Any], **_: Any) -> None:
        if some[5] in str(params["body"]):
            refuses("TagLimitExceeded")()

    struck("CreateTags", full)
    assert list(ec2.tag(list(seen.values()), {"last": "one"})) == [some[5]]
    assert [each.tags.get("last") for each in ec2.instances(some[6:8]).values()] == ["one", "one"]


def test_an_instance_gets_its_tags_after_what_is_attached_to_it(
    client: EC2Client, some: list[str], struck: Callable[[str, Any], None]
) -> None:
    asked: list[str] = []
    struck("CreateTags", lambda params, **_: asked.extend(params["body"][f"ResourceId.{n}"] for n in (1, 2, 3)))
    ec2 = Ec2("eu-central-1", client)
    ec2.tag(list(ec2.instances(some[:1]).values()), {"order": "matters"})
    assert [each.split("-")[0] for each in asked] == ["vol", "eni", "i"]


@pytest.fixture(scope="module")
def network(client: EC2Client) -> dict[str, str]:
    """Two networks, each with a subnet called app; groups called by Name tag and by group name."""
    made: dict[str, str] = {}
    for number in (1, 2):
        vpc = client.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
        subnet = client.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.1.0/24")["Subnet"]["SubnetId"]
        named = client.create_security_group(GroupName=f"g{number}", Description="-", VpcId=vpc)["GroupId"]
        plain = client.create_security_group(GroupName="plain", Description="-", VpcId=vpc)["GroupId"]
        client.create_tags(Resources=[subnet, named], Tags=[{"Key": "Name", "Value": "app"}])
        made |= {f"vpc{number}": vpc, f"subnet{number}": subnet, f"named{number}": named, f"plain{number}": plain}
    return made


def test_places_are_found_by_id_and_by_name(client: EC2Client, network: dict[str, str]) -> None:
    found = Ec2("eu-central-1", client).places([network["subnet1"], "app"], [network["named2"], "plain"])

    assert found.subnets[network["subnet1"]] == (Place(network["subnet1"], network["vpc1"]),)
    both = {Place(network[f"subnet{number}"], network[f"vpc{number}"]) for number in (1, 2)}
    assert set(found.subnets["app"]) == both
    assert found.groups[network["named2"]] == (Place(network["named2"], network["vpc2"]),)
    assert {each.id for each in found.groups["plain"]} == {network["plain1"], network["plain2"]}


def test_a_group_with_a_name_tag_does_not_go_by_its_group_name(client: EC2Client, network: dict[str, str]) -> None:
    found = Ec2("eu-central-1", client).places([], ["g1", "app"])
    assert found.groups["g1"] == ()
    assert {each.id for each in found.groups["app"]} == {network["named1"], network["named2"]}


def test_places_that_are_not_there_are_none_and_patterns_find_nothing(
    client: EC2Client, network: dict[str, str]
) -> None:
    found = Ec2("eu-central-1", client).places(["subnet-00000000", "nowhere", "ap*"], ["sg-00000000", "pl?in"])
    assert set(found.subnets.values()) == set(found.groups.values()) == {()}


def test_places_are_asked_for_in_batches_and_only_when_named(client: EC2Client) -> None:
    ec2 = Ec2("eu-central-1", client)
    ec2.places([], [])
    assert not ec2.requests
    ec2.places([f"name-{number}" for number in range(201)], ["one"])
    assert ec2.requests == {"ec2 DescribeSubnets": 2, "ec2 DescribeSecurityGroups": 2}


def test_an_ec2_that_asks_for_patience_when_asked_for_places_is_asked_again_later(
    client: EC2Client, struck: Callable[[str, Any], None]
) -> None:
    struck("DescribeSubnets", refuses("RequestLimitExceeded"))
    with pytest.raises(Ec2Unavailable):
        Ec2("eu-central-1", client).places(["app"], [])


def test_volumes_from_snapshots_are_told_apart(client: EC2Client) -> None:
    fresh, other = (client.create_volume(Size=1, AvailabilityZone="eu-central-1a")["VolumeId"] for _ in range(2))
    snapshot = client.create_snapshot(VolumeId=fresh)["SnapshotId"]
    slow = client.create_volume(SnapshotId=snapshot, AvailabilityZone="eu-central-1a")["VolumeId"]
    assert Ec2("eu-central-1", client).from_snapshots([fresh, other, slow, "vol-0"]) == {slow}


def test_what_a_console_says_and_shows_is_had_as_far_as_it_can_be(
    client: EC2Client, some: list[str], struck: Callable[[str, Any], None]
) -> None:
    screenshots()
    output, screen = Ec2("eu-central-1", client).console(some[0])
    assert output is not None
    assert output.startswith(b"Linux version")
    assert screen is not None
    assert screen.startswith(b"\xff\xd8")
    struck("GetConsoleScreenshot", refuses("UnsupportedOperation"))
    assert Ec2("eu-central-1", client).console(some[0]) == (output, None)
    struck("GetConsoleOutput", refuses("UnauthorizedOperation", 403))
    assert Ec2("eu-central-1", client).console(some[0]) == (None, None)
