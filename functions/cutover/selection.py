"""What a plan's selections choose: of a plan that selects machines, one that names them. Pure.

That is done once, when a run begins: what is tagged later belongs to the next run. Until then nobody can say how many
there will be, so whatever is doubtful about a selection refuses the run as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cutover.finding import Finding, warning
from cutover.machine import Machine
from cutover.plan import Plan, PlannedMachine, Wave
from cutover.planned_selection import Selection
from cutover.readiness import resolve
from cutover.words import some

SELECTION = "selection"
"""The field of the findings made here."""
_SHOWN = 20

_Taken = dict[str, tuple[tuple[int, int], str]]
"""By machine id: in which of the author's waves, and by which entry."""


def chosen(plan: Plan, listed: Sequence[Machine]) -> Plan | tuple[Finding, ...]:
    """The plan with the machines in place of the selections, by id; or what forbids it, all of it at once.

    `listed`: all machines of the service, each with its group. A machine that its wave names as well goes by what is
    said there.
    """
    taken = _named(plan, listed)
    named, against = dict(taken), list[Finding]()
    once = Counter(machine.name.casefold() for machine in listed if machine.name)
    waves = []
    for number, wave in enumerate(plan.waves):
        machines = list[PlannedMachine]()
        for entry in wave.machines:
            if entry.selection is None or not entry.selects:
                machines.append(entry)
                continue
            place = _place(number, wave, entry)
            meant = [machine for machine in listed if entry.selection.chooses(machine.tags, machine.group)]
            added = [each for each in meant if each.id not in named or named[each.id][0] != place]
            against += _against(entry.selection, meant, added, taken)
            taken |= {machine.id: (place, entry.label) for machine in added}
            machines += [_in_place_of(entry, machine, once) for machine in sorted(added, key=_order)]
        waves.append(replace(wave, machines=tuple(machines)))
    against += (finding for wave in waves for finding in _too_few(wave)) if not against else ()
    return tuple(against) or replace(plan, waves=tuple(waves))


def remarks(plan: Plan) -> tuple[Finding, ...]:
    """What each selection has chosen, for people to see: a warning for each. Nothing of a plan that names them all."""
    by_selection: dict[str, list[str]] = {}
    for wave in plan.waves:
        for entry in wave.machines:
            if entry.selection is not None and not entry.selects:
                by_selection.setdefault(str(entry.selection), []).append(entry.label)
    rule = "what a selection chooses is settled when the run begins"
    return tuple(
        warning(
            SELECTION,
            f"{said} chose {len(labels)}: {some(labels, _SHOWN)}",
            rule,
            "see that these are all, and no other",
        )
        for said, labels in by_selection.items()
    )


def _named(plan: Plan, listed: Sequence[Machine]) -> _Taken:
    """The machines that the plan names one by one."""
    entries = [
        (_place(number, wave, entry), entry)
        for number, wave in enumerate(plan.waves)
        for entry in wave.machines
        if not entry.selects
    ]
    found = resolve([entry for _, entry in entries], listed)
    return {
        machine.id: (place, entry.label)
        for (place, entry), machine in zip(entries, found, strict=True)
        if isinstance(machine, Machine)
    }


def _place(number: int, wave: Wave, entry: PlannedMachine) -> tuple[int, int]:
    """Which of the author's waves an entry is of: a canary's is that of the wave after it."""
    return (number + 1 if wave.canary else number, entry.group)


def _against(
    selection: Selection, meant: Sequence[Machine], added: Sequence[Machine], taken: _Taken
) -> Iterator[Finding]:
    if not meant:
        rule, do = (
            "a selection chooses at least one machine",
            "correct it, or tag the machines; mind upper and lower case",
        )
        yield Finding(SELECTION, f"{selection} chooses none of the service's machines", rule, do)
    elif not added:
        rule, do = "a selection chooses machines that its wave does not name", "take it out of the plan"
        yield Finding(SELECTION, f"{selection} chooses none but {some(map(_called, meant))}, named beside it", rule, do)
    if len(meant) > selection.at_most:
        rule = f"a selection chooses at most as many as its `at_most` says, {selection.at_most}"
        do = "see whether all of them are meant; then write a larger `at_most`, or correct the selection"
        yield Finding(SELECTION, f"{selection} chooses {len(meant)}: {some(map(_called, meant))}", rule, do)
    for other in dict.fromkeys(taken[machine.id][1] for machine in added if machine.id in taken):
        both = [machine for machine in added if machine.id in taken and taken[machine.id][1] == other]
        rule, do = "a machine is in a plan once", "change one of the two, so that none of these is in both"
        yield Finding(SELECTION, f"{some(map(_called, both))}: chosen by {selection} and by {other}", rule, do)


def _too_few(wave: Wave) -> Iterator[Finding]:
    for part in wave.parts():
        if part.at_least is not None and part.at_least > len(part.machines):
            seen = f"wave {part.name} has {len(part.machines)} machines, and needs {part.at_least} verified"
            rule, do = (
                "`at_least` is at most the number of machines",
                "write a smaller number, or correct the selection",
            )
            yield Finding(SELECTION, seen, rule, do)


def _in_place_of(entry: PlannedMachine, machine: Machine, once: Counter[str]) -> PlannedMachine:
    """This machine under the selection's rules; called by its name where no other has it."""
    name = machine.name if machine.name and once[machine.name.casefold()] == 1 else None
    return replace(entry, id=machine.id, name=name)


def _called(machine: Machine) -> str:
    return machine.name or machine.id


def _order(machine: Machine) -> tuple[str, str]:
    return (_called(machine).casefold(), machine.id)
