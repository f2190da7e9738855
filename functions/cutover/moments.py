"""When each phase of a machine's launch began and ended, by the job's log and by what was seen of its target.

For people to read, not to judge by: texts of a log are unstable, and what it does not say is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from cutover.instants import text
from cutover.joblog import Named
from cutover.machine import Job, LogLine
from cutover.records import MachineRecord, Moment

PHASES = ("snapshot", "conversion", "launch", "boot", "checks")
_BEGINS = {
    "snapshot": re.compile(r"^Started waiting for latest snapshot|^SNAPSHOT_START\b", re.IGNORECASE),
    "conversion": re.compile(r"^Started machine conversions|^CONVERSION_START\b", re.IGNORECASE),
    "launch": re.compile(r"^Started creating a replica for instance\b|^LAUNCH_START\b", re.IGNORECASE),
}
_ENDS = {
    "snapshot": re.compile(
        r"^Finished waiting for latest snapshot|^SNAPSHOT_(?:END|FAIL)\b|^USING_PREVIOUS_SNAPSHOT\b", re.IGNORECASE
    ),
    "conversion": re.compile(r"^(?:Finished|Failed) machine conversions|^CONVERSION_(?:END|FAIL)\b", re.IGNORECASE),
    "launch": re.compile(
        r"^(?:Finished|Failed) creating a replica for instance\b|^LAUNCH_(?:END|FAILED)\b", re.IGNORECASE
    ),
}


Names = Mapping[str, frozenset[str]]
"""Whom a line of a log that tells of a phase names: ids by its text. The other lines are left out."""


def named(jobs: Sequence[Job], everyone: Sequence[MachineRecord]) -> Names:
    """For all machines of a wave at once: there are as many such lines as machines, and more."""
    who = [Named(each.id, each.name) for each in everyone if each.id]
    tells = [*_BEGINS.values(), *_ENDS.values()]
    texts = {line.message for job in jobs for line in job.log if any(each.search(line.message) for each in tells)}
    return {message: frozenset(each.id for each in who if each.in_line(message)) for message in texts}


def moments(
    machine: MachineRecord, jobs: Sequence[Job], everyone: Sequence[MachineRecord], names: Names | None = None
) -> tuple[Moment, ...]:
    """The phases that are known of the machine, in order. `everyone`: the wave's machines, whose lines are not its own;
    `names`: what `named` gives for them.

    boot: from the first sight of the target to the first look at which nothing was wrong with it; checks: from then to
    its verdict.
    """
    if machine.id is None:
        return ()
    names = named(jobs, everyone) if names is None else names
    lines = [line for job in jobs if job.machines is None or machine.id in job.machines for line in job.log]
    own = [line for line in lines if line.at and _is_of(machine.id, line, names)]
    found = [each for phase in _BEGINS if (each := _of_log(phase, own))]
    if machine.first_seen:
        seen, ok = machine.first_seen, machine.first_ok
        found.append(Moment("boot", seen, ok or machine.settled))
        if ok:
            found.append(Moment("checks", ok, machine.settled))
    return tuple(found)


def _is_of(machine: str, line: LogLine, names: Names) -> bool:
    """Whether the line tells of a phase of this machine: it is its own, names it, or names nobody."""
    who = names.get(line.message)
    if who is None or line.machine not in (None, machine):
        return False
    return line.machine == machine or machine in who or not who


def _of_log(phase: str, lines: Iterable[LogLine]) -> Moment | None:
    """From the first line that begins the phase to the last one that ends it."""
    begun: datetime | None = None
    done: datetime | None = None
    for line in lines:
        if begun is None and _BEGINS[phase].search(line.message):
            begun = line.at
        elif begun is not None and _ENDS[phase].search(line.message):
            done = line.at
    return Moment(phase, text(begun), text(done) if done else None) if begun else None
