"""What the service is set to launch: compared, corrected where the plan says so, and put back when no launch comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from cutover.cloudendure import CloudEndure
from cutover.plan import AcceptedChanges, Expectation, Mode, OnDifference, Plan, Wave
from cutover.step import Step
from stage.simulator import blueprints
from tests.statemachines.interpreter import Handler, load_handlers
from tests.statemachines.night import Night, a_night, a_plan, a_wave, a_world

LARGE = Expectation(instance_type="m5.large", subnet="demo", public_ip=True)
AS_IT_IS = {"instance_type": "t3.large", "tested": "9d"}
PATCHES, LAUNCH = "PATCH /projects/*/blueprints/*", "POST /projects/*/launchMachines"


def corrects(*machines: str, **rules: Any) -> Plan:
    """A plan that expects something else than the world is set to launch, and may set it."""
    return a_plan(a_wave("db", *machines, **{"expect": LARGE, "launch_configuration": OnDifference.CORRECT, **rules}))


def blueprint(night: Night, name: str = "db01") -> dict[str, Any]:
    project = next(iter(night.simulator.world.projects.values()))
    return project.machines[night.machine_id(name)].blueprint


def as_it_was(night: Night, name: str = "db01") -> bool:
    seen = blueprint(night, name)
    return (seen["instanceType"], seen["publicIPAction"]) == ("t3.large", "DONT_ALLOCATE")


@contextmanager
def ignoring(field: str, times: int = 100) -> Iterator[None]:
    """A service that accepts a change of this field and does not make it, so many times."""

    def changed(blueprint: dict[str, Any], change: dict[str, Any], **known: Any) -> dict[str, Any]:
        seen.append(field)
        kept = {key: value for key, value in change.items() if key != field or len(seen) > times}
        return original(blueprint, kept, **known)

    seen: list[str] = []
    original = blueprints.changed
    with patch.object(blueprints, "changed", changed):
        yield


def test_a_difference_refuses_the_wave_and_names_what_to_change() -> None:
    plan = a_plan(a_wave("db", "db01", "db02", expect=LARGE))
    with a_night(a_world({"db01": AS_IT_IS, "db02": AS_IT_IS | {"instance_type": "m5.large"}})) as night:
        night.run(plan)

        assert night.outcome() == "Refused"
        assert night.launches() == 0
        told = [(each["field"], each["seen"]) for each in night.machine("db01")["findings"]]
        assert told == [
            ("launch_configuration", "instance_type is t3.large"),
            ("launch_configuration", "public_ip is false"),
        ]
        assert "differences: correct" in night.findings("db01")
        assert night.statuses() == {"db01": "refused", "db02": "refused"}
        assert night.asked()["PATCH blueprints/{id}"] == 0
        assert night.news()[-1]["outcome"] == "Refused"


def test_where_the_plan_says_so_it_is_corrected_before_the_launch() -> None:
    with a_night(a_world({"db01": AS_IT_IS, "db02": AS_IT_IS | {"instance_type": "m5.large"}})) as night:
        night.run(corrects("db01", "db02"))

        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        assert night.launches() == 1
        passed = {check["name"]: check["passed"] for check in night.machine("db01")["checks"]}
        assert passed["instance_type"] is passed["subnet"] is passed["public_ip"] is True
        warned = [(each["severity"], each["seen"]) for each in night.machine("db01")["findings"]]
        assert warned == [
            ("warning", "instance_type was t3.large and has been set to m5.large"),
            ("warning", "public_ip was false and has been set to true"),
        ]
        assert night.machine("db01")["launch_configuration"]["instance_type"] == "m5.large"
        assert blueprint(night)["instanceType"] == "m5.large", "what was launched stays"
        assert night.asked()["PATCH blueprints/{id}"] == 2


def test_what_is_as_planned_costs_one_request_at_each_look() -> None:
    with a_night(a_world({"db01": AS_IT_IS, "db02": AS_IT_IS})) as night:
        night.run(a_plan(a_wave("db", "db01", "db02", expect=Expectation(instance_type="t3.large"))))

        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        assert night.machine("db01")["findings"] == []
        asked = {operation: count for operation, count in night.asked().items() if "blueprint" in operation}
        assert asked == {"GET blueprints": 2}, "when the run is opened, and before the launch"


def test_a_target_that_would_stay_stopped_is_refused() -> None:
    with a_night(a_world({"db01": {"blueprint": {"runAfterLaunch": False}}})) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "refused"}
        assert "one that stays stopped never passes its checks" in night.findings("db01")
        assert night.launches() == 0


def test_a_name_that_ec2_does_not_know_is_refused_even_where_it_may_be_corrected() -> None:
    with a_night(a_world({"db01": AS_IT_IS})) as night:
        night.run(corrects("db01", expect=replace(LARGE, subnet="nowhere")))

        assert night.statuses() == {"db01": "refused"}
        assert "EC2 knows no subnet nowhere" in night.findings("db01")
        assert night.asked()["PATCH blueprints/{id}"] == 0, "nothing is changed for a launch that cannot come"


def test_a_setting_that_the_service_ignores_refuses_the_launch_and_the_rest_is_put_back() -> None:
    with a_night(a_world({"db01": AS_IT_IS})) as night, ignoring("publicIPAction"):
        night.run(corrects("db01"))

        assert night.statuses() == {"db01": "refused"}
        assert night.launches() == 0
        last = night.machine("db01")["findings"][-1]
        assert last["seen"] == "public_ip is still false after true was set: the service ignored it"
        assert "put back: " in night.findings("db01")
        assert as_it_was(night)


def test_a_setting_that_the_service_refuses_refuses_the_launch_in_its_words() -> None:
    refused = [{"on": PATCHES, "nth": 1, "status": 422}]
    with a_night(a_world({"db01": AS_IT_IS, "db02": AS_IT_IS}, faults=refused)) as night:
        night.run(corrects("db01", "db02"))

        assert night.statuses() == {"db01": "refused", "db02": "not_started"}
        assert "could not be set: PATCH" in night.findings("db01")
        assert as_it_was(night, "db01")
        assert as_it_was(night, "db02"), "what was set for the others is put back"


def test_what_was_corrected_for_a_launch_that_is_refused_is_put_back() -> None:
    with a_night(a_world({"db01": AS_IT_IS}, project={"license_expired": True})) as night:
        night.run(corrects("db01"))

        assert night.outcome() == "Refused"
        assert night.simulator.launches() == {}
        assert as_it_was(night)
        assert "set for the launch that did not come, and put back: instance_type t3.large" in night.findings("db01")
        assert night.store.machines(night.run_id, 1)[0].configuration_before is None


def test_what_was_corrected_for_a_project_that_stays_busy_is_put_back() -> None:
    world = a_world({"db01": AS_IT_IS, "other": {}}, project={"jobs": [{"hangs": True}]})
    with a_night(world) as night:
        night.launch_by_hand("other")
        night.run(corrects("db01", readiness_deadline=600))

        assert night.outcome() == "Postponed"
        assert night.asked()["PATCH blueprints/{id}"] == 2, "once there and once back, however often it was looked at"
        assert as_it_was(night)


def test_a_change_whose_answer_is_lost_is_seen_to_be_made_and_not_forgotten() -> None:
    lost = [{"on": PATCHES, "nth": 1, "accepted": True, "drop": True}]
    with a_night(a_world({"db01": AS_IT_IS}, faults=lost)) as night:
        night.run(corrects("db01"))

        assert night.statuses() == {"db01": "verified"}
        assert night.asked()["PATCH blueprints/{id}"] == 1
        before = night.store.machines(night.run_id, 1)[0].configuration_before
        assert before == {"instance_type": "t3.large", "public_ip": False}


def test_what_was_there_before_the_first_of_two_changes_is_what_is_put_back() -> None:
    """The first is half made and its answer lost; the second makes the other half."""
    lost = [{"on": PATCHES, "nth": 1, "accepted": True, "drop": True}]
    world = a_world({"db01": AS_IT_IS}, faults=lost, project={"license_expired": True})
    with a_night(world) as night, ignoring("publicIPAction", times=1):
        night.run(corrects("db01"))

        assert night.asked()["PATCH blueprints/{id}"] == 3
        assert "put back: public_ip false, instance_type t3.large" in night.findings("db01")
        assert as_it_was(night)


def test_a_function_that_dies_after_its_change_leaves_what_is_needed_to_put_it_back() -> None:
    def dies(self: CloudEndure, machine: str, changes: Any) -> Any:
        seen = configure(self, machine, changes)
        if not died:
            died.append(machine)
            raise MemoryError("killed")
        return seen

    died: list[str] = []
    configure = CloudEndure.configure
    with a_night(a_world({"db01": AS_IT_IS})) as night, patch.object(CloudEndure, "configure", dies):
        night.run(corrects("db01"))

        assert died
        assert night.launches() == 0
        assert night.outcome() == "Failed"
        assert night.states()[-6:-4] == ["GiveBack", "CloseRun"]
        assert as_it_was(night)


def test_what_cannot_be_put_back_is_told_with_its_old_value_and_closes_the_run_all_the_same() -> None:
    refused = [{"on": PATCHES, "nth": 2, "status": 422}]
    with a_night(a_world({"db01": AS_IT_IS}, faults=refused, project={"license_expired": True})) as night:
        night.run(corrects("db01"))

        assert night.outcome() == "Refused"
        last = night.machine("db01")["findings"][-1]
        assert last["seen"].startswith("could not be put back (PATCH")
        assert last["seen"].endswith(": instance_type t3.large, public_ip false")
        assert last["remedy"].startswith("set it by hand")
        assert not as_it_was(night)


def test_a_service_that_never_answers_again_does_not_keep_a_run_from_its_end() -> None:
    def gone(event: dict[str, Any]) -> Any:
        with patch.object(CloudEndure, "launch_configurations", side_effect=MemoryError("killed")):
            return handlers["GiveBack"](event)

    handlers = load_handlers()
    world = a_world({"db01": AS_IT_IS}, project={"license_expired": True})
    with a_night(world, handlers={"GiveBack": gone}) as night:
        night.run(corrects("db01"))

        assert night.outcome() == "Refused"
        assert "could not be put back (the run ended before it was done)" in night.findings("db01")
        assert [news["news"] for news in night.news()][-1] == "ended"


def test_a_launch_that_may_have_been_sent_keeps_its_configuration() -> None:
    lost = [{"on": LAUNCH, "drop": True, "accepted": True}, {"on": "GET /projects/*/jobs", "nth": 3, "status": 403}]
    with a_night(a_world({"db01": AS_IT_IS}, faults=lost)) as night:
        night.run(corrects("db01"))

        assert night.statuses() == {"db01": "unknown"}
        assert blueprint(night)["instanceType"] == "m5.large"


@pytest.mark.parametrize("licence_expired", [False, True])
def test_every_function_delivered_twice_changes_once_and_puts_back_once(licence_expired: bool) -> None:
    def twice(handler: Handler) -> Handler:
        def call(event: dict[str, Any]) -> Any:
            first = handler(event)
            again = handler(event)
            assert first.get("verdict") == again.get("verdict"), (first, again)
            return again

        return call

    handlers = load_handlers()
    doubled = {name: twice(handlers[name]) for name in ("CheckReadiness", "ConfigureTargets", "GiveBack", "CloseRun")}
    world = a_world({"db01": AS_IT_IS}, project={"license_expired": licence_expired})
    with a_night(world, handlers=doubled) as night:
        night.run(corrects("db01"))

        assert night.asked()["PATCH blueprints/{id}"] == 1 + licence_expired
        assert as_it_was(night) == licence_expired
        seen = [finding["seen"] for finding in night.machine("db01")["findings"]]
        assert len(seen) == len(set(seen))


def test_what_does_not_fit_into_one_call_is_gone_on_with() -> None:
    """Each call has the time for one machine."""

    def seconds_left(self: Step) -> float:
        key = id(self)
        left[key] = left.get(key, 2) - 1
        return 300.0 if left[key] > 0 else 0.0

    def short(name: str) -> Handler:
        def call(event: dict[str, Any]) -> Any:
            left.clear()
            with patch.object(Step, "seconds_left", seconds_left):
                return handlers[name](event)

        return call

    left: dict[int, int] = {}
    handlers = load_handlers()
    names = ("db01", "db02", "db03")
    world = a_world(dict.fromkeys(names, AS_IT_IS), project={"license_expired": True})
    with a_night(world, handlers={name: short(name) for name in ("ConfigureTargets", "GiveBack")}) as night:
        night.run(corrects(*names))

        assert night.outcome() == "Refused"
        assert night.wave_states().count("ConfigureTargets") == 3
        assert night.asked()["PATCH blueprints/{id}"] == 6, "each once there and once back"
        assert all(as_it_was(night, name) for name in names)
        assert "could not be put back" not in night.findings("db01")


def test_a_late_delivery_after_the_run_changes_nothing() -> None:
    with a_night(a_world({"db01": AS_IT_IS}, project={"license_expired": True})) as night:
        night.run(corrects("db01"))
        answer = night.workflows.invoke("ConfigureTargets", {"run": night.run_id, "wave": 1})

        assert answer["verdict"] == "configured"
        assert as_it_was(night)


def test_a_late_delivery_after_the_launch_changes_nothing() -> None:
    with a_night(a_world({"db01": AS_IT_IS})) as night:
        night.run(corrects("db01"))
        blueprint(night)["instanceType"] = "c5.large"
        answer = night.workflows.invoke("ConfigureTargets", {"run": night.run_id, "wave": 1})

        assert answer["verdict"] == "configured"
        assert blueprint(night)["instanceType"] == "c5.large"


def cut_over_after(change: dict[str, Any], plan: Plan, later: Plan | None = None) -> Iterator[Night]:
    """Test a plan, change the blueprint by hand, cut over a week later."""
    with a_night(a_world({"db01": {"instance_type": "t3.large"}})) as night:
        night.run(plan)
        assert night.outcome() == "Tested"
        blueprint(night).update(change)
        night.simulator.advance(8 * 86400)
        night.run(later or plan, Mode.CUTOVER)
        yield night


def accepting(wave: Wave, *fields: str) -> Wave:
    accepted = AcceptedChanges(fields, "lead@example.com", "the role was renamed on Monday")
    return replace(wave, machines=tuple(replace(each, accept_changes=accepted) for each in wave.machines))


def test_a_setting_that_changed_since_the_test_refuses_the_cutover() -> None:
    for night in cut_over_after({"iamRole": "other"}, a_plan()):
        assert night.outcome() == "Refused"
        assert night.launches() == 1
        (finding,) = night.machine("db01")["findings"]
        assert finding["field"] == "configuration_drift"
        assert "iamRole was not set at the tested launch" in finding["seen"]
        assert finding["seen"].endswith("and is other")
        assert "accept_changes: {fields: [iamRole], by, reason}" in finding["remedy"]


def test_a_change_since_the_test_that_the_plan_accepts_by_name_is_told_and_let_through() -> None:
    plan = a_plan()
    for night in cut_over_after({"tenancy": "DEDICATED"}, plan, a_plan(accepting(plan.waves[0], "tenancy"))):
        assert night.outcome() == "CutOver"
        (finding,) = night.machine("db01")["findings"]
        assert finding["severity"] == "warning"
        assert "accepted by lead@example.com: the role was renamed on Monday" in finding["seen"]


def test_accepting_one_change_accepts_no_other() -> None:
    plan = a_plan()
    change = {"iamRole": "other", "tenancy": "DEDICATED"}
    for night in cut_over_after(change, plan, a_plan(accepting(plan.waves[0], "iamRole"))):
        assert night.outcome() == "Refused"
        errors = [each for each in night.machine("db01")["findings"] if each["severity"] == "error"]
        assert ["tenancy was SHARED" in each["seen"] for each in errors] == [True]


def test_what_the_overlays_set_apart_is_no_change_since_the_test() -> None:
    wave = a_wave("db", "db01", launch_configuration=OnDifference.CORRECT)
    overlays = {Mode.TEST: Expectation(instance_type="t3.large"), Mode.CUTOVER: Expectation(instance_type="m5.large")}
    plan = a_plan(replace(wave, machines=(replace(wave.machines[0], expect=overlays),)))
    for night in cut_over_after({}, plan):
        assert night.outcome() == "CutOver"
        assert "configuration_drift" not in night.findings("db01")


def test_a_test_that_recorded_no_configuration_is_told_and_let_through() -> None:
    with a_night(a_world({"db01": AS_IT_IS})) as night:
        night.verified_before(a_plan(), "db01")
        night.run(a_plan(), Mode.CUTOVER)

        assert night.outcome() == "CutOver"
        assert "an earlier run did not record what it launched" in night.findings("db01")
