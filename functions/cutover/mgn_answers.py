"""MGN's answers in our own words, read tolerantly: whatever is absent, null or of an unknown word is unknown to us.

Field names and words are those of botocore's model of `mgn`, 2020-02-26. A server or job without an id is None: it
cannot be named, launched or followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cutover.machine import (
    FirstBoot,
    Job,
    JobStatus,
    LaunchStatus,
    LifeCycle,
    Machine,
    MachineLaunch,
    PostLaunchAction,
    Replica,
    SourceDisk,
)
from cutover.mgn_replication import replication
from cutover.plan import Mode
from cutover.reading import at, flag, listed, number, record, text
from cutover.terms import ReplicationSettings

_KINDS = {"START_TEST": str(Mode.TEST), "START_CUTOVER": str(Mode.CUTOVER)}
RUN_TAG = "cutover:run"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
"""When a launch was that the life cycle tells of without saying when."""


def machine(data: object, group: str | None = None) -> Machine | None:
    """A Machine, from `DescribeSourceServers`. `group`: the name of its wave, where that was asked for."""
    given = record(data)
    server = text(given.get("sourceServerID"))
    if server is None:
        return None
    source, launched = record(given.get("sourceProperties")), record(given.get("launchedInstance"))
    instance = text(launched.get("ec2InstanceID"))
    return Machine(
        id=server,
        name=_name(given),
        replica=instance,
        replication=replication(given),
        life_cycle=_life_cycle(record(given.get("lifeCycle")), has_target=instance is not None),
        disks=tuple(
            SourceDisk(text(disk.get("deviceName")) or "", number(disk.get("bytes")), replicated=None)
            for disk in map(record, listed(source.get("disks")))
        ),
        os=text(record(source.get("os")).get("fullString")),
        tags=_tags(given.get("tags")),
        group=group,
        ips=tuple(
            address
            for interface in map(record, listed(source.get("networkInterfaces")))
            for ip in listed(interface.get("ips"))
            if (address := text(ip))
        ),
        first_boot=FirstBoot.__members__.get(text(launched.get("firstBoot")) or "") if instance else None,
    )


def replica(data: object) -> Replica | None:
    """A server's present target: MGN keeps no record of it but its instance, which is its id as well."""
    given = record(data)
    launched = record(given.get("launchedInstance"))
    instance = text(launched.get("ec2InstanceID"))
    if instance is None:
        return None
    return Replica(instance, text(given.get("sourceServerID")), instance, text(launched.get("jobID")))


def job(data: object) -> Job | None:
    """A Job without its log, from `DescribeJobs`, `StartTest`, `StartCutover` or `TerminateTargetInstances`."""
    given = record(data)
    job_id = text(given.get("jobID"))
    if job_id is None:
        return None
    status, tags = text(given.get("status")) or "", _tags(given.get("tags"))
    asked = text(given.get("initiatedBy")) or ""
    servers = [record(each) for each in listed(given.get("participatingServers"))]
    ids = [text(each.get("sourceServerID")) for each in servers]
    known = {server: each for server, each in zip(ids, servers, strict=True) if server}
    whole = isinstance(given.get("participatingServers"), list) and None not in ids
    return Job(
        id=job_id,
        kind=_KINDS.get(asked, asked or text(given.get("type")) or ""),
        status=JobStatus.__members__.get(status, JobStatus.UNKNOWN),
        status_as_given=status,
        created_at=at(given.get("creationDateTime")),
        ended_at=at(given.get("endDateTime")),
        machines=frozenset(known) if whole else None,  # a part must not pass as the whole
        instances={
            server: instance
            for server, each in known.items()
            if (instance := text(each.get("launchedEc2InstanceID"))) is not None
        },
        initiated_by=f"run {tags[RUN_TAG]}" if RUN_TAG in tags else None,
        tags=tags,
        launches={server: _launch(each) for server, each in known.items()},
    )


def replication_settings(data: object) -> ReplicationSettings:
    """ReplicationSettings, from `GetReplicationConfiguration`."""
    given = record(data)
    own_key = given.get("ebsEncryption") == "CUSTOM"
    return ReplicationSettings(
        subnet=text(given.get("stagingAreaSubnetId")),
        security_groups=tuple(filter(None, map(text, listed(given.get("replicationServersSecurityGroupsIDs"))))),
        key=text(given.get("ebsEncryptionKeyArn")) if own_key else None,
        private=given.get("dataPlaneRouting") == "PRIVATE_IP",
    )


def _name(given: Mapping[str, Any]) -> str:
    """What people call it: the agent's host name; an agentless server may have none, and then it is named all the
    same."""
    hints = record(record(given.get("sourceProperties")).get("identificationHints"))
    said = (hints.get("hostname"), hints.get("fqdn"), _tags(given.get("tags")).get("Name"), given["sourceServerID"])
    return next(filter(None, map(text, said)))


def _life_cycle(life: Mapping[str, Any], *, has_target: bool) -> LifeCycle:
    """The launches there have been.

    A test that was reverted was made all the same; whether it counts says the proof of its run. A cutover that was
    reverted is over only once its target is gone: until then that one may serve users. A state that tells of a launch
    without its date is believed.
    """
    state = text(life.get("state"))
    test, cutover = record(life.get("lastTest")), record(life.get("lastCutover"))
    tested, cut_over = _when(test), _when(cutover)
    if tested is None and state == "TESTING":
        tested = _LONG_AGO
    if cut_over is None and state in ("CUTTING_OVER", "CUTOVER"):
        cut_over = _LONG_AGO
    reverted = at(record(cutover.get("reverted")).get("apiCallDateTime"))
    if cut_over and reverted and reverted >= cut_over and not has_target:
        cut_over = None
    return LifeCycle(
        tested_at=tested,
        test_job=text(record(test.get("initiated")).get("jobID")),
        cut_over_at=cut_over,
        cutover_job=text(record(cutover.get("initiated")).get("jobID")) if cut_over else None,
    )


def _when(launch: Mapping[str, Any]) -> datetime | None:
    """When a launch was asked for; finalized is what was launched before."""
    dates = (at(record(launch.get(step)).get("apiCallDateTime")) for step in ("initiated", "finalized"))
    return next(filter(None, dates), None)


def _launch(server: Mapping[str, Any]) -> MachineLaunch:
    actions = record(server.get("postLaunchActionsStatus")).get("postLaunchActionsLaunchStatusList")
    return MachineLaunch(
        LaunchStatus.__members__.get(text(server.get("launchStatus")) or "", LaunchStatus.UNKNOWN),
        tuple(_action(record(each)) for each in listed(actions)),
    )


def _action(given: Mapping[str, Any]) -> PostLaunchAction:
    document = record(given.get("ssmDocument"))
    name = text(document.get("actionName")) or text(document.get("ssmDocumentName")) or "an action without a name"
    status = text(given.get("executionStatus")) or "no status"
    reason = text(given.get("failureReason"))
    return PostLaunchAction(
        name=name,
        passed={"SUCCESS": True, "FAILED": False}.get(status),
        must=flag(document.get("mustSucceedForCutover")) is not False,  # where nobody says that it may fail
        words=f"{status}: {reason}" if reason else status,
    )


def _tags(value: object) -> dict[str, str]:
    return {key: each for key, each in record(value).items() if isinstance(each, str)}
