"""A replicated source server and what its replication service says of it, in our own words.

Adapters translate a service's answer into these; nothing here knows which service it was. An absent, null or empty
field is None. Instants are aware UTC datetimes, sizes bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
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
class Replication:
    """What the service says of a machine's replication.

    `status` is the operator's switch as the service spells it (STARTED, PAUSED, STOPPED; anything else is kept and is
    not ready). `steps`: (name, status, message) of the current initiation attempt, in order.
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


@dataclass(frozen=True)
class LogLine:
    """One line of a job's log, as the service wrote it."""

    at: datetime | None
    message: str


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

    @property
    def reported(self) -> frozenset[str]:
        """The machines of which the job says what became of them."""
        return frozenset(self.instances)

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
            "log": [{"at": _text(line.at), "message": line.message} for line in self.log],
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
            log=tuple(LogLine(_instant(line["at"]), line["message"]) for line in data["log"]),
        )


@dataclass(frozen=True)
class Replica:
    """The service's record of one target. `instance_id` is the EC2 instance; `job` the job that made it, if said."""

    id: str
    machine: str | None
    instance_id: str | None
    job: str | None
    created_at: datetime | None = None


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
