"""What speaks against deleting a target, and what the plan may say against that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.finding import Severity
from cutover.guard import Doomed, errors, kept_target, live_target, unknown_target
from cutover.plan import NO_INSTANCE, PlannedMachine, Replacement
from tests.unit.records_of import instance, planned


def allowing(which: str) -> PlannedMachine:
    return replace(planned(), replace=Replacement(which, "lead@example.com", "nobody uses it any more"))


def doomed(protected: bool | None = False, **seen: Any) -> Doomed:
    return Doomed("i-old", instance(id="i-old", **seen), protected)


AGAINST = [
    (doomed(tags={"cutover:mode": "cutover", "cutover:run": "shop-cutover-1"}), "cutover", "by run shop-cutover-1"),
    (doomed(tags={"cutover:mode": "cutover"}), "cutover", "i-old was launched as a cutover"),
    (doomed(tags={"Keep": "until Monday"}), "keep", "Keep=until Monday"),
    (doomed(tags={"cutover:keep": ""}), "keep", "cutover:keep="),
    (doomed(protected=True), "protection", "i-old has termination protection"),
    (doomed(protected=None), "protection", "nobody could tell"),
]


@pytest.mark.parametrize(("target", "field", "seen"), AGAINST)
def test_a_target_that_may_not_go_is_named_with_what_the_plan_would_have_to_say(
    target: Doomed, field: str, seen: str
) -> None:
    (found,) = kept_target(planned(), target)
    assert (found.field, found.severity) == (field, Severity.ERROR)
    assert seen in found.seen
    assert "i-old" in found.seen
    assert "`replace`" in found.remedy


@pytest.mark.parametrize(("target", "field", "seen"), AGAINST)
def test_the_plan_lets_just_the_instance_go_that_it_names(target: Doomed, field: str, seen: str) -> None:
    (let,) = kept_target(allowing("i-old"), target)
    assert (let.field, let.severity) == (field, Severity.WARNING)
    assert "lead@example.com lets it be deleted: nobody uses it any more" in let.seen

    (other,) = kept_target(allowing("i-other"), target)
    assert other.severity is Severity.ERROR
    assert "which names i-other now" in other.remedy


@pytest.mark.parametrize(
    "target",
    [
        None,
        Doomed("i-old", None, None),
        doomed(state="terminated", tags={"keep": "yes"}),
        doomed(tags={"cutover:mode": "test", "keep": "no", "cutover:keep": "False"}),
    ],
)
def test_nothing_speaks_against_a_target_that_is_gone_or_that_nobody_wants(target: Doomed | None) -> None:
    assert kept_target(planned(), target) == ()


def test_all_that_speaks_against_a_target_is_told_at_once() -> None:
    found = kept_target(planned(), doomed(protected=True, tags={"keep": "yes", "cutover:mode": "cutover"}))
    assert [each.field for each in errors(found)] == ["cutover", "keep", "protection"]


@pytest.mark.parametrize(("live", "named"), [("i-live", "i-live"), (None, NO_INSTANCE)])
def test_a_recorded_cutover_is_lifted_by_the_name_of_its_instance_or_by_saying_that_there_is_none(
    live: str | None, named: str
) -> None:
    (found,) = live_target(planned(), "yesterday", live)
    assert (found.field, found.severity) == ("cutover", Severity.ERROR)
    assert named in found.remedy
    assert live_target(allowing(named), "yesterday", live)[0].severity is Severity.WARNING
    assert live_target(allowing("i-another"), "yesterday", live)[0].severity is Severity.ERROR


def test_what_the_service_does_not_name_may_not_be_deleted() -> None:
    (found,) = unknown_target(planned(), "r-1")
    assert "does not say which instance its target r-1 is" in found.seen
    assert found.severity is Severity.ERROR
