"""DATA REPLICATION PROGRESS, derived from a service's fields, fail closed, with the reason for every label.

No field of the CloudEndure API carries the label its console shows; the rules here are this project's, in an order
that lets the more telling label win. A service that gives a label of its own (MGN) is believed where that says not
ready; where it says ready, everything else has to agree. Ages are differences of full instants: a point of yesterday
is a day old, whatever its time of day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cutover.machine import Machine, Replication, ReplicationState
from cutover.words import clock, duration, size

SEEN_LIMIT = timedelta(minutes=10)
"""An agent not seen for longer has lost its connection."""

SKEW_LIMIT = timedelta(minutes=1)
"""An instant further in the future means that clocks disagree, and then no age can be trusted."""

SNAPSHOT_LIMIT = timedelta(hours=24)
"""A service that says what the lag is must have something to launch from that is not older than this. How often MGN
takes a snapshot is not documented; it takes one at each launch, and this is what it falls back to."""

LAST_STEP = "ESTABLISHING_AGENT_REPLICATOR_COMMUNICATION"
"""The step of an initiation after which data flows."""


@dataclass(frozen=True)
class Progress:
    """What the label is and why.

    `lag`: age of the last consistency point. `percent`: of the initial sync or rescan, 0..100, None when it cannot be
    told. `eta`: when the service expects the next consistency point; None once that has passed.
    """

    state: ReplicationState
    reason: str
    lag: timedelta | None = None
    percent: float | None = None
    eta: datetime | None = None

    @property
    def continuous(self) -> bool:
        """Whether this is the go-signal."""
        return self.state is ReplicationState.CONTINUOUS_DATA_REPLICATION


def derive(
    machine: Machine,
    now: datetime,
    lag_limit: timedelta,
    previous: Machine | None = None,
    backlog_limit: int | None = None,
) -> Progress:
    """The label of one machine at `now`. `previous`: the machine as it was at an earlier look, to tell a stall.

    `backlog_limit`: bytes that may still be to send; None: nothing may.

    A missing backlog counts as 0 and a missing agent flag or last contact is passed over, for older accounts omit them.
    Anything else that is missing, unreadable or contradictory is UNKNOWN, which may not be launched.
    """
    seen = machine.replication
    refused = _switched_off(seen) or _said_otherwise(seen, now) or _out_of_touch(seen, now) or _nonsense(seen, now)
    if refused:
        return refused
    if seen.consistent_at is None:
        return _before_first_consistency(seen, now)
    age = max(now - seen.consistent_at, timedelta(0))  # ahead by less than the tolerated skew: of now
    lag = age if seen.lag is None else seen.lag
    return (
        _old_snapshot(seen, age, lag)
        or _rescanning(seen, seen.consistent_at, lag, now)
        or _behind(seen, lag, lag_limit, backlog_limit, now, previous)
        or _caught_up(machine, lag, lag_limit, now)
    )


def after_quiesce(machine: Machine, now: datetime, quiesced: datetime) -> Progress:
    """The label once nothing writes at the source any more: the lag grows and the agent may be off, and neither counts.

    What counts is that the last consistency point is later than the end of the quiesce, and nothing is left to send.
    """
    seen = machine.replication
    refused = _nonsense(seen, now) or _not_to_be_proved(seen)
    if refused:
        return refused
    if seen.consistent_at is None or seen.consistent_at <= quiesced:
        last = f"{seen.consistent_at:%H:%M:%S} UTC" if seen.consistent_at else "none"
        reason = f"last consistency point {last}, before the end of the quiesce at {quiesced:%H:%M:%S} UTC"
        return Progress(ReplicationState.LAGGING, reason)
    lag = max(now - seen.consistent_at, timedelta(0))
    if seen.backlog_bytes:
        return Progress(ReplicationState.LAGGING, f"backlog {size(seen.backlog_bytes)} after the quiesce", lag=lag)
    return Progress(ReplicationState.CONTINUOUS_DATA_REPLICATION, "consistent after the quiesce, backlog 0", lag=lag)


def _switched_off(seen: Replication) -> Progress | None:
    if seen.agent_installed is False:
        return Progress(ReplicationState.AGENT_MISSING, "the agent is not installed")
    if seen.status == "STOPPED":
        return Progress(ReplicationState.STOPPED, "replication is stopped")
    if seen.status == "PAUSED":
        return Progress(ReplicationState.PAUSED, "replication is paused")
    if seen.status != "STARTED":
        given = f"replication status {seen.status!r} is not known" if seen.status else "replication status is missing"
        return Progress(ReplicationState.UNKNOWN, given)
    return None


def _said_otherwise(seen: Replication, now: datetime) -> Progress | None:
    """A label of the service's own that is not the go-signal, with what else it tells of the way there."""
    if seen.said is None or seen.said.state is ReplicationState.CONTINUOUS_DATA_REPLICATION:
        return None
    state, words = seen.said.state, seen.said.words
    if state is ReplicationState.INITIATING:
        failed = _failed_step(seen, now)
        return failed or Progress(
            state, f"{words}: {_current_step(seen.steps)}", eta=_ahead(seen.next_consistent_at, now)
        )
    total, done = seen.total_bytes, seen.replicated_bytes
    if state is ReplicationState.RESCANNING:
        done = seen.rescanned_bytes
    eta, percent = _ahead(seen.next_consistent_at, now), None
    if state in (ReplicationState.INITIAL_SYNC, ReplicationState.RESCANNING) and total and done is not None:
        percent = min(100 * done / total, 100.0)
        words += f", {int(percent)} % of {size(total)}"
    if state is ReplicationState.LAGGING and seen.backlog_bytes:
        words += f", backlog {size(seen.backlog_bytes)}"
    if eta:
        words += f", ready ≈ {clock(eta, now)}"
    return Progress(state, words, seen.lag, percent, eta)


