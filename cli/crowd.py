"""The people of a rehearsal: they answer what a run asks, as the scenario says, and the way the command does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from cli.deployment import NotTaken, RunView
from cutover.instants import instant, text
from cutover.night_records import QuestionRecord
from cutover.planned_night import Night

Answer = Callable[[str, str, str, bool, str, str], None]
"""run, name, by, yes, reason, now; NotTaken where it does not count."""


class Reply(Protocol):
    """What somebody answers to one question."""

    @property
    def answer(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def after(self) -> timedelta | None: ...
    @property
    def times(self) -> int: ...


class Person(Protocol):
    """Somebody of the scenario's."""

    @property
    def who(self) -> str: ...
    @property
    def after(self) -> timedelta: ...
    def reply(self, *names: str) -> Reply | None: ...


class Crowd:
    """`planned`: the night of the plan, whose manual steps people know by name; None for a plan without one."""

    def __init__(self, people: Sequence[Person], answer: Answer, planned: Night | None) -> None:
        self._people, self._answer, self._planned = people, answer, planned
        self._answered: Counter[tuple[str, str, str]] = Counter()

    def look(self, view: RunView, now: datetime) -> list[str]:
        """Answer whatever is due, and say who said what."""
        return [
            self._say(view.run.id, question, person, reply, now)
            for question in view.questions
            for person in self._people
            if (reply := person.reply(question.name, self._step_of(question.name)))
            if self._due(question, person, reply, now)
        ]

    def _due(self, question: QuestionRecord, person: Person, reply: Reply, now: datetime) -> bool:
        """Whether they have thought about it long enough, and have not said all that they would say."""
        after = person.after if reply.after is None else reply.after
        said = self._answered[_key(question, person)]
        if not said and question.answered_by == person.who:  # before the rehearsal was killed
            said = 1
        return said < reply.times and now >= instant(question.asked) + after

    def _say(self, run: str, question: QuestionRecord, person: Person, reply: Reply, now: datetime) -> str:
        self._answered[_key(question, person)] += 1
        said = f"{person.who} says {reply.answer} to {question.name}"
        if reply.reason:
            said += f": {reply.reason}"
        try:
            self._answer(run, question.name, person.who, reply.answer == "yes", reply.reason, text(now))
        except NotTaken as refused:
            return f"{said}; not taken: {refused}"
        return said

    def _step_of(self, name: str) -> str:
        """`doors` for `quiesce-1`, `undo-doors` for `undo-quiesce-1`, by the plan; else the name itself."""
        undoes = name.startswith("undo-")
        part, _, number = name.removeprefix("undo-").rpartition("-")
        steps = getattr(self._planned, part, ()) if part in ("quiesce", "power_off", "switch") else ()
        if not number.isdigit() or not 0 < int(number) <= len(steps):
            return name
        return f"undo-{steps[int(number) - 1].name}" if undoes else str(steps[int(number) - 1].name)


def _key(question: QuestionRecord, person: Person) -> tuple[str, str, str]:
    return question.name, question.asked, person.who
