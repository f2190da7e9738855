"""What launches and replication follow, and the EC2 launch templates that are part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from moto.server import ThreadedMotoServer

from stage.simulator import ec2_client
from tests.unit.simulator.mgn_console import DONE, MgnConsole, mgn_console


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """An EC2 over HTTP, for `mock_aws` would answer MGN's client as well. All of one process share what is in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10)
    server.stop()


@pytest.fixture
def ec2(moto: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", moto)
    return ec2_client("eu-central-1")


def configuration(console: MgnConsole, name: str = "db01") -> Any:
    return console.mgn.get_launch_configuration(sourceServerID=console.ids(name)[0])


def update(console: MgnConsole, **change: Any) -> Any:
    return console.mgn.update_launch_configuration(sourceServerID=console.ids("db01")[0], **change)


def test_a_launch_configuration_is_the_blueprint_in_mgns_words():
    with mgn_console(db01={"mgn": {"post_launch_actions": [{"name": "validate"}]}}) as console:
        found = configuration(console)
        assert found["name"] == "db01"
        assert found["ec2LaunchTemplateID"].startswith("lt-")
        assert (found["launchDisposition"], found["targetInstanceTypeRightSizingMethod"]) == ("STARTED", "NONE")
        assert (found["copyPrivateIp"], found["copyTags"], found["bootMode"]) == (False, True, "USE_SOURCE")
        assert found["postLaunchActions"]["ssmDocuments"][0]["ssmDocumentName"] == "validate"


def test_a_change_is_kept_and_the_rest_stays():
    with mgn_console(db01={}) as console:
        change: dict[str, Any] = {
            "launchDisposition": "STOPPED",
            "targetInstanceTypeRightSizingMethod": "BASIC",
            "copyPrivateIp": True,
            "copyTags": False,
            "bootMode": "UEFI",
            "licensing": {"osByol": True},
            "postLaunchActions": {"deployment": "TEST_ONLY"},
        }
        before = configuration(console)
        for key, value in change.items():
            after = update(console, **{key: value})
            assert after[key] == value or key == "postLaunchActions"
            assert {name for name in before if before[name] != after[name]} - {"ResponseMetadata"} == {key}
            before = configuration(console)
            assert before[key] == after[key]
        assert before["postLaunchActions"]["deployment"] == "TEST_ONLY"
        undone = update(console, targetInstanceTypeRightSizingMethod="NONE", copyPrivateIp=False)
        assert (undone["targetInstanceTypeRightSizingMethod"], undone["copyPrivateIp"]) == ("NONE", False)


def test_what_is_ignored_stays_as_it_was():
    with mgn_console(db01={"blueprint_ignores": ["privateIPAction", "runAfterLaunch"]}) as console:
        after = update(console, copyPrivateIp=True, launchDisposition="STOPPED", copyTags=False)
        assert (after["copyPrivateIp"], after["launchDisposition"], after["copyTags"]) == (False, "STARTED", False)


def test_somebody_may_change_it_later():
    later = {"at": "5m", "set": {"runAfterLaunch": False, "instanceType": "m5.xlarge"}}
    with mgn_console(db01={"blueprint_changes": later}) as console:
        assert configuration(console)["launchDisposition"] == "STARTED"
        console.advance(301)
        assert configuration(console)["launchDisposition"] == "STOPPED"


def default(ec2: Any, template: str) -> Any:
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=template, Versions=["$Default"])
    return versions["LaunchTemplateVersions"][0]


def test_the_template_says_where_and_as_what_a_server_is_launched(ec2):
    blueprint = {"privateIPAction": "CUSTOM_IP", "privateIPs": ["10.20.1.77"], "tags": [{"key": "wave", "value": "3"}]}
    with mgn_console(ec2=ec2, scenario={"seed": "one"}, db01={"blueprint": blueprint}) as console:
        data = default(ec2, configuration(console)["ec2LaunchTemplateID"])["LaunchTemplateData"]
        (project,) = console.simulator.world.projects.values()
        interface = data["NetworkInterfaces"][0]
        assert interface["SubnetId"] == project.network.subnets["db"]
        assert interface["Groups"] == [project.network.groups["db"]]
        assert (interface["PrivateIpAddress"], interface["AssociatePublicIpAddress"]) == ("10.20.1.77", False)
        assert data["InstanceType"] == "t3.medium"
        assert data["TagSpecifications"][0]["Tags"] == [{"Key": "wave", "Value": "3"}]


