"""What people are told who wait for the application: plain language, no names of machines, at most MOST in a night."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cutover.downtime import downtime, last_moment, window_end
from cutover.instants import after, instant
from cutover.night_records import Holder
from cutover.plan import Mode
from cutover.records import MachineStatus, Outcome
from cutover.telling.catalogue import Say
from cutover.telling.messages import Message, News, subject
from cutover.telling.next_word import NextWord
from cutover.telling.situation import Situation

MOST = 6
LAST = (News.ENDED, News.DIED)
"""There is always room for one of these."""
_NO_WORD = {News.ENDED: "plain.no_next", News.DIED: "plain.next_unknown"}


def told_to_stakeholders(news: News, here: Situation, told: int) -> bool:
    """Whether this is worth a message to them. `told`: how many they have had of this run."""
    if here.run.observe or told >= (MOST if news in LAST else MOST - 1):
        return False
    if here.run.mode is Mode.TEST:
        return news is News.ENDED
    match news:
        case News.STARTED:
            return here.run.attempt == 1
        case News.HELD:
            return here.night.holder is not Holder.SOURCE
    return news in (News.CLOSED, News.SWITCHED, News.GOING_BACK, *LAST)


def stakeholders(news: News, here: Situation, say: Say, following: NextWord) -> Message:
    """The message of this news: who serves users, what changed, what is to be done, when the next word comes."""
    words = _Words(here, say)
    about, lines = _news(news, here, words)
    lines.append(words.say("plain.next", by=words.time(following.by)) if following.by else words.say(_NO_WORD[news]))
    return Message(subject(here.run, f"{words.application}: {about}"), "\n".join([*lines, words.zone_line()]))


class _Words:
    """The language, with what the plan calls things and the clock of its time zone."""

    def __init__(self, here: Situation, say: Say) -> None:
        telling = here.plan.telling
        self._say = say
        self.application = telling.application or here.plan.name
        self.source = telling.source or say("plain.source")
        self.target = telling.target or say("plain.target")
        self._zone, self._zone_name = _zone(here.plan.calendar.zone)
        self._day = instant(here.seen).astimezone(self._zone).date()

    def say(self, key: str, /, **facts: object) -> str:
        return self._say(key, **{"app": self.application, "source": self.source, "target": self.target, **facts})

    def time(self, given: str | datetime | None) -> str:
        """The time of day, with its date where it is not the day of the message."""
        if given is None:
            return self.say("plain.unknown_time")
        at = (instant(given) if isinstance(given, str) else given).astimezone(self._zone)
        if at.date() == self._day:
            return f"{at:%H:%M}"
        return self.say("plain.date", day=at.day, month=self.say(f"month.{at.month}"), time=f"{at:%H:%M}")

    def zone_line(self) -> str:
        return self.say("plain.zone", zone=self._zone_name)

    def span(self, seconds: int) -> str:
        """Hours and minutes, a begun minute counted whole."""
        minutes = -(-seconds // 60)
        return self.say("plain.span", hours=minutes // 60, minutes=minutes % 60)


def _zone(name: str) -> tuple[ZoneInfo, str]:
    """UTC where the plan names no zone, or this computer does not know it."""
    try:
        return (ZoneInfo(name), name) if name else (ZoneInfo("UTC"), "UTC")
    except ZoneInfoNotFoundError:
        return ZoneInfo("UTC"), "UTC"


def _news(news: News, here: Situation, words: _Words) -> tuple[str, list[str]]:
    night, planned, run = here.night, here.plan.night, here.run
    match news:
        case News.STARTED if planned is not None:
            shuts = bool(planned.quiesce or planned.power_off or planned.switch)
            return words.say("plain.started_about"), [
                words.say("plain.started"),
                words.say(
                    "plain.started_outage",
                    shuts=shuts,
                    by=words.time(last_moment(planned, run)),
                    span=words.span(planned.estimate),
                    end=words.time(window_end(planned, run)),
                ),
                words.say("plain.nothing_to_do"),
            ]
        case News.CLOSED if planned is not None and night.closed:
            return words.say("plain.closed_about", at=words.time(night.closed)), [
                words.say("plain.closed", at=words.time(night.closed)),
                words.say("plain.closed_back", by=words.time(after(night.closed, planned.estimate))),
                words.say("plain.closed_do"),
            ]
        case News.SWITCHED:
            return words.say("plain.switched_about", at=words.time(night.opened)), [
                words.say("plain.switched", at=words.time(night.opened), **_took(here, words)),
                words.say("plain.switched_lose", at=words.time(night.opened)),
                words.say("plain.report_problems"),
            ]
        case News.HELD:
            deadline = words.time(night.hold.deadline if night.hold else None)
            key = "plain.held_closed" if night.holder is Holder.NOBODY else "plain.held_open"
            return words.say("plain.held_about"), [words.say(key), words.say("plain.held_by", by=deadline)]
        case News.GOING_BACK:
            lost = "plain.back_loses" if night.switching or night.opened else "plain.back_nothing_lost"
            since = words.time(night.switching or night.opened)
            return words.say("plain.back_about"), [words.say("plain.back"), words.say(lost, at=since)]
        case News.DIED:
            key = "plain.died_closed" if night.holder is Holder.NOBODY else "plain.died_open"
            return words.say("plain.died_about"), [
                words.say(key, on_target=night.holder is Holder.TARGET),
                words.say("plain.died_do"),
            ]
    return _ended(here, words)


def _took(here: Situation, words: _Words) -> dict[str, str]:
    """How long the application was closed, and how long that was planned."""
    seconds, planned = downtime(here.night), here.plan.night
    return {
        "took": words.span(seconds) if seconds is not None else "",
        "planned": words.span(planned.estimate) if planned else "",
    }


def _ended(here: Situation, words: _Words) -> tuple[str, list[str]]:
    run, night = here.run, here.night
    outcome = run.outcome or Outcome.FAILED
    if run.mode is Mode.TEST:
        return words.say(f"plain.test_{outcome.value}_about"), [
            words.say(f"plain.test_{outcome.value}", **_verified(here)),
            words.say("plain.test_untouched"),
            *_why(here, words, outcome),
        ]
    if outcome is Outcome.CUT_OVER and night.opened:
        return words.say("plain.switched_about", at=words.time(night.opened)), [
            words.say("plain.done", at=words.time(night.opened), **_took(here, words)),
            words.say("plain.done_committed" if night.committed else "plain.done_not_committed"),
            words.say("plain.switched_lose", at=words.time(night.opened)),
            words.say("plain.report_problems"),
        ]
    if outcome is Outcome.CUT_OVER:
        return words.say("plain.done_unmoved_about"), [words.say("plain.done_unmoved"), words.say("plain.team_moves")]
    if night.reopened:
        lost = night.switching or night.opened
        return words.say("plain.rolled_back_about", at=words.time(night.reopened)), [
            words.say("plain.rolled_back", at=words.time(night.reopened)),
            words.say("plain.rolled_back_lost" if lost else "plain.rolled_back_kept", at=words.time(lost)),
            *_why(here, words, outcome),
            words.say("plain.new_date"),
        ]
    if night.holder is Holder.NOBODY:
        return words.say("plain.failed_closed_about"), [
            words.say("plain.failed_closed", at=words.time(night.since or night.closed)),
            words.say("plain.failed_do"),
        ]
    if night.holder is Holder.TARGET:
        return words.say("plain.failed_open_about"), [
            words.say("plain.failed_open", at=words.time(night.opened)),
            words.say("plain.failed_do"),
        ]
    reopened = words.time(night.reopened) if night.reopened else ""
    return words.say("plain.not_moved_about"), [
        words.say("plain.not_moved", reopened=reopened),
        *_why(here, words, outcome),
        words.say("plain.new_date"),
    ]


def _verified(here: Situation) -> dict[str, int]:
    everyone = [machine for _, some in here.waves for machine in some]
    return {"good": sum(each.status is MachineStatus.VERIFIED for each in everyone), "total": len(everyone)}


def _why(here: Situation, words: _Words, outcome: Outcome) -> list[str]:
    """The reason, as it was recorded, where the end is not what was wanted."""
    if outcome is Outcome.TESTED or not here.run.reason:
        return []
    return [words.say("plain.reason", reason=here.run.reason)]
