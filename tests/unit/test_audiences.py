"""Who reads what: stakeholders little and plainly, the pager what somebody must get up for, engineers everything."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from cli.sample_night import chapters
from cutover.finding import Finding
from cutover.night_records import NightRecord
from cutover.plan import Mode, Plan
from cutover.planned_calendar import Calendar
from cutover.planned_telling import Audience, Channel, Telling
from cutover.records import LaunchState, MachineStatus, Outcome, RunStatus, WaveRecord
from cutover.telling import audiences
from cutover.telling.audiences import UNCOMPOSED, letters, message_for
from cutover.telling.catalogue import Language
from cutover.telling.messages import News
from cutover.telling.next_word import MARGIN, next_word
from cutover.telling.situation import Situation
from cutover.told_records import Letter
from tests.unit import night_of as at
from tests.unit.records_of import launch, record, run

EVERYBODY = {
    Audience.STAKEHOLDERS: Channel("de", "cutover-owners", "#shop"),
    Audience.ENGINEERS: Channel(),
    Audience.PAGER: Channel(topic="cutover-pager"),
}
TELLING = Telling("Shop", "München", "AWS", EVERYBODY)
PLAN: Plan = replace(at.PLAN, telling=TELLING, calendar=Calendar("Europe/Berlin"))
HERE = Situation(run(), PLAN, at.OFF, [(WaveRecord(1, "db"), [record()])], wave=1)


def sent(news: News, here: Situation = HERE, told: dict[Audience, int] | None = None) -> dict[Audience, Letter]:
    return {letter.audience: letter for letter in letters(news, here, told or {})}


def ended(outcome: Outcome, night: NightRecord = at.OFF, **more: Any) -> Situation:
    return replace(HERE, run=run(outcome=outcome, status=RunStatus.SUCCEEDED, **more), night=night)


def test_a_letter_says_whom_it_is_for_and_which_way_it_goes() -> None:
    letter = sent(News.CLOSED)[Audience.STAKEHOLDERS]
    assert (letter.language, letter.topic, letter.slack) == ("de", "cutover-owners", "#shop")
    assert Letter.from_json(letter.to_json()) == letter


def test_engineers_are_told_everything_and_first() -> None:
    situation = replace(HERE, night=at.HELD, launch=launch(LaunchState.ACCEPTED, jobs=("j-1",)), question=at.USERS)
    for news in News:
        assert letters(news, situation, {})[0].audience is Audience.ENGINEERS


def test_without_a_word_in_the_plan_engineers_are_told_in_english_and_nobody_else() -> None:
    plain = replace(HERE, plan=at.PLAN)
    assert [(each.audience, each.language, each.topic) for each in letters(News.CLOSED, plain, {})] == [
        (Audience.ENGINEERS, "en", "")
    ]


PAGED = {
    News.HELD: at.HELD,
    News.SILENT: at.OFF,
    News.OVERDUE: at.OFF,
    News.DIED: at.OFF,
    News.LATE: at.OFF,
    News.GOING_BACK: at.GOES_BACK,
}


@pytest.mark.parametrize("news", [each for each in News if each is not News.ENDED])
def test_the_pager_is_told_what_somebody_must_get_up_for_and_nothing_else(news: News) -> None:
    night = PAGED.get(news, at.HELD)
    here = replace(HERE, night=night, launch=launch(LaunchState.ACCEPTED, jobs=("j-1",)), question=at.USERS)
    assert (Audience.PAGER in sent(news, here)) == (news in PAGED)


def test_a_way_back_that_a_person_ordered_pages_nobody() -> None:
    assert Audience.PAGER not in sent(News.GOING_BACK, replace(HERE, night=at.BACK_BY_HAND))


@pytest.mark.parametrize("outcome", list(Outcome))
def test_of_the_ends_only_a_failure_pages(outcome: Outcome) -> None:
    assert (Audience.PAGER in sent(News.ENDED, ended(outcome))) == (outcome is Outcome.FAILED)


def test_the_page_begins_with_what_is_stale_and_who_serves_users() -> None:
    stale = Finding("stale_data", "data to 22:31:07", "later than the quiesce", "relaunch")
    bad = record(label="SQL02", status=MachineStatus.HELD, findings=(stale,))
    page = sent(News.HELD, replace(HERE, night=at.HELD, waves=[(WaveRecord(1, "db"), [record(), bad])]))[Audience.PAGER]
    assert page.subject == "STALE SQL02, nobody serves users (demo cutover)"
    assert page.text.splitlines()[:2] == [
        "STALE SQL02, nobody serves users",
        "Production: NOBODY since 2026-11-28T22:41:00Z. Users are shut out.",
    ]
    assert "needs a decision by 2026-11-29T11:40:00Z" in page.text
    assert "data to 22:31:07" in page.text


def test_stakeholders_read_plain_words_in_their_language_by_their_clock() -> None:
    letter = sent(News.CLOSED)[Audience.STAKEHOLDERS]
    assert letter.subject == "Shop: geschlossen seit 23:41"
    assert letter.text.splitlines() == [
        "Shop ist seit 23:41 geschlossen, wie geplant. Niemand kann jetzt damit arbeiten.",
        "Wir öffnen voraussichtlich bis 02:11 am 29. November. Bis dahin gibt es einen Rückweg (München), der nichts "
        "verliert.",
        "Bitte arbeiten Sie erst wieder damit, wenn wir sagen, dass es offen ist.",
        "Nächstes Wort: spätestens um 00:54 am 29. November.",
        "Zeiten: Europe/Berlin.",
    ]


def test_subjects_are_one_ascii_line_in_any_language() -> None:
    german = {audience: replace(channel, language="de") for audience, channel in EVERYBODY.items()}
    here = replace(
        HERE, night=at.HELD, plan=replace(PLAN, telling=replace(TELLING, audiences=german, application="Bücher"))
    )
    subjects = [each.subject for news in (News.HELD, News.OVERDUE, News.SILENT) for each in letters(news, here, {})]
    assert all(each.isascii() and len(each) <= 100 for each in subjects)
    assert "HAELT, niemand bedient die Anwender (demo cutover)" in subjects
    assert "?" not in "".join(subjects)


@pytest.mark.parametrize("seen", range(8))
def test_stakeholders_are_told_six_times_at_most_and_always_the_end(seen: int) -> None:
    told = {Audience.STAKEHOLDERS: seen}
    assert (Audience.STAKEHOLDERS in sent(News.CLOSED, told=told)) == (seen < 5)
    assert (Audience.STAKEHOLDERS in sent(News.ENDED, ended(Outcome.FAILED), told)) == (seen < 6)


def test_of_a_test_stakeholders_hear_how_it_ended_and_nothing_before() -> None:
    test = replace(HERE, run=run(mode=Mode.TEST, outcome=Outcome.TESTED), night=NightRecord())
    assert Audience.STAKEHOLDERS not in sent(News.STARTED, test)
    assert "niemand wurde bewegt, nichts geschlossen" in sent(News.ENDED, test)[Audience.STAKEHOLDERS].text


ENDS = {
    "not begun": (ended(Outcome.REFUSED, NightRecord(), reason="no test"), "nothing was lost", "Reason: no test."),
    "back": (ended(Outcome.ROLLED_BACK, at.BACK), "open again on München since 01:10", "nothing was lost"),
    "back, late": (ended(Outcome.ROLLED_BACK, at.BACK_LATE), "open again on München since 04:42", "is not there"),
    "cut over": (ended(Outcome.CUT_OVER, at.COMMITTED), "open since 01:58", "The move is confirmed."),
    "not committed": (ended(Outcome.CUT_OVER, at.OPENED), "open since 01:58", "not confirmed yet"),
    "closed": (ended(Outcome.FAILED, at.OFF), "closed since 23:41", "neither opened in AWS nor again on München"),
    "open ends": (ended(Outcome.FAILED, at.OPENED), "runs in AWS and is open since", "did not come to its end"),
    "no doors": (ended(Outcome.CUT_OVER, NightRecord()), "still runs on München", "moves you over"),
}


@pytest.mark.parametrize("name", ENDS)
def test_every_end_says_who_serves_users_and_what_is_lost(name: str) -> None:
    here, *sentences = ENDS[name]
    text = message_for(Audience.STAKEHOLDERS, News.ENDED, here, Language.ENGLISH).text
    for sentence in sentences:
        assert sentence in text


@pytest.mark.parametrize("name", [each for each in ENDS if ENDS[each][0].night.switching or ENDS[each][0].night.opened])
def test_where_users_were_on_the_targets_nobody_is_told_that_nothing_was_lost(name: str) -> None:
    text = message_for(Audience.STAKEHOLDERS, News.ENDED, ENDS[name][0], Language.ENGLISH).text
    assert "nothing was lost" not in text


def test_words_that_fail_leave_nobody_untold() -> None:
    with patch.object(audiences, "message_for", side_effect=KeyError("closed.about")):
        found = sent(News.HELD, replace(HERE, night=at.HELD))
    assert set(found) == {Audience.ENGINEERS, Audience.PAGER, Audience.STAKEHOLDERS}
    for letter in found.values():
        assert letter.subject == "demo cutover: held"
        assert letter.text.startswith(UNCOMPOSED)
        assert "Production: NOBODY" in letter.text


def test_the_next_word_is_what_the_plan_allows_until_then_and_no_sooner() -> None:
    held = next_word(News.HELD, replace(HERE, night=at.HELD))
    assert held.by == "2026-11-29T11:55:00Z", "the hold's deadline and a margin"
    closed = next_word(News.CLOSED, replace(HERE, night=at.CLOSED))
    seconds = at.STOP_WEB.timeout + at.PLANNED.zero_loss_wait + MARGIN
    assert closed.by == "2026-11-28T23:46:03Z"
    assert seconds == 55 * 60


@pytest.mark.parametrize("news", [News.ENDED, News.DIED, News.LATE, News.OVERDUE])
def test_after_the_last_word_none_is_promised(news: News) -> None:
    assert next_word(news, HERE).by is None


def test_every_other_news_promises_a_later_word() -> None:
    here = replace(HERE, night=at.HELD, launch=launch(LaunchState.ACCEPTED, jobs=("j-1",)), question=at.USERS)
    for news in set(News) - {News.ENDED, News.DIED, News.LATE, News.OVERDUE}:
        by = next_word(news, here).by
        assert by is not None, news
        assert by > here.seen, news


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_whole_night_tells_stakeholders_six_times_at_most_and_leaves_no_gap(language: str) -> None:
    audiences_ = {audience: Channel(language) for audience in Audience}
    plan = replace(PLAN, telling=replace(TELLING, audiences=audiences_))
    for chapter in chapters(plan):
        told = [letter for _, _, some in chapter.letters() for letter in some]
        assert sum(each.audience is Audience.STAKEHOLDERS for each in told) <= 6, chapter.title
        for letter in told:
            assert not re.search(r"\bNone\b|\{\{|UNDEFINED", letter.subject + letter.text), letter.text
            assert not re.search(r"success", letter.text, re.IGNORECASE)
            assert UNCOMPOSED not in letter.text


def test_no_message_for_stakeholders_names_an_instance() -> None:
    for chapter in chapters(PLAN):
        for _, _, some in chapter.letters():
            for letter in some:
                if letter.audience is Audience.STAKEHOLDERS:
                    assert not re.search(r"\bi-[0-9a-f]", letter.text)
