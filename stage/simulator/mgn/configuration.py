"""Launch and replication configurations as MGN answers them: the world's blueprints in MGN's words."""

from __future__ import annotations

from stage.simulator.mgn.model import Json
from stage.simulator.mgn.names import Names
from stage.simulator.state import Machine, Project

_BLUEPRINTS = {True: "UEFI", False: "USE_SOURCE"}
_SETTINGS = ("copyTags", "postLaunchActions", "enableMapAutoTagging", "mapAutoTaggingMpeID", "bootMode")
"""What the blueprint has no word for, or fewer of them."""


def launch_configuration(names: Names, machine: Machine) -> Json:
    """What a launch of this server follows, beside its EC2 launch template."""
    blueprint, settings = machine.blueprint, machine.lifecycle.settings
    return {
        "sourceServerID": names.server(machine),
        "name": blueprint["machineName"],
        "ec2LaunchTemplateID": machine.lifecycle.template,
        "launchDisposition": "STARTED" if blueprint["runAfterLaunch"] else "STOPPED",
        "targetInstanceTypeRightSizingMethod": "BASIC" if blueprint["instanceType"] == "COPY_ORIGIN" else "NONE",
        "copyPrivateIp": blueprint["privateIPAction"] == "COPY_ORIGIN",
        "copyTags": copies_tags(machine),
        "licensing": {"osByol": blueprint.get("byolOnDedicatedInstance", False)},
        "bootMode": settings.get("bootMode", _BLUEPRINTS[blueprint.get("forceUEFI", False)]),
        "postLaunchActions": post_launch_actions(machine),
        "enableMapAutoTagging": settings.get("enableMapAutoTagging", False),
        "mapAutoTaggingMpeID": settings.get("mapAutoTaggingMpeID"),
    }


def copies_tags(machine: Machine) -> bool:
    """Whether what is launched has the source server's tags."""
    return bool(machine.lifecycle.settings.get("copyTags", True))


def post_launch_actions(machine: Machine) -> Json:
    """What is run in it after a launch: as somebody set it, or as the scenario has it."""
    described = machine.described.mgn
    documents = [
        {
            "actionName": action.name,
            "ssmDocumentName": action.name,
            "timeoutSeconds": 600,
            "mustSucceedForCutover": action.must_succeed,
        }
        for action in described.post_launch_actions
    ]
    default: Json = {"deployment": described.actions_after, "ssmDocuments": documents}
    set_by_somebody: Json = machine.lifecycle.settings.get("postLaunchActions", {})
    return default | set_by_somebody


def change_of(machine: Machine, asked: Json) -> Json:
    """The change of the blueprint that an UpdateLaunchConfiguration asks for."""
    change: Json = {}
    if "launchDisposition" in asked:
        change["runAfterLaunch"] = asked["launchDisposition"] == "STARTED"
    if "name" in asked:
        change["machineName"] = asked["name"]
    if "licensing" in asked:
        change["byolOnDedicatedInstance"] = asked["licensing"].get("osByol", False)
    if "bootMode" in asked:
        change["forceUEFI"] = asked["bootMode"] == "UEFI"
    if "copyPrivateIp" in asked:
        kept = machine.blueprint["privateIPAction"]
        otherwise = "CREATE_NEW" if kept == "COPY_ORIGIN" else kept
        change["privateIPAction"] = "COPY_ORIGIN" if asked["copyPrivateIp"] else otherwise
    method = asked.get("targetInstanceTypeRightSizingMethod")
    if method == "BASIC":
        change["instanceType"] = "COPY_ORIGIN"
    elif method == "NONE" and machine.blueprint["instanceType"] == "COPY_ORIGIN":
        change["instanceType"] = machine.described.instance_type
    return change


def settings_of(asked: Json) -> Json:
    """What it asks for beyond the blueprint."""
    return {name: asked[name] for name in _SETTINGS if name in asked}


def replication_configuration(project: Project, names: Names, machine: Machine) -> Json:
    """How a server replicates."""
    disks = [
        {"deviceName": name, "isBootDisk": number == 0, "stagingDiskType": "GP3"}
        for number, name in enumerate(machine.described.disks)
    ]
    return {
        "sourceServerID": names.server(machine),
        "name": machine.name,
        "replicatedDisks": disks,
        **_staging(project),
    }


def replication_template(project: Project, names: Names) -> Json:
    """What new servers replicate by."""
    id = names.template()
    return {
        "replicationConfigurationTemplateID": id,
        "arn": names.arn("replication-configuration-template", id),
        **_staging(project),
    }


def _staging(project: Project) -> Json:
    chosen = project.replication_configuration
    key = chosen.get("volumeEncryptionKey")
    return {
        "stagingAreaSubnetId": chosen["subnetId"],
        "associateDefaultSecurityGroup": not chosen["replicatorSecurityGroupIDs"],
        "replicationServersSecurityGroupsIDs": chosen["replicatorSecurityGroupIDs"],
        "replicationServerInstanceType": "t3.small",
        "useDedicatedReplicationServer": chosen["useDedicatedServer"],
        "defaultLargeStagingDiskType": "GP3",
        "ebsEncryption": "CUSTOM" if key else "DEFAULT",
        "ebsEncryptionKeyArn": key,
        "bandwidthThrottling": chosen["bandwidthThrottling"],
        "dataPlaneRouting": "PRIVATE_IP" if chosen["usePrivateIp"] else "PUBLIC_IP",
        "createPublicIP": not chosen["usePrivateIp"],
        "stagingAreaTags": {},
    }