def _old_snapshot(seen: Replication, age: timedelta, lag: timedelta) -> Progress | None:
    if seen.lag is None or age <= SNAPSHOT_LIMIT:
        return None
    reason = f"last snapshot {duration(age)} ago (limit {duration(SNAPSHOT_LIMIT)}), though the service says lag"
    return Progress(ReplicationState.LAGGING, f"{reason} {duration(lag)}", lag)


def _not_to_be_proved(seen: Replication) -> Progress | None:
    """After the quiesce, what a service says of itself that leaves open whether all that was written has arrived."""
    if seen.said is None:
        return None
    if seen.said.state not in _MAY_BE_WHOLE:
        return Progress(seen.said.state, seen.said.words)
    if seen.backlog_bytes is None:
        return Progress(ReplicationState.UNKNOWN, f"{seen.said.words}, and no backlog")
    return None


_MAY_BE_WHOLE = (
    ReplicationState.CONTINUOUS_DATA_REPLICATION,
    ReplicationState.LAGGING,
    ReplicationState.STALLED,
    ReplicationState.DISCONNECTED,
)
"""Labels that a source gets too that is off: its lag grows, or is not said any more."""


def _out_of_touch(seen: Replication, now: datetime) -> Progress | None:
    if seen.seen_at is None or now - seen.seen_at <= SEEN_LIMIT:
        return None
    age = duration(now - seen.seen_at)
    return Progress(ReplicationState.DISCONNECTED, f"agent last seen {age} ago (limit {duration(SEEN_LIMIT)})")


def _nonsense(seen: Replication, now: datetime) -> Progress | None:
    for what, at in (("last consistency point", seen.consistent_at), ("last contact with the agent", seen.seen_at)):
        if at is not None and at - now > SKEW_LIMIT:
            return Progress(ReplicationState.UNKNOWN, f"{what} is {duration(at - now)} in the future: clocks disagree")
    amounts = {
        "total": seen.total_bytes,
        "replicated": seen.replicated_bytes,
        "backlog": seen.backlog_bytes,
        "rescanned": seen.rescanned_bytes,
    }
    for what, amount in amounts.items():
        if amount is not None and amount < 0:
            return Progress(ReplicationState.UNKNOWN, f"the {what} size cannot be read")
    total, replicated = seen.total_bytes, seen.replicated_bytes
    if total is not None and replicated is not None and replicated > total:
        return Progress(ReplicationState.UNKNOWN, f"{size(replicated)} replicated of {size(total)}: contradictory")
    return None


def _before_first_consistency(seen: Replication, now: datetime) -> Progress:
    total, replicated, eta = seen.total_bytes, seen.replicated_bytes, _ahead(seen.next_consistent_at, now)
    failed = _failed_step(seen, now)
    if failed:
        return failed
    flowing = any(name == LAST_STEP and status in ("SUCCEEDED", "SKIPPED") for name, status, _ in seen.steps)
    if not flowing and (seen.steps or not replicated):  # without a list of steps, bytes that arrived are proof enough
        return Progress(ReplicationState.INITIATING, _current_step(seen.steps), eta=eta)
    if total is None or replicated is None:
        missing = "no consistency point yet, and total or replicated size is missing"
        return Progress(ReplicationState.UNKNOWN, missing, eta=eta)
    ready = f", ready ≈ {clock(eta, now)}" if eta else ""
    if replicated == total:
        reason = f"{size(total)} copied, first consistency point pending{ready}"
        return Progress(ReplicationState.FINALIZING, reason, percent=100.0, eta=eta)
    percent = 100 * replicated / total
    reason = f"initial sync {int(percent)} %, {size(total - replicated)} to go{ready}"
    return Progress(ReplicationState.INITIAL_SYNC, reason, percent=percent, eta=eta)


