"""Does a wave pass? The plan's rule, over what became of each machine.

A wave passes when every critical machine is verified, and `at_least` of all, or else all that are not optional. What
is unknown lets no wave pass, unless it is optional; what was never judged, or was aborted, lets none pass at all. A
machine that a person has accepted counts as a verified one, and is told apart from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cutover.plan import PlannedMachine, Wave
from cutover.records import MachineRecord, MachineStatus

_WITHOUT_VERDICT = (MachineStatus.NOT_STARTED, MachineStatus.ABORTED, MachineStatus.ROLLED_BACK)
_NAMED = 5
"""Machines that a reason names; each has its own findings."""

Pair = tuple[PlannedMachine, MachineRecord]


@dataclass(frozen=True)
class Ruling:
    """Whether a wave passes, and the reason in words."""

    passes: bool
    reason: str


def ruling(wave: Wave, machines: Sequence[MachineRecord]) -> Ruling:
    """Whether the wave passes as its machines stand. `machines`: all of the wave's, in the plan's order.

    Where it is several waves of the author's, each is ruled on by itself, and all of them pass or none does.
    """
    if wave.groups:
        parts = [(part.name, ruling(part, some)) for part, some in by_group(wave, machines)]
        return Ruling(
            all(each.passes for _, each in parts), "; ".join(f"{name}: {each.reason}" for name, each in parts)
        )
    pairs = list(zip(wave.machines, machines, strict=True))
    good = sum(_good(each) for each in machines)
    counted = _counted(machines)
    others = [pair for pair in pairs if not _good(pair[1])]
    undecided = [pair for pair in others if pair[1].status in _WITHOUT_VERDICT]
    critical = [pair for pair in others if pair[0].critical]
    unknown = [pair for pair in others if pair[1].status is MachineStatus.UNKNOWN and not pair[0].optional]
    wanted = [pair for pair in others if not pair[0].optional] if wave.at_least is None else []
    if undecided:
        return Ruling(False, f"{counted}; {_named(undecided)}")
    if critical:
        return Ruling(False, f"{counted}; {_named(critical)}, and critical")
    if unknown:
        return Ruling(False, f"{counted}; a person must look first: {_named(unknown)}")
    if wave.at_least is not None and good < wave.at_least:
        return Ruling(False, f"{counted}, and the plan asks for {wave.at_least}; {_named(others)}")
    if wanted:
        return Ruling(False, f"{counted}; {_named(wanted)}")
    return Ruling(True, f"{counted}; {_named(others)}, which the plan lets pass" if others else counted)


def by_group(wave: Wave, machines: Sequence[MachineRecord]) -> list[tuple[Wave, list[MachineRecord]]]:
    """The machines by the author's waves; one that is launched by itself with all of its own."""
    pairs = list(zip(wave.machines, machines, strict=True))
    return [
        (part, [record for planned, record in pairs if planned.group == number])
        for number, part in enumerate(wave.parts())
    ]


def can_pass(wave: Wave, machines: Iterable[MachineRecord]) -> bool:
    """Whether the wave could still pass if those already judged stay as they are."""
    hoped = [each if each.judged else each.but(status=MachineStatus.VERIFIED) for each in machines]
    return ruling(wave, hoped).passes


def lenient(wave: Wave) -> bool:
    """Whether the wave can pass without one of its machines."""
    return any(part.at_least is not None for part in wave.parts()) or any(each.optional for each in wave.machines)


def said(wave: Wave) -> str:
    """The wave's rule in words; empty for the plain one, that every machine is verified."""
    if wave.groups:
        order = f"judged in this order: {', then '.join(group.name for group in wave.groups)}"
        return "; ".join([order, *(f"{part.name}: {said(part)}" for part in wave.parts() if said(part))])
    critical = [each.label for each in wave.machines if each.critical]
    optional = [each.label for each in wave.machines if each.optional]
    parts = [
        "goes ahead: the rest follows only if it is verified" if wave.canary else "",
        f"passes with {wave.at_least} of {len(wave.machines)} verified" if wave.at_least is not None else "",
        f"critical: {_few(critical)}" if critical else "",
        f"optional: {_few(optional)}" if optional else "",
    ]
    return "; ".join(part for part in parts if part)


def _good(machine: MachineRecord) -> bool:
    """Seen to be good, or let pass by a person."""
    return machine.status is MachineStatus.VERIFIED or machine.accepted is not None


def _counted(machines: Sequence[MachineRecord]) -> str:
    verified = sum(each.status is MachineStatus.VERIFIED for each in machines)
    counted = f"{verified} of {len(machines)} machines verified"
    accepted = [
        f"{each.label} accepted by {each.accepted.by}"
        for each in machines
        if each.accepted and each.status is not MachineStatus.VERIFIED
    ]
    return f"{counted}, {_few(accepted)}" if accepted else counted


def _named(pairs: Sequence[Pair]) -> str:
    return _few([f"{machine.label} {machine.status.value}" for _, machine in pairs])


def _few(texts: Sequence[str]) -> str:
    return ", ".join(texts[:_NAMED]) + (f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else "")
