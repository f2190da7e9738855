"""A source server as MGN answers it: what the world knows of a machine, in MGN's words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from stage.simulator.lifecycle import CUTOVER, CUTTING_OVER, DISCONNECTED, READY_FOR_CUTOVER, READY_FOR_TEST, Launches
from stage.simulator.mgn.model import Json
from stage.simulator.mgn.names import Names
from stage.simulator.mgn.words import duration, instant
from stage.simulator.replication import Replication
from stage.simulator.spec import State
from stage.simulator.state import Machine, Project, Target
from stage.simulator.world import World

UNSEEN = timedelta(minutes=10)
"""A machine that was not heard of for so long has stalled."""

_STATES = {
    State.CONTINUOUS: "CONTINUOUS",
    State.LAGGING: "BACKLOG",
    State.STALLED: "STALLED",
    State.DISCONNECTED: "STALLED",
    State.AGENT_MISSING: "DISCONNECTED",
    State.RESCAN: "RESCAN",
    State.INITIATING: "INITIATING",
    State.INITIAL_SYNC: "INITIAL_SYNC",
    State.PAUSED: "PAUSED",
    State.STOPPED: "STOPPED",
}
_STEPS = {
    "WAITING_TO_INITIATE_REPLICATION": "WAIT",
    "CREATING_FIREWALL_RULES": "CREATE_SECURITY_GROUP",
    "CREATING_REPLICATION_SERVER": "LAUNCH_REPLICATION_SERVER",
    "BOOTING_REPLICATION_SERVER": "BOOT_REPLICATION_SERVER",
    "AUTHENTICATING_WITH_MANAGEMENT_SERVER": "AUTHENTICATE_WITH_SERVICE",
    "DOWNLOADING_REPLICATION_SOFTWARE": "DOWNLOAD_REPLICATION_SOFTWARE",
    "CREATING_REPLICATION_DISKS": "CREATE_STAGING_DISKS",
    "ATTACHING_REPLICATION_DISKS": "ATTACH_STAGING_DISKS",
    "PAIRING_REPLICATION_SERVER_WITH_AGENT": "PAIR_REPLICATION_SERVER_WITH_AGENT",
    "ESTABLISHING_AGENT_REPLICATOR_COMMUNICATION": "CONNECT_AGENT_TO_REPLICATION_SERVER",
}
_STATUSES = {"STARTED": "IN_PROGRESS"}
_ERRORS = {"WAIT": "FAILED_TO_CREATE_SECURITY_GROUP"}


def state_of(machine: Machine, now: datetime) -> str:
    """The lifecycle's state."""
    step = machine.lifecycle.step
    seen = machine.replication(now)
    if step in (CUTOVER, DISCONNECTED):
        return step
    if not seen.agent:
        return DISCONNECTED
    if seen.status == "STOPPED":
        return "STOPPED"
    return step or ("NOT_READY" if seen.consistent_at is None else READY_FOR_TEST)


def launchable(machine: Machine, now: datetime) -> bool:
    """Whether there is anything to launch from: `lagDuration` is there."""
    seen = machine.replication(now)
    return machine.lifecycle.gone is None and seen.agent and seen.consistent_at is not None


def stalled(machine: Machine, now: datetime) -> bool:
    """Whether replication has stalled."""
    return machine.lifecycle.gone is None and _state(machine.replication(now), now) == "STALLED"


def server(world: World, names: Names, machine: Machine) -> Json:
    """A source server."""
    now, described = world.now, machine.described
    seen = machine.replication(now)
    life = machine.lifecycle
    id = names.server(machine)
    return {
        "sourceServerID": id,
        "arn": names.arn("source-server", id),
        "isArchived": life.archived,
        "tags": life.tags,
        "launchedInstance": _launched(names, machine.target, now) if machine.target else None,
        "dataReplicationInfo": _replication(world, machine, seen),
        "lifeCycle": {
            "addedToServiceDateTime": instant(machine.installed),
            "firstByteDateTime": instant(machine.installed),
            "elapsedReplicationDuration": duration((life.gone or now) - machine.installed),
            "lastSeenByServiceDateTime": instant(min(seen.seen_at, life.gone or now)),
            "lastTest": _launches(names, life.test),
            "lastCutover": _launches(names, life.cutover),
            "state": state_of(machine, now),
        },
        "sourceProperties": {
            "lastUpdatedDateTime": instant(seen.seen_at),
            "recommendedInstanceType": described.instance_type,
            "identificationHints": {
                "hostname": machine.name if described.mgn.hostname else None,
                "fqdn": machine.name if described.mgn.hostname and "." in machine.name else None,
            },
            "networkInterfaces": [{"ips": [described.source_ip], "isPrimary": True}] if described.source_ip else [],
            "disks": [{"deviceName": name, "bytes": size} for name, size in described.disks.items()],
            "cpus": [{"cores": described.cores, "modelName": "Intel(R) Xeon(R) CPU"}],
            "ramBytes": described.memory,
            "os": {"fullString": described.os},
        },
        "replicationType": described.mgn.replication_type,
        "applicationID": names.application_of(machine),
    }


