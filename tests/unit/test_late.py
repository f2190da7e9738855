"""What may still come of a run that has ended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cutover.late import WATCH, missing, own, pause, to_watch
from cutover.machine import LifeCycle, Replica
from cutover.plan import Mode
from cutover.records import LaunchState, Phase, TargetRecord, WaveRecord
from tests.unit.records_of import NOW, launch, machine, record

GONE = record(target=None, replica=None)
ENDED = WaveRecord(1, "db", phase=Phase.ENDED)


def test_a_machine_is_missing_when_it_was_launched_and_no_target_of_it_appeared() -> None:
    accepted = launch(LaunchState.ACCEPTED, machines=(str(GONE.id),))
    there = GONE.but(target=TargetRecord(instance_id="i-1"))

    assert missing([accepted], [GONE]) == [GONE]
    assert missing([accepted], [there]) == []
    assert missing([accepted], [GONE.but(id="m-left-out")]) == []
    assert missing([launch(LaunchState.REFUSED, machines=(str(GONE.id),))], [GONE]) == []
    assert missing([], [GONE]) == []


@pytest.mark.parametrize(
    ("wave", "state", "watched"),
    [
        (ENDED.but(jobs=("j",)), LaunchState.ACCEPTED, True),
        (ENDED.but(jobs=("j",), verify_deadline="2026-11-28T10:00:00Z"), LaunchState.ACCEPTED, False),
        (ENDED, LaunchState.UNKNOWN, True),
        (ENDED, LaunchState.SENT, True),
        (ENDED, LaunchState.REFUSED, False),
        (ENDED, LaunchState.ABSENT, False),
    ],
)
def test_a_wave_is_watched_while_the_service_may_be_at_work_for_it(
    wave: WaveRecord, state: LaunchState, watched: bool
) -> None:
    there = GONE.but(target=TargetRecord(instance_id="i-1"))
    assert to_watch(wave, [launch(state)], [there]) is watched


def test_a_late_target_is_ours_by_its_own_word_or_else_by_its_machines() -> None:
    ours, theirs, silent = (Replica("r", "m", "i", job) for job in ("j", "other", None))
    life = machine(life_cycle=LifeCycle(test_job="j"))

    assert own(ours, machine(), Mode.TEST, ["j"])
    assert not own(theirs, life, Mode.TEST, ["j"]), "its own word counts"
    assert own(silent, life, Mode.TEST, ["j"])
    assert not own(silent, life, Mode.CUTOVER, ["j"])
    assert not own(silent, machine(), Mode.TEST, ["j"]), "nobody says so"


def test_the_watch_looks_often_at_first_and_ends() -> None:
    deadline, now, pauses = NOW + WATCH, NOW, list[int]()
    while now < deadline:
        pauses.append(pause(now, deadline))
        now += timedelta(seconds=pauses[-1])

    assert pauses[0] == 121
    assert max(pauses) == 1801
    assert len(pauses) < 60
    assert now - deadline < timedelta(minutes=1)
