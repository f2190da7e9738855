"""What is still there, whose it was, and what to do with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cutover.leftovers import InEc2, judge
from cutover.plan import Mode
from cutover.records import Outcome, RunRecord, RunStatus
from tests.unit.records_of import NOW, ago, run

DAY = timedelta(days=1)
OURS = {"CloudEndure creation time": "x", "cutover:run": "r"}
TEST, CUTOVER = {**OURS, "cutover:mode": "test"}, {**OURS, "cutover:mode": "cutover"}
ENDED = run(id="r", mode=Mode.TEST, status=RunStatus.SUCCEEDED, outcome=Outcome.TESTED)
LATER, BEFORE = "2026-11-29T00:00:00Z", "2026-11-28T00:00:00Z"


def seen(tags: dict[str, str], id: str = "i-1", state: str = "running", days: float = 2) -> InEc2:
    return InEc2(id, state, ago(days=days), tags)


@pytest.mark.parametrize(
    ("thing", "recorded", "what"),
    [
        (seen({"Name": "CloudEndure Machine Converter 7"}), None, "machine converter"),
        (seen({"Name": "CloudEndure Replication Server con17"}), None, "replication server"),
        (seen({"CloudEndure_Replication_Service": "true"}), None, "replication server"),
        (seen({"Name": "AWS Application Migration Service Replication Server"}), None, "replication server"),
        (seen({"AWSApplicationMigrationServiceManaged": "mgn.amazonaws.com"}), None, "no run here has launched"),
        (seen(OURS, "vol-1", "available"), ENDED, "a volume that nothing uses"),
        (seen({**TEST, "cutover:isolated": "r"}, state="stopped"), ENDED, "too late"),
        (seen({"CloudEndure creation time": "x"}), None, "no run here has launched"),
        (seen(TEST), None, "whose run nobody knows"),
        (seen(TEST), ENDED, "without a time to live"),
        (seen(TEST), ENDED.but(clean_up_at=BEFORE), "past its time to live"),
        (seen(CUTOVER, state="stopped"), ENDED.but(outcome=Outcome.ROLLED_BACK), "rolled back"),
        (seen(CUTOVER), ENDED.but(outcome=Outcome.FAILED), "ended Failed"),
    ],
)
def test_what_is_left_over_is_named_with_its_age_and_what_to_do(
    thing: InEc2, recorded: RunRecord | None, what: str
) -> None:
    (found,) = judge([thing], {"r": recorded}, NOW, DAY)
    assert what in found.what
    assert (found.id, found.age) == (thing.id, 2 * DAY)
    assert found.remedy


@pytest.mark.parametrize(
    ("thing", "recorded"),
    [
        (seen(CUTOVER), ENDED.but(outcome=Outcome.CUT_OVER)),
        (seen(TEST), ENDED.but(clean_up_at=LATER)),
        (seen(TEST), ENDED.but(status=RunStatus.RUNNING, outcome=None)),
        (seen(TEST, state="terminated"), ENDED),
        (seen(TEST, days=0.5), ENDED),
    ],
)
def test_production_what_goes_by_itself_and_what_is_at_work_are_not(thing: InEc2, recorded: RunRecord) -> None:
    assert judge([thing], {"r": recorded}, NOW, DAY) == []


def test_the_oldest_comes_first() -> None:
    found = judge([seen(TEST, "i-1"), seen(TEST, "i-2", days=9)], {"r": ENDED}, NOW, DAY)
    assert [each.id for each in found] == ["i-2", "i-1"]
