"""What is told is written down first, once, in order; and a promised word that does not come is told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

import tell
import watch_silence
from cutover.errors import MessageNotSent
from cutover.instants import instant
from cutover.night_records import Part
from cutover.records import Outcome, RunStatus
from cutover.telling.next_word import MARGIN
from tests.statemachines.evening import RUN, Evening, a_hook, evening
from tests.statemachines.interpreter import Context

CONTEXT: Any = Context()


def say(news: str, **more: Any) -> Any:
    return tell.handler({"run": RUN, "news": news, **more}, CONTEXT)


def look(now: datetime) -> int:
    with patch.object(watch_silence, "local_now", lambda: now):
        return int(watch_silence.handler({}, CONTEXT)["overdue"])


def closed(it: Evening) -> None:
    it.call(Part.QUIESCE)
    it.stage.news()


def test_what_is_told_is_numbered_in_order_and_the_event_carries_every_letter() -> None:
    with evening(quiesce=(a_hook("web"),)) as it:
        closed(it)
        say("closed")
        say("silent")
        events = it.stage.news()
        told = it.store.told(RUN)
        assert [(each.number, each.news) for each in told] == [(1, "closed"), (2, "silent")]
        assert [each["number"] for each in events] == [1, 2]
        assert [each["id"] for each in events] == [f"{RUN}/told/1", f"{RUN}/told/2"]
        assert events[0]["letters"] == [letter.to_json() for letter in told[0].letters]
        assert events[0]["text"] == told[0].letters[0].text
        assert events[0]["next_word"] == told[0].next_word
        assert [each.number for each in it.store.told(RUN, after=1)] == [2]


def test_told_again_it_is_the_same_word_under_the_same_number() -> None:
    with evening(quiesce=(a_hook("web"),)) as it:
        closed(it)
        say("closed")
        say("closed")
        assert len(it.store.told(RUN)) == 1
        assert [each["number"] for each in it.stage.news()] == [1, 1]


def test_what_the_bus_does_not_take_goes_out_later_under_its_number() -> None:
    with evening(quiesce=(a_hook("web"),)) as it:
        closed(it)
        with patch("cutover.events.Bus.put", side_effect=MessageNotSent("no bus")), pytest.raises(MessageNotSent):
            say("closed")
        assert it.stage.news() == []
        say("closed")
        assert [each["number"] for each in it.stage.news()] == [1]


def test_two_that_tell_at_once_get_a_number_each() -> None:
    with evening(quiesce=(a_hook("web"),)) as it:
        closed(it)
        say("closed")
        (first,) = it.store.told(RUN)
        seen = [[], [first]]  # another one has written in between

        with patch("cutover.store_told.Tellings.told", lambda *_: seen.pop(0)):
            say("silent")
        assert [(each.number, each.news) for each in it.store.told(RUN)] == [(1, "closed"), (2, "silent")]


def test_a_promised_word_that_does_not_come_is_told_once() -> None:
    with evening(quiesce=(a_hook("web"),)) as it:
        closed(it)
        say("closed")
        (due,) = it.store.promised()
        (told,) = it.store.told(RUN)
        assert due.by == told.next_word
        assert due.seconds >= MARGIN
        it.stage.news()
        late = instant(due.since) + timedelta(seconds=due.seconds)
        assert look(late) == 0
        assert it.stage.news() == []
        assert look(late + timedelta(seconds=1)) == 1
        (news,) = it.stage.news()
        assert (news["news"], news["next_word"]) == ("overdue", None)
        assert f"was promised by {due.by}, and none has come" in news["text"]
        assert look(late + timedelta(hours=9)) == 0
        assert it.stage.news() == []


def test_a_word_in_time_promises_the_next_one() -> None:
    with evening(quiesce=(a_hook("web"),)) as it:
        closed(it)
        say("closed")
        (first,) = it.store.promised()
        it.later(60)
        say("silent")
        (second,) = it.store.promised()
        assert (second.run, second.by) != (first.run, first.by)


def test_after_the_end_no_word_is_waited_for() -> None:
    with evening(quiesce=(a_hook("web"),)) as it:
        closed(it)
        say("closed")
        it.store.update_run(RUN, status=RunStatus.FAILED, outcome=Outcome.FAILED, ended=it.now)
        say("ended")
        assert it.store.promised() == []


def test_a_run_that_is_gone_hides_no_other_promise() -> None:
    with evening(quiesce=(a_hook("web"),)) as it:
        closed(it)
        say("closed")
        (due,) = it.store.promised()
        it.store.promise(due.but(run="a-run-of-which-nothing-is-known"))
        it.stage.news()
        with pytest.raises(Exception, match="has no record META"):
            look(instant(due.since) + timedelta(seconds=due.seconds + 1))
        assert [each["news"] for each in it.stage.news()] == ["overdue"]
