"""Waves that are launched together are judged one after the other: no web server counts before its database does."""

from __future__ import annotations

from collections.abc import Sequence

from cutover.finding import Finding
from cutover.plan import Wave
from cutover.records import MachineRecord, MachineStatus
from cutover.rule import Ruling, by_group, can_pass, ruling

_OPEN = (MachineStatus.NOT_STARTED, MachineStatus.VERIFIED)


def in_their_order(
    wave: Wave, everyone: Sequence[MachineRecord], judged: Sequence[MachineRecord]
) -> list[MachineRecord]:
    """`judged` at this look, without the verdicts that come too early. `everyone`: all of the wave's, in its order.

    A machine has no verdict before every group ahead of its own has passed. Where one cannot pass any more, it is held:
    what it was seen to be itself stays told.
    """
    if not wave.groups:
        return list(judged)
    now = {each.position: each for each in judged}
    for number in range(1, len(wave.groups)):
        for part, machines in by_group(wave, [now.get(each.position, each) for each in everyone])[:number]:
            ruled = ruling(part, machines)
            if not ruled.passes:
                hopeless = not can_pass(part, machines)
                now |= {
                    place: _held(each, part.name, ruled) if hopeless else each.but(status=MachineStatus.NOT_STARTED)
                    for place, each in now.items()
                    if wave.machines[place].group == number
                }
                break
    return [now[each.position] for each in judged]


def _held(machine: MachineRecord, ahead: str, ruled: Ruling) -> MachineRecord:
    if machine.status not in _OPEN:
        return machine
    finding = Finding(
        "group",
        f"{ahead} does not pass: {ruled.reason}",
        f"its targets are judged once those of {ahead} have passed",
        f"see to {ahead} first; then have this machine judged again",
    )
    return machine.but(status=MachineStatus.HELD, findings=(*machine.findings, finding))
