"""What people are told: one subject and one plain text for each kind of news. Rendered from records alone.

Every message says who holds production. No message says "success": it says what was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cutover import commands
from cutover.downtime import clock, data_stays, downtime, last_moment, window_end
from cutover.instants import text
from cutover.launch import named
from cutover.night_records import Holder, NightRecord, Part
from cutover.plan import Mode, OnFailure, Plan, Wave
from cutover.records import LaunchRecord, Level, MachineRecord, MachineStatus, Outcome, RunRecord, WaveRecord
from cutover.rule import lenient, said

FRESH = NightRecord()
"""Of a run that has taken nothing from users: a test, and a cutover before its doors are closed."""

_TEST = "Production: SOURCE. This run stops no source machine and moves no users."
_UNTOUCHED = "Production: SOURCE. This run has shut nobody out."
_RECORDED = "Production: TARGET where a cutover is recorded, SOURCE elsewhere. This run changed nothing of it."
_SUBJECT = 100
_TEXT = 60_000
_MACHINES = 40


class News(StrEnum):
    """What a message is about."""

    STARTED = "started"
    WAITING = "waiting"
    ASKED = "asked"
    CLOSED = "closed"
    PROVED = "proved"
    LAUNCHED = "launched"
    SWITCHED = "switched"
    HELD = "held"
    GOING_BACK = "going_back"
    SILENT = "silent"
    ENDED = "ended"
    LATE = "late"
    DIED = "died"


@dataclass(frozen=True)
class Message:
    """What is sent. The subject is one ASCII line of at most 100 characters, as SNS demands."""

    subject: str
    text: str


def detail(
    run: RunRecord, news: News, message: Message, wave: str | None = None, night: NightRecord = FRESH
) -> dict[str, Any]:
    """The detail of a RunNews event: {run, plan, mode, wave, news, outcome, production, subject, text}."""
    outcome = Outcome.FAILED if news is News.DIED else run.outcome
    return {
        "run": run.id,
        "plan": run.plan,
        "mode": run.mode.value,
        "wave": wave,
        "news": news.value,
        "outcome": outcome.value if outcome else None,
        "production": night.serving,
        "subject": message.subject,
        "text": message.text,
    }


def holder_line(night: NightRecord, run: RunRecord) -> str:
    """The line of every message that says who serves users, since when."""
    if run.mode is Mode.TEST:
        return _TEST
    since = f" since {night.since}" if night.since else ""
    match night.holder:
        case Holder.SOURCE:
            return f"Production: SOURCE{since}. Its doors are open again." if since else _UNTOUCHED
        case Holder.TARGET:
            return f"Production: TARGET{since}. Users are on the targets."
    return f"Production: NOBODY{since}. Users are shut out."


def started(run: RunRecord, plan: Plan, night: NightRecord = FRESH) -> Message:
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
    if run.mode is Mode.CUTOVER and plan.night is not None:
        lines += _around(run, plan, night)
    return compose(run, "started" if run.attempt == 1 else "goes on", lines, night)


def _around(run: RunRecord, plan: Plan, night: NightRecord) -> list[str]:
    """What a cutover does beside its launches, and by when."""
    planned = plan.night
    if planned is None:
        return []
    lines = [f"The window ends at {text(window_end(planned, run))}."]
    if night.closed is None and (planned.quiesce or planned.power_off or planned.switch):
        by, about = text(last_moment(planned, run)), clock(planned.estimate)
        lines.append(f"Users are shut out by {by} or not at all, for about {about}.")
    asked = {"before that": planned.go, "before the switch": planned.users, "after the soak": planned.commit}
    lines += [
        f"Asked {when}: nobody ({approval.none})." if approval.none else f"Asked {when}: {' or '.join(approval.by)}."
        for when, approval in asked.items()
    ]
    return lines


def waiting(run: RunRecord, wave: WaveRecord, planned: Wave, night: NightRecord = FRESH) -> Message:
    """A wave is not ready: what is waited for, and until when."""
    postponed = "the wave is postponed and nothing of it is launched"
    if _shut_out(night):
        postponed = f"the wave is not launched, and the run {_FAILED_WAVE[planned.on_failure]}"
    then = f"who is not ready is left out if the wave can pass without, else {postponed}"
    doomed = [f"{line['label']}: {line['replaces']}" for line in wave.progress if line.get("replaces")]
    lines = [
        f"Wave {wave.name} waits: {wave.ready} of {wave.total} machines are ready.",
        wave.reason,
        f"A launch would delete: {few(doomed)}." if doomed else "A launch would delete nothing.",
        f"Gives up at {wave.readiness_deadline}: then {then if lenient(planned) else postponed}.",
    ]
    return compose(run, f"wave {wave.name} waits", lines, night)


def launched(
    run: RunRecord,
    wave: WaveRecord,
    launch: LaunchRecord,
    machines: Sequence[MachineRecord],
    night: NightRecord = FRESH,
) -> Message:
    """A launch was accepted: the job, and the instances it deletes."""
    deleted = [f"{each.label}: {each.instance_before}" for each in machines if each.instance_before]
    out = [each for each in machines if each.left_out]
    count = len(machines) - len(out)
    lines = [
        f"Wave {wave.name}: a {run.mode.value} launch of {count} machines was accepted, {named(launch.jobs)}.",
        f"The launch deletes the previous targets: {', '.join(deleted)}." if deleted else "It replaces no target.",
        f"Accepted is not launched: each target is verified as it appears, the job until {wave.job_deadline}.",
    ]
    if night.closed:
        lines.append(f"Before it: {proved_so_far(night)}.")
    if out:
        lines += ["Left out, which the plan's rule allows:", *(line for each in out for line in machine_lines(each))]
    return compose(run, f"wave {wave.name} launched", lines, night)


def proved_so_far(night: NightRecord) -> str:
    """What is known of the source since users were shut out."""
    said = [f"users shut out {night.closed}"]
    if night.quiesced:
        said.append(f"quiesced {night.quiesced}")
    if at := night.done.get(Part.ZERO_LOSS.value):
        said.append(f"backlog 0 and consistent after the quiesce, seen {at}")
    if at := night.done.get(Part.POWER_OFF.value):
        said.append(f"sources proved off {at}")
    return ", ".join(said)


def ended(
    run: RunRecord,
    plan: Plan,
    machines: Sequence[tuple[WaveRecord, Sequence[MachineRecord]]],
    night: NightRecord = FRESH,
) -> Message:
    """A run has ended: what was proved, what was not and why, and the addresses of every target."""
    everyone = [machine for _, some in machines for machine in some]
    verified = sum(1 for machine in everyone if machine.status is MachineStatus.VERIFIED)
    outcome, partly = run.outcome or Outcome.FAILED, verified < len(everyone)
    headline = _PARTLY.get(outcome, _HEADLINE[outcome]) if partly else _HEADLINE[outcome]
    headline = _night_headline(outcome, night) or headline
    counted = f"{verified} of {len(everyone)} machines are verified."
    lines = [f"{headline} {counted}" if night.reopened is None else headline]
    lines += [*_only_booted(everyone), *_night_lines(run, plan, everyone, outcome, night)]
    if run.reason:
        lines.append(f"Reason: {run.reason}.")
    lines += [f"  {finding}" for finding in run.findings]
    for wave, some in machines:
        lines.append(f"Wave {wave.name}:")
        lines += machines_lines(some)
    lines.append(f"Evidence: runs/{run.id}/evidence.json and summary.md in the run's bucket.")
    if outcome is Outcome.CUT_OVER and night.closed is None and night.opened is None:
        whose = "the targets of the machines that are verified, and of no other," if partly else "the targets,"
        lines.append(f"To do: move users to {whose} and keep the sources from serving at the same time.")
    recorded = any(finding.field == "cutover" for machine in everyone for finding in machine.findings)
    untouched = night.holder is Holder.SOURCE and night.since is None
    good = outcome in _PARTLY and partly
    about = f"{outcome.value}, {verified} of {len(everyone)} machines" if good else outcome.value
    if night.holder is Holder.NOBODY:
        about += ", nobody serves users"
    return compose(run, about, lines, night, _RECORDED if recorded and untouched else None)


def _only_booted(machines: Sequence[MachineRecord]) -> list[str]:
    """Which machines are verified by the machine alone."""
    booted = [each.label for each in machines if each.status is MachineStatus.VERIFIED and each.level is Level.BOOTED]
    return [f"Booted, with no check of the application passed: {few(booted)}."] if booted else []


def _night_headline(outcome: Outcome, night: NightRecord) -> str:
    """What people ask first; empty where the night does not answer it."""
    if outcome is Outcome.ROLLED_BACK and night.reopened:
        return f"Rolled back: users are on the source again since {night.reopened}."
    if outcome is Outcome.CUT_OVER and night.opened:
        return f"Cut over: users are on the targets since {night.opened}."
    if outcome is Outcome.POSTPONED and night.ending:
        return "Postponed: users were not shut out, nothing was launched, and they are served as before."
    if outcome is Outcome.FAILED and (night.closed or night.hold or night.back):
        return "FAILED: the night did not come to its end."
    return ""


def _night_lines(
    run: RunRecord, plan: Plan, machines: Sequence[MachineRecord], outcome: Outcome, night: NightRecord
) -> list[str]:
    """Downtime, the way back, the commit, and what is left to do of a night that has taken something from users."""
    lines = []
    planned = f", planned {clock(plan.night.estimate)}" if plan.night else ""
    seconds = downtime(night)
    if seconds is not None:
        lines.append(f"Users were shut out from {night.closed} on, for {clock(seconds)}{planned}.")
    if night.back:
        lines += went_back(night)
    if outcome is Outcome.CUT_OVER and night.opened:
        lines += _cut_over(run, night)
    if outcome is Outcome.ROLLED_BACK:
        targets = {each.target.instance_id: each.label for each in machines if each.target}
        stopped = [f"{targets.get(each, 'a target')}: {each}" for each in night.stopped]
        if stopped:
            lines.append(f"Left over: stopped targets, which nobody terminates, {few(stopped)}. Their volumes cost.")
        lines.append("A second attempt is a new run; it may delete these targets, and no others that went live.")
    if outcome is Outcome.FAILED and night.hold:
        hold = night.hold
        lines.append(
            f"It held at {hold.part.value} since {hold.since}: {hold.reason}. Nobody took it up by {hold.deadline}; "
            "at the deadline nothing was changed."
        )
    if night.holder is Holder.NOBODY:
        lines += nobody_serves(run, night)
    return lines


def went_back(night: NightRecord) -> list[str]:
    """Who began the way back, why, and what of users' data stays on the targets."""
    back = night.back
    if back is None:
        return []
    how = "by itself" if back.automatic else "by hand"
    lines = [f"Going back was decided {how}, by {back.by}, at {back.at}: {back.reason}."]
    if (stays := data_stays(night)) is None:
        lines.append("Users were never on the targets; nothing was lost.")
        return lines
    since, until = stays
    span = f"from {since} to {until}" if until else f"from {since} until the targets are stopped"
    if night.opened:
        lines.append(f"Users were let onto the targets at {night.opened}.")
    else:
        lines.append("The switch had begun, and from outside the targets were not seen to serve.")
    lines.append(f"What users entered there {span} stays only on the stopped targets; nothing brings it to the source.")
    return lines


