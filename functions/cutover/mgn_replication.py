"""What MGN says of a server's replication, in our own words. Its CONTINUOUS is a claim among others, not the verdict.

Whatever contradicts it, or is missing that a launch needs, makes a label of its own here, which is not ready; ages,
lags and backlogs are judged by `cutover.replication`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from cutover.machine import Replication, ReplicationState, Said
from cutover.reading import amount, at, listed, record, text
from cutover.terms import span

_STATES: Mapping[str, ReplicationState] = {
    "STOPPED": ReplicationState.STOPPED,
    "INITIATING": ReplicationState.INITIATING,
    "INITIAL_SYNC": ReplicationState.INITIAL_SYNC,
    "BACKLOG": ReplicationState.LAGGING,
    "CREATING_SNAPSHOT": ReplicationState.FINALIZING,
    "CONTINUOUS": ReplicationState.CONTINUOUS_DATA_REPLICATION,
    "PAUSED": ReplicationState.PAUSED,
    "RESCAN": ReplicationState.RESCANNING,
    "STALLED": ReplicationState.STALLED,
    "DISCONNECTED": ReplicationState.DISCONNECTED,
    # An agentless server is as old as its last shipment; between two of them nobody can say how old that is.
    "PENDING_SNAPSHOT_SHIPPING": ReplicationState.LAGGING,
    "SHIPPING_SNAPSHOT": ReplicationState.LAGGING,
}
_LAUNCHABLE = ("READY_FOR_TEST", "TESTING", "READY_FOR_CUTOVER", "CUTTING_OVER")


def replication(server: Mapping[str, Any]) -> Replication:
    """A Replication, from a server of `DescribeSourceServers`; amounts are the sums over its disks."""
    info, life = record(server.get("dataReplicationInfo")), record(server.get("lifeCycle"))
    initiation = record(info.get("dataReplicationInitiation"))
    disks = [record(each) for each in listed(info.get("replicatedDisks"))]
    snapshot = at(info.get("lastSnapshotDateTime"))
    return Replication(
        status="STARTED",
        total_bytes=_sum(disks, "totalStorageBytes"),
        replicated_bytes=_sum(disks, "replicatedStorageBytes"),
        backlog_bytes=_sum(disks, "backloggedStorageBytes"),
        rescanned_bytes=_sum(disks, "rescannedStorageBytes"),
        consistent_at=snapshot,
        next_consistent_at=at(info.get("etaDateTime")),
        seen_at=at(life.get("lastSeenByServiceDateTime")),
        next_attempt_at=at(initiation.get("nextAttemptDateTime")),
        steps=tuple(
            (text(step.get("name")) or "", text(step.get("status")) or "", _trouble(info))
            for step in map(record, listed(initiation.get("steps")))
        ),
        said=_said(info, text(life.get("state"))),
        lag=_lag(info),
    )


def _said(info: Mapping[str, Any], life: str | None) -> Said:
    """The label that it gives, with what speaks against it."""
    given = text(info.get("dataReplicationState"))
    trouble = _trouble(info)
    if given is None:
        return Said(ReplicationState.UNKNOWN, "the service does not say how replication stands")
    state = _STATES.get(given)
    if state is None:
        return Said(ReplicationState.UNKNOWN, f"the service says {given}, which is not known")
    words = f"the service says {given}" + (f", {trouble}" if trouble else "")
    if state is not ReplicationState.CONTINUOUS_DATA_REPLICATION:
        return Said(state, words)
    if trouble:
        return Said(ReplicationState.UNKNOWN, f"{words}: contradictory")
    if life not in _LAUNCHABLE:
        return Said(ReplicationState.UNKNOWN, f"{words}, and its life cycle {life or 'nothing'}: contradictory")
    if _lag(info) is None:
        lag = text(info.get("lagDuration"))
        return Said(ReplicationState.UNKNOWN, f"{words}, and " + (f"a lag of {lag!r}" if lag else "no lag"))
    if _sum([record(each) for each in listed(info.get("replicatedDisks"))], "backloggedStorageBytes") is None:
        return Said(ReplicationState.UNKNOWN, f"{words}, and no backlog")
    if at(info.get("lastSnapshotDateTime")) is None:
        return Said(ReplicationState.UNKNOWN, f"{words}, and there is no snapshot to launch from")
    return Said(state, words)


def _trouble(info: Mapping[str, Any]) -> str:
    error = record(info.get("dataReplicationError"))
    return ": ".join(filter(None, map(text, (error.get("error"), error.get("rawError")))))


def _lag(info: Mapping[str, Any]) -> timedelta | None:
    """How far behind its source it is, as ISO 8601 writes it; null is said of a server that may not be launched."""
    given = text(info.get("lagDuration"))
    return span(given) if given else None


def _sum(disks: list[dict[str, Any]], name: str) -> int | None:
    """Over all disks; None where no disk says it, and unreadable where one of them is."""
    amounts = [each for each in (amount(disk.get(name)) for disk in disks) if each is not None]
    if any(each < 0 for each in amounts):
        return min(amounts)
    return sum(amounts) if amounts else None
