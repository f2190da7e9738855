"""Settle what selections choose, find every machine, look ahead, take the locks, and refuse what must not go.

Nothing is touched before that. Called again, by a retry or because the run goes on after its execution died, it leaves
alone what has begun.
"""

from __future__ import annotations

from dataclasses import replace

from cutover.errors import RunDisputed
from cutover.instants import instant
from cutover.observing import remark
from cutover.opening import begun, begun_or_fresh, forbidden, judged, locked, only_found, settled
from cutover.preflight import Preflight
from cutover.records import RunStatus
from cutover.rule import can_pass
from cutover.selection import remarks
from cutover.step import Answer, Step, step
from cutover.when import refusals

NAMED = 10
"""Refused machines that the run's reason names; each has its own findings."""


@step
def handler(here: Step) -> Answer:
    """Input {run, execution: its ARN}; {verdict: go | refused | aborted, reason}."""
    run = here.run
    if run.status is not RunStatus.RUNNING:
        raise RunDisputed(f"run {run.id} is {run.status}")
    here.store.update_run(run.id, in_attempt=run.attempt, execution=here.event["execution"])
    if run.aborted:
        return {"verdict": "aborted", "reason": f"aborted by {run.aborted_by}: {run.abort_reason}"}

    unsettled = settled(here)
    plan = here.plan
    everyone = [entry for wave in plan.waves for entry in wave.machines]
    listed = here.listed(everyone)
    looked = here.hold()
    here.store.update_run(run.id, started=run.started or looked)
    if unsettled:
        opened, preflight = begun_or_fresh(here), Preflight(unsettled, {})
    elif run.observe:
        opened, preflight = only_found(here, begun_or_fresh(here), listed), Preflight((remark(run.mode),), {})
    else:
        opened, preflight = judged(here, begun_or_fresh(here), listed)
    untouched = here.store.night(run.id).closed is None and not any(begun(wave) for wave, _ in opened)
    if untouched:
        preflight = replace(preflight, run=(*refusals(plan, run, instant(looked)), *preflight.run))
    opened = locked(here, forbidden(opened, preflight), looked)
    for wave, records in opened:
        if not begun(wave):
            here.store.write_machines(run.id, wave.number, records)
            here.store.write_wave(run.id, wave)
    here.store.update_run(run.id, findings=(*remarks(plan), *preflight.run))

    refused = [
        f"{each.label} ({each.findings[-1].seen})"
        for (wave, records), planned in zip(opened, plan.waves, strict=True)
        if not begun(wave) and not can_pass(planned, records)
        for each in records
        if each.judged
    ]
    if refused:
        more = f" and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
        reason = f"refused: {', '.join(refused[:NAMED])}{more}"
        here.store.update_run(run.id, reason=reason)
        return {"verdict": "refused", "reason": reason}
    goes_on = f"attempt {run.attempt} goes on: " if run.attempt > 1 else ""
    return {
        "verdict": "go",
        "reason": f"{goes_on}{len(everyone)} machines looked for, none forbidden that its wave depends on",
    }
