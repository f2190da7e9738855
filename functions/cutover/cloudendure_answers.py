"""CloudEndure's JSON in our words, read tolerantly: omitted, null and "" are alike, and garbage in a field is None.

Field names are as irregular as the API's (swagger version 5). A machine, job or replica without an id is None: it
cannot be named, launched or followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cutover.machine import (
    Job,
    JobStatus,
    LicenceUse,
    LifeCycle,
    LogLine,
    Machine,
    Replica,
    Replication,
    SourceDisk,
)
from cutover.plan import Mode
from cutover.reading import amount, at, flag, listed, number, record, text
from cutover.terms import Licence, ReplicationSettings

LAUNCH_TYPES: Mapping[Mode, str] = {Mode.TEST: "TEST", Mode.CUTOVER: "CUTOVER"}
_KINDS = {f"{launch_type}_LAUNCH": str(mode) for mode, launch_type in LAUNCH_TYPES.items()}


def machine(data: object, *, listed_as_replicating: bool) -> Machine | None:
    """A Machine, from `GET machines`."""
    given = record(data)
    machine_id = text(given.get("id"))
    if machine_id is None:
        return None
    life, source = record(given.get("lifeCycle")), record(given.get("sourceProperties"))
    licence = record(given.get("license"))
    return Machine(
        id=machine_id,
        name=text(source.get("name")),
        replica=text(given.get("replica")),
        replication=_replication(given),
        life_cycle=LifeCycle(
            tested_at=at(life.get("lastTestLaunchDateTime")),
            test_job=text(life.get("lastTestLaunchJobId")),
            cut_over_at=at(life.get("lastCutoverDateTime")),
            cutover_job=text(life.get("lastCutoverJobId")),
        ),
        listed_as_replicating=listed_as_replicating,
        disks=tuple(
            SourceDisk(text(disk.get("name")) or "", number(disk.get("size")), flag(disk.get("isProtected")))
            for disk in map(record, listed(source.get("disks")))
        ),
        licence=LicenceUse(text(licence.get("licenseId")), at(licence.get("startOfUseDateTime"))) if licence else None,
        os=text(source.get("os")),
    )


def job(data: object) -> Job | None:
    """A Job, from `GET jobs`, `GET jobs/{id}` or the answer to a launch."""
    given = record(data)
    job_id = text(given.get("id"))
    if job_id is None:
        return None
    kind, status = text(given.get("type")) or "", text(given.get("status")) or ""
    return Job(
        id=job_id,
        kind=_KINDS.get(kind, kind),
        status=JobStatus.__members__.get(status, JobStatus.UNKNOWN),
        status_as_given=status,
        created_at=at(given.get("creationDateTime")),
        ended_at=at(given.get("endDateTime")),
        machines=_participants(given.get("participatingMachines")),
        log=tuple(_line(line) for line in listed(given.get("log"))),
        instances=_instances(given.get("targetMachines")),
        initiated_by=text(given.get("initiatedBy")),
    )


def replica(data: object) -> Replica | None:
    """A Replica, from `GET replicas/{id}`."""
    given = record(data)
    replica_id = text(given.get("id"))
    if replica_id is None:
        return None
    return Replica(
        id=replica_id,
        machine=text(given.get("machine")),
        instance_id=text(given.get("machineCloudId")),
        job=text(given.get("jobId")),
        created_at=at(given.get("cloudEndureCreationDateTime")),
    )


def licence(data: object) -> Licence | None:
    """A Licence, from `GET licenses`."""
    given = record(data)
    licence_id = text(given.get("id"))
    if licence_id is None:
        return None
    end = given.get("expirationDateTime")
    unreadable = str(end) if end not in (None, "") and at(end) is None else None
    return Licence(licence_id, at(end), text(given.get("durationFromStartOfUse")), unreadable)


def replication_settings(data: object) -> ReplicationSettings:
    """ReplicationSettings, from `GET replicationConfigurations`."""
    given = record(data)
    converter = text(given.get("converterType"))
    return ReplicationSettings(
        subnet=text(given.get("subnetId")),
        security_groups=tuple(filter(None, map(text, listed(given.get("replicatorSecurityGroupIDs"))))),
        key=text(given.get("volumeEncryptionKey")),
        private=bool(flag(given.get("usePrivateIp"))),
        converter_type=None if converter == "Default" else converter,
    )


def _replication(given: Mapping[str, Any]) -> Replication:
    info = record(given.get("replicationInfo"))
    initiation = record(info.get("initiationStates"))
    attempts = listed(initiation.get("items"))
    steps = [record(step) for step in listed(record(attempts[-1]).get("steps"))] if attempts else []
    return Replication(
        status=text(given.get("replicationStatus")),
        agent_installed=flag(given.get("isAgentInstalled")),
        total_bytes=number(info.get("totalStorageBytes")),
        replicated_bytes=number(info.get("replicatedStorageBytes")),
        backlog_bytes=amount(info.get("backloggedStorageBytes")),
        rescanned_bytes=number(info.get("rescannedStorageBytes")),
        consistent_at=at(info.get("lastConsistencyDateTime")),
        next_consistent_at=at(info.get("nextConsistencyEstimatedDateTime")),
        scan_started_at=at(info.get("lastScanStartDateTime")),
        seen_at=at(info.get("lastSeenDateTime")),
        next_attempt_at=at(initiation.get("estimatedNextAttemptDateTime")),
        steps=tuple(
            (text(step.get("name")) or "", text(step.get("status")) or "", text(step.get("message")) or "")
            for step in steps
        ),
    )


def _participants(value: object) -> frozenset[str] | None:
    """The machines' ids; None when any is unreadable, for a part must not pass as the whole."""
    if not isinstance(value, list):
        return None
    ids = [text(machine_id) for machine_id in value]
    return None if None in ids else frozenset(machine_id for machine_id in ids if machine_id)


def _line(value: object) -> LogLine:
    """Unreadable lines stay as empty ones, so that counting lines gives the same number at every look."""
    line = record(value)
    return LogLine(at=at(line.get("logDateTime")), message=text(line.get("message")) or "")


def _instances(value: object) -> dict[str, str]:
    """`targetMachines` (2021 swagger, snake_case): EC2 ids by machine id."""
    targets = (
        (text(entry.get("source_machine_id")), text(entry.get("target_instance_id")))
        for entry in map(record, listed(value))
    )
    return {machine_id: instance_id for machine_id, instance_id in targets if machine_id and instance_id}
