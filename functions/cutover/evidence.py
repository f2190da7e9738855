"""The evidence of a run: what was done, seen, proved and refused, for every machine. Built from records alone.

The shape is published as docs/schemas/evidence.schema.json; a new value anywhere raises SCHEMA_VERSION.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cutover.after_records import EVERY_MACHINE, SignOff
from cutover.downtime import data_stays, downtime, history
from cutover.machine import Job
from cutover.moments import moments, named
from cutover.night_records import Back, Hold, NightRecord, Part, QuestionRecord, StepRecord
from cutover.planned_night import Night
from cutover.records import LagLook, MachineRecord, RunRecord, TargetRecord, WaveRecord
from cutover.told_records import Board, Told

SCHEMA_VERSION = 4
STEPPED = (Part.QUIESCE, Part.POWER_OFF, Part.SWITCH, Part.PROBE)
"""The parts of a night that have steps."""


@dataclass(frozen=True)
class WaveEvidence:
    """A wave's records, and its jobs with the mode they launched in. `lag`: at the last looks before its launch;
    `lag_limit`: the plan's, in seconds."""

    wave: WaveRecord
    machines: Sequence[MachineRecord]
    jobs: Sequence[Job]
    lag: Sequence[LagLook] = ()
    lag_limit: int | None = None


@dataclass(frozen=True)
class NightEvidence:
    """What is around the waves of a cutover: as planned, and as recorded. `steps`: in the order of the night."""

    planned: Night
    night: NightRecord
    steps: Sequence[StepRecord]
    questions: Sequence[QuestionRecord]


def build(
    run: RunRecord,
    waves: Sequence[WaveEvidence],
    transitions: int,
    night: NightEvidence | None = None,
    told: Sequence[Told] = (),
    boards: Sequence[Board] = (),
    signed: Sequence[SignOff] = (),
) -> dict[str, Any]:
    """The evidence as JSON values. `transitions`: states entered so far, in the run's executions. `night`: None for a
    test, which takes nothing from users. `signed`: what people have said of the plan's tests. `told`, `boards`: what
    people have been told until now, and what became of it in Slack; how the run ended is told after its evidence."""
    return {
        "schema_version": SCHEMA_VERSION,
        "simulated": run.simulated,
        "plan": {"name": run.plan, "sha256": run.sha256},
        "run": {
            "id": run.id,
            "mode": run.mode.value,
            "status": run.status.value,
            "outcome": run.outcome.value if run.outcome else None,
            "started": run.started,
            "ended": run.ended,
            "attempt": run.attempt,
            "clock": run.clock,
            "reason": run.reason,
            "findings": [finding.to_json() for finding in run.findings],
        },
        "production": [
            {"holder": each.holder.value, "since": each.since, "until": each.until}
            for each in history(night.night if night else NightRecord())
        ],
        "night": _night(night) if night else None,
        "waves": [_wave(each) for each in waves],
        "sign_offs": [_sign_off(each) for each in signed],
        "told": [_told(each) for each in told],
        "slack": [_board(each) for each in boards],
        "requests": dict(sorted(run.requests.items())),
        "transitions": transitions,
    }


def _night(each: NightEvidence) -> dict[str, Any]:
    night = each.night
    return {
        "closed": night.closed,
        "quiesced": night.quiesced,
        "switching": night.switching,
        "opened": night.opened,
        "reopened": night.reopened,
        "committed": night.committed,
        "downtime_seconds": downtime(night),
        "estimate_seconds": each.planned.estimate,
        "parts": [{"part": part.value, "done": night.done[part]} for part in Part if part in night.done],
        "steps": [_step(step) for step in each.steps],
        "questions": [_question(question) for question in each.questions],
        "hold": _hold(night.hold) if night.hold else None,
        "back": _back(night.back, night) if night.back else None,
    }


def _step(step: StepRecord) -> dict[str, Any]:
    return {
        "part": step.part.value,
        "name": step.name,
        "state": step.state.value,
        "begun": step.begun,
        "done": step.done,
        "undone": step.undone,
        "seen": step.seen,
    }


def _question(question: QuestionRecord) -> dict[str, Any]:
    return {
        "name": question.name,
        "by": list(question.by),
        "asked": question.asked,
        "deadline": question.deadline,
        "answer": question.answer,
        "answered_by": question.answered_by,
        "answered_at": question.answered_at,
        "reason": question.reason,
        "via": question.via,
        "saw": question.saw,
    }


def _sign_off(each: SignOff) -> dict[str, Any]:
    return {
        "by": each.by,
        "at": each.at,
        "machine": None if each.machine == EVERY_MACHINE else each.machine,
        "runs": list(each.runs),
        "rejected": each.rejected,
        "reason": each.reason,
        "via": each.via,
    }


def _told(each: Told) -> dict[str, Any]:
    return {
        "number": each.number,
        "at": each.at,
        "news": each.news,
        "wave": each.wave,
        "audiences": [letter.audience.value for letter in each.letters],
        "next_word": each.next_word,
    }


def _board(each: Board) -> dict[str, Any]:
    return {
        "channel": each.name,
        "posted": each.ts is not None,
        "threaded": each.threaded,
        "failures": each.failures,
        "failed": each.failed,
    }


def _hold(hold: Hold) -> dict[str, Any]:
    return {"part": hold.part.value, "since": hold.since, "deadline": hold.deadline, "reason": hold.reason}


def _back(back: Back, night: NightRecord) -> dict[str, Any]:
    stays = data_stays(night)
    return {
        "by": back.by,
        "reason": back.reason,
        "at": back.at,
        "automatic": back.automatic,
        "data_stays": {"from": stays[0], "to": stays[1]} if stays else None,
    }


def _wave(each: WaveEvidence) -> dict[str, Any]:
    names = named(each.jobs, each.machines)
    return {
        "name": each.wave.name,
        "jobs": [_job(job) for job in each.jobs],
        "machines": [
            {
                **_machine(machine),
                "moments": [moment.to_json() for moment in moments(machine, each.jobs, each.machines, names)],
            }
            for machine in each.machines
        ],
        "lag": [look.to_json() for look in each.lag],
        "lag_limit": each.lag_limit,
    }


def _job(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "type": job.kind,
        "status": job.status_as_given,
        "log": [{"at": line.at.isoformat() if line.at else None, "message": line.message} for line in job.log],
    }


def _machine(machine: MachineRecord) -> dict[str, Any]:
    return {
        "name": machine.name or machine.label,
        "group": machine.group or None,
        "id": machine.id,
        "status": machine.status.value,
        "level": machine.level.value if machine.level else None,
        "accepted": machine.accepted.to_json() if machine.accepted else None,
        "source_ips": list(machine.source_ips),
        "replaces": machine.instance_before,
        "launch_configuration": machine.configuration,
        "target": _target(machine.target),
        "checks": [check.to_json() for check in machine.checks],
        "checks_not_made": list(machine.not_made),
        "console": list(machine.console),
        "findings": [finding.to_json() for finding in machine.findings],
    }


def _target(target: TargetRecord | None) -> dict[str, Any] | None:
    return target.to_json() if target else None
