"""Decisions by link: what somebody sees, who may answer, once, in time, and what is refused and how."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import boto3
import pytest

import wake
from cutover import deciding_requests, inviting
from cutover.errors import AwsUnavailable
from cutover.instants import after, instant, text
from cutover.night_records import QuestionRecord
from cutover.planned_night import Approval
from cutover.planned_telling import Audience, Channel, Person, Telling
from cutover.records import Outcome, RunStatus
from cutover.store_decisions import Decisions
from tests.statemachines.evening import RUN, Evening, evening
from tests.statemachines.interpreter import Context
from tests.statemachines.night import TABLE
from tests.statemachines.test_whole_night import LEAD, People, a_whole_night
from tests.visiting import Answer, answer, visit

APP = "app@example.com"
MEMBER = "U024BE7LH"
CONTEXT: Any = Context()
TELLING = Telling(people={LEAD: Person("cutover-to-lead", MEMBER), APP: Person(slack="U0APPOWNER")})


@contextmanager
def asked(telling: Telling = TELLING, author: str = "", **more: Any) -> Iterator[tuple[Evening, str]]:
    """A run that asks whether it may go; the path of the lead's link."""
    go = Approval((LEAD, APP), 1800, author_may=more.pop("author_may", False))
    with evening(go=go, **more) as it:
        plan = replace(it.store.plan("demo", it.store.run(RUN).sha256), telling=telling, author=author)
        it.store.write_plan(plan)
        it.store.update_run(RUN, sha256=plan.sha256)
        it.store.ask(RUN, QuestionRecord("go", "May it?", (LEAD, APP), it.now, after(it.now, 1800)))
        with patch.object(deciding_requests, "local_now", it.stage.simulator.clock.now):
            yield it, link(it, LEAD)


def link(it: Evening, by: str, question: str = "go") -> str:
    id_ = inviting.invite(it.store, RUN, question, by, it.stage.simulator.clock.now())
    assert id_ is not None
    return f"/d/{id_}"


def everything() -> list[Any]:
    return sorted(map(str, boto3.resource("dynamodb").Table(TABLE).scan()["Items"]))


def go(it: Evening) -> QuestionRecord:
    return it.question("go")


# The page


def test_the_page_says_exactly_what_is_about_to_happen() -> None:
    with asked() as (it, path):
        seen = visit("GET", path)
        assert seen.status == 200
        for words in (
            "May users be shut out and the machines of this plan be launched?",
            f"You are asked as {LEAD}, until {go(it).deadline}",
            "Production: SOURCE.",
            "1 machines are launched",
            "Until users are let onto the targets there is a way back that loses nothing.",
            "to be back within the window, going back begins by",
            "No answer is not a yes: then the run ends",
            "Machines (1)",
            "db01 db lag not known",
        ):
            assert words in seen.words, words
        assert 'lang="en"' in seen.body


def test_the_page_speaks_the_engineers_language() -> None:
    with asked(replace(TELLING, audiences={Audience.ENGINEERS: Channel("de")})) as (_, path):
        seen = visit("GET", path)
        assert 'lang="de"' in seen.body
        assert "Dürfen die Anwender ausgesperrt und die Maschinen dieses Plans gestartet werden?" in seen.words


def test_every_answer_has_strict_headers_and_loads_nothing() -> None:
    with asked() as (_, path):
        decided = answer(path, "yes")
        for seen in (visit("GET", path), visit("GET", "/d/nobody"), visit("GET", "/"), visit("PUT", path), decided):
            policy = seen.headers.get("Content-Security-Policy", "default-src 'none'")
            assert policy.startswith("default-src 'none'"), seen
            assert "unsafe" not in policy
            assert seen.headers["Referrer-Policy"] == "no-referrer"
            assert seen.headers["Cache-Control"] == "no-store"
            if seen.status != 303:
                assert seen.headers["X-Content-Type-Options"] == "nosniff"
                assert seen.headers["X-Frame-Options"] == "DENY"
            assert "http://" not in seen.body
            assert "https://" not in seen.body
            assert "<script" not in seen.body


def test_what_a_plan_says_is_text_on_the_page_and_nothing_else() -> None:
    with asked() as (it, _):
        words = "<script>alert(1)</script> & <b>power off</b>"
        step = QuestionRecord("power_off-1", words, (LEAD,), it.now, after(it.now, 600))
        it.store.ask(RUN, step)
        seen = visit("GET", link(it, LEAD, "power_off-1"))
        assert "<script>" not in seen.body
        assert words in seen.words


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_a_scanner_that_follows_links_decides_nothing(method: str) -> None:
    with asked() as (it, path):
        before = everything()
        for where in (path, path + "?answer=yes", path):
            assert visit(method, where.split("?")[0]).status in (200, 405)
        assert everything() == before
        assert go(it).answer is None