def _cut_over(run: RunRecord, night: NightRecord) -> list[str]:
    lines = [f"Going back now would lose what is entered after {night.opened}."]
    if night.committed:
        lines.append(f"Committed at {night.committed}: the targets are protected from termination.")
    else:
        lines.append("Not committed: nobody has said that what the targets hold is the truth, nothing protects them.")
    off = night.done.get(Part.POWER_OFF.value)
    sources = f"the sources, off since {off}: leave them off" if off else "the sources: keep them from serving"
    lines.append(f"Left over: {sources}; replication and its staging go on, and cost, until they are taken down.")
    return lines


def nobody_serves(run: RunRecord, night: NightRecord) -> list[str]:
    """For a run that is over, or dead, behind closed doors."""
    return [
        f"NOBODY SERVES USERS since {night.since or night.closed}, and nothing of this run goes on by itself.",
        f"Do, now: {takeover(run)}",
    ]


def takeover(run: RunRecord) -> str:
    """The command whose answer is the sheet of whoever goes on by hand."""
    return f"{commands.takeover(run.id)} (what is done, what is open, what to click)"


def died(run: RunRecord, status: str, cause: str, night: NightRecord = FRESH) -> Message:
    """An execution ended from outside the workflow: nobody is following this run any more."""
    lines = [
        f"The workflow of this run is dead: its execution ended {status}.",
        f"Cause: {cause}" if cause else "No cause was given.",
        "Nothing follows this run any more. A launch that was accepted goes on at the service.",
    ]
    about = f"died ({status})"
    if _shut_out(night):
        about += ", nobody serves users"
        lines = [f"NOBODY SERVES USERS: the doors are closed since {night.closed}, and the workflow is dead.", *lines]
        lines.append("Questions and orders are not looked at, deadlines not kept, until it is started again.")
        lines.append("Do, now: start the run again: it goes on from where it stands, and does nothing twice.")
        lines.append(f"Or take over by hand: {takeover(run)}")
    else:
        lines.append(
            "Do: start the run again: it goes on from what is recorded and seen, and launches nothing twice. "
            "Or abort it."
        )
    return compose(run, about, lines, night)


