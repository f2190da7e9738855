"""The dead-man watch: nobody serves users, nothing goes on, and a person is called."""

from __future__ import annotations

from typing import Any

import pytest

import watch_silence
from cutover.errors import RunNotFound
from cutover.instants import after
from cutover.night_records import Holder, Part
from cutover.records import Outcome, RunStatus
from tests.statemachines.evening import RUN, Evening, a_hook, by_hand, evening
from tests.statemachines.interpreter import Context

LIMIT = {"silent": 900}


def watch() -> dict[str, Any]:
    context: Any = Context()
    return watch_silence.handler({}, context)


def minutes(it: Evening, count: int) -> list[int]:
    """Look every minute; the minutes in which people were called."""
    told = []
    for minute in range(1, count + 1):
        it.later(60)
        told += [minute] * watch()["told"]
    return told


def test_nobody_is_watched_before_users_are_shut_out() -> None:
    with evening(quiesce=(a_hook("web"),), **LIMIT) as it:
        it.later(3600)
        assert watch() == {"watched": 0, "told": 0, "overdue": 0}


def test_people_are_called_once_for_each_silence_behind_closed_doors() -> None:
    with evening(quiesce=(a_hook("web"),), power_off=(by_hand(timeout=36000),), **LIMIT) as it:
        it.call(Part.QUIESCE)
        silent_since = it.night.progressed
        assert minutes(it, 30) == [16]  # the quiesce ends with the second in which it was seen to
        (news,) = it.stage.news()
        assert (news["news"], news["run"], news["production"]["holder"]) == ("silent", RUN, "nobody")
        assert f"nothing was seen to go on since {silent_since}" in news["text"]
        assert f"Production: NOBODY since {it.night.since}" in news["text"]
        it.call(Part.POWER_OFF)  # somebody is asked
        assert minutes(it, 30) == [16]
        assert it.store.run(RUN).clock == "service"


def test_a_look_that_comes_late_calls_at_once() -> None:
    with evening(quiesce=(a_hook("web"),), **LIMIT) as it:
        it.call(Part.QUIESCE)
        it.later(3600)
        assert watch() == {"watched": 1, "told": 1, "overdue": 0}
        assert watch() == {"watched": 1, "told": 0, "overdue": 0}


def test_a_run_whose_execution_died_is_watched_on() -> None:
    with evening(quiesce=(a_hook("web"),), **LIMIT) as it:
        it.call(Part.QUIESCE)
        it.store.update_run(RUN, status=RunStatus.FAILED, outcome=Outcome.FAILED, interrupted=True, told=True)
        assert minutes(it, 20) == [16]
        it.store.update_run(RUN, aborted=True)
        assert watch()["told"] == 0
        assert it.store.closed_runs() == []


@pytest.mark.parametrize("how", ["served", "ended"])
def test_nobody_is_watched_once_users_are_served_or_the_run_has_ended(how: str) -> None:
    with evening(quiesce=(a_hook("web"),), **LIMIT) as it:
        it.call(Part.QUIESCE)
        if how == "served":
            it.store.write_night(RUN, it.night.but(holder=Holder.TARGET, since=after(it.now, 1)))
        else:
            it.store.update_run(RUN, status=RunStatus.FAILED, outcome=Outcome.FAILED, told=True)
        assert minutes(it, 20) == []
        assert it.store.closed_runs() == []


def test_a_run_that_is_about_to_shut_users_out_stays_watched() -> None:
    with evening(quiesce=(a_hook("web"),), **LIMIT) as it:
        it.store.note_closed(RUN)
        watch()
        assert [each.run for each in it.store.closed_runs()] == [RUN]


def test_a_run_that_cannot_be_looked_at_hides_no_other() -> None:
    with evening(quiesce=(a_hook("web"),), **LIMIT) as it:
        it.call(Part.QUIESCE)
        it.store.note_closed("a-run-of-which-nothing-is-known")
        it.later(3600)
        with pytest.raises(RunNotFound):
            watch()
        assert [news["news"] for news in it.stage.news()] == ["silent"]


def test_a_run_served_meanwhile_is_not_put_back() -> None:
    with evening(quiesce=(a_hook("web"),), **LIMIT) as it:
        it.call(Part.QUIESCE)
        (watched,) = it.store.closed_runs()
        it.store.note_served(RUN)
        it.store.note_watched(watched)
        assert it.store.closed_runs() == []
