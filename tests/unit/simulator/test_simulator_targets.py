"""Targets as EC2 sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stage.simulator import ec2_client
from stage.simulator.cloud import Ec2Away, Invented
from stage.simulator.identity import Identity
from stage.simulator.targets import Ec2

LAUNCHED = 600.0


@pytest.fixture(scope="module")
def client() -> Any:
    """Made once, for it takes half a second; moto answers it inside `mock_aws` only."""
    return boto3.client("ec2", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def ec2(client: Any) -> Iterator[Any]:
    with mock_aws():
        yield client


def instances(ec2: Any) -> dict[str, Any]:
    found = [one for page in ec2.describe_instances()["Reservations"] for one in page["Instances"]]
    return {one["InstanceId"]: one for one in found}


def named(ec2: Any, name: str) -> list[str]:
    return [
        one["State"]["Name"]
        for one in instances(ec2).values()
        if {"Key": "Name", "Value": name} in one.get("Tags", []) or name in str(one.get("Tags"))
    ]


def target(one: Any, ec2: Any, name: str = "db01") -> Any:
    return instances(ec2)[one.replica(name)["machineCloudId"]]


def tags(instance: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in instance["Tags"]}


def test_a_target_is_made_as_its_blueprint_says(console, ec2):
    one = console(ec2=ec2)
    blueprint = one.get(f"{one.project}/blueprints")["items"][0]
    change = {
        "instanceType": "m5.large",
        "privateIPAction": "CUSTOM_IP",
        "privateIPs": ["10.20.1.77"],
        "publicIPAction": "ALLOCATE",
        "tags": [{"key": "wave", "value": "db"}],
    }
    assert one.ask("PATCH", f"{one.project}/blueprints/{blueprint['id']}", json=change).status_code == 200
    one.launch("db01")
    one.advance(LAUNCHED)
    made = target(one, ec2)
    assert (made["InstanceType"], made["PrivateIpAddress"]) == ("m5.large", "10.20.1.77")
    assert made["SubnetId"] == blueprint["subnetIDs"][0]
    assert [group["GroupId"] for group in made["NetworkInterfaces"][0]["Groups"]] == blueprint["securityGroupIDs"]
    assert one.replica("db01")["publicIps"] == [made["PublicIpAddress"]]
    assert tags(made) | {"Name": "db01", "wave": "db"} == tags(made)
    assert "CloudEndure creation time" in tags(made)


def test_the_old_target_is_terminated_and_its_address_free_for_the_new_one(console, ec2):
    address = {"privateIPAction": "CUSTOM_IP", "privateIPs": ["10.20.1.50"]}
    one = console(ec2=ec2, db01={"tested": "9d", "blueprint": address})
    old = target(one, ec2)["InstanceId"]
    one.launch("db01", mode="CUTOVER")
    one.advance(60)
    assert instances(ec2)[old]["State"]["Name"] == "running"
    one.advance(15)
    assert instances(ec2)[old]["State"]["Name"] == "terminated"
    one.advance(LAUNCHED)
    assert target(one, ec2)["PrivateIpAddress"] == "10.20.1.50"


def test_a_converter_comes_and_goes_and_a_replication_server_stays(console, ec2):
    one = console(ec2=ec2)
    assert named(ec2, "CloudEndure Replication Server con17") == ["running"]
    one.launch("db01")
    one.advance(90)
    assert named(ec2, "CloudEndure Machine Converter") == ["running"]
    one.advance(LAUNCHED)
    assert named(ec2, "CloudEndure Machine Converter") == ["terminated"]


def test_the_network_is_made_once_and_targets_outlive_the_simulator(console, ec2):
    first = console(ec2=ec2, db01={"tested": "9d"})
    network = first.get(f"{first.project}/blueprints")["items"][0]["subnetIDs"]
    again = console(ec2=ec2, db01={"tested": "9d"})
    assert again.get(f"{again.project}/blueprints")["items"][0]["subnetIDs"] == network
    assert again.replica("db01")["machineCloudId"] == first.replica("db01")["machineCloudId"]
    assert len(named(ec2, "CloudEndure Replication Server con17")) == 1
    assert len(ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["Demo"]}])["Vpcs"]) == 1


def test_targets_stop_or_terminate_when_the_scenario_says_so(console, ec2):
    one = console(
        ec2=ec2,
        db01={"launch": {"then": {"state": "stopped", "after": "5m"}}},
        web01={"launch": {"then": {"state": "terminated", "after": "5m"}}},
    )
    one.launch("db01", "web01")
    one.advance(400)
    assert target(one, ec2)["State"]["Name"] == "running"
    one.advance(300)
    assert target(one, ec2)["State"]["Name"] == "stopped"
    assert target(one, ec2, "web01")["State"]["Name"] == "terminated"


def test_a_target_that_shall_not_run_is_left_stopped(console, ec2):
    one = console(ec2=ec2, db01={"blueprint": {"runAfterLaunch": False}})
    one.launch("db01")
    one.advance(LAUNCHED)
    assert target(one, ec2)["State"]["Name"] == "stopped"
    assert one.replica("db01")["machineCloudState"] == "stopped"


def test_a_wrong_subnet_and_type_and_a_surviving_old_target(console, ec2):
    wrong = {"subnet": "web", "instance_type": "t3.small", "keeps_previous": True}
    one = console(ec2=ec2, db01={"tested": "9d", "launch": wrong})
    old = target(one, ec2)["InstanceId"]
    job = one.launch("db01")
    one.advance(LAUNCHED)
    blueprint = one.get(f"{one.project}/blueprints")["items"][0]
    assert target(one, ec2)["SubnetId"] not in blueprint["subnetIDs"]
    assert target(one, ec2)["InstanceType"] == "t3.small"
    assert instances(ec2)[old]["State"]["Name"] == "running"
    assert not [line for line in one.messages(job) if "cleanup" in line]


def test_a_protected_target_is_not_deleted_and_the_log_says_so(console, ec2):
    one = console(ec2=ec2, db01={"tested": "9d", "protected": True})
    old = target(one, ec2)["InstanceId"]
    job = one.launch("db01")
    one.advance(LAUNCHED)
    assert instances(ec2)[old]["State"]["Name"] == "running"
    assert target(one, ec2)["InstanceId"] != old
    failed = [line for line in one.messages(job) if line.startswith(f"Failed cleanup of instance {old}: ")]
    assert len(failed) == 1
    assert "OperationNotPermitted" in failed[0]


def test_protection_holds_without_an_ec2_too(console):
    one = console(db01={"tested": "9d", "protected": True})
    old = one.replica("db01")["machineCloudId"]
    job = one.launch("db01")
    one.advance(LAUNCHED)
    assert any(line.startswith(f"Failed cleanup of instance {old}: ") for line in one.messages(job))


def test_the_target_before_may_carry_tags_that_somebody_gave_it(console, ec2):
    one = console(ec2=ec2, db01={"cut_over": "2d", "target_tags": {"keep": "yes"}}, web01={"tested": "9d"})
    assert tags(target(one, ec2))["keep"] == "yes"
    assert "keep" not in tags(target(one, ec2, "web01"))


def test_a_vanished_target_is_terminated_and_its_replica_not_found(console, ec2):
    one = console(ec2=ec2, db01={"launch": {"number": 1, "then": {"state": "vanished", "after": "5m"}}})
    one.launch("db01")
    one.advance(400)
    instance, replica = target(one, ec2)["InstanceId"], one.machines()["db01"]["replica"]
    one.advance(300)
    assert instances(ec2)[instance]["State"]["Name"] == "terminated"
    assert one.machines()["db01"]["replica"] == replica
    assert one.ask("GET", f"{one.project}/replicas/{replica}").status_code == 404
    one.launch("db01")
    one.advance(LAUNCHED)
    assert target(one, ec2)["State"]["Name"] == "running"


@pytest.mark.parametrize("routed", [True, False])
def test_staging_has_a_way_out_of_the_vpc_unless_the_scenario_says_no(console, ec2, routed):
    one = console(ec2=ec2, project={"replication": {"staging_routed": routed}})
    staging = one.get(f"{one.project}/replicationConfigurations")["items"][0]["subnetId"]
    subnet = ec2.describe_subnets(SubnetIds=[staging])["Subnets"][0]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [subnet["VpcId"]]}])["RouteTables"]
    own = [table for table in tables if any(one.get("SubnetId") == staging for one in table["Associations"])]
    main = [table for table in tables if any(one["Main"] for one in table["Associations"])]
    ways = [route["DestinationCidrBlock"] for table in own or main for route in table["Routes"]]
    assert ("0.0.0.0/0" in ways) is routed
    assert "0.0.0.0/0" in [route["DestinationCidrBlock"] for route in main[0]["Routes"]]


def test_what_ec2_refuses_fails_the_job_in_words(console, ec2):
    one = console(ec2=ec2)
    subnet = one.get(f"{one.project}/blueprints")["items"][0]["subnetIDs"][0]
    ec2.delete_subnet(SubnetId=subnet)
    job = one.launch("db01")
    one.advance(LAUNCHED)
    assert any(line.startswith("Failed creating a replica for instance db01: ") for line in one.messages(job))
    assert one.job(job)["status"] == "FAILED"
    assert "replica" not in one.machines()["db01"]


def test_status_checks_begin_and_then_come_out_as_the_scenario_says(console, monkeypatch):
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(Invented, "status", lambda self, instance, check: told.append((instance, check)))
    one = console(db01={"launch": {"checks": "impaired", "boot": "3m"}})
    one.launch("db01")
    one.advance(300)
    instance = one.replica("db01")["machineCloudId"]
    assert told == [(instance, "initializing")]
    one.advance(180)
    assert told == [(instance, "initializing"), (instance, "impaired")]


def test_commands_inside_a_target_fail_where_the_scenario_says_so(console, monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(Invented, "fail_commands", lambda self, instance: told.append(instance))
    one = console(db01={"launch": {"commands": "fail"}}, db02={})
    one.launch("db01", "db02")
    one.advance(LAUNCHED)
    assert told == [one.replica("db01")["machineCloudId"]]


def test_an_ec2_that_is_not_local_is_never_told_about_status_checks(ec2, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("asked a host that is not ours")

    monkeypatch.setattr("requests.post", refuse)
    Ec2(ec2).status("i-1", "ok")


def test_a_client_of_another_region_is_refused(console, ec2):
    with pytest.raises(ValueError, match="launches into us-east-1, but the EC2 client is for eu-central-1"):
        console(ec2=ec2, project={"region": "us-east-1"})


def test_without_an_endpoint_no_ec2_is_asked(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL_EC2", raising=False)
    assert ec2_client("eu-central-1") is None
    assert Identity("a").aws("i", "db01") == Identity("a").aws("i", "db01")


def test_every_answer_of_ec2_may_be_lost_once_and_nothing_happens_twice(console, ec2, monkeypatch):
    """As for a simulator killed after EC2 had done each thing; the stage's EC2 remembers tokens, moto does not."""
    one = console(ec2=ec2, db01={"tested": "9d"})
    old = target(one, ec2)["InstanceId"]
    lost: set[tuple[str, str]] = set()
    made: dict[str, Any] = {}

    def unanswered(name: str) -> Any:
        do = getattr(Ec2, name)

        def ask(self: Ec2, *asked: Any) -> Any:
            token = getattr(asked[0], "token", None)
            answer = made[token] if token in made else do(self, *asked)
            if token:
                made[token] = answer
            key = (name, token or str(asked))
            if key not in lost:
                lost.add(key)
                raise Ec2Away("the connection was closed")
            return answer

        return ask

    for name in ("create", "terminate", "status", "create_group", "delete_group"):
        monkeypatch.setattr(Ec2, name, unanswered(name))
    job = one.launch("db01", mode="CUTOVER")
    for _ in range(20):
        one.advance(30)
    assert {name for name, _ in lost} == {"create", "terminate", "status", "create_group", "delete_group"}
    assert one.job(job)["status"] == "COMPLETED"
    assert not [line for line in one.messages(job) if line.startswith("Failed")]
    assert named(ec2, "db01").count("running") == 1
    assert instances(ec2)[old]["State"]["Name"] == "terminated"
    assert named(ec2, "CloudEndure Machine Converter") == ["terminated"]
