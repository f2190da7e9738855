"""Does a wave pass?"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutover.plan import PlannedMachine, Wave
from cutover.records import Accepted, MachineRecord, MachineStatus
from cutover.rule import can_pass, lenient, ruling, said
from tests.unit.records_of import planned, wave

SHORT = {
    "V": MachineStatus.VERIFIED,
    "F": MachineStatus.FAILED,
    "U": MachineStatus.UNKNOWN,
    "H": MachineStatus.HELD,
    "R": MachineStatus.REFUSED,
    "P": MachineStatus.POSTPONED,
    "N": MachineStatus.NOT_STARTED,
    "A": MachineStatus.ABORTED,
    "B": MachineStatus.ROLLED_BACK,
}


def a_wave(weights: str, at_least: int | None = None) -> Wave:
    """A letter for each machine: c critical, o optional, m neither."""
    return wave(*(_planned(n, weight) for n, weight in enumerate(weights, 1)), at_least=at_least)


def _planned(number: int, weight: str) -> PlannedMachine:
    one = planned(f"web0{number}")
    return PlannedMachine(one.name, None, one.expect, critical=weight == "c", optional=weight == "o")


def machines(statuses: str) -> list[MachineRecord]:
    return [MachineRecord(f"web0{n}", n - 1, status=SHORT[status]) for n, status in enumerate(statuses, 1)]


@pytest.mark.parametrize(
    ("weights", "at_least", "statuses", "passes", "reason"),
    [
        # the plain rule: all of them
        ("mm", None, "VV", True, "2 of 2 machines verified"),
        ("mm", None, "VF", False, "1 of 2 machines verified; web02 failed"),
        ("mm", None, "VU", False, "1 of 2 machines verified; a person must look first: web02 unknown"),
        ("mm", None, "VH", False, "1 of 2 machines verified; web02 held"),
        ("mm", None, "RN", False, "0 of 2 machines verified; web02 not_started"),
        # optional ones never fail it
        ("mo", None, "VF", True, "1 of 2 machines verified; web02 failed, which the plan lets pass"),
        ("mo", None, "VU", True, "1 of 2 machines verified; web02 unknown, which the plan lets pass"),
        ("mo", None, "VP", True, "1 of 2 machines verified; web02 postponed, which the plan lets pass"),
        ("mo", None, "VR", True, "1 of 2 machines verified; web02 refused, which the plan lets pass"),
        ("mo", None, "FV", False, "1 of 2 machines verified; web01 failed"),
        ("mo", None, "FF", False, "0 of 2 machines verified; web01 failed"),
        ("oo", None, "FP", True, "0 of 2 machines verified; web01 failed, web02 postponed, which the plan lets pass"),
        # but what was never judged, or was aborted, is nothing to pass with
        ("mo", None, "VN", False, "1 of 2 machines verified; web02 not_started"),
        ("mo", None, "VA", False, "1 of 2 machines verified; web02 aborted"),
        ("mo", None, "VB", False, "1 of 2 machines verified; web02 rolled_back"),
        # at least n
        ("mmm", 2, "VVF", True, "2 of 3 machines verified; web03 failed, which the plan lets pass"),
        ("mmm", 2, "VFR", False, "1 of 3 machines verified, and the plan asks for 2; web02 failed, web03 refused"),
        ("mmm", 2, "VVU", False, "2 of 3 machines verified; a person must look first: web03 unknown"),
        ("mmm", 3, "VVF", False, "2 of 3 machines verified, and the plan asks for 3; web03 failed"),
        ("mmo", 2, "VFV", True, "2 of 3 machines verified; web02 failed, which the plan lets pass"),
        ("mmo", 2, "VFU", False, "1 of 3 machines verified, and the plan asks for 2; web02 failed, web03 unknown"),
        ("mmo", 2, "VVU", True, "2 of 3 machines verified; web03 unknown, which the plan lets pass"),
        ("mm", 0, "FP", True, "0 of 2 machines verified; web01 failed, web02 postponed, which the plan lets pass"),
        # every critical one
        ("cmm", 2, "FVV", False, "2 of 3 machines verified; web01 failed, and critical"),
        ("cmm", 1, "VFF", True, "1 of 3 machines verified; web02 failed, web03 failed, which the plan lets pass"),
        ("cm", None, "FV", False, "1 of 2 machines verified; web01 failed, and critical"),
        ("cm", 0, "PV", False, "1 of 2 machines verified; web01 postponed, and critical"),
        ("cco", 1, "VUF", False, "1 of 3 machines verified; web02 unknown, and critical"),
    ],
)
def test_a_wave_passes_by_the_plans_rule(
    weights: str, at_least: int | None, statuses: str, passes: bool, reason: str
) -> None:
    found = ruling(a_wave(weights, at_least), machines(statuses))
    assert (found.passes, found.reason) == (passes, reason)


waves = st.integers(1, 5).flatmap(
    lambda size: st.tuples(
        st.text("cmo", min_size=size, max_size=size),
        st.none() | st.integers(0, size),
        st.text("".join(SHORT), min_size=size, max_size=size),
    )
)


@given(waves)
def test_a_wave_passes_only_with_what_it_asks_for(given_: tuple[str, int | None, str]) -> None:
    weights, at_least, statuses = given_
    found = ruling(a_wave(weights, at_least), machines(statuses))
    critical = all(status == "V" for weight, status in zip(weights, statuses, strict=True) if weight == "c")
    required = [status for weight, status in zip(weights, statuses, strict=True) if weight != "o"]
    enough = statuses.count("V") >= at_least if at_least is not None else set(required) <= {"V"}
    assert found.passes == (critical and enough and "U" not in required and not set(statuses) & set("NAB"))
    assert found.reason.startswith(f"{statuses.count('V')} of {len(statuses)} machines verified")


@given(waves)
def test_a_wave_can_pass_exactly_if_some_end_of_the_open_machines_passes(given_: tuple[str, int | None, str]) -> None:
    weights, at_least, statuses = given_
    rules = a_wave(weights, at_least)
    ends = itertools.product(*("VFURP" if status == "N" else status for status in statuses))
    assert can_pass(rules, machines(statuses)) == any(ruling(rules, machines("".join(end))).passes for end in ends)


def test_a_rule_that_asks_for_every_machine_is_not_worth_a_word() -> None:
    assert (said(a_wave("mm")), lenient(a_wave("mm"))) == ("", False)


def test_a_rule_is_said_in_words() -> None:
    rules = a_wave("cmo", 2)
    assert said(rules) == "passes with 2 of 3 verified; critical: web01; optional: web03"
    assert lenient(rules)
    assert lenient(a_wave("mo"))
    assert not lenient(a_wave("cm"))
    assert said(wave(canary=True)) == "goes ahead: the rest follows only if it is verified"


def test_of_many_machines_a_few_are_named() -> None:
    reason = ruling(a_wave("o" * 8), machines("F" * 8)).reason
    assert reason.startswith("0 of 8 machines verified; web01 failed, ")
    assert reason.endswith("web05 failed and 3 more, which the plan lets pass")


@pytest.mark.parametrize(
    ("weights", "at_least", "statuses", "passes"),
    [("mm", None, "VH", True), ("mc", None, "VH", True), ("mmm", 3, "VHV", True), ("mmm", None, "FHV", False)],
)
def test_a_machine_that_a_person_accepted_lets_its_wave_pass_and_is_not_called_verified(
    weights: str, at_least: int | None, statuses: str, passes: bool
) -> None:
    some = machines(statuses)
    some[1] = some[1].but(accepted=Accepted("lead@example.com", "answers by hand", "2026-11-28T22:00:00Z"))
    seen = ruling(a_wave(weights, at_least), some)
    assert seen.passes is passes
    assert seen.reason.startswith(
        f"{statuses.count('V')} of {len(statuses)} machines verified, web02 accepted by lead@"
    )
