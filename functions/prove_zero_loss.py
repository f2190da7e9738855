"""Prove that nothing written at the source is missing: backlog 0, and consistent later than the end of the quiesce."""

from __future__ import annotations

from datetime import datetime

from cutover.instants import after, instant, text
from cutover.machine import Machine
from cutover.night import moved
from cutover.night_records import Part
from cutover.readiness import LOOKS, interval, resolve
from cutover.step import Answer, Step, step

PART = Part.ZERO_LOSS.value


@step
def handler(here: Step) -> Answer:
    """Input {run, execution}; {verdict: done | wait | failed, wait_seconds, rule, tell, reason}."""
    everyone = [entry for wave in here.plan.waves for entry in wave.machines]
    left_out = {each.label for _, machines in here.everything() for each in machines if each.left_out}
    found = resolve(everyone, here.listed(everyone))
    looked, night = here.looked(), here.store.night(here.run.id)
    quiesced = instant(str(night.quiesced))
    missing = [
        f"{entry.label} ({_lacks(seen, quiesced) if isinstance(seen, Machine) else seen.seen})"
        for entry, seen in zip(everyone, found, strict=True)
        if entry.label not in left_out and (not isinstance(seen, Machine) or _lacks(seen, quiesced))
    ]
    if not missing:
        here.hold()
        here.store.write_night(here.run.id, moved(night, Part.ZERO_LOSS, looked))
        return here.said("done", f"backlog 0, consistent after {text(quiesced)}, on every machine", tell="proved")
    deadline = night.deadlines.get(PART) or after(looked, here.planned_night.zero_loss_wait)
    looks = night.looks.get(PART, 0)
    reason = f"not yet consistent after the end of the quiesce, {text(quiesced)}: {', '.join(missing[:5])}"
    if len(missing) > 5:
        reason += f" and {len(missing) - 5} more"
    night = night.but(deadlines={**night.deadlines, PART: deadline}, looks={**night.looks, PART: looks + 1})
    here.store.write_night(here.run.id, night)
    if instant(looked) >= instant(deadline) or looks >= LOOKS:
        return here.said("failed", f"zero loss was not proved by {deadline}: {reason}", rule="undo")
    wait = interval(here.poll, instant(looked), instant(deadline), LOOKS - looks)
    here.hold(wait)
    return here.said("wait", reason, wait=wait)


def _lacks(machine: Machine, quiesced: datetime) -> str:
    """Why nothing is proved of it, in words; empty when it is."""
    seen = machine.replication
    if seen is None or seen.consistent_at is None:
        return "the service names no consistency point"
    if seen.backlog_bytes is None:
        return "the service names no backlog"
    if seen.backlog_bytes > 0:
        return f"backlog {seen.backlog_bytes} bytes"
    return "" if seen.consistent_at > quiesced else f"consistent at {text(seen.consistent_at)}"
