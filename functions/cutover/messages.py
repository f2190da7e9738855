"""What people are told: one subject and one plain text for each kind of news. Rendered from records alone.

Every message says who holds production. No message says "success": it says what was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cutover.launch import named
from cutover.plan import Plan, Wave
from cutover.records import LaunchRecord, MachineRecord, MachineStatus, Outcome, RunRecord, WaveRecord

PRODUCTION = {"holder": "source", "since": None}
"""Who serves users. A run stops no source and moves no users, so production stays where it was."""

_HOLDER = "Production: SOURCE. This run stops no source machine and moves no users."
_RECORDED = "Production: TARGET where a cutover is recorded, SOURCE elsewhere. This run changed nothing of it."
_SUBJECT = 100
_TEXT = 60_000
_MACHINES = 40


class News(StrEnum):
    """What a message is about."""

    STARTED = "started"
    WAITING = "waiting"
    LAUNCHED = "launched"
    ENDED = "ended"
    DIED = "died"


@dataclass(frozen=True)
class Message:
    """What is sent. The subject is one ASCII line of at most 100 characters, as SNS demands."""

    subject: str
    text: str


def detail(run: RunRecord, news: News, message: Message, wave: str | None = None) -> dict[str, Any]:
    """The detail of a RunNews event: {run, plan, mode, wave, news, outcome, production, subject, text}."""
    outcome = Outcome.FAILED if news is News.DIED else run.outcome
    return {
        "run": run.id,
        "plan": run.plan,
        "mode": run.mode.value,
        "wave": wave,
        "news": news.value,
        "outcome": outcome.value if outcome else None,
        "production": PRODUCTION,
        "subject": message.subject,
        "text": message.text,
    }


def started(run: RunRecord, plan: Plan) -> Message:
    """A run begins: what will happen, by which rules."""
    waves = [f"  {number}. {wave.name}: {_list(wave)}" for number, wave in enumerate(plan.waves, 1)]
    lines = [
        f"Plan {plan.name} begins in {run.mode.value} mode: {_count(plan)} in {len(plan.waves)} waves, in this order:",
        *waves,
        "Each wave waits for Continuous Data Replication of all its machines; nothing is launched before.",
    ]
    return _message(run, "started", lines)


def waiting(run: RunRecord, wave: WaveRecord) -> Message:
    """A wave is not ready: what is waited for, and until when."""
    lines = [
        f"Wave {wave.name} waits: {wave.ready} of {wave.total} machines are ready.",
        wave.reason,
        f"Gives up at {wave.readiness_deadline}: then the wave is postponed and nothing of it is launched.",
    ]
    return _message(run, f"wave {wave.name} waits", lines)


def launched(run: RunRecord, wave: WaveRecord, launch: LaunchRecord, machines: Sequence[MachineRecord]) -> Message:
    """A launch was accepted: the job, and the instances it deletes."""
    deleted = [f"{each.label}: {each.instance_before}" for each in machines if each.instance_before]
    lines = [
        f"Wave {wave.name}: a {run.mode.value} launch of {len(machines)} machines was accepted, {named(launch.jobs)}.",
        f"The launch deletes the previous targets: {', '.join(deleted)}." if deleted else "It replaces no target.",
        f"Accepted is not launched: each target is verified as it appears, the job until {wave.job_deadline}.",
    ]
    return _message(run, f"wave {wave.name} launched", lines)


def ended(run: RunRecord, plan: Plan, machines: Sequence[tuple[WaveRecord, Sequence[MachineRecord]]]) -> Message:
    """A run has ended: what was proved, what was not and why, and the addresses of every target."""
    everyone = [machine for _, some in machines for machine in some]
    verified = sum(1 for machine in everyone if machine.status is MachineStatus.VERIFIED)
    lines = [f"{_HEADLINE[run.outcome or Outcome.FAILED]} {verified} of {len(everyone)} machines are verified."]
    if run.reason:
        lines.append(f"Reason: {run.reason}.")
    lines += [f"  {finding}" for finding in run.findings]
    for wave, some in machines:
        lines.append(f"Wave {wave.name}:")
        worst_first = sorted(some, key=lambda machine: machine.status is MachineStatus.VERIFIED)
        lines += [line for machine in worst_first[:_MACHINES] for line in _machine(machine)]
        if len(some) > _MACHINES:
            lines.append(f"  … and {len(some) - _MACHINES} more in the evidence")
    lines.append(f"Evidence: runs/{run.id}/evidence.json and summary.md in the run's bucket.")
    if run.outcome is Outcome.CUT_OVER:
        lines.append("To do: move users to the targets, and keep the sources from serving at the same time.")
    recorded = any(finding.field == "cutover" for machine in everyone for finding in machine.findings)
    return _message(run, (run.outcome or Outcome.FAILED).value, lines, _RECORDED if recorded else _HOLDER)


def died(run: RunRecord, status: str, cause: str) -> Message:
    """An execution ended from outside the workflow: nobody is following this run any more."""
    lines = [
        f"The workflow of this run is dead: its execution ended {status}.",
        f"Cause: {cause}" if cause else "No cause was given.",
        "Nothing follows this run any more. A launch that was accepted goes on at the service.",
        "Do: look at the evidence and at the project's jobs before anything is launched again.",
    ]
    return _message(run, f"died ({status})", lines)


_HEADLINE = {
    Outcome.TESTED: "Tested: every machine's test target was seen running and as planned.",
    Outcome.CUT_OVER: "Cut over: every machine's cutover target was seen running and as planned.",
    Outcome.POSTPONED: "Postponed: replication was not ready by the deadline; the wave it struck was not launched.",
    Outcome.REFUSED: "Refused: a rule forbids the launch; the wave it struck was not launched.",
    Outcome.FAILED: "FAILED: not every machine is verified.",
    Outcome.ABORTED: "Aborted by an operator.",
    Outcome.ROLLED_BACK: "Rolled back.",
}


def _message(run: RunRecord, about: str, lines: Sequence[str], holder: str = _HOLDER) -> Message:
    stage = "[SIMULATED] " if run.simulated else ""
    subject = f"{stage}{run.plan} {run.mode.value}: {about}"
    text = "\n".join(lines)
    if len(text) > _TEXT:
        text = text[:_TEXT].rsplit("\n", 1)[0] + "\n… the rest is in the evidence."
    return Message(subject.encode("ascii", "replace").decode()[:_SUBJECT], f"{text}\n{holder}\nRun {run.id}")


def _machine(machine: MachineRecord) -> list[str]:
    target = machine.target
    lines = [f"  {machine.label}: {machine.status.value}"]
    if target and target.instance_id:
        addresses = (
            ", ".join([*target.private_ips, *(f"{ip} (public)" for ip in target.public_ips)]) or "no address seen"
        )
        lines[0] += f", {target.instance_id}, {addresses}"
    return lines + [f"    {finding.severity.value}: {finding}" for finding in machine.findings]


def _list(wave: Wave, limit: int = 10) -> str:
    labels = [machine.label for machine in wave.machines]
    return ", ".join(labels[:limit]) + (f" and {len(labels) - limit} more" if len(labels) > limit else "")


def _count(plan: Plan) -> str:
    return f"{sum(len(wave.machines) for wave in plan.waves)} machines"
