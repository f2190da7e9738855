"""What a job's log says of one machine. It can spoil a verdict, never make one: texts are unstable, and of events that
a service has words for (`LogLine.kind`) there is none for a launch that came out well."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cutover.finding import Finding, Severity
from cutover.machine import LogKind, LogLine
from cutover.plan import Mode
from cutover.words import duration

_STALE = re.compile(r"could not (?:have been|be) fetched", re.IGNORECASE)
_UP_TO_DATE = re.compile(r"up-to-date to (\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.\d+)?\s*(?:UTC|Z)", re.IGNORECASE)
_FAILED = re.compile(r"^\s*failed\b", re.IGNORECASE)
_CLEANUP = re.compile(r"\bcleanup\b", re.IGNORECASE)


@dataclass(frozen=True)
class Named:
    """How a machine may be named in a log line."""

    id: str
    name: str | None

    def in_line(self, message: str) -> bool:
        """Whether the line names this machine: its id anywhere, its name as a whole word."""
        folded = message.casefold()
        if self.id.casefold() in folded:
            return True
        return bool(
            # Cheap first: a wave's machines are looked for in each of its lines.
            self.name
            and self.name.casefold() in folded
            and re.search(rf"(?<![\w.-]){re.escape(self.name)}(?![\w-]|\.\w)", message, re.IGNORECASE)
        )


def findings(
    log: Sequence[LogLine],
    machine: Named,
    others: Collection[Named],
    mode: Mode,
    launched: datetime,
    lag_limit: int,
    quiesced: datetime | None = None,
    snapshot: datetime | None = None,
) -> tuple[Finding, ...]:
    """What the log holds against this machine. A line that names none of the wave's machines counts against each.

    `launched`: when the job was created; `lag_limit` in seconds; `quiesced`: when nothing wrote at the source any more,
    and then data up to that instant is whole, however old it is. `snapshot`: the machine's last one that was known
    before the launch, for a service that only says that it was used. Errors spoil the verdict, warnings are told.
    """
    limits = _Limits(mode, launched, lag_limit, quiesced)
    found: list[Finding] = []
    for line in log:
        if line.kind is not None:
            if line.machine in (None, machine.id):
                found += _by_kind(line, limits, snapshot)
            continue
        stale, failed = _STALE.search(line.message), _FAILED.match(line.message)
        if not stale and not failed:
            continue
        named = machine.in_line(line.message)
        if not named and any(other.in_line(line.message) for other in others):
            continue
        if stale:
            found += _stale(line.message, limits)
        elif not _CLEANUP.search(line.message):
            found.append(_failure(line.message, named))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class _Limits:
    """How old the data of a target may be, as `findings` was told."""

    mode: Mode
    launched: datetime
    lag_limit: int
    quiesced: datetime | None


def _by_kind(line: LogLine, limits: _Limits, snapshot: datetime | None) -> list[Finding]:
    match line.kind:
        case LogKind.FAILURE:
            return [_failure(line.message, named=line.machine is not None)]
        case LogKind.WARNING:
            return [_failure(line.message, named=False)]
        case LogKind.PREVIOUS_DATA:
            return _data_up_to(snapshot, line.message, limits)
        case _:
            return []


def _stale(message: str, limits: _Limits) -> list[Finding]:
    said = _UP_TO_DATE.search(message)
    upto = datetime.fromisoformat(f"{said[1]}T{said[2]}").replace(tzinfo=UTC) if said else None
    return _data_up_to(upto, message, limits)


def _data_up_to(upto: datetime | None, message: str, limits: _Limits) -> list[Finding]:
    """What is to be said of a target with data up to this instant; None: nobody knows how old it is."""
    quiesced, allowed = limits.quiesced, timedelta(seconds=limits.lag_limit)
    rule = f"the target holds the data of the launch, at most {duration(allowed)} older"
    if quiesced is not None:
        rule = f"the target holds all that was written until the end of the quiesce, {quiesced:%Y-%m-%d %H:%M:%S} UTC"
    severity = Severity.ERROR if limits.mode is Mode.CUTOVER else Severity.WARNING
    if upto is None:
        seen = f"the latest state could not be fetched, and the log does not say how old the data is: {message}"
    else:
        if quiesced is not None and upto >= quiesced:
            return []
        if quiesced is None and limits.launched - upto <= allowed:
            return []
        seen = f"data up to {upto:%Y-%m-%d %H:%M:%S} UTC, {duration(limits.launched - upto)} before the launch"
        if quiesced is not None:
            seen = f"data up to {upto:%Y-%m-%d %H:%M:%S} UTC; {duration(quiesced - upto)} of writes are missing"
    return [Finding("stale_data", seen, rule, "find out why replication fell behind, then launch again", severity)]


def _failure(message: str, named: bool) -> Finding:
    return Finding(
        "job_log",
        message.strip(),
        "no line of the job's log reports a failure",
        "read the job's log from that line on; correct the machine or its launch settings, then launch again",
        Severity.ERROR if named else Severity.WARNING,
    )
