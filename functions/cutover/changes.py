"""What the table's records of a run say that has changed, as events. Pure: two images of a record in, events out.

An event is put where something that others act upon has changed: a state, an outcome, a target, a decision. What a
record merely counts (looks, requests, a lease) is no event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cutover.instants import text
from cutover.machine import LogLine
from cutover.typed_events import VERSION, Event

RUN_CHANGED = "Run Changed"
WAVE_CHANGED = "Wave Changed"
MACHINE_CHANGED = "Machine Changed"
PRODUCTION_CHANGED = "Production Changed"
DECISION = "Decision"
JOB_LOG_LINE = "Job Log Line"

Item = Mapping[str, Any]
_RUN = re.compile(r"RUN#(?P<run>(?P<plan>.+)-(?P<mode>test|cutover)(?P<observe>-observe)?-[^-]+)")


@dataclass(frozen=True)
class Change:
    """A record as it was and is: `old` None for a new one, `new` None for one that was deleted. `id`: the stream's."""

    id: str
    pk: str
    sk: str
    old: Item | None
    new: Item | None


@dataclass(frozen=True)
class NewLines:
    """Lines of a job's log that were read for the first time: those from `begin` to before `end`, counted from 0."""

    run: str
    wave: int
    job: str
    begin: int
    end: int


def events(change: Change) -> list[Event]:
    """What has changed in this record that others act upon; empty for the most part."""
    of = _RUN.fullmatch(change.pk)
    if of is None or change.new is None:
        return []
    made = _made(change.sk, change.old, change.new)
    if made is None:
        return []
    kind, what = made
    return [(kind, {**_head(change.id, of), **what})]


def new_lines(change: Change) -> list[NewLines]:
    """The log lines that a wave's record says were read since."""
    of, wave = _RUN.fullmatch(change.pk), re.fullmatch(r"WAVE#(\d+)", change.sk)
    if of is None or wave is None or change.new is None:
        return []
    before = (change.old or {}).get("logged") or {}
    return [
        NewLines(of["run"], int(wave[1]), job, before.get(job, 0), lines)
        for job, lines in sorted((change.new.get("logged") or {}).items())
        if lines > before.get(job, 0)
    ]


def log_line(change: Change, lines: NewLines, number: int, line: LogLine) -> Event:
    """A line of a job's log. `number`: counted from 1."""
    of = _RUN.fullmatch(change.pk)
    return JOB_LOG_LINE, {
        **_head(f"{lines.run}/{lines.wave}/{lines.job}/{number}", of),
        "wave": lines.wave,
        "job": lines.job,
        "number": number,
        "at": text(line.at) if line.at else None,
        "message": line.message,
    }


def _head(id_: str, of: re.Match[str] | None) -> dict[str, Any]:
    if of is None:
        raise ValueError("this is no record of a run")
    return {
        "version": VERSION,
        "id": id_,
        "run": of["run"],
        "plan": of["plan"],
        "mode": of["mode"],
        "observe": of["observe"] is not None,
    }


def _made(sk: str, old: Item | None, new: Item) -> tuple[str, dict[str, Any]] | None:
    if sk == "META":
        return _run(old, new)
    if sk == "NIGHT":
        return _production(old, new)
    if sk == "ORDER":
        return _order(old, new)
    if sk.startswith("QUESTION#"):
        return _question(old, new)
    if re.fullmatch(r"WAVE#\d+", sk):
        return _wave(old, new)
    if machine := re.fullmatch(r"WAVE#(\d+)#MACHINE#.*", sk):
        return _machine(int(machine[1]), old, new)
    return None


def _same(old: Item | None, new: Item, *names: str) -> bool:
    return old is not None and all(old.get(name) == new.get(name) for name in names)


def _run(old: Item | None, new: Item) -> tuple[str, dict[str, Any]] | None:
    if _same(old, new, "attempt", "status", "outcome", "aborted"):
        return None
    names = ("attempt", "status", "outcome", "aborted", "claimed", "started", "ended", "reason", "simulated", "sha256")
    return RUN_CHANGED, {**{name: new[name] for name in names}, "before": old["status"] if old else None}


def _production(old: Item | None, new: Item) -> tuple[str, dict[str, Any]] | None:
    before = old["holder"] if old else "source"
    if before == new["holder"]:
        return None
    return PRODUCTION_CHANGED, {"holder": new["holder"], "since": new["since"], "before": before}


def _wave(old: Item | None, new: Item) -> tuple[str, dict[str, Any]] | None:
    if _same(old, new, "phase", "outcome", "passed", "jobs", "job_status"):
        return None
    names = ("name", "phase", "outcome", "passed", "jobs", "job_status", "reason", "ready", "total")
    before = old["phase"] if old else None
    return WAVE_CHANGED, {"wave": new["number"], **{name: new[name] for name in names}, "before": before}


def _machine(wave: int, old: Item | None, new: Item) -> tuple[str, dict[str, Any]] | None:
    target: Item = new["target"] or {}
    before: Item = (old["target"] or {}) if old else {}
    moved = target.get("instance_id") != before.get("instance_id")
    if not moved and _same(old, new, "status", "isolated"):
        return None
    return MACHINE_CHANGED, {
        "wave": wave,
        "machine": new["label"],
        "machine_id": new["id"],
        "status": new["status"],
        "instance": target.get("instance_id"),
        "isolated": new["isolated"],
        "findings": [each["seen"] for each in new["findings"]],
        "before": old["status"] if old else None,
    }


def _question(old: Item | None, new: Item) -> tuple[str, dict[str, Any]] | None:
    if _same(old, new, "answer", "closed"):
        return None
    answered = new["answer"] is not None
    if not answered and not new["closed"]:
        state = "asked"
    elif answered and (old is None or old["answer"] is None):
        state = "decided"
    elif answered:  # closed after its answer: that was told
        return None
    else:
        state = "expired"
    return DECISION, {
        "kind": "question",
        "name": new["name"],
        "state": state,
        "decision": new["answer"],
        "asked_of": list(new["by"]),
        "by": new["answered_by"] or None,
        "at": new["answered_at"] or new["asked"],
        "deadline": new["deadline"],
        "reason": new["reason"],
        "machine": None,
    }


def _order(old: Item | None, new: Item) -> tuple[str, dict[str, Any]] | None:
    if _same(old, new, "at", "wish"):
        return None
    return DECISION, {
        "kind": "order",
        "name": new["wish"],
        "state": "decided",
        "decision": new["wish"],
        "asked_of": [],
        "by": new["by"],
        "at": new["at"],
        "deadline": None,
        "reason": new["reason"],
        "machine": new["machine"] or None,
    }