def _failed_step(seen: Replication, now: datetime) -> Progress | None:
    for name, status, message in seen.steps:
        if status == "FAILED":
            again = f"; next attempt ≈ {clock(seen.next_attempt_at, now)}" if seen.next_attempt_at else ""
            reason = f"{_plain(name)} failed: {message or 'no message'}{again}"
            return Progress(ReplicationState.INITIATION_FAILED, reason)
    return None


def _current_step(steps: tuple[tuple[str, str, str], ...]) -> str:
    for number, (name, status, _) in enumerate(steps, start=1):
        if status not in ("SUCCEEDED", "SKIPPED"):
            return f"step {number} of {len(steps)}: {_plain(name)} ({_plain(status)})"
    return f"{len(steps)} steps done, data does not flow yet" if steps else "replication is not initiated yet"


def _rescanning(seen: Replication, consistent_at: datetime, lag: timedelta, now: datetime) -> Progress | None:
    # A counter above 0 proves nothing alone: whether the service sets it back after a rescan is not known.
    total, rescanned = seen.total_bytes, seen.rescanned_bytes or 0
    done = rescanned if seen.replicated_bytes is None else min(rescanned, seen.replicated_bytes)
    unfinished = rescanned > 0 and total is not None and done < total
    scan = seen.scan_started_at
    restarted = scan is not None and scan > consistent_at
    if not unfinished and not restarted:
        return None
    percent = min(100 * done / total, 100.0) if total else None  # a disk may have shrunk since it was counted
    eta = _ahead(seen.next_consistent_at, now)
    reasons = [
        f"rescan {int(percent)} % of {size(total)}" if percent is not None and total else "rescan of unknown size"
    ]
    if restarted and scan:
        reasons.append(f"begun {clock(scan, now)}, after the last consistency point")
    if eta:
        reasons.append(f"ready ≈ {clock(eta, now)}")
    return Progress(ReplicationState.RESCANNING, ", ".join(reasons), lag, percent, eta)


def _behind(
    seen: Replication,
    lag: timedelta,
    lag_limit: timedelta,
    backlog_limit: int | None,
    now: datetime,
    previous: Machine | None,
) -> Progress | None:
    backlog, eta = seen.backlog_bytes or 0, _ahead(seen.next_consistent_at, now)
    total, replicated = seen.total_bytes, seen.replicated_bytes
    missing = 0 if total is None or replicated is None else total - replicated
    reasons = []
    if lag > lag_limit:
        reasons.append(f"lag {duration(lag)} (limit {duration(lag_limit)})")
    if backlog > (backlog_limit or 0):
        limit = "" if backlog_limit is None else f" (limit {size(backlog_limit)})"
        reasons.append(f"backlog {size(backlog)}{limit}")
    if missing:
        reasons.append(f"{size(missing)} not replicated")
    if not reasons:
        return None
    if lag > lag_limit and previous is not None and _stands_still(seen, previous.replication):
        reasons.append("nothing moved since the last look")
        return Progress(ReplicationState.STALLED, ", ".join(reasons), lag, eta=eta)
    if eta:
        reasons.append(f"next consistency point ≈ {clock(eta, now)}")
    return Progress(ReplicationState.LAGGING, ", ".join(reasons), lag, eta=eta)


def _stands_still(seen: Replication, before: Replication) -> bool:
    return (seen.backlog_bytes or 0, seen.replicated_bytes, seen.consistent_at) == (
        before.backlog_bytes or 0,
        before.replicated_bytes,
        before.consistent_at,
    )


def _caught_up(machine: Machine, lag: timedelta, lag_limit: timedelta, now: datetime) -> Progress:
    eta = _ahead(machine.replication.next_consistent_at, now)
    if not machine.listed_as_replicating:
        reason = "started and caught up, yet the service does not list it among the machines that replicate"
        return Progress(ReplicationState.UNKNOWN, reason, lag, eta=eta)
    backlog = machine.replication.backlog_bytes
    left = f"backlog {size(backlog)}, within the limit" if backlog else "no backlog"
    reason = f"lag {duration(lag)} (limit {duration(lag_limit)}), {left}"
    return Progress(ReplicationState.CONTINUOUS_DATA_REPLICATION, reason, lag, eta=eta)


def _ahead(eta: datetime | None, now: datetime) -> datetime | None:
    return eta if eta is not None and eta > now else None


def _plain(word: str) -> str:
    return word.replace("_", " ").lower()
