"""Which test targets of a run may be deleted: only what this run launched as a test, and nobody needs. Pure.

It is deleted through the service, by its own id of the target: one that was replaced meanwhile has another id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cutover.after_records import Fate, Remainder
from cutover.finding import Finding
from cutover.guard import MODE_TAG, keep_tag
from cutover.instance import Instance
from cutover.late import ISOLATED_TAG
from cutover.machine import Machine, Replica
from cutover.plan import Mode
from cutover.records import MachineRecord, RunRecord, RunStatus

CLEANUP = "CLEANUP"
"""Where its Aftermath is kept."""
LOOKS_AFTER = (0, 900, 7200, 43200)
"""Seconds after the end of their time to live at which a run's targets are looked at: the first look asks, the others
see to its end, or ask again where the project was busy."""
RUN_TAG = "cutover:run"


@dataclass(frozen=True)
class Left:
    """One machine of the run as it is now. `machine` and `replica`: as the service has them, `replica` being its
    present target; `instance`: the target of the run in EC2; `protected`: None where nobody could tell. `held_by`:
    another run that has the machine.
    """

    record: MachineRecord
    machine: Machine | None
    replica: Replica | None
    instance: Instance | None
    protected: bool | None = None
    held_by: str = ""


def schedule_name(run_id: str, look: int) -> str:
    """The name of the schedule of a run's nth look; a schedule's name has at most 64 characters, a run's id 80."""
    return f"clean-up-{hashlib.sha256(run_id.encode()).hexdigest()[:24]}-{look}"


def not_of_the_run(run: RunRecord) -> Finding | None:
    """Why nothing at all of this run is cleaned up; None where it may be."""
    if run.mode is not Mode.TEST or run.observe:
        seen = f"run {run.id} " + ("launched nothing itself" if run.observe else "is a cutover")
        return Finding("clean_up", seen, "only what a run launched as a test is cleaned up", "name such a run")
    if run.status is RunStatus.RUNNING:
        return Finding(
            "clean_up", f"run {run.id} has not ended", "a run's targets stay while it runs", "wait for it to end"
        )
    return None


def judge(run: RunRecord, left: Sequence[Left], labels_asked: Mapping[str, str] | None = None) -> list[Remainder]:
    """For each machine of the run that has a target: whether that goes, is gone, or stays and why.

    `labels_asked`: by label, the target whose deletion the service has accepted already.
    """
    return [_one(run, each, (labels_asked or {}).get(each.record.label)) for each in left if _target(each)]


def _one(run: RunRecord, each: Left, asked: str | None) -> Remainder:
    target = str(_target(each))
    named = _named_by_service(each, target)
    if each.instance is None or each.instance.gone or each.instance.state == "shutting-down":
        gone = each.instance is None or each.instance.gone
        return _remainder(each, Fate.GONE if gone else Fate.GOING, ())
    if asked is not None and named and asked == each.record.replica:
        return _remainder(each, Fate.GOING, ())
    against = [*_not_ours(run, each.instance), *_live(each), *_kept(each, target), *_held(each)]
    if not named:
        against.append(_orphan(each, target))
    return _remainder(each, Fate.STAYS if against else Fate.GOES, tuple(against))


def _target(each: Left) -> str | None:
    return each.record.target.instance_id if each.record.target else None


def _named_by_service(each: Left, target: str) -> bool:
    """Whether the service still has the run's target as the machine's present one."""
    return (
        each.machine is not None
        and each.replica is not None
        and each.machine.replica == each.record.replica == each.replica.id
        and each.replica.instance_id == target
    )


def _not_ours(run: RunRecord, instance: Instance) -> list[Finding]:
    tags = instance.tags
    launched = tags.get(RUN_TAG) == run.id and tags.get(MODE_TAG) == Mode.TEST
    if launched or tags.get(ISOLATED_TAG) == run.id:
        return []
    seen = f"{instance.id} carries {RUN_TAG}={tags.get(RUN_TAG, 'nothing')}, {MODE_TAG}={tags.get(MODE_TAG, 'nothing')}"
    rule = f"only what run {run.id} launched and tagged as a test is cleaned up"
    return [Finding("clean_up", seen, rule, f"find out whose {instance.id} is; delete it by hand if nobody needs it")]


def _live(each: Left) -> list[Finding]:
    """A cutover of the machine that made, or may have made, this very target what users reach."""
    life = each.machine.life_cycle if each.machine else None
    if life is None or life.cut_over_at is None or (life.tested_at and life.tested_at > life.cut_over_at):
        return []
    if not (each.machine and each.machine.replica == each.record.replica):
        return []  # the cutover has made another one; that one is not touched, whatever becomes of this
    seen = f"cut over at {life.cut_over_at:%Y-%m-%d %H:%M:%S} UTC, and the service names this target as the present one"
    return [Finding("cutover", seen, "a target that went live is never cleaned up", "leave it; it may serve users")]


def _kept(each: Left, target: str) -> list[Finding]:
    found = []
    if each.instance and (keep := keep_tag(each.instance.tags)):
        seen = f"{target} carries the tag {keep}={each.instance.tags[keep]}"
        found.append(Finding("keep", seen, "what somebody keeps is not cleaned up", "remove the tag, then ask again"))
    if each.protected is not False:
        what = "has termination protection" if each.protected else "may have termination protection: nobody could tell"
        rule = "a protected target is not cleaned up"
        found.append(Finding("protection", f"{target} {what}", rule, "take the protection off, then ask again"))
    return found


def _held(each: Left) -> list[Finding]:
    if not each.held_by:
        return []
    rule = "a machine is in at most one active run"
    return [Finding("lock", f"run {each.held_by} is at work on it", rule, f"wait for run {each.held_by} to end")]


def _orphan(each: Left, target: str) -> Finding:
    has = each.machine.replica if each.machine else None
    seen = f"EC2 alone knows {target}: the service " + (f"has {has} as the target" if has else "has no target for it")
    rule = "targets are deleted through the service that made them"
    return Finding("orphan", seen, rule, f"terminate {target} by hand if nobody needs it")


def _remainder(each: Left, fate: Fate, findings: tuple[Finding, ...]) -> Remainder:
    record = each.record
    return Remainder(record.label, record.id, _target(each), record.replica, fate, findings)


def open_ones(remainders: Sequence[Remainder]) -> list[Remainder]:
    """Those that go, or are on their way."""
    return [each for each in remainders if each.fate in (Fate.GOES, Fate.GOING)]


def said(remainders: Sequence[Remainder]) -> str:
    """How a clean-up or a finalizing stands, in one line."""
    counted = {fate: sum(each.fate is fate for each in remainders) for fate in Fate}
    words = {Fate.GOES: "to go", Fate.GOING: "going", Fate.GONE: "gone", Fate.STAYS: "left"}
    return ", ".join(f"{count} {words[fate]}" for fate, count in counted.items() if count) or "nothing to do"
