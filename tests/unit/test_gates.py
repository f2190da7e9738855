"""Waves that are launched together: each by its own rule, and judged one after the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cutover.gates import in_their_order
from cutover.plan import Group, PlannedMachine, Wave
from cutover.records import MachineRecord, MachineStatus, as_planned
from cutover.rule import can_pass, lenient, ruling, said
from tests.unit.records_of import plan, planned, wave
from tests.unit.test_rule import SHORT


def together(*groups: str, at_least: dict[int, int] | None = None) -> Wave:
    """A letter for each machine of a group: c critical, o optional, m neither."""
    machines: list[PlannedMachine] = []
    for number, weights in enumerate(groups):
        for place, weight in enumerate(weights, 1):
            one = planned(f"{'abc'[number]}{place}")
            machines.append(replace(one, critical=weight == "c", optional=weight == "o", group=number))
    names = tuple(Group("abc"[number], (at_least or {}).get(number)) for number in range(len(groups)))
    return wave(*machines, name="+".join(group.name for group in names), groups=names)


def records(of: Wave, statuses: str) -> list[MachineRecord]:
    return [
        MachineRecord(each.label, place, status=SHORT[status])
        for place, (each, status) in enumerate(zip(of.machines, statuses, strict=True))
    ]


def short(machines: list[MachineRecord]) -> str:
    letters = {status: letter for letter, status in SHORT.items()}
    return "".join(letters[each.status] for each in machines)


@pytest.mark.parametrize(
    ("groups", "at_least", "statuses", "passes"),
    [
        (("mm", "m"), {}, "VVV", True),
        (("mm", "m"), {}, "VFV", False),
        (("mm", "m"), {}, "VVF", False),
        (("mm", "mm"), {0: 1}, "VFVV", True),
        (("mm", "mm"), {0: 1}, "VFVF", False),  # the other group's rule is its own
        (("mm", "mm"), {1: 1}, "VFVV", False),
        (("mo", "cm"), {1: 1}, "VFVF", True),
        (("mo", "cm"), {1: 1}, "VFFV", False),
    ],
)
def test_each_group_passes_by_its_own_rule(groups, at_least, statuses, passes):
    one = together(*groups, at_least=at_least)
    assert ruling(one, records(one, statuses)).passes is passes


def test_what_is_said_names_the_groups():
    one = together("mm", "co", at_least={0: 1})
    assert ruling(one, records(one, "VFVF")).reason == (
        "a: 1 of 2 machines verified; a2 failed, which the plan lets pass;"
        " b: 1 of 2 machines verified; b2 failed, which the plan lets pass"
    )
    assert said(one) == (
        "judged in this order: a, then b; a: passes with 1 of 2 verified; b: critical: b1; optional: b2"
    )
    assert (lenient(one), lenient(together("mm", "m"))) == (True, False)
    assert can_pass(one, records(one, "NFNN"))
    assert not can_pass(one, records(one, "FFNN"))


def test_the_records_of_a_wave_know_their_group_and_a_lone_waves_do_not():
    (_, machines), (_, alone) = as_planned(plan(together("m", "m"), wave()))
    assert [each.group for each in (*machines, *alone)] == ["a", "b", ""]
    assert MachineRecord.from_json(machines[1].to_json()) == machines[1]


@pytest.mark.parametrize(
    ("groups", "at_least", "seen", "told"),
    [
        # nobody is judged before all ahead have passed
        (("mm", "mm"), {}, "VNVF", "VNNN"),
        (("mm", "mm"), {}, "VVVF", "VVVF"),
        (("mm", "m", "m"), {}, "VVNV", "VVNN"),
        (("mm", "m"), {0: 1}, "VNV", "VNN"),  # one that is enough, and one that may still fail
        (("mm", "m"), {0: 1}, "VFV", "VFV"),
        # where those ahead cannot pass, the others are held
        (("mm", "mm"), {}, "FNVN", "FNHH"),
        (("mm", "mm"), {}, "VUVV", "VUHH"),
        (("mm", "m", "m"), {}, "FVVV", "FVHH"),
        (("mm", "m", "m"), {}, "VVFV", "VVFH"),
        (("mm", "m"), {}, "PVV", "PVH"),
        # and what they were seen to be themselves stays told
        (("mm", "mm"), {}, "FNFU", "FNFU"),
    ],
)
def test_later_groups_wait_for_earlier_ones(groups, at_least, seen, told):
    one = together(*groups, at_least=at_least)
    assert short(in_their_order(one, records(one, seen), records(one, seen))) == told


def test_a_machine_that_is_held_says_for_whose_sake():
    one = together("m", "m")
    _, held = in_their_order(one, records(one, "FV"), records(one, "FV"))
    (finding,) = held.findings
    assert (finding.field, finding.seen) == ("group", "a does not pass: 0 of 1 machines verified; a1 failed")


def test_the_verdicts_of_this_look_count_and_who_was_left_out_stays_so():
    one = together("mo", "m")
    before = records(one, "NPN")
    now = [each.but(status=MachineStatus.VERIFIED) for each in before if not each.left_out]
    assert short(in_their_order(one, before, now)) == "VV"


def test_a_wave_by_itself_has_no_order():
    one = wave(planned("a"), planned("b"))
    assert short(in_their_order(one, records(one, "FV"), records(one, "FV"))) == "FV"