def late(
    run: RunRecord,
    machines: Sequence[tuple[WaveRecord, Sequence[MachineRecord]]],
    night: NightRecord = FRESH,
) -> Message:
    """Something came of a run that had ended, or its job is open for longer than anybody watches."""
    came = [machine for _, some in machines for machine in some if machine.isolated]
    if came:
        lines = ["After this run had ended, targets appeared that nobody waited for any more:"]
        lines += [f"  {each.label}: {each.findings[-1]}" for each in came]
    else:
        lines = ["The service is still at work for a launch of this run, and nobody watches it any more."]
        lines += [f"  wave {wave.name}: {named(wave.jobs)} is {wave.job_status}" for wave, _ in machines if wave.jobs]
        lines.append("Do: look at the project's jobs in the service's console before anything is launched again.")
    return compose(run, "late", lines, night)


def _shut_out(night: NightRecord) -> bool:
    """Whether nobody serves users now."""
    return night.holder is Holder.NOBODY


_FAILED_WAVE = {
    OnFailure.HOLD: "holds until a person decides",
    OnFailure.STOP: "goes back: users are let in at the source again",
    OnFailure.CONTINUE: "goes back: users are let in at the source again",
}
"""What becomes of a night, behind closed doors, when a wave is not launched."""

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


def compose(run: RunRecord, about: str, lines: Sequence[str], night: NightRecord, holder: str | None = None) -> Message:
    """A message with its last lines: who holds production, and the run."""
    stage = "[SIMULATED] " if run.simulated else ""
    subject = " ".join(f"{stage}{run.plan} {run.mode.value}: {about}".split())
    body = "\n".join(lines)
    if len(body) > _TEXT:
        body = body[:_TEXT].rsplit("\n", 1)[0] + "\n… the rest is in the evidence."
    end = f"{holder or holder_line(night, run)}\nRun {run.id}"
    return Message(subject.encode("ascii", "replace").decode()[:_SUBJECT], f"{body}\n{end}")


