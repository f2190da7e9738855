"""A test counts for the cutover once the people whom the plan asks accepted it."""

from __future__ import annotations

from typing import Any

import pytest

from cutover.after_records import SignOff, signed
from cutover.plan import AskedToSign, Mode, Waiver
from cutover.readiness import refusals
from cutover.records import Proof
from tests.unit.records_of import NOW, TESTED, machine, planned, wave

APP, DBA = "app@example.com", "dba@example.com"
ASKED = AskedToSign((APP, DBA), "2026-11-27T16:00:00Z")
TEST = Proof("m-db01", Mode.TEST, "demo-test-1", "i-test", "2026-11-19T22:00:00Z")
KEY = (Mode.TEST, "m-db01")


def word(by: str, machine: str = "*", at: str = "2026-11-20T10:00:00Z", **more: Any) -> SignOff:
    return SignOff(machine, by, at, **{"runs": ("demo-test-1",), **more})


def refused(*words: SignOff, **rules: Any) -> list[Any]:
    proofs = signed({KEY: TEST}, words)
    asking = wave(**{"sign_off": ASKED, **rules})
    return list(refusals(planned(), machine(life_cycle=TESTED), Mode.CUTOVER, asking, NOW, proofs))


def test_nobody_is_asked_unless_the_plan_says_so() -> None:
    assert refused(sign_off=None) == []


def test_all_who_are_asked_have_to_sign() -> None:
    (found,) = refused(word(APP))
    assert found.field == "sign_off"
    assert found.seen == "the test of run demo-test-1 is not signed off by dba@example.com"
    assert "app@example.com and dba@example.com signed it off by 2026-11-27T16:00:00Z" in found.rule
    assert refused(word(APP), word(DBA, "m-db01")) == []


@pytest.mark.parametrize(
    "words",
    [
        (word(DBA, "m-other"),),
        (word(DBA, runs=("demo-test-0",)),),
        (word("somebody@example.com"),),
    ],
)
def test_a_word_for_another_machine_an_earlier_test_or_of_somebody_else_does_not_count(words: tuple[SignOff]) -> None:
    assert [each.field for each in refused(word(APP), *words)] == ["sign_off"]


def test_a_rejection_refuses_and_the_last_word_of_a_person_counts() -> None:
    no = word(DBA, rejected=True, reason="row counts differ", at="2026-11-21T10:00:00Z")
    (found,) = refused(word(APP), word(DBA), no)
    assert "rejected by dba@example.com (row counts differ)" in found.seen
    assert refused(word(APP), no, word(DBA, at="2026-11-22T10:00:00Z")) == []


def test_a_waiver_of_the_gate_waives_the_signature_too_and_a_test_asks_nobody() -> None:
    assert refused(test_waiver=Waiver("lead@example.com", "tested by hand last week")) == []
    asking = wave(sign_off=ASKED)
    assert refusals(planned(), machine(life_cycle=TESTED), Mode.TEST, asking, NOW, {KEY: TEST}) == ()
