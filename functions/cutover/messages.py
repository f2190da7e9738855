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
from cutover.rule import lenient, said

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
    LATE = "late"
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
    """A run begins, or goes on after its execution died: what will happen, by which rules."""
    waves = [f"  {number}. {wave.name}: {_list(wave)}{_rule(wave)}" for number, wave in enumerate(plan.waves, 1)]
    begins = "begins" if run.attempt == 1 else f"goes on (attempt {run.attempt})"
    lines = [
        f"Plan {plan.name} {begins} in {run.mode.value} mode: {_count(plan)} in {len(plan.waves)} waves, in order:",
        *waves,
        "Each wave waits for Continuous Data Replication of all its machines; nothing is launched before.",
    ]
    if any(lenient(wave) for wave in plan.waves):
        lines.append("Who is not ready by the deadline is left out where its wave can pass without.")
    return _message(run, "started" if run.attempt == 1 else "goes on", lines)


def waiting(run: RunRecord, wave: WaveRecord, planned: Wave) -> Message:
    """A wave is not ready: what is waited for, and until when."""
    postponed = "the wave is postponed and nothing of it is launched"
    then = f"who is not ready is left out if the wave can pass without, else {postponed}"
    doomed = [f"{line['label']}: {line['replaces']}" for line in wave.progress if line.get("replaces")]
    lines = [
        f"Wave {wave.name} waits: {wave.ready} of {wave.total} machines are ready.",
        wave.reason,
        f"A launch would delete: {_few(doomed)}." if doomed else "A launch would delete nothing.",
        f"Gives up at {wave.readiness_deadline}: then {then if lenient(planned) else postponed}.",
    ]
    return _message(run, f"wave {wave.name} waits", lines)


def launched(run: RunRecord, wave: WaveRecord, launch: LaunchRecord, machines: Sequence[MachineRecord]) -> Message:
    """A launch was accepted: the job, and the instances it deletes."""
    deleted = [f"{each.label}: {each.instance_before}" for each in machines if each.instance_before]
    out = [each for each in machines if each.left_out]
    count = len(machines) - len(out)
    lines = [
        f"Wave {wave.name}: a {run.mode.value} launch of {count} machines was accepted, {named(launch.jobs)}.",
        f"The launch deletes the previous targets: {', '.join(deleted)}." if deleted else "It replaces no target.",
        f"Accepted is not launched: each target is verified as it appears, the job until {wave.job_deadline}.",
    ]
    if out:
        lines += ["Left out, which the plan's rule allows:", *(line for each in out for line in _machine(each))]
    return _message(run, f"wave {wave.name} launched", lines)


def ended(run: RunRecord, plan: Plan, machines: Sequence[tuple[WaveRecord, Sequence[MachineRecord]]]) -> Message:
    """A run has ended: what was proved, what was not and why, and the addresses of every target."""
    everyone = [machine for _, some in machines for machine in some]
    verified = sum(1 for machine in everyone if machine.status is MachineStatus.VERIFIED)
    outcome, partly = run.outcome or Outcome.FAILED, verified < len(everyone)
    headline = _PARTLY.get(outcome, _HEADLINE[outcome]) if partly else _HEADLINE[outcome]
    lines = [f"{headline} {verified} of {len(everyone)} machines are verified."]
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
    if outcome is Outcome.CUT_OVER:
        whose = "the targets of the machines that are verified, and of no other," if partly else "the targets,"
        lines.append(f"To do: move users to {whose} and keep the sources from serving at the same time.")
    recorded = any(finding.field == "cutover" for machine in everyone for finding in machine.findings)
    good = outcome in _PARTLY and partly
    about = f"{outcome.value}, {verified} of {len(everyone)} machines" if good else outcome.value
    return _message(run, about, lines, _RECORDED if recorded else _HOLDER)


def died(run: RunRecord, status: str, cause: str) -> Message:
    """An execution ended from outside the workflow: nobody is following this run any more."""
    lines = [
        f"The workflow of this run is dead: its execution ended {status}.",
        f"Cause: {cause}" if cause else "No cause was given.",
        "Nothing follows this run any more. A launch that was accepted goes on at the service.",
        "Do: start the run again: it goes on from what is recorded and seen, and launches nothing twice. Or abort it.",
    ]
    return _message(run, f"died ({status})", lines)


def late(run: RunRecord, machines: Sequence[tuple[WaveRecord, Sequence[MachineRecord]]]) -> Message:
    """Something came of a run that had ended, or its job is open for longer than anybody watches."""
    came = [machine for _, some in machines for machine in some if machine.isolated]
    if came:
        lines = ["After this run had ended, targets appeared that nobody waited for any more:"]
        lines += [f"  {each.label}: {each.findings[-1]}" for each in came]
    else:
        lines = ["The service is still at work for a launch of this run, and nobody watches it any more."]
        lines += [f"  wave {wave.name}: {named(wave.jobs)} is {wave.job_status}" for wave, _ in machines if wave.jobs]
        lines.append("Do: look at the project's jobs in the service's console before anything is launched again.")
    return _message(run, "late", lines)


_HEADLINE = {
    Outcome.TESTED: "Tested: every machine's test target was seen running and as planned.",
    Outcome.CUT_OVER: "Cut over: every machine's cutover target was seen running and as planned.",
    Outcome.POSTPONED: "Postponed: replication was not ready by the deadline; the wave it struck was not launched.",
    Outcome.REFUSED: "Refused: a rule forbids the launch; the wave it struck was not launched.",
    Outcome.FAILED: "FAILED: not every machine is verified.",
    Outcome.ABORTED: "Aborted by an operator.",
    Outcome.ROLLED_BACK: "Rolled back.",
}
_PARTLY = {
    Outcome.TESTED: "Tested, but not every machine: each wave passed by the plan's rule.",
    Outcome.CUT_OVER: "Cut over, but not every machine: each wave passed by the plan's rule.",
}
"""Of a good end where the plan lets machines pass that are not verified."""


def _message(run: RunRecord, about: str, lines: Sequence[str], holder: str = _HOLDER) -> Message:
    stage = "[SIMULATED] " if run.simulated else ""
    subject = f"{stage}{run.plan} {run.mode.value}: {about}"
    text = "\n".join(lines)
    if len(text) > _TEXT:
        text = text[:_TEXT].rsplit("\n", 1)[0] + "\n… the rest is in the evidence."
    return Message(subject.encode("ascii", "replace").decode()[:_SUBJECT], f"{text}\n{holder}\nRun {run.id}")


def _machine(machine: MachineRecord) -> list[str]:
    target = machine.target
    group = f" ({machine.group})" if machine.group else ""
    lines = [f"  {machine.label}{group}: {machine.status.value}"]
    if target and target.instance_id:
        addresses = (
            ", ".join([*target.private_ips, *(f"{ip} (public)" for ip in target.public_ips)]) or "no address seen"
        )
        lines[0] += f", {target.instance_id}, {addresses}"
    return lines + [f"    {finding.severity.value}: {finding}" for finding in machine.findings]


def _list(wave: Wave) -> str:
    return _few([machine.label for machine in wave.machines])


def _few(texts: Sequence[str], limit: int = 10) -> str:
    return ", ".join(texts[:limit]) + (f" and {len(texts) - limit} more" if len(texts) > limit else "")


def _rule(wave: Wave) -> str:
    return f" ({said(wave)})" if said(wave) else ""


def _count(plan: Plan) -> str:
    return f"{sum(len(wave.machines) for wave in plan.waves)} machines"
