"""What engineers are told of a run: one subject and one plain text for each kind of news. Rendered from records alone.

Every message says who holds production. No message says "success": it says what was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cutover import commands
from cutover.downtime import clock, data_stays, downtime, last_moment, window_end
from cutover.instants import text
from cutover.night_records import Holder, NightRecord, Part
from cutover.plan import Mode, Plan, Wave
from cutover.records import LaunchRecord, Level, MachineRecord, MachineStatus, Outcome, RunRecord, WaveRecord
from cutover.rule import lenient, said
from cutover.telling.catalogue import ENGLISH, Say

FRESH = NightRecord()
"""Of a run that has taken nothing from users: a test, and a cutover before its doors are closed."""

_SUBJECT = 100
_TEXT = 40_000
"""Characters: an event has the text three times, and may have 256 KiB."""
_MACHINES = 40
_ASCII = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "AE", "Ö": "OE", "Ü": "UE", "ß": "ss"})


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
    OVERDUE = "overdue"
    ENDED = "ended"
    LATE = "late"
    DIED = "died"


@dataclass(frozen=True)
class Message:
    """What is sent. The subject is one ASCII line of at most 100 characters, as SNS demands."""

    subject: str
    text: str


def holder_line(night: NightRecord, run: RunRecord, say: Say = ENGLISH) -> str:
    """The line of every message that says who serves users, since when."""
    if run.mode is Mode.TEST:
        return say("holder.test")
    match night.holder:
        case Holder.SOURCE:
            return say("holder.source", since=night.since) if night.since else say("holder.untouched")
        case Holder.TARGET:
            return say("holder.target", since=night.since)
    return say("holder.nobody", since=night.since)


def started(run: RunRecord, plan: Plan, night: NightRecord = FRESH, say: Say = ENGLISH) -> Message:
    """A run begins, or goes on after its execution died: what will happen, by which rules."""
    waves = [f"  {number}. {wave.name}: {_list(wave, say)}{_rule(wave)}" for number, wave in enumerate(plan.waves, 1)]
    count = sum(len(wave.machines) for wave in plan.waves)
    facts = {"plan": plan.name, "mode": run.mode.value, "count": count, "waves": len(plan.waves)}
    lines = [say("started.begins", attempt=run.attempt, **facts), *waves, say("started.waits")]
    if any(lenient(wave) for wave in plan.waves):
        lines.append(say("started.left_out"))
    if run.mode is Mode.CUTOVER and plan.night is not None:
        lines += _around(run, plan, night, say)
    return compose(run, say("started.about", attempt=run.attempt), lines, night, say=say)


def _around(run: RunRecord, plan: Plan, night: NightRecord, say: Say) -> list[str]:
    """What a cutover does beside its launches, and by when."""
    planned = plan.night
    if planned is None:
        return []
    lines = [say("started.window", end=text(window_end(planned, run)))]
    if night.closed is None and (planned.quiesce or planned.power_off or planned.switch):
        by, about = text(last_moment(planned, run)), clock(planned.estimate)
        lines.append(say("started.shut_out", by=by, about=about))
    for name in ("go", "users", "commit"):
        approval = getattr(planned, name)
        lines.append(say(f"started.asked_{name}", none=approval.none, by=say.any_of(approval.by)))
    return lines


def waiting(run: RunRecord, wave: WaveRecord, planned: Wave, night: NightRecord = FRESH, say: Say = ENGLISH) -> Message:
    """A wave is not ready: what is waited for, and until when."""
    postponed = say("waiting.postponed")
    if _shut_out(night):
        postponed = say("waiting.not_launched", then=say(f"waiting.then_{planned.on_failure.value}"))
    then = say("waiting.left_out", otherwise=postponed) if lenient(planned) else postponed
    doomed = [f"{line['label']}: {line['replaces']}" for line in wave.progress if line.get("replaces")]
    lines = [
        say("waiting.counted", wave=wave.name, ready=wave.ready, total=wave.total),
        wave.reason,
        say("waiting.deletes", doomed=few(doomed, say=say)),
        say("waiting.gives_up", deadline=wave.readiness_deadline, then=then),
    ]
    return compose(run, say("waiting.about", wave=wave.name), lines, night, say=say)


def launched(
    run: RunRecord,
    wave: WaveRecord,
    launch: LaunchRecord,
    machines: Sequence[MachineRecord],
    night: NightRecord = FRESH,
    say: Say = ENGLISH,
) -> Message:
    """A launch was accepted: the job, and the instances it deletes."""
    deleted = [f"{each.label}: {each.instance_before}" for each in machines if each.instance_before]
    out = [each for each in machines if each.left_out]
    facts = {"wave": wave.name, "mode": run.mode.value, "jobs": launch.jobs, "count": len(machines) - len(out)}
    lines = [
        say("launched.accepted", **facts),
        say("launched.deletes", deleted=", ".join(deleted)),
        say("launched.not_yet", deadline=wave.job_deadline),
    ]
    if night.closed:
        lines.append(say("launched.before", proved=proved_so_far(night, say)))
    if out:
        lines += [say("launched.left_out"), *(line for each in out for line in machine_lines(each, say))]
    return compose(run, say("launched.about", wave=wave.name), lines, night, say=say)


def proved_so_far(night: NightRecord, say: Say = ENGLISH) -> str:
    """What is known of the source since users were shut out."""
    return say(
        "night.proved_so_far",
        closed=night.closed,
        quiesced=night.quiesced,
        zero_loss=night.done.get(Part.ZERO_LOSS.value),
        power_off=night.done.get(Part.POWER_OFF.value),
    )


def ended(
    run: RunRecord,
    plan: Plan,
    machines: Sequence[tuple[WaveRecord, Sequence[MachineRecord]]],
    night: NightRecord = FRESH,
    say: Say = ENGLISH,
) -> Message:
    """A run has ended: what was proved, what was not and why, and the addresses of every target."""
    everyone = [machine for _, some in machines for machine in some]
    verified = sum(1 for machine in everyone if machine.status is MachineStatus.VERIFIED)
    outcome, partly = run.outcome or Outcome.FAILED, verified < len(everyone)
    good = outcome in (Outcome.TESTED, Outcome.CUT_OVER) and partly
    headline = _night_headline(outcome, night, say) or say(f"ended.{outcome.value}{'Partly' if good else ''}")
    counted = say("ended.counted", verified=verified, total=len(everyone))
    lines = [f"{headline} {counted}" if night.reopened is None else headline]
    lines += [*_only_booted(everyone, say), *_night_lines(run, plan, everyone, outcome, night, say)]
    if run.reason:
        lines.append(say("ended.reason", reason=run.reason))
    lines += [f"  {finding}" for finding in run.findings]
    for wave, some in machines:
        lines.append(say("ended.wave", wave=wave.name))
        lines += machines_lines(some, say)
    lines.append(say("ended.evidence", run=run.id))
    if outcome is Outcome.CUT_OVER and night.closed is None and night.opened is None:
        lines.append(say("ended.move_users", partly=partly))
    recorded = any(finding.field == "cutover" for machine in everyone for finding in machine.findings)
    untouched = night.holder is Holder.SOURCE and night.since is None
    about = outcome.value
    if good:
        about = say("ended.about_partly", outcome=outcome.value, verified=verified, total=len(everyone))
    if night.holder is Holder.NOBODY:
        about = say("night.nobody_about", about=about)
    return compose(run, about, lines, night, say("holder.recorded") if recorded and untouched else None, say)


def _only_booted(machines: Sequence[MachineRecord], say: Say) -> list[str]:
    """Which machines are verified by the machine alone."""
    booted = [each.label for each in machines if each.status is MachineStatus.VERIFIED and each.level is Level.BOOTED]
    return [say("ended.booted", machines=few(booted, say=say))] if booted else []


def _night_headline(outcome: Outcome, night: NightRecord, say: Say) -> str:
    """What people ask first; empty where the night does not answer it."""
    if outcome is Outcome.ROLLED_BACK and night.reopened:
        return say("ended.rolled_back_since", since=night.reopened)
    if outcome is Outcome.CUT_OVER and night.opened:
        return say("ended.cut_over_since", since=night.opened)
    if outcome is Outcome.POSTPONED and night.ending:
        return say("ended.postponed_untouched")
    if outcome is Outcome.FAILED and (night.closed or night.hold or night.back):
        return say("ended.failed_night")
    return ""


def _night_lines(
    run: RunRecord, plan: Plan, machines: Sequence[MachineRecord], outcome: Outcome, night: NightRecord, say: Say
) -> list[str]:
    """Downtime, the way back, the commit, and what is left to do of a night that has taken something from users."""
    lines = []
    seconds = downtime(night)
    if seconds is not None:
        planned = clock(plan.night.estimate) if plan.night else ""
        lines.append(say("night.shut_out_for", closed=night.closed, took=clock(seconds), planned=planned))
    if night.back:
        lines += went_back(night, say)
    if outcome is Outcome.CUT_OVER and night.opened:
        lines += _cut_over(night, say)
    if outcome is Outcome.ROLLED_BACK:
        targets = {each.target.instance_id: each.label for each in machines if each.target}
        stopped = [f"{targets.get(each, say('word.a_target'))}: {each}" for each in night.stopped]
        if stopped:
            lines.append(say("ended.left_over_stopped", stopped=few(stopped, say=say)))
        lines.append(say("ended.second_attempt"))
    if outcome is Outcome.FAILED and night.hold:
        hold = night.hold
        lines.append(
            say("ended.held", part=part_name(hold.part, say), since=hold.since, why=hold.reason, deadline=hold.deadline)
        )
    if night.holder is Holder.NOBODY:
        lines += nobody_serves(run, night, say)
    return lines


def went_back(night: NightRecord, say: Say = ENGLISH) -> list[str]:
    """Who began the way back, why, and what of users' data stays on the targets."""
    back = night.back
    if back is None:
        return []
    lines = [say("back.decided", automatic=back.automatic, by=back.by, at=back.at, reason=back.reason)]
    if (stays := data_stays(night)) is None:
        lines.append(say("back.nothing_lost"))
        return lines
    since, until = stays
    if night.opened:
        lines.append(say("back.users_let", opened=night.opened))
    else:
        lines.append(say("back.switch_begun"))
    lines.append(say("back.stays", since=since, until=until))
    return lines


