"""What has been told of a run, as it is written before it is sent: the records that messengers read.

    RUN#<run>   TOLD#0001        Told: one piece of news, with a letter for each audience
                SLACK#<channel>  Board: the run's message in a channel of Slack, and how far its thread is
    DUE         <run>            Due: by when the run's next word was promised

Instants are RFC 3339 strings in UTC, durations whole seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cutover.planned_telling import Audience
from cutover.records import Record


@dataclass(frozen=True)
class Letter(Record):
    """What an audience is sent, and where to. `topic`: "" for the deployment's own; `slack`: "" for none."""

    audience: Audience
    language: str
    topic: str
    slack: str
    subject: str
    text: str

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "audience": Audience(data["audience"])}


@dataclass(frozen=True)
class Told(Record):
    """One piece of news. `number`: counted from 1 in a run, in the order it was told. `news`: its kind. `wave`: the
    name of the wave that it is told of. `question`: what was asked, by its name. `next_word`: the latest instant of the
    next one; None: none is promised."""

    number: int
    at: str
    news: str
    wave: str | None
    question: str | None
    letters: tuple[Letter, ...]
    next_word: str | None

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "letters": tuple(Letter.from_json(each) for each in data["letters"])}

    def again(self, other: Told) -> bool:
        """Whether the other is the same piece of news, told once more: engineers read the same."""
        return (self.news, self.wave, self.question, self.letters[:1]) == (
            other.news,
            other.wave,
            other.question,
            other.letters[:1],
        )


@dataclass(frozen=True)
class Due(Record):
    """A promised word. `by`: the instant that the message named; `since`: our own clock when it was told; `seconds`:
    how long after that it is overdue, so that no clock is compared with another one."""

    run: str
    by: str
    since: str
    seconds: int


@dataclass(frozen=True)
class Board(Record):
    """A run in a channel of Slack. `channel`: its id, as Slack calls it; `ts`: the timestamp that names the message,
    None before it was posted. `posting`: a post was begun whose answer is not known. `threaded`: how many pieces of
    news its thread has. `shown`: a digest of what the message says. `failures`: posts and edits that Slack did not
    take; `failed`: the last one, in words."""

    name: str
    version: int = 0
    channel: str = ""
    ts: str | None = None
    posting: bool = False
    threaded: int = 0
    shown: str = ""
    failures: int = 0
    failed: str = ""
