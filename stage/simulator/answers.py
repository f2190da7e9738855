"""The JSON of CloudEndure's answers: field names exactly as published, what is not known left out."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from stage.simulator.clock import rfc3339
from stage.simulator.distortion import distorted
from stage.simulator.scenario import Account
from stage.simulator.state import Job, Machine, Project, Target
from stage.simulator.world import World

Json = dict[str, Any]

GENERIC = "00000000-0000-0000-0000-000000000000"
"""The id that stands for "no cloud" wherever credentials are asked for."""

REGION_NAMES = {
    "us-east-1": "AWS US East (Northern Virginia)",
    "us-east-2": "AWS US East (Ohio)",
    "us-west-1": "AWS US West (Northern California)",
    "us-west-2": "AWS US West (Oregon)",
    "ca-central-1": "AWS Canada (Central)",
    "eu-west-1": "AWS EU (Ireland)",
    "eu-west-2": "AWS EU (London)",
    "eu-west-3": "AWS EU (Paris)",
    "eu-central-1": "AWS EU (Frankfurt)",
    "eu-north-1": "AWS EU (Stockholm)",
    "ap-south-1": "AWS Asia Pacific (Mumbai)",
    "ap-northeast-1": "AWS Asia Pacific (Tokyo)",
    "ap-northeast-2": "AWS Asia Pacific (Seoul)",
    "ap-southeast-1": "AWS Asia Pacific (Singapore)",
    "ap-southeast-2": "AWS Asia Pacific (Sydney)",
    "ap-east-1": "AWS Asia Pacific (Hong Kong)",
    "sa-east-1": "AWS South America (Sao Paulo)",
    "me-south-1": "AWS Middle East (Bahrain)",
    "us-gov-west-1": "AWS GovCloud (US)",
    "us-gov-east-1": "AWS GovCloud (US-East)",
}
_INSTANCE_TYPES = ["COPY_ORIGIN", "t3.small", "t3.medium", "t3.large", "m5.large", "m5.xlarge", "c5.large", "r5.xlarge"]


def known(**fields: Any) -> Json:
    """A JSON object of what is known: None is left out, instants are written as the service writes them."""
    return {
        key: rfc3339(value) if isinstance(value, datetime) else value
        for key, value in fields.items()
        if value is not None
    }


def machine(world: World, one: Machine) -> Json:
    """A source machine."""
    seen = one.replication(world.now)
    described = one.described
    uuid = world.identity.uuid
    size = {"totalStorageBytes": seen.total, "replicatedStorageBytes": seen.replicated}
    answer = known(
        id=one.id,
        isAgentInstalled=seen.agent,
        replicationStatus=seen.status,
        replica=one.target.replica if one.target else None,
        tags=one.console_tags,
        license={"licenseId": uuid("license"), "startOfUseDateTime": rfc3339(one.installed)},
        sourceProperties=known(
            name=one.name,
            os=described.os,
            memory=described.memory,
            cpu=[{"cores": described.cores, "modelName": "Intel(R) Xeon(R) CPU"}],
            disks=[{"name": name, "isProtected": True, "size": size} for name, size in described.disks.items()],
            publicIps=[],
        ),
        replicationInfo=known(
            **size,
            backloggedStorageBytes=seen.backlog,
            rescannedStorageBytes=seen.rescanned,
            lastConsistencyDateTime=seen.consistent_at,
            nextConsistencyEstimatedDateTime=seen.next_consistent_at,
            lastScanStartDateTime=seen.scan_started_at,
            lastSeenDateTime=seen.seen_at,
            initiationStates=seen.initiation,
        ),
        lifeCycle={
            "agentInstallationDateTime": rfc3339(one.installed),
            "connectionEstablishedDateTime": rfc3339(one.installed),
            **one.life,
        },
        replicationConfiguration=one.replication_configuration or None,
    )
    return distorted(answer, described.answer)


def job(world: World, one: Job) -> Json:
    """A job with its log so far."""
    ended = one.ended if one.ended and one.ended <= world.now else None
    answer = known(
        id=one.id,
        type=one.kind,
        status=one.status(world.now),
        initiatedBy=one.user,
        creationDateTime=one.created,
        endDateTime=ended,
        participatingMachines=list(one.participants),
        log=[{"message": message, "logDateTime": rfc3339(at)} for at, message in one.log(world.now)],
        targetMachines=[
            {
                "source_machine_id": target.machine,
                "target_instance_id": target.instance,
                "snapshot_time": rfc3339(target.data_at),
            }
            for target in one.targets
        ]
        or None,
    )
    return distorted(answer, one.rule.answer)


def replica(world: World, project: Project, one: Target) -> Json:
    """A target. Its private address is in EC2 only."""
    return known(
        id=one.replica,
        machine=one.machine,
        jobId=one.job,
        name=one.name,
        machineCloudId=one.instance,
        machineCloudState=one.state,
        publicIps=one.public_ips,
        regionId=world.identity.uuid("region", project.described.region),
        cloudEndureCreationDateTime=one.created,
    )


def project(world: World, one: Project) -> Json:
    """A migration project."""
    uuid = world.identity.uuid
    return known(
        id=one.id,
        name=one.name,
        type="MIGRATION",
        targetCloudId=uuid("cloud", "AWS"),
        sourceCloudId=uuid("cloud", "GENERIC"),
        cloudCredentialsIDs=[uuid("credentials")],
        sourceCloudCredentialsId=GENERIC,
        targetCloudCredentialsId=uuid("credentials"),
        replicationConfiguration=one.replication_configuration["id"],
        replicationReversed=False,
        licensesIDs=[uuid("license")],
        usersIDs=[uuid("user")],
        agentInstallationToken=world.identity.token("agent", one.name),
        features={"pit": False, "allowRecoveryPlans": False, "isDemo": False},
    )


def user(world: World, account: Account, token: str) -> Json:
    """Whoever is logged in: there is only one user."""
    return known(
        id=world.identity.uuid("user"),
        username=account.username,
        account=world.identity.uuid("account"),
        status="CONFIRMED",
        roles=["USER", "ACCOUNT_OWNER"],
        apiToken=token,
        hasPassword=True,
        termsAccepted=True,
        settings={"sendNotifications": {"projectIDs": []}},
    )


def clouds(world: World) -> list[Json]:
    """The target cloud, and "other infrastructure" as the source."""
    uuid = world.identity.uuid
    return [
        {"id": uuid("cloud", "AWS"), "name": "AWS", "roles": ["SOURCE", "TARGET"]},
        {"id": uuid("cloud", "GENERIC"), "name": "GENERIC", "roles": ["SOURCE"]},
    ]


def credentials(world: World) -> Json:
    """The target account's."""
    uuid = world.identity.uuid
    return {
        "id": uuid("credentials"),
        "cloud": uuid("cloud", "AWS"),
        "name": "target",
        "accountIdentifier": "123456789012",
    }


