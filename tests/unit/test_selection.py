"""What a plan's selections choose when a run begins, and what refuses them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.finding import Finding, Severity
from cutover.machine import Machine
from cutover.plan import Expectation, Group, Mode, Plan, PlannedMachine
from cutover.planned_selection import Selection
from cutover.selection import chosen, remarks
from tests.unit.records_of import machine, plan, planned, wave

SIZED = Expectation(instance_type="m5.large")


def tagged(at_most: int = 200, **tags: str) -> PlannedMachine:
    return replace(planned(None, expect=SIZED), selection=Selection(tags, at_most=at_most), tags={"tier": "web"})


def in_wave(name: str) -> PlannedMachine:
    return replace(planned(None), selection=Selection(group=name))


def server(name: str, group: str | None = None, **tags: str) -> Machine:
    return machine(name, tags=tags, group=group)


SERVERS = [
    server("web02", Wave="3", env="prod"),
    server("Web01", Wave="3", env="test"),
    server("db01", Wave="2", env="prod", group="Wave 2"),
    server("db02", group="Wave 2"),
    server("spare"),
]


def labels(found: Plan | tuple[Finding, ...]) -> list[list[str]]:
    assert isinstance(found, Plan), found
    return [[each.label for each in wave.machines] for wave in found.waves]


def refusal(found: Plan | tuple[Finding, ...]) -> Finding:
    assert not isinstance(found, Plan)
    (finding,) = found
    assert (finding.field, finding.severity) == ("selection", Severity.ERROR)
    return finding


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (tagged(Wave="3"), ["Web01", "web02"]),
        (tagged(Wave="3", env="prod"), ["web02"]),
        (in_wave("Wave 2"), ["db01", "db02"]),
    ],
)
def test_all_with_all_of_the_tags_or_in_the_wave_are_chosen_in_order_of_their_names(entry, expected):
    assert labels(chosen(plan(wave(entry)), SERVERS)) == [expected]


def test_a_chosen_machine_stands_by_its_id_under_the_selections_rules():
    found = chosen(plan(wave(tagged(Wave="3"))), SERVERS)
    assert isinstance(found, Plan)
    first = found.waves[0].machines[0]
    assert (first.id, first.name, first.known_as, first.selects) == ("m-Web01", "Web01", "m-Web01", False)
    assert (first.expect[Mode.TEST], first.tags) == (SIZED, {"tier": "web"})
    assert not found.selects
    assert Plan.from_json(found.canonical()) == found


def test_two_of_one_name_are_called_by_their_ids():
    twins = [machine("web01", id=f"s-{number}", tags={"Wave": "3"}) for number in (1, 2)]
    assert labels(chosen(plan(wave(tagged(Wave="3"))), twins)) == [["s-1", "s-2"]]


def test_a_machine_that_its_wave_names_goes_by_what_is_said_there():
    named = replace(planned("web01"), critical=True)
    found = chosen(plan(wave(tagged(Wave="3"), named)), SERVERS)
    assert labels(found) == [["web02", "web01"]]
    assert isinstance(found, Plan)
    assert found.waves[0].machines[1] == named


def test_a_canary_is_of_the_wave_that_follows_it():
    found = chosen(plan(wave(planned("web01"), name="web-canary", canary=True), wave(tagged(Wave="3"))), SERVERS)
    assert labels(found) == [["web01"], ["web02"]]


@pytest.mark.parametrize("entry", [tagged(wave="3"), tagged(Wave="4"), in_wave("wave 2")])
def test_a_selection_that_chooses_nothing_is_refused(entry):
    finding = refusal(chosen(plan(wave(planned("spare"), entry)), SERVERS))
    assert finding.seen == f"{entry.label} chooses none of the service's machines"


def test_a_selection_that_adds_nothing_is_refused():
    finding = refusal(chosen(plan(wave(tagged(Wave="2"), planned("db01"))), SERVERS))
    assert finding.seen == "tagged Wave=2 chooses none but db01, named beside it"


@pytest.mark.parametrize(("at_most", "fits"), [(2, True), (1, False)])
def test_more_than_the_plan_allows_are_refused(at_most, fits):
    found = chosen(plan(wave(tagged(at_most, Wave="3"))), SERVERS)
    if fits:
        assert labels(found) == [["Web01", "web02"]]
    else:
        assert refusal(found).seen == "tagged Wave=3 chooses 2: web02, Web01"


@pytest.mark.parametrize(
    ("waves", "seen"),
    [
        ([[tagged(Wave="3")], [planned("web01")]], "Web01: chosen by tagged Wave=3 and by web01"),
        ([[planned("web01")], [tagged(Wave="3")]], "Web01: chosen by tagged Wave=3 and by web01"),
        ([[tagged(env="prod")], [tagged(Wave="2")]], "db01: chosen by tagged Wave=2 and by tagged env=prod"),
        ([[tagged(env="prod"), in_wave("Wave 2")]], "db01: chosen by wave Wave 2 and by tagged env=prod"),
    ],
)
def test_a_machine_that_two_entries_choose_is_refused(waves, seen):
    finding = refusal(chosen(plan(*(wave(*entries, name=f"w{at}") for at, entries in enumerate(waves))), SERVERS))
    assert finding.seen == seen


def test_waves_that_are_launched_together_are_different_waves():
    groups = (Group("web"), Group("db"))
    together = wave(tagged(Wave="3"), replace(planned("web01"), group=1), name="web+db", groups=groups)
    assert refusal(chosen(plan(together), SERVERS)).seen == "Web01: chosen by tagged Wave=3 and by web01"


@pytest.mark.parametrize(("at_least", "fits"), [(2, True), (3, False)])
def test_a_wave_has_as_many_machines_as_must_be_verified(at_least, fits):
    found = chosen(plan(wave(tagged(Wave="3"), name="web", at_least=at_least)), SERVERS)
    assert isinstance(found, Plan) is fits
    if not fits:
        assert refusal(found).seen == "wave web has 2 machines, and needs 3 verified"


def test_everything_that_is_wrong_is_told_at_once():
    found = chosen(plan(wave(tagged(Wave="4"), tagged(1, Wave="3"))), SERVERS)
    assert not isinstance(found, Plan)
    assert len(found) == 2


def test_people_are_told_what_was_chosen_and_nothing_where_all_are_named():
    found: Any = chosen(plan(wave(tagged(Wave="3"), planned("spare"))), SERVERS)
    (told,) = remarks(found)
    assert (told.severity, told.seen) == (Severity.WARNING, "tagged Wave=3 chose 2: Web01, web02")
    assert remarks(plan()) == ()