def _cut_over(night: NightRecord, say: Say) -> list[str]:
    return [
        say("night.would_lose", opened=night.opened),
        say("ended.committed", at=night.committed),
        say("ended.left_over", off=night.done.get(Part.POWER_OFF.value)),
    ]


def nobody_serves(run: RunRecord, night: NightRecord, say: Say = ENGLISH) -> list[str]:
    """For a run that is over, or dead, behind closed doors."""
    since = night.since or night.closed
    return [say("night.nobody_serves", since=since), say("night.do_now", do=takeover(run, say))]


def takeover(run: RunRecord, say: Say = ENGLISH) -> str:
    """The command whose answer is the sheet of whoever goes on by hand."""
    return say("night.takeover", command=commands.takeover(run.id))


def died(run: RunRecord, status: str, cause: str, night: NightRecord = FRESH, say: Say = ENGLISH) -> Message:
    """An execution ended from outside the workflow: nobody is following this run any more."""
    lines = [say("died.dead", status=status), say("died.cause", cause=cause), say("died.goes_on")]
    about = say("died.about", status=status)
    if _shut_out(night):
        about = say("night.nobody_about", about=about)
        lines = [say("died.nobody", closed=night.closed), *lines]
        lines += [say("died.nothing_looks"), say("died.start_again"), say("died.by_hand", do=takeover(run, say))]
    else:
        lines.append(say("died.start_or_abort"))
    return compose(run, about, lines, night, say=say)