def machines_lines(machines: Sequence[MachineRecord]) -> list[str]:
    """The machines of a wave, what went wrong first."""
    worst_first = sorted(machines, key=lambda machine: machine.status is MachineStatus.VERIFIED)
    lines = [line for machine in worst_first[:_MACHINES] for line in machine_lines(machine)]
    if len(machines) > _MACHINES:
        lines.append(f"  … and {len(machines) - _MACHINES} more in the evidence")
    return lines


def machine_lines(machine: MachineRecord) -> list[str]:
    """One machine: its status, its target's addresses, its findings."""
    target = machine.target
    group = f" ({machine.group})" if machine.group else ""
    level = f" ({machine.level.value})" if machine.level else ""
    lines = [f"  {machine.label}{group}: {machine.status.value}{level}"]
    if machine.accepted:
        lines[0] += f", accepted by {machine.accepted.by} ({machine.accepted.reason})"
    if target and target.instance_id:
        addresses = (
            ", ".join([*target.private_ips, *(f"{ip} (public)" for ip in target.public_ips)]) or "no address seen"
        )
        lines[0] += f", {target.instance_id}, {addresses}"
    lines += [f"    console kept: {key}" for key in machine.console]
    return lines + [f"    {finding.severity.value}: {finding}" for finding in machine.findings]


def _list(wave: Wave) -> str:
    return few([machine.label for machine in wave.machines])


def few(texts: Sequence[str], limit: int = 10) -> str:
    """The first of them, and how many more there are."""
    return ", ".join(texts[:limit]) + (f" and {len(texts) - limit} more" if len(texts) > limit else "")


def _rule(wave: Wave) -> str:
    return f" ({said(wave)})" if said(wave) else ""


def _count(plan: Plan) -> str:
    return f"{sum(len(wave.machines) for wave in plan.waves)} machines"
