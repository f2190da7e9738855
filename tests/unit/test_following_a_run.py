"""How long a rehearsal follows its run: to its outcome and the telling of it, and no longer."""

from __future__ import annotations

from io import StringIO
from typing import cast

import pytest
from rich.console import Console

from cli.board import watching
from cli.deployment import Deployment, RunView
from cli.rehearse import _follow
from cutover.plan import Mode
from cutover.records import Outcome, RunRecord, RunStatus, WaveRecord

CLAIMED = RunRecord("demo-test-1", "demo", "x", Mode.TEST, 1, None, "2026-11-28T09:00:00Z", execution="arn:demo-test-1")
CLOSED = CLAIMED.but(status=RunStatus.FAILED, outcome=Outcome.FAILED)
TOLD = CLOSED.but(told=True)


class Played:
    """A deployment that shows these moments one after the other: the run, and how its execution stands."""

    def __init__(self, *moments: tuple[RunRecord, str]) -> None:
        self.left = list(moments)
        self.now = self.left[0]

    def view(self, run_id: str) -> RunView:
        assert self.left, "followed on after it was to end"
        self.now = self.left.pop(0)
        return RunView(self.now[0], ((WaveRecord(1, "db"), ()),))

    def execution_status(self, arn: str) -> str:
        return self.now[1]


def follow(*moments: tuple[RunRecord, str], tell: float = 60) -> tuple[RunRecord, int]:
    """The run as it was when the following ended, and how many of the moments were not looked at any more."""
    played = Played(*moments)
    with watching(Console(file=StringIO())) as board:
        view = _follow(cast(Deployment, played), "demo-test-1", board.show, lambda _: None, tell)
    return view.run, len(played.left)


def test_a_run_that_was_told_is_followed_no_longer_though_its_execution_watches_on() -> None:
    moments = [(CLAIMED, "RUNNING"), (CLOSED, "RUNNING"), (TOLD, "RUNNING"), (TOLD, "SUCCEEDED")]

    assert follow(*moments) == (TOLD, 1)


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT"])
def test_a_run_whose_execution_died_is_followed_until_that_is_told(status: str) -> None:
    assert follow((CLAIMED, "RUNNING"), (CLAIMED, status), (CLOSED, status), (TOLD, status)) == (TOLD, 0)


def test_a_dead_run_that_is_never_told_is_given_up_in_its_time() -> None:
    assert follow((CLAIMED, "RUNNING"), (CLAIMED, "FAILED"), (TOLD, "FAILED"), tell=0) == (CLAIMED, 1)
