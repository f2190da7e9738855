"""Every kind of news has its message, made from what is recorded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

import tell
from cutover.messages import News
from cutover.records import LaunchState, MachineRecord, Outcome, WaveRecord
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
}


def here(**event: Any) -> Any:
    machines: list[MachineRecord] = [record()]
    store = SimpleNamespace(
        launches=lambda run, wave: [launch(LaunchState.ACCEPTED, jobs=("j-1",))],
        machines=lambda run, wave: machines,
        question=lambda run, name: {"users": at.USERS}.get(name),
    )
    wave = WaveRecord(1, "db")
    return SimpleNamespace(
        run=run(outcome=Outcome.FAILED),
        plan=at.PLAN,
        record=wave,
        wave=at.PLAN.waves[0],
        number=1,
        store=store,
        event={"question": "users", **event},
        everything=lambda: [(wave, machines)],
    )


@pytest.mark.parametrize("news", [each for each in News if each is not News.DIED])
def test_every_kind_of_news_has_its_message(news: News) -> None:
    night = at.OPENED if news is News.SWITCHED else at.HELD
    message = tell._message(here(), news, night)
    assert message.subject == f"demo cutover: {SUBJECTS[news]}"
    assert f"Production: {night.holder.upper()} since {night.since}." in message.text


def test_what_nobody_was_asked_is_not_told() -> None:
    with pytest.raises(ValueError, match="nothing is asked by the name quiesce-9"):
        tell._message(here(question="quiesce-9"), News.ASKED, at.HELD)


def test_a_death_is_told_by_another_function() -> None:
    with pytest.raises(ValueError, match="died is told by another function"):
        tell._message(here(), News.DIED, at.HELD)
