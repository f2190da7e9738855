"""How MGN will launch a server, and telling it otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from cutover.errors import Ec2Unavailable, NotFound, RequestRefused
from cutover.launch_configuration import COPY, NEW, LaunchConfiguration, Value, differences, drift
from cutover.mgn import Mgn
from cutover.mgn_launch_configuration import changed, configuration, settings
from cutover.mgn_templates import Templates
from cutover.places import Place, Places
from cutover.plan import Expectation
from tests.unit.mgn_of import OURS, FakeMgn, Refusal, server_id

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

INTERFACE = {
    "DeviceIndex": 0,
    "SubnetId": "subnet-1",
    "Groups": ["sg-1", "sg-2"],
    "PrivateIpAddress": "10.0.0.9",
    "AssociatePublicIpAddress": False,
    "DeleteOnTermination": True,
}
TEMPLATE = {
    "InstanceType": "m5.large",
    "ImageId": "ami-1",
    "NetworkInterfaces": [INTERFACE],
    "IamInstanceProfile": {"Arn": "arn:aws:iam::123456789012:instance-profile/app"},
    "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeType": "gp3"}}],
    "TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
}


def given(**changes: Any) -> dict[str, Any]:
    return {
        "sourceServerID": server_id(1),
        "name": "web1",
        "ec2LaunchTemplateID": "lt-1",
        "launchDisposition": "STARTED",
        "targetInstanceTypeRightSizingMethod": "NONE",
        "copyPrivateIp": False,
        "copyTags": True,
        "bootMode": "USE_SOURCE",
        "licensing": {"osByol": True},
        **changes,
    }


def seen(template: Any = TEMPLATE, **changes: Any) -> LaunchConfiguration:
    return configuration(given(**changes), template)


def test_what_an_overlay_speaks_of_is_in_our_words() -> None:
    found = seen()
    assert (found.machine, found.instance_type, found.subnet) == (server_id(1), "m5.large", ("subnet-1",))
    assert (found.security_groups, found.private_ip, found.public_ip) == (("sg-1", "sg-2"), "10.0.0.9", False)
    assert (found.right_sizing, found.boot_mode, found.copy_tags, found.copy_private_ip) == (
        False,
        "USE_SOURCE",
        True,
        False,
    )
    assert (found.runs_after_launch, found.instance_profile, found.volumes) == (True, "app", {"/dev/sda1": "gp3"})


def test_everything_else_that_is_set_is_kept_to_be_compared() -> None:
    assert seen().others == {
        "licensing": '{"osByol":true}',
        "template.BlockDeviceMappings": '[{"DeviceName":"/dev/sda1","Ebs":{"VolumeType":"gp3"}}]',
        "template.IamInstanceProfile": '{"Arn":"arn:aws:iam::123456789012:instance-profile/app"}',
        "template.TagSpecifications": '[{"ResourceType":"instance","Tags":[{"Key":"a","Value":"b"}]}]',
        "template.interface.DeleteOnTermination": "true",
    }
    changes = drift(seen().settings(), seen(bootMode="UEFI", licensing={"osByol": False}).settings(), [])
    assert [(each.field, each.before, each.now) for each in changes] == [
        ("boot_mode", "USE_SOURCE", "UEFI"),
        ("licensing", '{"osByol":true}', '{"osByol":false}'),
    ]


def test_what_mgn_writes_into_the_template_by_itself_is_no_drift() -> None:
    other = {**TEMPLATE, "ImageId": "ami-2", "InstanceType": "m5.xlarge"}
    sized = {"targetInstanceTypeRightSizingMethod": "BASIC"}
    assert drift(seen(**sized).settings(), seen(other, **sized).settings(), []) == ()


@pytest.mark.parametrize(
    ("changes", "template", "field", "value"),
    [
        ({"targetInstanceTypeRightSizingMethod": "BASIC"}, TEMPLATE, "instance_type", COPY),
        ({"copyPrivateIp": True}, TEMPLATE, "private_ip", COPY),
        ({}, {}, "private_ip", NEW),
        ({}, {}, "public_ip", None),
        ({}, {}, "subnet", ()),
        ({}, {"SecurityGroupIds": ["sg-9"]}, "security_groups", ("sg-9",)),
        ({"launchDisposition": "STOPPED"}, {}, "runs_after_launch", False),
        ({"targetInstanceTypeRightSizingMethod": "SOMETHING"}, {}, "right_sizing", None),
    ],
)
def test_what_is_copied_or_not_said(changes: dict[str, Any], template: Any, field: str, value: Value) -> None:
    assert seen(template, **changes).value(field) == value


@pytest.mark.parametrize(
    ("expect", "field"),
    [
        (Expectation(right_sizing=True), "right_sizing"),
        (Expectation(boot_mode="UEFI"), "boot_mode"),
        (Expectation(copy_tags=False), "copy_tags"),
        (Expectation(copy_private_ip=True), "copy_private_ip"),
        (Expectation(instance_type="m5.xlarge"), "instance_type"),
        (Expectation(subnet="prod"), "subnet"),
        (Expectation(security_groups=("sg-1",)), "security_groups"),
        (Expectation(private_ip="10.0.0.10"), "private_ip"),
        (Expectation(public_ip=True), "public_ip"),
    ],
)
def test_each_setting_of_an_overlay_is_compared_and_can_be_set(expect: Expectation, field: str) -> None:
    places = Places({"prod": (Place("subnet-2", "vpc-1"),)}, {"sg-1": (Place("sg-1", "vpc-1"),)})
    (difference,) = differences(seen(), expect, places)
    assert difference.field == field
    assert difference.certain
    changes = {field: difference.wanted}
    after = configuration(given(**settings(changes)), changed(TEMPLATE, changes))
    assert after.lacks(changes) == {}
    assert differences(after, expect, places) == ()


def test_a_type_chosen_by_the_sources_size_may_still_come_out_as_expected() -> None:
    sized = seen(targetInstanceTypeRightSizingMethod="BASIC")
    (difference,) = differences(sized, Expectation(instance_type="m5.large"), Places({}, {}))
    assert not difference.certain


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("instance_type", COPY),
        ("private_ip", COPY),
        ("private_ip", NEW),
        ("public_ip", None),
        ("subnet", ()),
        ("runs_after_launch", False),
    ],
)
def test_what_a_setting_was_can_be_put_back(name: str, value: Value) -> None:
    changes = {name: value}
    assert configuration(given(**settings(changes)), changed(TEMPLATE, changes)).lacks(changes) == {}


def test_what_is_changed_leaves_all_else_of_the_template_as_it_is() -> None:
    second = {"DeviceIndex": 1, "SubnetId": "subnet-7"}
    template = {**TEMPLATE, "NetworkInterfaces": [second, INTERFACE]}
    assert changed(template, {"subnet": ("subnet-2",)}) == {
        **TEMPLATE,
        "NetworkInterfaces": [{**INTERFACE, "SubnetId": "subnet-2"}, second],
    }
    assert changed(template, {"copy_tags": True, "instance_type": COPY}) == template
    of_its_own = {"NetworkInterfaces": [{"DeviceIndex": 0, "Groups": ["sg-1"]}]}
    assert changed({"SecurityGroupIds": ["sg-9"]}, {"security_groups": ("sg-1",)}) == of_its_own
    assert changed({}, {"subnet": ("subnet-2",)}) == {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-2"}]}


@pytest.mark.parametrize("changes", [{"colour": "red"}, {"subnet": "subnet-1"}, {"boot_mode": True}])
def test_what_it_has_no_word_for_is_not_told(changes: dict[str, Value]) -> None:
    with pytest.raises(ValueError, match="cannot be told"):
        settings(changes)


# with EC2


@pytest.fixture
def ec2() -> Iterator[EC2Client]:
    with mock_aws():
        yield boto3.client("ec2", "eu-central-1", aws_access_key_id="stage", aws_secret_access_key="stage")


@pytest.fixture
def template(ec2: EC2Client) -> str:
    data: Any = {key: value for key, value in TEMPLATE.items() if key != "ImageId"}
    made = ec2.create_launch_template(LaunchTemplateName="mgn", LaunchTemplateData=data)
    return made["LaunchTemplate"]["LaunchTemplateId"]


def service(ec2: Any, fake: FakeMgn) -> Mgn:
    client = fake.client()
    templates = Templates("eu-central-1", client.requests, ec2)
    return Mgn("eu-central-1", clock=lambda: OURS, client=client, templates=templates)


def test_configurations_are_asked_for_of_those_machines_alone(ec2: EC2Client, template: str) -> None:
    def answer(body: dict[str, Any]) -> Any:
        number = int(body["sourceServerID"][2:])
        if number == 2:
            return Refusal("ResourceNotFoundException", 404)
        of = {1: template, 3: "lt-00000000000000000", 4: None}[number]
        return given(sourceServerID=body["sourceServerID"], ec2LaunchTemplateID=of)

    fake = FakeMgn(GetLaunchConfiguration=answer)
    found = service(ec2, fake).launch_configurations([server_id(number) for number in (1, 2, 3, 4)])
    assert list(found) == [server_id(1)]
    assert found[server_id(1)].subnet == ("subnet-1",)
    assert fake.operations() == ["GetLaunchConfiguration"] * 4


def test_only_what_changes_is_written_and_both_are_read_again(ec2: EC2Client, template: str) -> None:
    state = given(ec2LaunchTemplateID=template)

    def update(body: dict[str, Any]) -> Any:
        state.update({key: value for key, value in body.items() if key != "sourceServerID"})
        return {}

    fake = FakeMgn(GetLaunchConfiguration=lambda _: state, UpdateLaunchConfiguration=update)
    mgn = service(ec2, fake)
    assert mgn.configure(server_id(1), {"copy_tags": False}).copy_tags is False
    assert mgn.requests["ec2 CreateLaunchTemplateVersion"] == 0
    fake.asked.clear()
    after = mgn.configure(server_id(1), {"subnet": ("subnet-2",)})
    assert (after.subnet, after.security_groups, after.instance_type) == (("subnet-2",), ("sg-1", "sg-2"), "m5.large")
    assert "UpdateLaunchConfiguration" not in fake.operations()
    described = ec2.describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"][0]
    assert (described["DefaultVersionNumber"], described["LatestVersionNumber"]) == (2, 2)
    mgn.configure(server_id(1), {"subnet": ("subnet-2",)})  # again: nothing is left to change
    assert mgn.requests["ec2 CreateLaunchTemplateVersion"] == 1


def test_the_version_that_a_launch_takes_is_the_default_one(ec2: EC2Client, template: str) -> None:
    ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData={"InstanceType": "t3.micro"})
    fake = FakeMgn(GetLaunchConfiguration=given(ec2LaunchTemplateID=template))
    assert service(ec2, fake).launch_configurations([server_id(1)])[server_id(1)].instance_type == "m5.large"


class Answering:
    """An EC2 that fails."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def describe_launch_template_versions(self, **_: Any) -> Any:
        raise self._error


def refused(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "DescribeLaunchTemplateVersions")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused("InvalidLaunchTemplateId.NotFound"), NotFound),
        (refused("UnauthorizedOperation", 403), RequestRefused),
        (refused("RequestLimitExceeded", 503), Ec2Unavailable),
        (ConnectTimeoutError(endpoint_url="x"), Ec2Unavailable),
    ],
)
def test_what_ec2_answers_is_an_error_of_ours(error: Exception, kind: type[Exception]) -> None:
    client: Any = Answering(error)
    with pytest.raises(kind):
        Templates("eu-central-1", Counter(), client).read("lt-1")