def _state(seen: Replication, now: datetime) -> str:
    failed = seen.initiation is not None and "estimatedNextAttemptDateTime" in seen.initiation
    if failed or (seen.listed and seen.status == "STARTED" and now - seen.seen_at > UNSEEN):
        return "STALLED"
    return _STATES[seen.state]


def _replication(world: World, machine: Machine, seen: Replication) -> Json:
    now = world.now
    disks = machine.described.disks
    if machine.lifecycle.gone is not None:
        return {
            "dataReplicationState": "DISCONNECTED",
            "replicatedDisks": [{"deviceName": name, "totalStorageBytes": 0} for name in disks],
        }
    state = _state(seen, now)
    lag = None
    if seen.agent and seen.consistent_at is not None:
        lag = duration(now - seen.consistent_at if state != "CONTINUOUS" or machine.off_since else timedelta())
    return {
        "dataReplicationState": state,
        "lagDuration": lag,
        "etaDateTime": instant(seen.next_consistent_at) if state != "CONTINUOUS" else None,
        "replicatedDisks": [
            {
                "deviceName": name,
                "totalStorageBytes": size,
                "replicatedStorageBytes": _share(seen.replicated, size, seen.total),
                "rescannedStorageBytes": _share(seen.rescanned, size, seen.total),
                "backloggedStorageBytes": _share(seen.backlog, size, seen.total),
            }
            for name, size in disks.items()
        ],
        "dataReplicationInitiation": _initiation(seen.initiation) if seen.initiation else None,
        "dataReplicationError": _error(seen, now) if state == "STALLED" else None,
        "lastSnapshotDateTime": instant(_snapshot(world, machine, seen)),
        "replicatorId": world.identity.aws("i", "replicator") if seen.listed else None,
    }


def _snapshot(world: World, machine: Machine, seen: Replication) -> datetime | None:
    """The last one there is. A launch that will fall back falls back to it, so it is as old as the scenario says."""
    mode = "cutover" if machine.lifecycle.step in (READY_FOR_CUTOVER, CUTTING_OVER) else "test"
    stale = world.next_rule(machine, mode).stale
    if stale is None or seen.consistent_at is None:
        return seen.consistent_at
    return min(seen.consistent_at, world.now - stale)


def _share(whole: int, size: int, total: int) -> int:
    """What a disk of this size has of it; rounded up, so that nothing left is never said while something is."""
    return -(-whole * size // total) if total else 0


def _error(seen: Replication, now: datetime) -> Json:
    for step in seen.initiation["items"][0]["steps"] if seen.initiation else []:
        if step["status"] == "FAILED":
            name = _STEPS.get(step["name"], "AUTHENTICATE_WITH_SERVICE")
            return {"error": _ERRORS.get(name, f"FAILED_TO_{name}"), "rawError": step.get("message")}
    if now - seen.seen_at > UNSEEN:
        return {"error": "AGENT_NOT_SEEN", "rawError": f"The agent was last seen at {instant(seen.seen_at)}"}
    return {"error": "NOT_CONVERGING", "rawError": "The backlog does not get smaller"}


def _initiation(states: dict[str, Any]) -> Json:
    """CloudEndure's last attempt to begin; its steps are MGN's, with one more of its own and one more at the end."""
    attempt = states["items"][0]
    steps = [
        {"name": _STEPS[step["name"]], "status": _STATUSES.get(step["status"], step["status"])}
        for step in attempt["steps"]
        if step["name"] in _STEPS
    ]
    begun = all(step["status"] == "SUCCEEDED" for step in steps)
    steps.append({"name": "START_DATA_TRANSFER", "status": "SUCCEEDED" if begun else "NOT_STARTED"})
    at = attempt["startDateTime"], states.get("estimatedNextAttemptDateTime")
    started, again = (instant(datetime.fromisoformat(one)) if one else None for one in at)
    return {"startDateTime": started, "nextAttemptDateTime": again, "steps": steps}


def _launched(names: Names, target: Target, now: datetime) -> Json:
    return {"ec2InstanceID": target.instance, "jobID": names.job(target.job), "firstBoot": first_boot(target, now)}


def first_boot(target: Target, now: datetime) -> str:
    """What is known of the target's first boot."""
    if target.boots_at is None:
        return "STOPPED"
    if now < target.boots_at:
        return "WAITING"
    return {"ok": "SUCCEEDED", "impaired": "UNKNOWN"}.get(target.checks, "WAITING")


def _launches(names: Names, launches: Launches) -> Json | None:
    if launches.initiated is None:
        return None
    return {
        "initiated": {"apiCallDateTime": instant(launches.initiated), "jobID": names.job(launches.job or "")},
        "reverted": _called(launches.reverted),
        "finalized": _called(launches.finalized),
    }


def _called(at: datetime | None) -> Json | None:
    return {"apiCallDateTime": instant(at)} if at else None


def project_of(world: World) -> Project:
    """What MGN has one of in an account and region: the scenario's first project."""
    return next(iter(world.projects.values()))
