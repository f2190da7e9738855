"""Looking at the account: what is seen, what may not be looked at, and how few requests it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, NoCredentialsError
from moto import mock_aws

from cutover.errors import (
    AwsUnavailable,
    LicenceExpired,
    NotFound,
    NotInitialised,
    PermissionDenied,
    ServiceUnavailable,
)
from cutover.machine import Machine, Replica
from cutover.placement import Placement
from cutover.plan import Expectation, Mode
from cutover.planned_night import NODE_ALLOWED, NODE_TAG
from cutover.preflight_mgn import QUOTAS
from cutover.survey import survey
from cutover.survey_account import AccountSurvey
from cutover.surveyed import Lock, Node, Unseen
from cutover.terms import Licence, ReplicationSettings
from infra.function_table import FUNCTIONS, Thing
from tests.service_quotas import service_quotas
from tests.systems_manager import managed_nodes
from tests.unit.records_of import plan, planned, wave
from tests.unit.survey_of import source

REGION = "eu-central-1"
CLIENTS: dict[str, Any] = {}
TAG = {NODE_TAG: NODE_ALLOWED}
NODES: dict[str, tuple[str, dict[str, str]]] = {
    "mi-fit": ("Online", TAG),
    "mi-lost": ("ConnectionLost", {}),
    "mi-other": ("Online", {NODE_TAG: "no"}),
}


def client(service: str, region: str) -> Any:
    assert region == REGION
    if service not in CLIENTS:
        keys: Any = {"aws_access_key_id": "stage", "aws_secret_access_key": "stage"}
        CLIENTS[service] = boto3.client(service, region, **keys)
    return CLIENTS[service]


@pytest.fixture(scope="module", autouse=True)
def _aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        with (
            mock_aws(),
            service_quotas(client("service-quotas", REGION), {"L-1216C47A": 640}),
            managed_nodes(client("ssm", REGION), NODES),
        ):
            yield
    CLIENTS.clear()


@pytest.fixture(scope="module")
def net(_aws: None) -> dict[str, str]:
    """A VPC with a subnet called prod and a staging subnet with a way out, a group, and a running instance."""
    ec2 = client("ec2", REGION)
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    made = {"vpc": vpc}
    for name, cidr in (("prod", "10.7.1.0/24"), ("staging", "10.7.9.0/24")):
        zone = f"{REGION}a"
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
        ec2.create_tags(Resources=[subnet], Tags=[{"Key": "Name", "Value": name}])
        made[name] = subnet
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=made["staging"])
    made["group"] = ec2.create_security_group(GroupName="db-group", Description="x", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 1500, "ToPort": 1500, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
    ec2.authorize_security_group_ingress(GroupId=made["group"], IpPermissions=[rule])
    image = ec2.register_image(Name="image", RootDeviceName="/dev/sda1")["ImageId"]
    run = {"ImageId": image, "MinCount": 1, "MaxCount": 1, "SubnetId": made["prod"]}
    for name, type_ in (("target", "m5.xlarge"), ("stopped", "m5.large")):
        made[name] = ec2.run_instances(InstanceType=type_, **run)["Instances"][0]["InstanceId"]
    ec2.stop_instances(InstanceIds=[made["stopped"]])
    seen = ec2.describe_instances(InstanceIds=[made["target"]])["Reservations"][0]["Instances"][0]
    return made | {"ip": seen["PrivateIpAddress"]}


@pytest.fixture
def struck() -> Iterator[Callable[[str, Any], None]]:
    """Have an operation of a service go wrong until the test ends: `ec2.DescribeSubnets`."""
    hooks: list[tuple[Any, str, Any]] = []

    def strike(operation: str, error: Exception) -> None:
        def act(**_: Any) -> None:
            raise error

        made = client(operation.split(".")[0], REGION)
        hooks.append((made, f"before-call.{operation}", act))
        made.meta.events.register(hooks[-1][1], act)

    yield strike
    for made, hook, act in hooks:
        made.meta.events.unregister(hook, act)


def refused(code: str, status: int = 400) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")


def placed(**more: Any) -> Placement:
    given: dict[str, Any] = {
        "label": "db01",
        "machine": source(),
        "subnet": "prod",
        "security_groups": ("db-group",),
        "instance_type": "m5.large",
        "private_ip": None,
        "instance_profile": None,
        "volumes": (("gp2", 2**30),),
        "replaces": None,
        **more,
    }
    return Placement(**given)


def test_everything_a_target_wants_is_seen(net: dict[str, str]) -> None:
    looking = AccountSurvey(REGION, client)
    seen = looking.look([placed(private_ip=net["ip"])], ReplicationSettings(net["staging"], (net["group"],)))

    assert looking.looks.unseen == []
    assert seen.subnets is not None
    prod, staging = seen.subnets[net["prod"]], seen.subnets[net["staging"]]
    assert (prod.name, prod.vpc, prod.zone, prod.cidr) == ("prod", net["vpc"], "eu-central-1a", "10.7.1.0/24")
    assert 0 < prod.free <= 251
    assert (prod.default_route, staging.default_route) == (None, True)
    assert seen.groups is not None
    group = seen.groups[net["group"]]
    assert (group.group_name, group.inbound, group.outbound) == ("db-group", ((1500, 1500),), ((0, 65535),))
    assert seen.addresses is not None
    assert seen.addresses[net["prod"], net["ip"]].instance == net["target"]
    assert seen.offered == frozenset({("m5.large", "eu-central-1a")})
    assert seen.vcpus is not None
    assert seen.vcpus["m5.large"] == 2
    assert seen.instances is not None
    assert (seen.instances[net["target"]].vcpus, seen.instances[net["target"]].subnet) == (4, net["prod"])
    assert seen.instances[net["stopped"]].vcpus == 0, "what is stopped counts against no quota"
    assert seen.volumes is not None
    assert net["target"] in {each.instance for each in seen.volumes}
    assert seen.quotas == {"L-1216C47A": 640, "L-D18FCD1D": 10_000}


def test_what_does_not_exist_is_absent_and_fails_nothing_else(net: dict[str, str]) -> None:
    looking = AccountSurvey(REGION, client)
    key = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    wanted = placed(subnet="subnet-00000000", security_groups=("sg-0", "lost"), instance_type="m5.lagre")
    settings = ReplicationSettings("subnet-99999999", ("sg-9",), key)
    seen = looking.look([replace(wanted, instance_profile="lost")], settings)

    assert looking.looks.unseen == []
    assert (seen.subnets, seen.groups, seen.keys, seen.profiles) == ({}, {}, {key: None}, {"lost": None})
    assert seen.vcpus is not None
    assert "m5.lagre" not in seen.vcpus


def test_keys_and_profiles_are_seen_as_they_are() -> None:
    kms, iam = client("kms", REGION), client("iam", REGION)
    made = kms.create_key()["KeyMetadata"]
    key = made["Arn"]
    iam.create_instance_profile(InstanceProfileName="empty")
    looking = AccountSurvey(REGION, client)
    wanted = [placed(instance_profile="empty")]
    assert looking.look(wanted, ReplicationSettings(key=key)).keys == {key: "Enabled"}
    kms.disable_key(KeyId=made["KeyId"])
    seen = looking.look(wanted, ReplicationSettings(key=key))
    assert (seen.keys, seen.profiles) == ({key: "Disabled"}, {"empty": False})


def test_nodes_are_seen_as_systems_manager_has_them_with_their_owners_tag(net: dict[str, str]) -> None:
    ec2 = client("ec2", REGION)
    ec2.create_tags(Resources=[net["target"]], Tags=[{"Key": key, "Value": value} for key, value in TAG.items()])
    looking = AccountSurvey(REGION, client)
    with_instances: dict[str, Any] = {net["target"]: ("Online", {}), net["stopped"]: ("ConnectionLost", {})}
    with patch.dict(NODES, with_instances):
        seen = looking.look([placed()], None, [*NODES, "mi-none"])
    assert seen.nodes == {
        "mi-fit": Node("Online", True),
        "mi-lost": Node("ConnectionLost", False),
        "mi-other": Node("Online", False),
        "mi-none": None,
        net["target"]: Node("Online", True),
        net["stopped"]: Node("ConnectionLost", False),
    }
    assert looking.looks.unseen == []
    assert looking.looks.requests["ssm DescribeInstanceInformation"] == 1


def test_nodes_whose_tags_may_not_be_read_are_not_taken_for_untagged(struck: Callable[[str, Any], None]) -> None:
    struck("ssm.ListTagsForResource", refused("AccessDeniedException"))
    looking = AccountSurvey(REGION, client)
    assert looking.look([placed()], None, ["mi-fit"]).nodes == {"mi-fit": Node("Online", None)}
    assert [each.action for each in looking.looks.unseen] == ["ssm:ListTagsForResource"]


ASKED = [
    ("ec2.DescribeSubnets", "ec2:DescribeSubnets", "subnets"),
    ("ec2.DescribeSecurityGroups", "ec2:DescribeSecurityGroups", "groups"),
    ("ec2.DescribeNetworkInterfaces", "ec2:DescribeNetworkInterfaces", "addresses"),
    ("ec2.DescribeInstanceTypeOfferings", "ec2:DescribeInstanceTypeOfferings", "offered"),
    ("ec2.DescribeInstanceTypes", "ec2:DescribeInstanceTypes", "vcpus"),
    ("ec2.DescribeInstances", "ec2:DescribeInstances", "instances"),
    ("ec2.DescribeVolumes", "ec2:DescribeVolumes", "volumes"),
    ("service-quotas.GetServiceQuota", "servicequotas:GetServiceQuota", "quotas"),
    ("kms.DescribeKey", "kms:DescribeKey", "keys"),
    ("iam.GetInstanceProfile", "iam:GetInstanceProfile", "profiles"),
    ("ssm.DescribeInstanceInformation", "ssm:DescribeInstanceInformation", "nodes"),
]


def look_at_everything(net: dict[str, str], looking: AccountSurvey) -> Any:
    settings = ReplicationSettings(net["staging"], (net["group"],), "alias/lost")
    return looking.look([placed(private_ip="10.7.1.77", instance_profile="lost")], settings, ["mi-fit"])


@pytest.mark.parametrize(("operation", "action", "field"), ASKED)
def test_what_is_not_allowed_is_named_by_its_action_and_the_rest_is_seen(
    net: dict[str, str], struck: Callable[[str, Any], None], operation: str, action: str, field: str
) -> None:
    code = "UnauthorizedOperation" if operation.startswith("ec2") else "AccessDeniedException"
    struck(operation, refused(code, 403))
    looking = AccountSurvey(REGION, client)
    seen = look_at_everything(net, looking)
    assert {(each.action, each.reason, each.denied) for each in looking.looks.unseen} == {(action, "not allowed", True)}
    assert not getattr(seen, field)
    assert all(each.what for each in looking.looks.unseen)


def test_the_way_out_that_may_not_be_looked_at_is_unknown(
    net: dict[str, str], struck: Callable[[str, Any], None]
) -> None:
    struck("ec2.DescribeRouteTables", refused("UnauthorizedOperation", 403))
    looking = AccountSurvey(REGION, client)
    assert look_at_everything(net, looking).subnets[net["staging"]].default_route is None
    assert [each.action for each in looking.looks.unseen] == ["ec2:DescribeRouteTables"]


@pytest.mark.parametrize(("operation", "action", "field"), ASKED)
@pytest.mark.parametrize(
    "error",
    [refused("RequestLimitExceeded", 503), refused("ThrottlingException"), ConnectTimeoutError(endpoint_url="x")],
    ids=["503", "throttled", "no answer"],
)
def test_what_asking_again_may_cure_is_raised(
    net: dict[str, str],
    struck: Callable[[str, Any], None],
    operation: str,
    action: str,
    field: str,
    error: Exception,
) -> None:
    struck(operation, error)
    with pytest.raises(AwsUnavailable, match=action):
        look_at_everything(net, AccountSurvey(REGION, client))


def test_a_service_that_does_not_know_the_request_was_not_looked_at(
    net: dict[str, str], struck: Callable[[str, Any], None]
) -> None:
    struck("service-quotas.GetServiceQuota", refused("400"))
    looking = AccountSurvey(REGION, client)
    look_at_everything(net, looking)
    reasons = {(each.action, each.reason, each.denied) for each in looking.looks.unseen}
    assert reasons == {("servicequotas:GetServiceQuota", "400: no", False)}
    assert looking.looks.requests["servicequotas GetServiceQuota"] == 1, "one refusal is enough"


def test_a_quota_that_was_never_set_is_aws_default(net: dict[str, str], struck: Callable[[str, Any], None]) -> None:
    struck("service-quotas.GetServiceQuota", refused("NoSuchResourceException"))
    assert look_at_everything(net, AccountSurvey(REGION, client)).quotas["L-1216C47A"] == 640
    struck("service-quotas.GetAWSDefaultServiceQuota", refused("NoSuchResourceException"))
    looking = AccountSurvey(REGION, client)
    assert look_at_everything(net, looking).quotas == {}
    assert {each.reason for each in looking.looks.unseen} == {"AWS names no such quota"}


def test_without_credentials_nothing_is_seen_and_that_is_told(
    net: dict[str, str], struck: Callable[[str, Any], None]
) -> None:
    for operation, _, _ in ASKED:
        struck(operation, NoCredentialsError())
    looking = AccountSurvey(REGION, client)
    assert look_at_everything(net, looking).subnets is None
    assert len({each.reason for each in looking.looks.unseen}) == 1


def test_three_hundred_machines_take_no_more_requests_than_one(net: dict[str, str]) -> None:
    def asked(count: int) -> Counter[str]:
        looking = AccountSurvey(REGION, client)
        some = [placed(label=f"m{n}", private_ip=f"10.7.{n // 200}.{n % 200}") for n in range(count)]
        looking.look(some, ReplicationSettings(net["staging"]))
        return looking.looks.requests

    assert asked(300).total() <= asked(1).total() + 1, "two batches of addresses"


def test_every_action_it_asks_for_is_a_right_of_the_function_that_opens_a_run(net: dict[str, str]) -> None:
    row = FUNCTIONS["open_run"].may
    looked_at = (Thing.EC2, Thing.QUOTAS, Thing.KEYS, Thing.PROFILES, Thing.NODES, Thing.MANAGED_NODES)
    rights = {action for thing in looked_at for action in row[thing]}
    rights -= {"ec2:DescribeInstanceAttribute", "ec2:DescribeInstanceStatus"}  # for the guard of what would be deleted
    rights -= {"ec2:DescribeLaunchTemplateVersions"}  # MGN's launch configurations
    assert {action for _, action, _ in ASKED} | {
        "ec2:DescribeRouteTables",
        "servicequotas:GetAWSDefaultServiceQuota",
        "ssm:ListTagsForResource",
    } == rights
    looking = AccountSurvey(REGION, client)
    look_at_everything(net, looking)
    assert {name.replace(" ", ":") for name in looking.looks.requests} <= rights


class Service:
    """A project of two machines, one of which has a target; any answer may be an error instead."""

    def __init__(self, **answers: Any) -> None:
        self._answers = {
            "machines": [source(replica="r-1"), source("web01")],
            "replica": Replica("r-1", "m-db01", "i-old", None),
            "launch_configurations": {},
            "jobs": [],
            "licences": [Licence("lic")],
            "replication_settings": ReplicationSettings(),
            **answers,
        }

    def __getattr__(self, name: str) -> Any:
        def answer(*_: Any, **__: Any) -> Any:
            if isinstance(self._answers[name], Exception):
                raise self._answers[name]
            return self._answers[name]

        return answer


def seen_of(service: Any, on: str = "cloudendure", **more: Any):
    entries = [planned(name, expect=Expectation(subnet="prod")) for name in ("db01", "web01")]
    a_plan = replace(plan(wave(*entries)), service=on)
    return survey(a_plan, Mode.TEST, service, AccountSurvey(REGION, client), **more)


def said(kind: type[Any], status: int = 403) -> Any:
    return kind("GET", "/x", status, "no")


def test_a_survey_joins_the_service_and_the_account(net: dict[str, str]) -> None:
    locked = Lock("m-db01", "another", "2026-11-29T00:00:00Z")
    asked: list[Any] = []
    seen = seen_of(Service(), locks=lambda ids: [asked.append(ids), [locked]][1])  # type: ignore[func-returns-value]  # noted in passing
    assert seen.targets == {"m-db01": "i-old"}
    assert asked == [["m-db01", "m-web01"]]
    assert seen.locks == (locked,)
    assert seen.account.subnet("prod")
    assert seen.unseen == ()


@pytest.mark.parametrize(
    ("error", "licensed"),
    [(said(PermissionDenied), True), (said(NotFound, 404), True), (said(LicenceExpired, 402), False)],
)
def test_a_service_that_refuses_its_machines_shows_nothing(error: Exception, licensed: bool) -> None:
    seen = seen_of(Service(machines=error))
    assert (seen.machines, seen.licensed) == (None, licensed)
    assert seen.refused == f"{error.status}: no"  # type: ignore[attr-defined]  # an error of the service


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        ("jobs", "GET jobs"),
        ("licences", "GET licenses"),
        ("replication_settings", "GET replicationConfigurations"),
        ("replica", "GET replica"),
    ],
)
def test_what_the_services_user_may_not_see_is_named(net: dict[str, str], answer: str, action: str) -> None:
    unseen = seen_of(Service(**{answer: said(PermissionDenied)}), locks=lambda _: []).unseen
    assert [(each.action, each.reason, each.denied) for each in unseen] == [(action, "not allowed", True)]
    with pytest.raises(ServiceUnavailable):
        seen_of(Service(**{answer: said(ServiceUnavailable, 503)}))


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        ("jobs", "mgn:DescribeJobs"),
        ("replication_settings", "mgn:GetReplicationConfiguration"),
        ("launch_configurations", "mgn:GetLaunchConfiguration, ec2:DescribeLaunchTemplateVersions"),
    ],
)
def test_on_mgn_it_is_named_by_the_right_that_is_missing(net: dict[str, str], answer: str, action: str) -> None:
    unseen = seen_of(Service(**{answer: said(PermissionDenied)}), "mgn", locks=lambda _: []).unseen
    assert (unseen[0].action, unseen[0].denied) == (action, True)


def test_an_mgn_that_was_never_set_up_shows_nothing() -> None:
    seen = seen_of(Service(machines=said(NotInitialised, 400)), "mgn")
    assert (seen.machines, seen.licensed, seen.initialised) == (None, True, False)


def test_mgns_quotas_are_asked_for_on_mgn_alone(net: dict[str, str]) -> None:
    assert seen_of(Service(), "mgn").account.quotas.keys() >= {*QUOTAS}
    assert not seen_of(Service()).account.quotas.keys() & {*QUOTAS}


def test_what_nobody_gave_is_named_too(net: dict[str, str]) -> None:
    unseen = seen_of(Service(replication_settings=None)).unseen
    assert {each.action for each in unseen} == {"GET replicationConfigurations", "locks"}
    assert not any(each.denied for each in unseen)
    assert isinstance(unseen[0], Unseen)


def test_locks_that_may_not_be_read_are_not_taken_for_none(net: dict[str, str]) -> None:
    seen = seen_of(Service(), locks=lambda _: None)
    assert seen.locks is None
    assert all(isinstance(each, Machine) for each in seen.machines or ())
