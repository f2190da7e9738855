"""The takeover sheet as text: for a person at two in the morning, in any terminal, to be printed or pasted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cutover.by_hand import ByHand
from cutover.takeover import Row, Sheet


def lines(sheet: Sheet) -> Iterator[str]:
    """The sheet, line by line, most urgent first."""
    yield f"TAKEOVER of run {sheet.run} (plan {sheet.plan}, {sheet.mode}) as recorded at {sheet.now}"
    yield f"PRODUCTION: {sheet.production}"
    yield sheet.stands
    yield from sheet.clock
    yield from _titled("OPEN", _open(sheet), "nothing waits for a person")
    yield from _titled("BY HAND, to the targets, in this order", _by_hand(sheet.forward), "nothing is left to do")
    yield from _titled(
        "BY HAND, back to the source, in this order", _by_hand(sheet.back), "there is nothing to go back from"
    )
    yield from _titled("MACHINES", (_machine(each) for each in sheet.machines), "none are recorded yet")
    yield from _titled("JOBS OF THE SERVICE", sheet.jobs, "none: nothing was launched")
    yield from _titled("DONE", (f"{each.at}  {each.what}" for each in sheet.done), "nothing")
    yield from _titled("CANNOT BE UNDONE", sheet.never, "nothing")
    yield from _titled("OUT OF THE TOOL'S HANDS: first this, then by hand", sheet.hands_off, "nothing to do")


def _titled(title: str, body: Iterator[str] | Sequence[str], otherwise: str) -> Iterator[str]:
    yield ""
    yield title
    for each in list(body) or [otherwise]:
        yield f"  {each}"


def _open(sheet: Sheet) -> Iterator[str]:
    for each in sheet.open:
        yield f"{each.what}, by {each.deadline}" if each.deadline else each.what
        yield from (f"  {command}" for command in each.commands)


def _by_hand(doings: Sequence[ByHand]) -> Iterator[str]:
    for number, each in enumerate(doings, 1):
        yield f"{number:2}. [{each.part}] {each.what}"
        if each.command:
            yield f"      {each.command}"


def _machine(row: Row) -> str:
    addresses = ", ".join((*row.private_ips, *row.public_ips)) or "no address known"
    target = f"{row.target} ({addresses})" if row.target else "no target"
    note = f"  {row.note}" if row.note else ""
    return f"{row.machine} [{row.wave}] source {row.id or 'not found yet'} -> {target}: {row.status}{note}"
