"""CloudEndure's words in a scenario, in MGN's: which requests faults befall, which fields changes are about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from botocore.model import StructureShape

from stage.simulator.distortion import Distortion
from stage.simulator.mgn.model import Json, service

_PROJECT = "/projects/mgn"
_SAME_AS = {
    "DescribeSourceServers": ("GET", f"{_PROJECT}/machines"),
    "StartTest": ("POST", f"{_PROJECT}/launchMachines"),
    "StartCutover": ("POST", f"{_PROJECT}/launchMachines"),
    "DescribeJobs": ("GET", f"{_PROJECT}/jobs"),
    "DescribeJobLogItems": ("GET", f"{_PROJECT}/jobs/log"),
    "TerminateTargetInstances": ("DELETE", f"{_PROJECT}/replicas"),
    "ChangeServerLifeCycleState": ("PATCH", f"{_PROJECT}/machines/server"),
    "FinalizeCutover": ("DELETE", f"{_PROJECT}/machines"),
    "DisconnectFromService": ("DELETE", f"{_PROJECT}/machines"),
    "MarkAsArchived": ("DELETE", f"{_PROJECT}/machines"),
    "RetryDataReplication": ("POST", f"{_PROJECT}/startReplication"),
    "GetLaunchConfiguration": ("GET", f"{_PROJECT}/blueprints"),
    "UpdateLaunchConfiguration": ("PATCH", f"{_PROJECT}/blueprints/server"),
    "GetReplicationConfiguration": ("GET", f"{_PROJECT}/replicationConfigurations"),
    "DescribeReplicationConfigurationTemplates": ("GET", f"{_PROJECT}/replicationConfigurations"),
    "ListWaves": ("GET", "/projects"),
    "ListApplications": ("GET", "/projects"),
    "ListTagsForResource": ("GET", f"{_PROJECT}/tags"),
    "TagResource": ("POST", f"{_PROJECT}/tags"),
    "UntagResource": ("DELETE", f"{_PROJECT}/tags"),
}

_SERVER = {
    "replicationInfo": "dataReplicationInfo",
    "replicationInfo.backloggedStorageBytes": "dataReplicationInfo.replicatedDisks.*.backloggedStorageBytes",
    "replicationInfo.rescannedStorageBytes": "dataReplicationInfo.replicatedDisks.*.rescannedStorageBytes",
    "replicationInfo.lastConsistencyDateTime": "dataReplicationInfo.lastSnapshotDateTime",
    "replicationInfo.nextConsistencyEstimatedDateTime": "dataReplicationInfo.etaDateTime",
    "replicationInfo.lastSeenDateTime": "lifeCycle.lastSeenByServiceDateTime",
    "replicationStatus": "dataReplicationInfo.dataReplicationState",
    "isAgentInstalled": "replicationType",
    "replica": "launchedInstance",
    "sourceProperties.name": "sourceProperties.identificationHints.hostname",
}
_JOB = {
    "participatingMachines": "participatingServers",
    "targetMachines": "participatingServers.*.launchedEc2InstanceID",
    "id": "jobID",
}
_LOG = {"log": "items", "log.*.logDateTime": "items.*.logDateTime", "log.*.message": "items.*.event"}
_LAUNCH = {"subnetIDs": "ec2LaunchTemplateID", "privateIPAction": "copyPrivateIp"}

_ANSWERS: dict[str, tuple[str, str, Mapping[str, str]]] = {
    "DescribeSourceServers": ("SourceServer", "items.*.", _SERVER),
    "DescribeJobs": ("Job", "items.*.", _JOB),
    "StartTest": ("Job", "job.", _JOB),
    "StartCutover": ("Job", "job.", _JOB),
    "DescribeJobLogItems": ("DescribeJobLogItemsResponse", "", _LOG),
    "GetLaunchConfiguration": ("LaunchConfiguration", "", _LAUNCH),
}
"""By operation: the shape that CloudEndure has a counterpart of, where it is in the answer, and its words."""


def same_as(operation: str, sent: Json) -> tuple[str, str]:
    """Method and path of what a client of CloudEndure would have asked instead."""
    filters = sent.get("filters")
    if operation == "DescribeJobs" and isinstance(filters, dict) and filters.get("jobIDs"):
        return "GET", f"{_PROJECT}/jobs/one"
    return _SAME_AS.get(operation, ("POST", f"{_PROJECT}/{operation}"))


def in_answer(operation: str, change: Distortion) -> Distortion:
    """A change of CloudEndure's answer as one of MGN's; what MGN has no word for is left out of it."""
    if operation not in _ANSWERS:
        return Distortion()
    shape, prefix, words = _ANSWERS[operation]
    output = service().operation_model(operation).output_shape
    return _translated(change, shape, prefix, words, output.name if output else "")


def in_server(change: Distortion) -> Distortion:
    """A change of a machine, as one of a source server."""
    return _translated(change, "SourceServer", "", _SERVER)


def in_job(change: Distortion) -> Distortion:
    """A change of a job."""
    return _translated(change, "Job", "", _JOB)


def instant(at: datetime | None) -> str | None:
    """As MGN writes it: `2026-12-05T22:00:00.000000Z`."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z" if at else None


def duration(span: timedelta) -> str:
    """ISO 8601: `PT0S`, `PT2M30S`, `P1DT1H`."""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    clock = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if count)
    if not days and not clock:
        return "PT0S"
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def _translated(change: Distortion, shape: str, prefix: str, words: Mapping[str, str], whole: str = "") -> Distortion:
    """`shape` is what the words are about, `prefix` where it stands in the answer, `whole` the answer's own shape."""
    members = _members(shape)

    def path(theirs: str) -> str | None:
        first, *deeper = theirs.split(".")
        if whole and first in _members(whole) and not (first == "items" and deeper):
            return theirs
        listed = re.match(r"items\.(\*|\d+)\.", theirs)
        before = listed[0] if listed and prefix.startswith("items") else prefix
        rest = theirs[listed.end() :] if listed else theirs
        ours = words.get(rest, rest)
        return before + ours if ours.split(".")[0] in members else None

    omit = [ours for one in change.omit if (ours := path(one))]
    replace = {ours: value for one, value in change.replace.items() if (ours := path(one))}
    return Distortion(omit=omit, set=replace)


def _members(shape: str) -> Mapping[str, object]:
    found = service().shape_for(shape)
    return found.members if isinstance(found, StructureShape) else {}