def late(
    run: RunRecord,
    machines: Sequence[tuple[WaveRecord, Sequence[MachineRecord]]],
    night: NightRecord = FRESH,
    say: Say = ENGLISH,
) -> Message:
    """Something came of a run that had ended, or its job is open for longer than anybody watches."""
    came = [machine for _, some in machines for machine in some if machine.isolated]
    if came:
        lines = [say("late.came"), *(f"  {each.label}: {each.findings[-1]}" for each in came)]
    else:
        lines = [say("late.at_work")]
        lines += [
            f"  {say('late.job', wave=wave.name, jobs=wave.jobs, status=wave.job_status)}"
            for wave, _ in machines
            if wave.jobs
        ]
        lines.append(say("late.look"))
    return compose(run, say("late.about"), lines, night, say=say)


def _shut_out(night: NightRecord) -> bool:
    """Whether nobody serves users now."""
    return night.holder is Holder.NOBODY


def compose(
    run: RunRecord,
    about: str,
    lines: Sequence[str],
    night: NightRecord,
    holder: str | None = None,
    say: Say = ENGLISH,
) -> Message:
    """A message with its last lines: who holds production, and the run."""
    body = "\n".join(lines)
    if len(body) > _TEXT:
        body = body[:_TEXT].rsplit("\n", 1)[0] + "\n" + say("word.rest")
    end = f"{holder or holder_line(night, run, say)}\n{say('word.run', run=run.id)}"
    return Message(subject(run, f"{run.plan} {run.mode.value}: {about}"), f"{body}\n{end}")


