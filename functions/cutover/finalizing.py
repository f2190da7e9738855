"""Which sources may be removed from the service, for good: only those whose cutover people have committed to. Pure.

Removing one uninstalls its agent, ends its replication and deletes what was staged for it; its target stays. Nothing
leads back from there but a new agent and a full initial sync.
"""

from __future__ import annotations

from collections.abc import Sequence

from cutover.after_records import Fate, Remainder
from cutover.cleanup import Left
from cutover.finding import Finding
from cutover.guard import keep_tag
from cutover.night_records import Holder, NightRecord
from cutover.plan import Mode
from cutover.records import MachineStatus, Outcome, RunRecord

FINALIZE = "FINALIZE"
"""Where its Aftermath is kept."""
RETRY = "a retry needs the agent installed again and a full initial sync; the sources' own data is not touched"
"""What it takes to come back after it."""


def not_of_the_run(run: RunRecord, night: NightRecord, confirmed: str) -> Finding | None:
    """Why nothing of this run is finalized; None where it may be. `confirmed`: the plan's name, typed by a person."""
    if run.mode is not Mode.CUTOVER or run.observe or run.outcome is not Outcome.CUT_OVER:
        ended = run.outcome.value if run.outcome else "not ended"
        seen = f"run {run.id} is {'a test' if run.mode is Mode.TEST else 'observed' if run.observe else ended}"
        return Finding("finalize", seen, "only a cutover that ended CutOver is finalized", "name such a run")
    if night.committed is None or night.holder is not Holder.TARGET:
        seen = f"run {run.id} was not committed; production is held by {night.holder.value}"
        rule = "people accept the targets' data as the truth first"
        return Finding("finalize", seen, rule, "answer the question `commit` of the run, or run the cutover again")
    if confirmed != run.plan:
        seen = f"confirmed with {confirmed!r}" if confirmed else "not confirmed"
        return Finding("finalize", seen, "whoever finalizes names the plan", f"give --confirm {run.plan}")
    return None


def judge(left: Sequence[Left]) -> list[Remainder]:
    """For each machine of the run: whether its source goes, is gone from the service, or stays and why."""
    return [_one(each) for each in left]


def _one(each: Left) -> Remainder:
    record = each.record
    target = record.target.instance_id if record.target else None
    if record.id is not None and each.machine is None:
        return Remainder(record.label, record.id, target, record.replica, Fate.GONE)
    against = [*_unproved(each), *_target(each, target), *_held(each)]
    fate = Fate.STAYS if against or record.id is None else Fate.GOES
    return Remainder(record.label, record.id, target, record.replica, fate, tuple(against))


def _unproved(each: Left) -> list[Finding]:
    if each.record.status is MachineStatus.VERIFIED:
        return []
    seen = f"{each.record.label} ended {each.record.status.value}"
    rule = "only a machine whose target was verified loses its source's replication"
    return [Finding("finalize", seen, rule, "cut it over again, or remove it in the service's console by hand")]


def _target(each: Left, target: str | None) -> list[Finding]:
    """The verified target must be there, named by the service, kept by EC2, and kept back by nobody."""
    if each.instance is None or each.instance.gone or each.instance.state == "shutting-down":
        rule = "the target stays when its source is removed"
        return [
            Finding("finalize", f"{target or 'its target'} is not there any more", rule, "find out what became of it")
        ]
    found = []
    if each.replica is None or each.replica.instance_id != target:
        has = each.replica.instance_id if each.replica else "none"
        seen = f"the service has {has} as the present target, the run verified {target}"
        found.append(Finding("finalize", seen, "nobody has launched since", "find out who launched it again"))
    if each.protected is not True:
        seen = f"{target} " + ("has no" if each.protected is False else "may have no") + " termination protection"
        rule = "a target is protected before its source is removed"
        found.append(
            Finding("protection", seen, rule, f"turn the termination protection of {target} on, then ask again")
        )
    if keep := keep_tag(each.instance.tags):
        seen = f"{target} carries the tag {keep}={each.instance.tags[keep]}"
        found.append(Finding("keep", seen, "what somebody keeps stays as it is", "remove the tag, then ask again"))
    return found


def _held(each: Left) -> list[Finding]:
    if not each.held_by:
        return []
    rule = "a machine is in at most one active run"
    return [Finding("lock", f"run {each.held_by} is at work on it", rule, f"wait for run {each.held_by} to end")]
