"""A replicated source server and what its replication service says of it, in our own words.

Adapters translate a service's answer into these; nothing here knows which service it was. An absent, null or empty
field is None. Instants are aware UTC datetimes, sizes bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class ReplicationState(StrEnum):
    """DATA REPLICATION PROGRESS, derived. Only CONTINUOUS_DATA_REPLICATION may be launched.

    The vocabulary follows MGN's dataReplicationState where the two services mean the same.
    """

    CONTINUOUS_DATA_REPLICATION = "Continuous Data Replication"
    LAGGING = "Lagging"
    RESCANNING = "Rescanning"
    INITIAL_SYNC = "Initial sync"
    FINALIZING = "Finalizing initial sync"
    INITIATING = "Initiating"
    INITIATION_FAILED = "Initiation failed"
    STALLED = "Stalled"
    DISCONNECTED = "Disconnected"
    PAUSED = "Paused"
    STOPPED = "Stopped"
    AGENT_MISSING = "Agent missing"
    UNKNOWN = "Unknown"


@dataclass(frozen=True)
class Said:
    """A label that the service itself gives, and its words for it. It may say that a machine is not ready; that one is
    ready is only believed where nothing else that it says speaks against it."""

    state: ReplicationState
    words: str


@dataclass(frozen=True)
class Replication:
    """What the service says of a machine's replication.

    `status` is the operator's switch as the service spells it (STARTED, PAUSED, STOPPED; anything else is kept and is
    not ready). `steps`: (name, status, message) of the current initiation attempt, in order. `said` and `lag`: where
    the service gives a label and a lag of its own; without them both are derived.
    """

    status: str | None = None
    agent_installed: bool | None = None
    total_bytes: int | None = None
    replicated_bytes: int | None = None
    backlog_bytes: int | None = None
    rescanned_bytes: int | None = None
    consistent_at: datetime | None = None
    next_consistent_at: datetime | None = None
    scan_started_at: datetime | None = None
    seen_at: datetime | None = None
    next_attempt_at: datetime | None = None
    steps: tuple[tuple[str, str, str], ...] = ()
    said: Said | None = None
    lag: timedelta | None = None


@dataclass(frozen=True)
class LifeCycle:
    """When a machine was last launched in each mode, and by which job where the service says so."""

    tested_at: datetime | None = None
    test_job: str | None = None
    cut_over_at: datetime | None = None
    cutover_job: str | None = None


@dataclass(frozen=True)
class SourceDisk:
    """A disk of a source machine. `replicated`: whether the service copies it; None where it does not say."""

    name: str
    size_bytes: int | None = None
    replicated: bool | None = None


@dataclass(frozen=True)
class LicenceUse:
    """The licence a machine uses up, and since when."""

    id: str | None
    since: datetime | None


class FirstBoot(StrEnum):
    """Whether a service has seen a target boot."""

    WAITING = "WAITING"
    SUCCEEDED = "SUCCEEDED"
    STOPPED = "STOPPED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True)
class Machine:
    """A source machine as its service sees it now. `replica` is the service's id of its present target."""

    id: str
    name: str | None
    replica: str | None
    replication: Replication = field(default_factory=Replication)
    life_cycle: LifeCycle = field(default_factory=LifeCycle)
    listed_as_replicating: bool = True
    """False: found only when asking for stopped machines as well."""
    disks: tuple[SourceDisk, ...] = ()
    licence: LicenceUse | None = None
    os: str | None = None
    """In the service's words."""
    tags: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    """The name of the service's own group of machines that it is in, where that was asked for."""
    first_boot: FirstBoot | None = None
    """Of its present target, where the service watches for it."""
    ips: tuple[str, ...] = ()
    """The source machine's own addresses, where the service says them."""


_LINUX = re.compile(r"linux|unix|ubuntu|debian|red ?hat|rhel|centos|suse|sles|fedora|rocky|alma|amazon", re.IGNORECASE)


def os_family(*words: str | None) -> str:
    """`linux` or `windows`, by the first words that say it; "" where none do."""
    for said in filter(None, words):
        if "windows" in said.lower():
            return "windows"
        if _LINUX.search(said):
            return "linux"
    return ""


class JobStatus(StrEnum):
    """The life of a job. UNKNOWN stands for a word the service did not document: not ended, not trusted."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"

    @property
    def ended(self) -> bool:
        """Whether the service will do nothing more for this job."""
        return self in (JobStatus.COMPLETED, JobStatus.FAILED)


class LogKind(StrEnum):
    """What a line says of a machine, where the service says it by a word of its own and not by its text."""

    INFORMATION = "information"
    WARNING = "warning"
    FAILURE = "failure"
    PREVIOUS_DATA = "previous_data"
    """The target is made of the last snapshot from before the launch."""


@dataclass(frozen=True)
class LogLine:
    """One line of a job's log. `kind` and `machine` (an id) are None where the service writes nothing but text."""

    at: datetime | None
    message: str
    kind: LogKind | None = None
    machine: str | None = None