def subject(run: RunRecord, about: str) -> str:
    """One ASCII line of at most 100 characters; of a stage's run it says that it is one."""
    stage = "[SIMULATED] " if run.simulated else ""
    line = " ".join(f"{stage}{about}".split())
    return line.translate(_ASCII).encode("ascii", "replace").decode()[:_SUBJECT]


def machines_lines(machines: Sequence[MachineRecord], say: Say = ENGLISH) -> list[str]:
    """The machines of a wave, what went wrong first."""
    worst_first = sorted(machines, key=lambda machine: machine.status is MachineStatus.VERIFIED)
    lines = [line for machine in worst_first[:_MACHINES] for line in machine_lines(machine, say)]
    if len(machines) > _MACHINES:
        lines.append(f"  {say('machine.more', more=len(machines) - _MACHINES)}")
    return lines


def machine_lines(machine: MachineRecord, say: Say = ENGLISH) -> list[str]:
    """One machine: its status, its target's addresses, its findings."""
    target = machine.target
    group = f" ({machine.group})" if machine.group else ""
    level = f" ({say(f'machine.{machine.level.value}')})" if machine.level else ""
    lines = [f"  {machine.label}{group}: {say(f'machine.{machine.status.value}')}{level}"]
    if machine.accepted:
        lines[0] += f", {say('machine.accepted', by=machine.accepted.by, reason=machine.accepted.reason)}"
    if target and target.instance_id:
        public = [f"{ip} ({say('machine.public')})" for ip in target.public_ips]
        addresses = ", ".join([*target.private_ips, *public]) or say("machine.no_address")
        lines[0] += f", {target.instance_id}, {addresses}"
    lines += [f"    {say('machine.console', key=key)}" for key in machine.console]
    severity = {each: say(f"machine.{each.severity.value}") for each in machine.findings}
    return lines + [f"    {severity[finding]}: {finding}" for finding in machine.findings]


def _list(wave: Wave, say: Say) -> str:
    return few([machine.label for machine in wave.machines], say=say)


def few(texts: Sequence[str], limit: int = 10, say: Say = ENGLISH) -> str:
    """The first of them, and how many more there are."""
    more = f" {say('word.more', more=len(texts) - limit)}" if len(texts) > limit else ""
    return ", ".join(texts[:limit]) + more


def part_name(part: Part, say: Say = ENGLISH) -> str:
    """A part of the night in words."""
    return say(f"part.{part.value}")


def _rule(wave: Wave) -> str:
    return f" ({said(wave)})" if said(wave) else ""
