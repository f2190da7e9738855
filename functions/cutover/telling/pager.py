"""What whoever is on call is told: only what somebody must get up for, with what to do and by when."""

from __future__ import annotations

from cutover.night_records import Holder
from cutover.records import MachineRecord, MachineStatus, Outcome
from cutover.telling.catalogue import Say
from cutover.telling.messages import Message, News, few, holder_line, subject
from cutover.telling.situation import Situation, engineers

STALE = "stale_data"
"""The field of a finding that says that a target was made from data that is too old."""
_MACHINES = 5


def told_to_pager(news: News, here: Situation) -> bool:
    """Whether somebody must get up: a hold, stale data, a failure, a silence."""
    match news:
        case News.ENDED:
            return here.run.outcome in (None, Outcome.FAILED)
        case News.GOING_BACK:
            return here.night.back is not None and here.night.back.automatic
    return news in (News.HELD, News.SILENT, News.OVERDUE, News.DIED, News.LATE)


def pager(news: News, here: Situation, say: Say) -> Message:
    """The engineers' message below two lines that a phone shows: what it is about, and who serves users."""
    whole = engineers(news, here, say)
    stale = [each.label for each in _bad(here) if any(finding.field == STALE for finding in each.findings)]
    bad = [each.label for each in _bad(here)]
    first = say(
        "pager.first",
        news=news.value,
        stale=few(stale, _MACHINES, say),
        bad=few(bad, _MACHINES, say),
        nobody=here.night.holder is Holder.NOBODY,
    )
    title = say("pager.about", plan=here.run.plan, mode=here.run.mode.value, first=first)
    return Message(subject(here.run, title), "\n".join([first, holder_line(here.night, here.run, say), "", whole.text]))


def _bad(here: Situation) -> list[MachineRecord]:
    fine = (MachineStatus.VERIFIED, MachineStatus.NOT_STARTED)
    return [each for _, some in here.waves for each in some if each.status not in fine]