# Deciding


def test_a_decision_is_written_once_with_who_when_how_and_what_they_saw() -> None:
    with asked() as (it, path):
        said = answer(path, "yes", "all is well")
        assert (said.status, said.headers["Location"]) == (303, path)
        written = go(it)
        assert (written.answer, written.answered_by, written.via, written.reason) == (
            "yes",
            LEAD,
            "link",
            "all is well",
        )
        assert written.answered_at == it.now
        assert "Until users are let onto the targets there is a way back" in written.saw
        assert "db01 (db): lag not known; the launch deletes nothing" in written.saw
        shown = visit("GET", path)
        assert shown.status == 200
        assert f"{LEAD} has answered: Yes, at {it.now}." in shown.words
        assert "<form" not in shown.body


def test_a_no_needs_a_reason() -> None:
    with asked() as (it, path):
        refused = answer(path, "no", "  ")
        assert refused.status == 400
        assert "This answer needs a reason" in refused.words
        assert go(it).answer is None
        assert answer(path, "no", "not\n tonight").status == 303
        assert (go(it).answer, go(it).reason) == ("no", "not tonight")


def test_the_second_decision_is_refused_and_told_who_was_first() -> None:
    with asked() as (it, path):
        mine, theirs = visit("GET", path), link(it, APP)
        assert answer(theirs, "no", "not tonight").status == 303
        second = visit("POST", path, {"answer": "yes", "saw": mine.field("saw"), "seal": mine.field("seal")})
        assert second.status == 409
        assert f"{APP} has answered: No" in second.words
        again = visit("POST", theirs, {"answer": "yes", "saw": mine.field("saw"), "seal": mine.field("seal")})
        assert again.status == 409, "a link is used once"
        assert go(it).answer == "no"


def test_of_two_at_once_one_decides() -> None:
    write = Decisions.answer

    def late(self: Any, *given: Any) -> bool:
        with patch.object(Decisions, "answer", write):
            answer(theirs, "no", "faster")
        return write(self, *given)

    with asked() as (it, path):
        theirs = link(it, APP)
        with patch.object(Decisions, "answer", late):
            second = answer(path, "yes")
        assert second.status == 409
        assert f"{APP} has answered: No" in second.words
        assert (go(it).answer, go(it).reason) == ("no", "faster")


@pytest.mark.parametrize("changed", [{"saw": "bm90aGluZw=="}, {"seal": "0" * 64}, {"saw": "%%%"}, {"saw": ""}])
def test_what_was_not_shown_cannot_be_said_to_have_been_seen(changed: dict[str, str]) -> None:
    with asked() as (it, path):
        refused = answer(path, "yes", **changed)
        assert refused.status == 400
        assert "did not come back as it was sent" in refused.words
        assert go(it).answer is None


def at(it: Evening, seconds: float) -> Any:
    now = it.stage.simulator.clock.now() + timedelta(seconds=seconds)
    return patch.object(deciding_requests, "local_now", lambda: now)


def refused_both_ways(path: str, form: dict[str, str]) -> Answer:
    """By looking and by answering, with the same status and the same words."""
    looked, answered = visit("GET", path), visit("POST", path, form)
    assert looked.status == answered.status
    assert looked.words == answered.words
    return answered


def filled(path: str) -> dict[str, str]:
    looked = visit("GET", path)
    return {"answer": "yes", "saw": looked.field("saw"), "seal": looked.field("seal")}


def test_a_decision_that_comes_too_late_does_not_count() -> None:
    with asked() as (it, path):
        form = filled(path)
        with at(it, 1799):
            assert visit("GET", path).status == 200
        with at(it, 1800):
            late = refused_both_ways(path, form)
        assert late.status == 410
        assert f"was to be answered by {go(it).deadline}; no answer counts any more" in late.words
        assert go(it).answer is None


def test_a_question_that_was_decided_without_an_answer_takes_none() -> None:
    with asked() as (it, path):
        form = filled(path)
        it.store.close_question(RUN, "go")
        assert refused_both_ways(path, form).status == 410


def test_an_old_link_says_that_it_was_asked_anew() -> None:
    with asked() as (it, path):
        form = filled(path)
        it.later(60)
        it.store.ask_again(RUN, replace(go(it), asked=it.now))
        old = refused_both_ways(path, form)
        assert old.status == 410
        assert f"go was asked anew at {it.now}, and this is of" in old.words
        assert answer(link(it, LEAD), "yes").status == 303


def test_a_run_that_has_ended_is_told_nothing() -> None:
    with asked() as (it, path):
        form = filled(path)
        it.store.update_run(RUN, status=RunStatus.FAILED, outcome=Outcome.FAILED)
        assert refused_both_ways(path, form).status == 410
        assert go(it).answer is None


