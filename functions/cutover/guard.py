"""What a launch would delete, and what speaks against it: every launch removes the machine's target before it.

A target that went live, that somebody wants to keep, or that EC2 protects is replaced only where the plan names it,
with who allowed it and why. Pure: what was seen comes in, findings go out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cutover.finding import Finding, Severity
from cutover.instance import Instance
from cutover.plan import NO_INSTANCE, PlannedMachine

KEEP_TAGS = ("keep", "cutover:keep")
"""Tag keys, in any case, with which people say that an instance stays; a value of `false` or `no` takes it back."""
MODE_TAG = "cutover:mode"
"""Ours, on every target that was verified or tagged by a run: the mode it was launched in."""


@dataclass(frozen=True)
class Doomed:
    """The target that a launch of one machine would delete, as EC2 shows it.

    `seen` is None when EC2 does not know it (any more), `protected` when nobody could tell.
    """

    instance: str
    seen: Instance | None
    protected: bool | None


def unknown_target(planned: PlannedMachine, replica: str) -> tuple[Finding, ...]:
    """About a target that the service has and does not name: nothing can be seen of it, so nothing may delete it."""
    seen = f"the service does not say which instance its target {replica} is"
    return (_against("previous_target", seen, "it is known what a launch deletes", planned, NO_INSTANCE),)


def live_target(planned: PlannedMachine, when: str, live: str | None) -> tuple[Finding, ...]:
    """About a machine with a recorded cutover. `when`: of it, in words; `live`: its instance where that is known."""
    instance = live or NO_INSTANCE
    seen = f"cut over at {when}, {f'live instance {live}' if live else 'its live instance is not known'}"
    rule = "a machine with a recorded cutover is not launched again: that deletes the instance that went live"
    return (_against("cutover", seen, rule, planned, instance),)


def rolled_back_target(run: str, instance: str, at: str) -> Finding:
    """A recorded cutover that was taken back: its target may be deleted by the next launch."""
    return Finding(
        "cutover",
        f"cut over to {instance}, and rolled back by run {run} at {at}",
        "a recorded rollback lifts the guard for exactly its targets",
        f"nothing; the launch deletes {instance}, and with it what users may have entered there",
        Severity.WARNING,
    )


def kept_target(planned: PlannedMachine, doomed: Doomed | None, rolled_back: str | None = None) -> tuple[Finding, ...]:
    """What EC2 shows against deleting this target; empty when nothing does, or when there is none.

    `rolled_back`: the instance of this machine whose cutover was taken back.
    """
    if doomed is None or doomed.seen is None or doomed.seen.gone:
        return ()
    tags, found = doomed.seen.tags, []
    if tags.get(MODE_TAG) == "cutover" and doomed.instance != rolled_back:
        seen = f"{doomed.instance} was launched as a cutover" + (
            f" by run {run}" if (run := tags.get("cutover:run")) else ""
        )
        found.append(
            _against("cutover", seen, "a launch never deletes a target that went live", planned, doomed.instance)
        )
    if keep := keep_tag(tags):
        seen = f"{doomed.instance} carries the tag {keep}={tags[keep]}"
        found.append(
            _against("keep", seen, "a launch never deletes a target that somebody keeps", planned, doomed.instance)
        )
    if doomed.protected is not False:
        what = (
            "has termination protection" if doomed.protected else "may have termination protection: nobody could tell"
        )
        rule = "a launch never deletes a protected target"
        found.append(_against("protection", f"{doomed.instance} {what}", rule, planned, doomed.instance))
    return tuple(found)


def errors(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that forbid the launch."""
    return tuple(each for each in findings if each.severity is Severity.ERROR)


def _against(field: str, seen: str, rule: str, planned: PlannedMachine, instance: str) -> Finding:
    """An error, or a warning where the plan lets just this instance go."""
    allowed = planned.replace
    if allowed is not None and allowed.instance == instance:
        said = f"{seen}; {allowed.by} lets it be deleted: {allowed.reason}"
        return Finding(field, said, rule, "nothing; the permission is recorded here", Severity.WARNING)
    other = f", which names {allowed.instance} now" if allowed is not None else ""
    return Finding(
        field,
        seen,
        rule,
        f"take the machine out of the plan, or let {instance} be deleted by `replace` of this machine{other}",
    )


def keep_tag(tags: Mapping[str, str]) -> str | None:
    """The tag with which somebody keeps an instance, if there is one."""
    return next((key for key, value in tags.items() if key.casefold() in KEEP_TAGS and _says_yes(value)), None)


def _says_yes(value: str) -> bool:
    return value.strip().casefold() not in ("false", "no")
