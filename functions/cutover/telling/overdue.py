"""A promised word did not come: that is itself a message."""

from __future__ import annotations

from cutover.night_records import Holder, NightRecord
from cutover.records import RunRecord
from cutover.telling.catalogue import ENGLISH, Say
from cutover.telling.messages import FRESH, Message, compose, takeover


def overdue(run: RunRecord, due: str, night: NightRecord = FRESH, say: Say = ENGLISH) -> Message:
    """Nothing was told of the run by the instant that its last message named."""
    about = say("overdue.about", due=due)
    if night.holder is Holder.NOBODY:
        about = say("night.nobody_about", about=about)
    lines = [say("overdue.no_word", due=due), say("overdue.see"), say("overdue.by_hand", do=takeover(run, say))]
    return compose(run, about, lines, night, say=say)
