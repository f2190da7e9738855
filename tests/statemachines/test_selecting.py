"""A plan that selects its machines: the set is settled once, when the run begins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from cutover.errors import ServiceUnavailable
from cutover.machine import Machine
from cutover.mgn import Mgn
from cutover.plan import Mode, Plan, Wave
from cutover.planned_selection import Selection
from tests.statemachines.interpreter import load_handlers
from tests.statemachines.night import a_wave, a_world
from tests.statemachines.test_on_mgn import a_mgn_plan, on_mgn

WORLD: dict[str, Any] = {"db01": {}, "db02": {}, "db03": {}}
HANDLERS = load_handlers()


def selecting(name: str = "db", at_most: int = 200, **rules: Any) -> Wave:
    """A wave of all machines with the tag Wave=3."""
    wave = a_wave(name, **rules)
    (entry,) = wave.machines
    return replace(wave, machines=(replace(entry, name=None, selection=Selection({"Wave": "3"}, at_most=at_most)),))


@contextmanager
def tagged(*names: str) -> Iterator[set[str]]:
    """These servers carry the tag; more may be added while a run goes on."""
    tags, grouped = set(names), Mgn.grouped

    def with_tags(service: Mgn) -> list[Machine]:
        return [replace(each, tags={"Wave": "3"} if each.name in tags else {}) for each in grouped(service)]

    with patch.object(Mgn, "grouped", with_tags):
        yield tags


def test_servers_are_chosen_by_what_mgn_says_of_them() -> None:
    world = {
        "db01": {"mgn": {"tags": {"Wave": "3"}}},
        "db02": {"mgn": {"tags": {"Wave": "3"}, "archived": True}},
        "web01": {"mgn": {"wave": "Wave 4", "application": "shop"}},
        "web02": {"mgn": {"wave": "Wave 4"}},
        "spare": {"mgn": {"tags": {"wave": "3"}}},
    }
    web = selecting("web")
    (entry,) = web.machines
    in_wave = replace(web, machines=(replace(entry, selection=Selection(group="Wave 4")),))
    with on_mgn(a_world(world)) as night:
        night.run(a_mgn_plan(selecting(), in_wave))

        assert night.outcome() == "Tested"
        assert night.statuses() == dict.fromkeys(("db01", "web01", "web02"), "verified")
        asked = night.store.run(night.run_id).requests
        assert (asked["mgn ListWaves"], asked["mgn ListApplications"]) == (1, 1), "once, whatever follows"


def test_what_is_tagged_when_the_run_begins_is_launched_and_told() -> None:
    with tagged("db01", "db02"), on_mgn(a_world(WORLD)) as night:
        plan = a_mgn_plan(selecting())
        night.run(plan)

        assert night.outcome() == "Tested"
        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        assert night.simulator.launches() == {"db01": 1, "db02": 1}
        evidence = night.evidence()
        assert evidence["plan"]["sha256"] == plan.sha256, "what was reviewed"
        assert [each["seen"] for each in evidence["run"]["findings"]] == ["tagged Wave=3 chose 2: db01, db02"]
        run = night.store.run(night.run_id)
        carried_out = night.store.plan(run.plan, run.carried_out)
        assert [each.id for each in carried_out.waves[0].machines] == [each["id"] for each in night.machines()]


@pytest.mark.parametrize("after", [False, True], ids=["before its work", "after its work"])
def test_what_is_tagged_later_is_not_of_this_run_whatever_is_repeated(after: bool) -> None:
    opened: list[str] = []

    def again(event: dict[str, Any]) -> Any:
        """The first answer is lost: the state machine asks again. Meanwhile people tag."""
        opened.append(event["run"])
        if len(opened) > 1:
            return HANDLERS["OpenRun"](event)
        if after:
            HANDLERS["OpenRun"](event)
        tags.add("db02")
        tags.discard("db01")
        raise lost

    lost = ServiceUnavailable("POST", "/DescribeSourceServers", None, "the answer was lost")
    with tagged("db01") as tags, on_mgn(a_world(WORLD), handlers={"OpenRun": again}) as night:
        night.run(a_mgn_plan(selecting()))

        assert len(opened) == 2
        assert night.statuses() == {"db01" if after else "db02": "verified"}
        assert len(night.evidence()["run"]["findings"]) == 1


def test_a_run_that_goes_on_keeps_its_machines_and_the_next_run_chooses_anew() -> None:
    def killed(event: dict[str, Any]) -> Any:
        answer = HANDLERS["CheckReadiness"](event)
        if "db02" not in tags:
            tags.add("db02")
            night.kill()
        return answer

    with tagged("db01") as tags, on_mgn(a_world(WORLD), handlers={"CheckReadiness": killed}) as night:
        plan = a_mgn_plan(selecting())
        night.run(plan)
        night.wait_for_wave()
        first = night.run_id
        night.run(plan)

        assert (night.run_id, night.store.run(first).attempt) == (first, 2)
        assert night.statuses() == {"db01": "verified"}
        night.simulator.advance(60)
        night.run(plan)
        assert night.run_id != first
        assert night.statuses() == {"db01": "verified", "db02": "verified"}


@pytest.mark.parametrize(
    ("names", "plan", "seen"),
    [
        ((), a_mgn_plan(selecting()), "tagged Wave=3 chooses none of the service's machines"),
        (("db01", "db02"), a_mgn_plan(selecting(at_most=1)), "tagged Wave=3 chooses 2: db01, db02"),
        (("db01",), a_mgn_plan(a_wave("one", "db01"), selecting("two")), "db01: chosen by tagged Wave=3 and by db01"),
    ],
    ids=["none", "too many", "in two waves"],
)
def test_a_doubtful_selection_refuses_the_run_before_anything_is_touched(
    names: tuple[str, ...], plan: Plan, seen: str
) -> None:
    with tagged(*names), on_mgn(a_world(WORLD)) as night:
        night.run(plan)

        assert night.outcome() == "Refused"
        assert [each["seen"] for each in night.evidence()["run"]["findings"]] == [seen]
        assert {each["status"] for each in night.machines()} == {"refused"}
        assert night.simulator.launches() == {}
        assert seen in night.told()["text"]


def test_a_cutover_refuses_what_was_tagged_after_the_test_and_takes_what_was_in_it() -> None:
    with tagged("db01", "db02") as tags, on_mgn(a_world(WORLD)) as night:
        plan = a_mgn_plan(selecting())
        night.run(plan)
        night.simulator.advance(8 * 86400)
        tags.add("db03")
        night.run(plan, Mode.CUTOVER)

        assert night.outcome() == "Refused"
        assert night.statuses() == {"db01": "not_started", "db02": "not_started", "db03": "refused"}
        assert "no test launch is recorded" in night.findings("db03")
        assert night.simulator.launches() == {"db01": 1, "db02": 1}

        tags.remove("db03")
        night.simulator.advance(60)
        night.run(plan, Mode.CUTOVER)
        assert night.outcome() == "CutOver"
        assert night.statuses() == {"db01": "verified", "db02": "verified"}


def test_of_two_openings_at_once_the_first_settles_the_set() -> None:
    with tagged("db01"), on_mgn(a_world(WORLD)) as night:
        night.run(a_mgn_plan(selecting()))
        before = night.store.run(night.run_id)

        assert night.store.settle(before.but(chosen=None), "another").chosen == before.chosen
