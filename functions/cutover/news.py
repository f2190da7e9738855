"""Telling: what is told of a run is written down first, with a letter for each audience, and then put on our bus.

Whoever sends it on reads it where it is written: an event that comes late, twice or never changes neither the order nor
what was said.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

from cutover.events import RUN_NEWS, Bus
from cutover.instants import instant, text
from cutover.records import Outcome
from cutover.store import Store
from cutover.telling.audiences import letters
from cutover.telling.messages import News
from cutover.telling.next_word import next_word
from cutover.telling.situation import Situation
from cutover.told_records import Due, Told
from cutover.typed_events import VERSION


def publish(store: Store, bus: Bus, news: News, here: Situation, now: datetime) -> Told:
    """Write the news and put it on the bus. MessageNotSent when the bus does not take it: call it again, and it goes
    out under the same number. `now`: by our own clock."""
    told = _written(store, news, here)
    if told.next_word is None:
        store.promise_nothing(here.run.id)
    else:
        seconds = int((instant(told.next_word) - instant(told.at)).total_seconds())
        store.promise(Due(here.run.id, told.next_word, text(now), seconds))
    bus.put(RUN_NEWS, detail(here, news, told))
    return told


def _written(store: Store, news: News, here: Situation) -> Told:
    """The record of this news: the last one where it says the same, else a new one after it."""
    while True:
        before = store.told(here.run.id)
        counts = Counter(letter.audience for each in before for letter in each.letters)
        told = Told(
            number=len(before) + 1,
            at=here.seen,
            news=news.value,
            wave=here.waves[here.wave - 1][0].name if here.wave is not None else None,
            question=here.question.name if here.question else None,
            letters=tuple(letters(news, here, counts)),
            next_word=next_word(news, here).by,
        )
        if before and told.again(before[-1]):
            return before[-1]
        if store.write_told(here.run.id, told):
            return told


def detail(here: Situation, news: News, told: Told) -> dict[str, Any]:
    """The detail of a RunNews event: {version, id, run, plan, mode, number, at, wave, question, news, outcome,
    production, next_word, subject, text, letters: [{audience, language, topic, slack, subject, text}]}.

    `subject` and `text` are the engineers'.
    """
    outcome = Outcome.FAILED if news is News.DIED else here.run.outcome
    first = told.letters[0]
    return {
        "version": VERSION,
        "id": f"{here.run.id}/told/{told.number}",
        "run": here.run.id,
        "plan": here.run.plan,
        "mode": here.run.mode.value,
        "number": told.number,
        "at": told.at,
        "wave": told.wave,
        "question": told.question,
        "news": news.value,
        "outcome": outcome.value if outcome else None,
        "production": here.night.serving,
        "next_word": told.next_word,
        "subject": first.subject,
        "text": first.text,
        "letters": [letter.to_json() for letter in told.letters],
    }
