"""Which test targets may be deleted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.after_records import Fate
from cutover.cleanup import Left, judge, not_of_the_run, schedule_name
from cutover.machine import LifeCycle, Replica
from cutover.plan import Mode
from cutover.records import Outcome, RunStatus
from tests.unit.records_of import ago, instance, machine, record, run

RUN = run(id="demo-test-1", mode=Mode.TEST, status=RunStatus.SUCCEEDED, outcome=Outcome.TESTED)
TAGS = {"cutover:run": "demo-test-1", "cutover:mode": "test"}
REPLICA = Replica("r-new", "m-db01", "i-new", "j-1")


def left(**changes: Any) -> Left:
    """A test target as its run left it, with nothing against its deletion."""
    seen = Left(
        record=record(),
        machine=machine(replica="r-new", life_cycle=LifeCycle(tested_at=ago(days=6))),
        replica=REPLICA,
        instance=instance(tags=TAGS),
        protected=False,
    )
    return replace(seen, **changes)


def test_a_test_target_of_the_run_goes() -> None:
    (judged,) = judge(RUN, [left()])
    assert (judged.fate, judged.instance, judged.replica, judged.findings) == (Fate.GOES, "i-new", "r-new", ())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"instance": instance(tags={**TAGS, "cutover:run": "demo-test-2"})}, "clean_up"),
        ({"instance": instance(tags={**TAGS, "cutover:mode": "cutover"})}, "clean_up"),
        ({"instance": instance(tags={})}, "clean_up"),
        ({"instance": instance(tags={**TAGS, "Keep": "yes"})}, "keep"),
        ({"protected": True}, "protection"),
        ({"protected": None}, "protection"),
        ({"held_by": "demo-cutover-9"}, "lock"),
        (
            {"machine": machine(replica="r-new", life_cycle=LifeCycle(tested_at=ago(days=6), cut_over_at=ago(days=1)))},
            "cutover",
        ),
        ({"machine": machine(replica="r-later"), "replica": Replica("r-later", "m-db01", "i-later", "j-2")}, "orphan"),
        ({"machine": machine(replica=None), "replica": None}, "orphan"),
        ({"machine": None, "replica": None}, "orphan"),
        ({"replica": replace(REPLICA, instance_id="i-other")}, "orphan"),
    ],
)
def test_what_is_live_kept_or_not_surely_its_own_stays_and_why_is_said(changes: dict[str, Any], field: str) -> None:
    (judged,) = judge(RUN, [left(**changes)])
    assert judged.fate is Fate.STAYS
    assert [each.field for each in judged.findings] == [field]


def test_a_later_cutover_has_its_own_target_and_this_one_is_an_orphan() -> None:
    life = LifeCycle(tested_at=ago(days=6), cut_over_at=ago(days=1))
    (judged,) = judge(RUN, [left(machine=machine(replica="r-live", life_cycle=life), replica=None)])
    assert (judged.fate, [each.field for each in judged.findings]) == (Fate.STAYS, ["orphan"])


def test_a_target_that_came_late_and_was_isolated_goes_too() -> None:
    (judged,) = judge(RUN, [left(instance=instance(tags={"cutover:isolated": "demo-test-1"}, state="stopped"))])
    assert judged.fate is Fate.GOES


@pytest.mark.parametrize("seen", [None, instance(state="terminated", tags=TAGS)])
def test_what_is_gone_is_not_asked_for_again(seen: Any) -> None:
    (judged,) = judge(RUN, [left(instance=seen)])
    assert judged.fate is Fate.GONE


def test_what_the_service_is_deleting_is_waited_for_and_not_asked_for_again() -> None:
    assert [each.fate for each in judge(RUN, [left()], {"db01": "r-new"})] == [Fate.GOING]
    assert [each.fate for each in judge(RUN, [left(instance=instance(state="shutting-down", tags=TAGS))])] == [
        Fate.GOING
    ]


def test_a_machine_without_a_target_is_passed_over() -> None:
    assert judge(RUN, [left(record=record(target=None))]) == []


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"mode": Mode.CUTOVER}, "is a cutover"),
        ({"observe": True}, "launched nothing itself"),
        ({"status": RunStatus.RUNNING}, "has not ended"),
    ],
)
def test_only_a_test_run_that_has_ended_is_cleaned_up_after(changes: dict[str, Any], seen: str) -> None:
    refused = not_of_the_run(RUN.but(**changes))
    assert refused is not None
    assert seen in refused.seen
    assert not_of_the_run(RUN) is None


def test_the_name_of_a_schedule_fits_whatever_the_run_is_called() -> None:
    longest = "p" * 40 + "-cutover-observe-20261128T210000Z"
    assert len(schedule_name(longest, 4)) <= 64
    assert schedule_name(longest, 1) != schedule_name(longest, 2)
