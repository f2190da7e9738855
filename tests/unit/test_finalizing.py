"""Which sources may be removed from the service."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.after_records import Fate
from cutover.cleanup import Left
from cutover.finalizing import judge, not_of_the_run
from cutover.machine import Replica
from cutover.night_records import Holder, NightRecord
from cutover.plan import Mode
from cutover.records import MachineStatus, Outcome, RunStatus
from tests.unit.records_of import CUT_OVER, instance, machine, record, run

RUN = run(status=RunStatus.SUCCEEDED, outcome=Outcome.CUT_OVER)
COMMITTED = NightRecord(holder=Holder.TARGET, committed="2026-12-09T10:00:00Z")


def left(**changes: Any) -> Left:
    """A committed target, protected, that the service names as the present one."""
    seen = Left(
        record=record(status=MachineStatus.VERIFIED),
        machine=machine(replica="r-new", life_cycle=CUT_OVER),
        replica=Replica("r-new", "m-db01", "i-new", "j-1"),
        instance=instance(),
        protected=True,
    )
    return replace(seen, **changes)


def test_the_source_of_a_committed_target_goes() -> None:
    assert [(each.fate, each.machine, each.findings) for each in judge([left()])] == [(Fate.GOES, "m-db01", ())]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"record": record(status=MachineStatus.FAILED)}, "finalize"),
        ({"instance": None}, "finalize"),
        ({"instance": instance(state="terminated")}, "finalize"),
        ({"replica": Replica("r-2", "m-db01", "i-2", "j-2")}, "finalize"),
        ({"replica": None}, "finalize"),
        ({"protected": False}, "protection"),
        ({"protected": None}, "protection"),
        ({"instance": instance(tags={"cutover:keep": "until January"})}, "keep"),
        ({"held_by": "demo-test-7"}, "lock"),
    ],
)
def test_what_is_not_proved_or_kept_back_stays_and_why_is_said(changes: dict[str, Any], field: str) -> None:
    (judged,) = judge([left(**changes)])
    assert judged.fate is Fate.STAYS
    assert [each.field for each in judged.findings] == [field]


def test_a_source_that_the_service_has_no_more_is_gone_whatever_else_is_seen() -> None:
    assert [each.fate for each in judge([left(machine=None, replica=None, instance=None)])] == [Fate.GONE]


def test_a_machine_that_was_never_found_stays() -> None:
    missing = left(record=record(id=None, status=MachineStatus.REFUSED, target=None), machine=None, instance=None)
    assert [each.fate for each in judge([missing])] == [Fate.STAYS]


@pytest.mark.parametrize(
    ("changes", "night", "confirmed", "seen"),
    [
        ({"mode": Mode.TEST, "outcome": Outcome.TESTED}, COMMITTED, "demo", "is a test"),
        ({"observe": True}, COMMITTED, "demo", "is observed"),
        ({"outcome": Outcome.ROLLED_BACK}, COMMITTED, "demo", "RolledBack"),
        ({"outcome": None}, COMMITTED, "demo", "not ended"),
        ({}, COMMITTED.but(committed=None), "demo", "was not committed; production is held by target"),
        ({}, NightRecord(), "demo", "was not committed; production is held by source"),
        ({}, COMMITTED, "", "not confirmed"),
        ({}, COMMITTED, "Demo", "confirmed with 'Demo'"),
    ],
)
def test_only_a_committed_cutover_is_finalized_by_who_names_the_plan(
    changes: dict[str, Any], night: NightRecord, confirmed: str, seen: str
) -> None:
    refused = not_of_the_run(RUN.but(**changes), night, confirmed)
    assert refused is not None
    assert seen in refused.seen
    assert not_of_the_run(RUN, COMMITTED, "demo") is None
