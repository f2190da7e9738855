"""Every kind of news has its message, made from what is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.planned_telling import Audience
from cutover.records import LaunchState, Outcome, WaveRecord
from cutover.telling.audiences import message_for
from cutover.telling.catalogue import Language
from cutover.telling.messages import News
from cutover.telling.situation import Situation
from tests.unit import night_of as at
from tests.unit.records_of import launch, record, run

SUBJECTS = {
    News.STARTED: "started",
    News.WAITING: "wave db waits",
    News.ASKED: "asks users, by 2026-11-29T00:50:00Z",
    News.CLOSED: "users are shut out since 2026-11-28T22:41:00Z",
    News.PROVED: "zero loss is proved",
    News.LAUNCHED: "wave db launched",
    News.SWITCHED: "users are on the targets since 2026-11-29T00:58:00Z",
    News.HELD: "HOLDS at wave, decide by 2026-11-29T11:40:00Z",
    News.GOING_BACK: "goes back to the source",
    News.SILENT: "SILENT, nobody serves users since 2026-11-28T22:41:00Z",
    News.ENDED: "Failed, nobody serves users",
    News.LATE: "late",
    News.DIED: "died (ABORTED), nobody serves users",
    News.OVERDUE: "OVERDUE, no word since 2026-11-28T23:59:00Z, nobody serves users",
}


SITUATION = Situation(
    run(outcome=Outcome.FAILED),
    at.PLAN,
    at.HELD,
    [(WaveRecord(1, "db"), [record()])],
    wave=1,
    launch=launch(LaunchState.ACCEPTED, jobs=("j-1",)),
    question=at.USERS,
    status="ABORTED",
    due="2026-11-28T23:59:00Z",
)


def message(news: News, **changed: Any) -> tuple[str, str]:
    here = replace(SITUATION, night=at.OPENED if news is News.SWITCHED else at.HELD, **changed)
    said = message_for(Audience.ENGINEERS, news, here, Language.ENGLISH)
    return said.subject, said.text


@pytest.mark.parametrize("news", list(News))
def test_every_kind_of_news_has_its_message_and_says_when_the_next_word_comes(news: News) -> None:
    night = at.OPENED if news is News.SWITCHED else at.HELD
    subject, text = message(news)
    assert subject == f"demo cutover: {SUBJECTS[news]}"
    assert f"Production: {night.holder.upper()} since {night.since}." in text
    assert text.splitlines()[-1].startswith("Next word: ")


@pytest.mark.parametrize(
    ("news", "missing"),
    [(News.ASKED, {"question": None}), (News.LAUNCHED, {"launch": None}), (News.WAITING, {"wave": None})],
)
def test_what_is_not_known_is_not_told(news: News, missing: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"asked|launched|of a wave"):
        message(news, **missing)