def test_a_launch_follows_the_templates_default_version(ec2):
    with mgn_console(ec2=ec2, scenario={"seed": "two"}, db01={"mgn": {"tags": {"owner": "lead"}}}) as console:
        template = configuration(console)["ec2LaunchTemplateID"]
        (project,) = console.simulator.world.projects.values()
        interface = {
            "DeviceIndex": 0,
            "SubnetId": project.network.subnets["web"],
            "Groups": [project.network.groups["web"]],
            "PrivateIpAddress": "10.20.2.55",
        }
        wanted: Any = {"InstanceType": "m5.large", "NetworkInterfaces": [interface]}
        ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=wanted)
        console.start("db01")
        console.advance(DONE)
        before = launched(ec2, console)
        assert (before["InstanceType"], before["SubnetId"]) == ("t3.medium", project.network.subnets["db"])
        ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
        console.start("db01")
        console.advance(DONE)
        after = launched(ec2, console)
        assert (after["InstanceType"], after["SubnetId"]) == ("m5.large", project.network.subnets["web"])
        assert after["PrivateIpAddress"] == "10.20.2.55"
        assert [group["GroupId"] for group in after["NetworkInterfaces"][0]["Groups"]] == [
            project.network.groups["web"]
        ]
        tags = {tag["Key"]: tag["Value"] for tag in after["Tags"]}
        assert tags["Name"] == "db01"
        assert tags["owner"] == "lead"
        assert tags["AWSApplicationMigrationServiceManaged"] == "mgn.amazonaws.com"
        assert tags["AWSApplicationMigrationServiceSourceServerID"] == console.ids("db01")[0]
        names = [tag for one in instances(ec2) for tag in one.get("Tags", []) if tag["Key"] == "Name"]
        assert {"Key": "Name", "Value": "AWS Application Migration Service Conversion Server"} in names


def launched(ec2: Any, console: MgnConsole) -> Any:
    id = console.server("db01")["launchedInstance"]["ec2InstanceID"]
    return ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]


def instances(ec2: Any) -> Any:
    return [one for page in ec2.describe_instances()["Reservations"] for one in page["Instances"]]


def test_a_change_in_mgn_becomes_the_templates_default_version(ec2):
    later = {"at": "5m", "set": {"instanceType": "m5.xlarge"}}
    with mgn_console(ec2=ec2, scenario={"seed": "three"}, db01={"blueprint_changes": later}) as console:
        template = configuration(console)["ec2LaunchTemplateID"]
        assert default(ec2, template)["LaunchTemplateData"]["InstanceType"] == "t3.medium"
        console.advance(301)
        assert configuration(console)["ec2LaunchTemplateID"] == template
        assert default(ec2, template)["LaunchTemplateData"]["InstanceType"] == "m5.xlarge"
        assert default(ec2, template)["VersionNumber"] == 2
        configuration(console)
        assert default(ec2, template)["VersionNumber"] == 2


def test_a_template_that_ec2_cannot_launch_by_fails_its_server_alone(ec2):
    with mgn_console(ec2=ec2, scenario={"seed": "four"}, db01={}, db02={}) as console:
        template = configuration(console)["ec2LaunchTemplateID"]
        wrong: Any = {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": "subnet-0123456789abcdef0"}]}
        ec2.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=wrong)
        ec2.modify_launch_template(LaunchTemplateId=template, DefaultVersion="2")
        job = console.start("db01", "db02")
        console.advance(DONE)
        assert console.job(job)["status"] == "COMPLETED"
        assert console.statuses(job) == {"db01": "FAILED", "db02": "LAUNCHED"}
        failed = [
            one for one in console.mgn.describe_job_log_items(jobID=job)["items"] if one["event"] == "LAUNCH_FAILED"
        ]
        assert "subnet-0123456789abcdef0" in failed[0]["eventData"]["rawError"]


def test_replication_is_configured_as_the_project_says():
    key = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"
    chosen = {"volume_encryption_key": key, "use_private_ip": True, "replicator_security_groups": ["db"]}
    with mgn_console(project={"replication": chosen}) as console:
        found = console.mgn.get_replication_configuration(sourceServerID=console.ids("db01")[0])
        (project,) = console.simulator.world.projects.values()
        assert found["stagingAreaSubnetId"] == project.network.staging
        assert found["replicationServersSecurityGroupsIDs"] == [project.network.groups["db"]]
        assert (found["ebsEncryption"], found["ebsEncryptionKeyArn"]) == ("CUSTOM", key)
        assert (found["dataPlaneRouting"], found["createPublicIP"]) == ("PRIVATE_IP", False)
        (template,) = console.mgn.describe_replication_configuration_templates()["items"]
        assert template["stagingAreaSubnetId"] == project.network.staging
        ids = [template["replicationConfigurationTemplateID"]]
        known = console.mgn.describe_replication_configuration_templates(replicationConfigurationTemplateIDs=ids)
        assert len(known["items"]) == 1
    with mgn_console() as console:
        found = console.mgn.get_replication_configuration(sourceServerID=console.ids("db01")[0])
        assert (found["ebsEncryption"], found["associateDefaultSecurityGroup"]) == ("DEFAULT", True)


@pytest.mark.parametrize(
    ("state", "mode", "taken"),
    [
        ("READY_FOR_TEST", "test", True),
        ("READY_FOR_CUTOVER", "test", False),
        ("READY_FOR_TEST", "cutover", False),
        ("READY_FOR_CUTOVER", "cutover", True),
    ],
)
def test_a_launch_is_taken_where_the_lifecycle_stands_for_it(state, mode, taken):
    with mgn_console() as console:
        console.ready(state, "db01")
        call, asked = f"start_{mode}", {"sourceServerIDs": console.ids("db01")}
        if taken:
            getattr(console.mgn, call)(**asked)
        else:
            assert console.refused(call, **asked)["Error"]["Code"] == "ConflictException"
