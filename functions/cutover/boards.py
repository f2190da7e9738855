"""A run in its channels of Slack: one message in each, posted once and edited in place, with its news in the thread.

Whoever calls is alone with the run: the queue hands out one message of a run at a time. What was told is read from
the table, so that an event that is late, lost or doubled changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from cutover.slack import GONE, Mark, SlackBusy, SlackError, SlackRefused
from cutover.store import Store
from cutover.telling.board import Shown, board, reply, with_buttons
from cutover.telling.catalogue import Language, Say
from cutover.telling.situation import Situation
from cutover.told_records import Board, Letter, Told

Invite = Callable[[str], str | None]
"""Makes an id for the buttons of a question, by its name; None where nobody is asked that any more."""


class Channel(Protocol):
    """What a workspace does: see cutover.slack."""

    def post(self, channel: str, shown: Shown, mark: Mark, thread: str | None = None) -> tuple[str, str]: ...

    def edit(self, channel: str, ts: str, shown: Shown) -> None: ...

    def find(self, channel: str, mark: Mark, thread: str | None = None) -> tuple[str, str] | None: ...


def channels_of(told: Sequence[Told]) -> dict[str, str]:
    """The channels that a run is told in, with the language of each."""
    return {letter.slack: letter.language for each in told for letter in each.letters if letter.slack}


def bring_up_to_date(store: Store, slack: Channel, here: Situation, told: Sequence[Told], invite: Invite) -> None:
    """Every channel shows the run as it stands. One that cannot be written to keeps no other one back; then the error
    is raised that wants the longest wait: SlackBusy, SlackRefused."""
    failed: SlackError | None = None
    for name, language in channels_of(told).items():
        one = _One(store, slack, here, name, Say(Language(language)), invite)
        try:
            one.bring_up_to_date(told)
        except SlackError as error:
            failed = _longer(failed, error)
            store.write_board(here.run.id, one.board.but(failures=one.board.failures + 1, failed=str(error)))
    if failed is not None:
        raise failed


def _longer(one: SlackError | None, other: SlackError) -> SlackError:
    """Of two, the one for which Slack wants to be left alone for longer."""
    return other if one is None or _wanted(other) > _wanted(one) else one


def _wanted(error: SlackError) -> int:
    return (error.seconds or 0) if isinstance(error, SlackBusy) else 0


class _One:
    """The run in one channel."""

    def __init__(self, store: Store, slack: Channel, here: Situation, name: str, say: Say, invite: Invite) -> None:
        self._store, self._slack, self._here, self._say, self._invite = store, slack, here, say, invite
        self.board = store.board(here.run.id, name)

    def bring_up_to_date(self, told: Sequence[Told]) -> None:
        shown = board(self._here, told, self._say)
        if self.board.ts is None:
            self._post(shown)
        for each in told:
            if each.number > self.board.threaded:
                self._reply(each)
        if shown.digest != self.board.shown:
            self._edit(shown)

    def _post(self, shown: Shown) -> None:
        begun = self.board.posting  # then it may show what was so when it was begun
        channel, ts = self._once(shown, self._mark(0))
        self._write(self.board.but(channel=channel, ts=ts, shown="" if begun else shown.digest, posting=False))

    def _reply(self, told: Told) -> None:
        """One piece of news, in as many replies as it has letters for this channel."""
        letters = [letter for letter in told.letters if letter.slack == self.board.name]
        for letter in letters:
            self._once(self._asking(told, reply(letter)), self._mark(told.number, letter), self.board.ts)
        if letters:
            self._write(self.board.but(threaded=told.number, posting=False))

    def _asking(self, told: Told, shown: Shown) -> Shown:
        """With buttons, where it is a question that is still open."""
        question = self._store.question(self._here.run.id, told.question) if told.question else None
        if question is None or question.answer is not None or question.closed:
            return shown
        id_ = self._invite(question.name)
        return with_buttons(shown, question, id_, self._say) if id_ else shown

    def _edit(self, shown: Shown) -> None:
        try:
            self._slack.edit(self.board.channel, str(self.board.ts), shown)
        except SlackRefused as error:
            if error.code not in GONE:
                raise
            self._write(self.board.but(ts=None))  # somebody has deleted it: the run gets a new one
            self._post(shown)
            return
        self._write(self.board.but(shown=shown.digest))

    def _once(self, shown: Shown, mark: Mark, thread: str | None = None) -> tuple[str, str]:
        """Post it, or find it where it was begun before and no answer came: where it is, and its timestamp."""
        if self.board.posting and (found := self._found(mark, thread)) is not None:
            return found
        if not self.board.posting:
            self._write(self.board.but(posting=True))
        try:
            return self._slack.post(self.board.channel or self.board.name, shown, mark, thread)
        except SlackError as error:
            if not (isinstance(error, SlackBusy) and error.perhaps):
                self.board = self.board.but(posting=False)  # it was not taken; written with the failure
            raise

    def _found(self, mark: Mark, thread: str | None) -> tuple[str, str] | None:
        try:
            return self._slack.find(self.board.channel or self.board.name, mark, thread)
        except SlackRefused:  # a bot that may not read: rather twice than never
            return None

    def _mark(self, number: int, letter: Letter | None = None) -> Mark:
        mark: Mark = {"run": self._here.run.id, "number": number}
        return mark | {"audience": letter.audience.value} if letter else mark

    def _write(self, changed: Board) -> None:
        self.board = self._store.write_board(self._here.run.id, changed)