def test_whoever_is_not_asked_does_not_decide() -> None:
    with asked() as (it, path):
        form = filled(path)
        it.store.ask_again(RUN, replace(go(it), by=(APP,)))
        assert refused_both_ways(path, form).status == 403
        assert go(it).answer is None


def test_whoever_wrote_the_plan_does_not_decide_unless_it_says_so() -> None:
    with asked(author=LEAD) as (it, path):
        seen = visit("GET", path)
        assert seen.status == 403
        assert f"{LEAD} wrote the plan" in seen.words
        assert answer(link(it, APP), "yes").status == 303
    with asked(author=LEAD, author_may=True) as (_, path):
        assert answer(path, "yes").status == 303


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/d/" + "x" * 43, 404),
        ("POST", "/d/" + "x" * 43, 404),
        ("GET", "/d/", 404),
        ("GET", "/", 404),
        ("GET", "/d/../d/a/b", 404),
        ("GET", "/slack", 405),
        ("GET", "/favicon.ico", 404),
    ],
)
def test_what_nobody_was_given_leads_nowhere(method: str, path: str, status: int) -> None:
    with asked():
        assert visit(method, path, {"answer": "yes"} if method == "POST" else None).status == status


def test_what_is_no_form_or_no_answer_or_too_much_decides_nothing() -> None:
    with asked() as (it, path):
        for headers, body, status in (
            ({"content-type": "application/json"}, '{"answer": "yes"}', 400),
            ({"content-type": "application/x-www-form-urlencoded"}, "answer=perhaps", 400),
            ({"content-type": "application/x-www-form-urlencoded"}, "", 400),
            ({"content-type": "application/x-www-form-urlencoded"}, "answer=yes&" + "x=1&" * 30, 400),
            ({"content-type": "application/x-www-form-urlencoded"}, "answer=yes&x=" + "y" * 600_000, 413),
        ):
            assert visit("POST", path, headers=headers, body=body).status == status
        assert go(it).answer is None


def test_while_the_table_does_not_answer_nothing_is_decided_and_that_is_said() -> None:
    with asked() as (it, path):
        form = filled(path)
        with patch.object(Decisions, "answer", side_effect=AwsUnavailable("the table")):
            said = visit("POST", path, form)
        assert said.status == 503
        assert "nothing was decided" in said.words
        assert "the table" not in said.body
        assert go(it).answer is None


def test_the_table_has_no_id_by_which_anybody_could_answer() -> None:
    with asked() as (_, path):
        assert not [item for item in everything() if path.removeprefix("/d/") in item]


# A run that waits


class ByLink(People):
    """Answers by the link of whoever is asked, at once; then the run is woken, or nobody hears of it."""

    heard = True

    def while_waiting(self, simulator: Any, seconds: float) -> None:
        simulator.advance(seconds)
        if self.night is None or not self.night.run_id:
            return
        run = self.night.run_id
        for question in self.night.store.questions(run):
            if question.name in self.answers and question.answer is None and not question.closed:
                id_ = inviting.invite(self.night.store, run, question.name, LEAD, simulator.clock.now())
                with patch.object(deciding_requests, "local_now", simulator.clock.now):
                    assert answer(f"/d/{id_}", "yes").status == 303
                if self.heard:
                    event = {"source": "cutover", "detail-type": "Decision", "detail": {"run": run}}
                    assert wake.handler(event, CONTEXT) in ({"woken": 1}, {"woken": 0})


@pytest.mark.parametrize("heard", [True, False])
def test_a_run_sleeps_until_it_is_answered_and_goes_on_all_the_same_where_that_is_lost(heard: bool) -> None:
    people = ByLink()
    people.heard = heard
    with a_whole_night(people) as it:
        began = it.night.simulator.clock.now()
        assert it.carry_out() == "CutOver"
        states = it.night.states()
        assert states.count("AwaitAnswer") == 3
        assert {question.via for question in it.night.store.questions(it.night.run_id)} == {"link"}
        waited = [
            (instant(each.answered_at or "") - instant(each.asked)).total_seconds()
            for each in it.night.store.questions(it.night.run_id)
        ]
        assert max(waited) <= 20, "it is answered at once"
        night = it.record
        slept = (
            instant(night.done["go"]) - instant(it.night.store.questions(it.night.run_id)[0].asked)
        ).total_seconds()
        assert (slept <= 60) == heard
        assert text(began) < str(night.opened)
        evidence = it.night.evidence()["night"]["questions"]
        assert {each["via"] for each in evidence} == {"link"}
        assert all("Production: " in each["saw"] for each in evidence)
