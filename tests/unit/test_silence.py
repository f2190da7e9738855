"""When a night has fallen silent: nobody serves users, and what is recorded has not changed for too long."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover.instants import after
from cutover.night_records import Closed, Hold, Holder, NightRecord, Part, StepRecord, StepState
from cutover.records import MachineStatus, Outcome, Phase, RunStatus, WaveRecord
from cutover.silence import Waves, look, over, standing
from tests.unit.records_of import record, run

AT = "2026-11-28T22:00:00Z"
NIGHT = NightRecord(holder=Holder.NOBODY, since=AT, closed=AT, progressed=AT)
WAVE = WaveRecord(1, "db", phase=Phase.FOLLOWING, jobs=("j-1",), log_lines=3, looked=AT)
WAVES: Waves = [(WAVE, [record()])]
STEP = StepRecord(Part.QUIESCE, 1, "close", StepState.BEGUN, AT, AT)
LIMIT = 900


def test_the_first_look_counts_from_what_is_recorded() -> None:
    early = look(Closed("r"), "a", NIGHT, LIMIT, after(AT, LIMIT - 1))
    assert not early.silent
    assert early.watched == Closed("r", "a", AT, told=False)
    late = look(Closed("r"), "a", NIGHT, LIMIT, after(AT, LIMIT))
    assert late.silent
    assert late.watched.told


def test_a_silence_is_told_once_and_the_next_one_again() -> None:
    watched, told = Closed("r"), []
    for minute, seen in enumerate("a" * 40 + "b" * 40):
        looked = look(watched, seen, NIGHT, LIMIT, after(AT, minute * 60))
        watched = looked.watched
        told += [minute] if looked.silent else []
    assert told == [15, 55]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=80))
def test_each_silence_that_lasts_is_told_once(seen: list[str]) -> None:
    watched, told, quiet, expected = Closed("r"), 0, 0, 0
    for minute, each in enumerate(seen):
        looked = look(watched, each, NIGHT, 300, after(AT, minute * 60))
        quiet = quiet + 1 if minute and each == seen[minute - 1] else 0
        expected += quiet == 5
        watched, told = looked.watched, told + looked.silent
    assert told == expected


@pytest.mark.parametrize(
    "what",
    [
        {"night": NIGHT.but(progressed=after(AT, 60))},
        {"night": NIGHT.but(done={"quiesce": AT})},
        {"night": NIGHT.but(hold=Hold(Part.WAVE, AT, AT, "it broke"))},
        {"run": run(attempt=2)},
        {"waves": [(replace(WAVE, log_lines=4), [record()])]},
        {"waves": [(replace(WAVE, phase=Phase.ENDED), [record()])]},
        {"waves": [(WAVE, [record(status=MachineStatus.VERIFIED)])]},
        {"steps": [STEP.but(token="command")]},
        {"steps": [STEP.but(state=StepState.DONE)]},
    ],
)
def test_what_goes_on_is_seen(what: dict[str, Any]) -> None:
    assert _standing(**what) != _standing()


@pytest.mark.parametrize(
    "what",
    [
        {"waves": [(replace(WAVE, looked=after(AT, 600), target_looks=9, version=9), [record()])]},
        {"night": NIGHT.but(version=7, looks={"zero_loss": 9})},
        {"steps": [STEP.but(looks=9, seen="not yet")]},
        {"run": run(lease=after(AT, 600), requests={"GET machines": 3})},
    ],
)
def test_looking_alone_is_no_progress(what: dict[str, Any]) -> None:
    assert _standing(**what) == _standing()


def _standing(**what: Any) -> str:
    given = {"run": run(), "night": NIGHT, "waves": WAVES, "steps": [STEP], **what}
    return standing(given["run"], given["night"], given["waves"], given["steps"])


FAILED: dict[str, Any] = {"status": RunStatus.FAILED, "outcome": Outcome.FAILED}


@pytest.mark.parametrize(
    ("how", "night", "ends"),
    [
        ({}, NIGHT, False),
        ({}, NightRecord(), False),  # the doors are about to be closed
        ({}, NIGHT.but(holder=Holder.TARGET), True),
        ({}, NIGHT.but(holder=Holder.SOURCE), True),
        (FAILED, NIGHT, True),
        ({**FAILED, "interrupted": True}, NIGHT, False),
        ({**FAILED, "interrupted": True, "aborted": True}, NIGHT, True),
    ],
)
def test_a_run_is_watched_until_users_are_served_or_it_has_ended(
    how: dict[str, Any], night: NightRecord, ends: bool
) -> None:
    assert over(run(**how), night) is ends