class LaunchStatus(StrEnum):
    """What a job says of one machine's launch. UNKNOWN stands for a word that is not documented, or for none."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    LAUNCHED = "LAUNCHED"
    FAILED = "FAILED"
    TERMINATED = "TERMINATED"
    UNKNOWN = "UNKNOWN"

    @property
    def ended(self) -> bool:
        """Whether the service has launched it, or will not any more."""
        return self in (LaunchStatus.LAUNCHED, LaunchStatus.FAILED, LaunchStatus.TERMINATED)


@dataclass(frozen=True)
class PostLaunchAction:
    """What the service does on a target after its launch. `passed` None: not done yet. `must`: a cutover needs it."""

    name: str
    passed: bool | None
    must: bool
    words: str = ""


@dataclass(frozen=True)
class MachineLaunch:
    """What a job says of one of its machines."""

    status: LaunchStatus
    actions: tuple[PostLaunchAction, ...] = ()


@dataclass(frozen=True)
class Job:
    """The service's asynchronous work for one launch.

    `kind` is our mode for a launch ("test", "cutover") or the service's own word for anything else. `machines` is None
    when the service did not say which machines take part.
    """

    id: str
    kind: str
    status: JobStatus
    status_as_given: str
    created_at: datetime | None
    ended_at: datetime | None
    machines: frozenset[str] | None
    log: tuple[LogLine, ...] = ()
    instances: dict[str, str] = field(default_factory=dict)
    """machine id -> EC2 instance id, where the service lists its targets in the job."""
    initiated_by: str | None = None
    """Who asked for it, by the service's user name."""
    tags: Mapping[str, str] | None = None
    """None: the service has no tags on jobs."""
    launches: Mapping[str, MachineLaunch] = field(default_factory=dict)
    """By machine id, where the service says in the job what became of each."""

    @property
    def reported(self) -> frozenset[str]:
        """The machines of which the job says what became of them."""
        said = {machine for machine, each in self.launches.items() if each.status.ended}
        return frozenset(said if self.launches else self.instances)

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values, instants as RFC 3339."""
        return {
            "id": self.id,
            "kind": self.kind,
            "status": self.status.value,
            "status_as_given": self.status_as_given,
            "created_at": _text(self.created_at),
            "ended_at": _text(self.ended_at),
            "machines": None if self.machines is None else sorted(self.machines),
            "instances": self.instances,
            "initiated_by": self.initiated_by,
            "tags": None if self.tags is None else dict(self.tags),
            "launches": {
                machine: {"status": each.status.value, "actions": [vars(action) for action in each.actions]}
                for machine, each in self.launches.items()
            },
            "log": [_line_to_json(line) for line in self.log],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Job:
        return cls(
            id=data["id"],
            kind=data["kind"],
            status=JobStatus(data["status"]),
            status_as_given=data["status_as_given"],
            created_at=_instant(data["created_at"]),
            ended_at=_instant(data["ended_at"]),
            machines=None if data["machines"] is None else frozenset(data["machines"]),
            instances=data["instances"],
            initiated_by=data.get("initiated_by"),
            tags=data.get("tags"),
            launches={
                machine: MachineLaunch(
                    LaunchStatus(each["status"]), tuple(PostLaunchAction(**action) for action in each["actions"])
                )
                for machine, each in data.get("launches", {}).items()
            },
            log=tuple(_line_from_json(line) for line in data["log"]),
        )


@dataclass(frozen=True)
class Replica:
    """The service's record of one target. `instance_id` is the EC2 instance; `job` the job that made it, if said."""

    id: str
    machine: str | None
    instance_id: str | None
    job: str | None
    created_at: datetime | None = None


def _line_to_json(line: LogLine) -> dict[str, Any]:
    """What the service did not say is left out: the log of a service of texts is instants and texts."""
    said = {"kind": line.kind.value if line.kind else None, "machine": line.machine}
    return {"at": _text(line.at), "message": line.message} | {key: each for key, each in said.items() if each}


def _line_from_json(data: dict[str, Any]) -> LogLine:
    kind = data.get("kind")
    return LogLine(_instant(data["at"]), data["message"], LogKind(kind) if kind else None, data.get("machine"))


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