def regions(world: World, credentials_id: str) -> list[Json]:
    """Every region that a project launches into, with the values that a blueprint may name there."""
    uuid = world.identity.uuid
    if credentials_id == GENERIC:
        return [{"id": uuid("region", "generic"), "name": "Generic", "cloud": uuid("cloud", "GENERIC")}]
    found: dict[str, Json] = {}
    for one in world.projects.values():
        code = one.described.region
        region = found.setdefault(
            code,
            {
                "id": uuid("region", code),
                "name": REGION_NAMES.get(code, f"AWS {code}"),
                "cloud": uuid("cloud", "AWS"),
                "instanceTypes": _INSTANCE_TYPES,
                "zones": [f"{code}a"],
                "subnets": [],
                "securityGroups": [],
            },
        )
        net = one.network
        region["subnets"] += [
            {"subnetId": id, "networkId": net.vpc, "name": name}
            for name, id in (net.subnets | {"cloudendure-staging": net.staging}).items()
        ]
        region["securityGroups"] += [
            {"securityGroupId": id, "networkId": net.vpc, "name": name} for name, id in net.groups.items()
        ]
    return list(found.values())


def license(world: World) -> Json:
    """The one licence; machines use it up when their agent is installed."""
    used = sum(len(one.machines) for one in world.projects.values())
    return {
        "id": world.identity.uuid("license"),
        "type": "MIGRATION",
        "count": max(used, 10_000),
        "used": used,
        "durationFromStartOfUse": "P90D",
    } | known(expirationDateTime=world.license_ends)
