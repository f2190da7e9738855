"""What a launch would delete: named before, and never a target that is live, kept or protected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.plan import Mode, Plan, Replacement
from tests.statemachines.interpreter import load_handlers
from tests.statemachines.night import WAIVED, Night, a_night, a_plan, a_wave, a_world

NOT_TO_BE_DELETED = [
    ({"tested": "9d", "protected": True}, "has termination protection"),
    ({"tested": "9d", "target_tags": {"keep": "until Monday"}}, "carries the tag keep=until Monday"),
    ({"cut_over": "2d"}, "cut over at"),
    ({"tested": "9d", "target_tags": {"cutover:mode": "cutover"}}, "was launched as a cutover"),
]


def letting_go(instance: str) -> Plan:
    """A plan that says of db01 that this instance may be deleted."""
    wave = a_wave("db", "db01", test_waiver=WAIVED)
    allowed = Replacement(instance, "lead@example.com", "nobody uses it any more")
    return a_plan(replace(wave, machines=(replace(wave.machines[0], replace=allowed),)))


def state(night: Night, instance: str) -> str:
    seen = night.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return str(seen["State"]["Name"])


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(("machine", "why"), NOT_TO_BE_DELETED)
def test_a_target_that_may_not_go_refuses_the_run_and_is_named(machine: dict[str, Any], why: str, mode: Mode) -> None:
    with a_night(a_world({"db01": machine})) as night:
        target = night.target_of("db01")
        night.run(a_plan(a_wave("db", "db01", test_waiver=WAIVED)), mode)

        assert night.outcome() == "Refused"
        assert night.launches() == 0
        assert target in night.findings("db01")
        assert why in night.findings("db01")
        assert target in night.told()["text"]
        assert state(night, target) == "running"


@pytest.mark.parametrize(("machine", "why"), NOT_TO_BE_DELETED[1:])
def test_the_plan_lets_it_go_by_its_name(machine: dict[str, Any], why: str) -> None:
    with a_night(a_world({"db01": machine})) as night:
        target = night.target_of("db01")
        night.run(letting_go(target), Mode.CUTOVER)

        assert night.outcome() == "CutOver"
        assert "lead@example.com lets it be deleted" in night.findings("db01")
        assert state(night, target) == "terminated"
        night.run(letting_go(target), Mode.CUTOVER)
        assert night.outcome() == "Refused", "it is another one that lives now"
        assert state(night, night.target_of("db01")) == "running"


def test_a_target_that_is_marked_to_be_kept_in_the_last_moment_is_kept() -> None:
    def launch(event: dict[str, Any]) -> Any:
        night.ec2.create_tags(Resources=[target], Tags=[{"Key": "keep", "Value": "yes"}])
        return handlers["LaunchTargets"](event)

    handlers = load_handlers()
    world = a_world({"db01": {"tested": "9d"}, "db02": {}})
    with a_night(world, handlers={"LaunchTargets": launch}) as night:
        target = night.target_of("db01")
        night.run(a_plan(a_wave("db", "db01", "db02")))

        assert night.outcome() == "Refused"
        assert night.launches() == 0
        assert night.statuses() == {"db01": "refused", "db02": "not_started"}
        assert state(night, target) == "running"


def test_an_optional_machine_with_a_target_that_may_not_go_is_left_out() -> None:
    wave = a_wave("db", "db01", "db02", machine_rules={"db01": {"optional": True}})
    with a_night(a_world({"db01": {"tested": "9d", "protected": True}, "db02": {}})) as night:
        night.run(a_plan(wave))

        assert night.statuses() == {"db01": "refused", "db02": "verified"}
        assert night.simulator.launches() == {"db02": 1}


def test_what_a_launch_would_delete_is_named_while_the_wave_waits() -> None:
    lagging = {"tested": "9d", "replication": {"state": "lagging", "behind": "1h", "for": "5m"}}
    with a_night(a_world({"db01": lagging})) as night:
        target = night.target_of("db01")
        night.run(a_plan())

        waiting = next(each for each in night.news() if each["news"] == "waiting")
        assert f"A launch would delete: db01: {target}" in waiting["text"]
        assert night.machine("db01")["target"]["replaced"] == target
