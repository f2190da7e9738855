"""What must not be launched: refused before anything is touched, with the reason and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from cutover.plan import Mode
from tests.statemachines.night import WAIVED, a_night, a_plan, a_wave, a_world


def test_an_untested_machine_is_not_cut_over() -> None:
    with a_night(a_world({"db01": {}, "db02": {"tested": "9d"}})) as night:
        plan = a_plan(a_wave("db", "db01", "db02"))
        night.verified_before(plan, "db02")
        ended = night.run(plan, Mode.CUTOVER)

        assert ended["status"] == "SUCCEEDED"
        closing = ["GiveBack", "CloseRun", "TellEnd", "WhatMayStillCome", "HowItEnded"]
        ways = ["OpenRun", "OpenVerdict", *closing, "Refused"]
        assert night.states() == ways
        assert night.statuses() == {"db01": "refused", "db02": "not_started"}
        assert night.machine("db01")["findings"][0]["seen"] == "no test launch is recorded"
        assert "db01 (no test launch is recorded)" in night.findings("db02")
        assert night.launches() == 0
        text = night.news()[-1]["text"]
        assert "no test launch is recorded" in text
        assert "Production: SOURCE" in text


def test_a_test_of_six_days_ago_is_too_young() -> None:
    with a_night(a_world({"db01": {"tested": "6d"}})) as night:
        night.verified_before(a_plan(), "db01")
        night.run(a_plan(), Mode.CUTOVER)

        assert night.outcome() == "Refused"
        (finding,) = [each for each in night.machine("db01")["findings"] if each["severity"] == "error"]
        assert finding["seen"].startswith("tested 6 d 00:00:0")
        assert "at least 7 d 00:00:00 old" in finding["rule"]
        assert finding["remedy"].startswith("wait until 2026-11-29 09:00:00 UTC")
        assert night.launches() == 0


def test_a_verified_test_of_eight_days_ago_opens_the_gate() -> None:
    with a_night(a_world({"db01": {"tested": "8d"}})) as night:
        night.verified_before(a_plan(), "db01")
        night.run(a_plan(), Mode.CUTOVER)

        assert night.outcome() == "CutOver"
        assert night.statuses() == {"db01": "verified"}


def test_a_test_that_no_run_of_this_plan_verified_does_not_open_the_gate() -> None:
    with a_night(a_world({"db01": {"tested": "8d"}})) as night:
        night.verified_before(a_plan(name="another"), "db01")
        night.run(a_plan(), Mode.CUTOVER)

        assert night.outcome() == "Refused"
        assert "no run of this plan has verified" in night.findings("db01")
        assert night.launches() == 0


def test_a_failed_test_run_does_not_open_the_gate() -> None:
    stopped = {"launch": {"mode": "test", "then": {"state": "stopped", "after": "30s"}}}
    with a_night(a_world({"db01": stopped, "db02": {}})) as night:
        plan = a_plan(a_wave("db", "db01", "db02"))
        night.run(plan)
        assert night.statuses() == {"db01": "failed", "db02": "verified"}
        night.simulator.advance(8 * 86400)
        night.run(plan, Mode.CUTOVER)

        assert night.statuses() == {"db01": "refused", "db02": "not_started"}
        assert night.launches() == 1


def test_a_waiver_opens_the_gate_and_is_recorded_with_its_name() -> None:
    with a_night(a_world({"db01": {}})) as night:
        night.run(a_plan(a_wave("db", "db01", test_waiver=WAIVED)), Mode.CUTOVER)

        assert night.outcome() == "CutOver"
        finding = night.machine("db01")["findings"][0]
        assert finding["severity"] == "warning"
        assert finding["seen"] == "waived by lead@example.com: tested by hand last week"
        assert "waived by lead@example.com" in night.news()[-1]["text"]
        assert "waived by lead@example.com" in night.file("summary.md")


@pytest.mark.parametrize("mode", Mode)
def test_a_machine_that_is_live_is_never_launched_again(mode: Mode) -> None:
    world = a_world({"db01": {"tested": "9d", "cut_over": "2d"}, "db02": {"tested": "9d"}})
    with a_night(world) as night:
        live = night.target_of("db01")
        plan = a_plan(a_wave("db", "db02"), a_wave("late", "db01", test_waiver=WAIVED))
        night.verified_before(plan, "db01", "db02")
        night.run(plan, mode)

        assert night.outcome() == "Refused"
        assert night.statuses() == {"db01": "refused", "db02": "not_started"}
        assert f"live instance {live}" in night.findings("db01")
        assert live in night.news()[-1]["text"]
        assert night.launches() == 0
        state = night.ec2.describe_instances(InstanceIds=[live])["Reservations"][0]["Instances"][0]["State"]
        assert state["Name"] == "running"


@pytest.mark.parametrize("mode", Mode)
def test_a_cutover_that_this_plan_recorded_is_kept_in_mind_though_the_service_forgets_it(mode: Mode) -> None:
    forgets = {"answer": {"omit": ["lifeCycle.lastCutoverDateTime", "lifeCycle.lastCutoverJobId"]}}
    plan = a_plan(a_wave("db", "db01", test_waiver=WAIVED))
    with a_night(a_world({"db01": forgets})) as night:
        night.run(plan, Mode.CUTOVER)
        assert night.outcome() == "CutOver"
        live = night.target_of("db01")
        night.simulator.advance(60)
        night.run(plan, mode)

        assert night.outcome() == "Refused"
        assert f"live instance {live}" in night.findings("db01")
        assert night.launches() == 1


def test_a_cutover_made_by_somebody_else_while_the_wave_waits_refuses_it() -> None:
    lagging = {"replication": {"state": "lagging", "behind": "3h", "for": "40m"}}
    with a_night(a_world({"db01": lagging, "db02": {}})) as night:
        plan = a_plan(a_wave("db", "db01", "db02"))
        night.start(plan, Mode.TEST)
        night.launch_by_hand("db02", mode="cutover")
        night.workflows.wait(night.execution)

        assert night.outcome() == "Refused"
        assert night.statuses()["db02"] == "refused"
        assert night.simulator.launches() == {"db02": 1}


WORLD: dict[str, Any] = a_world({"db01": {}, "twin": {}, "gone": {"replication": {"state": "stopped"}}})


@pytest.mark.parametrize(
    ("label", "seen"),
    [
        ("nosuch", "no machine with name nosuch among the 3 of the project"),
        ("TWIN", "2 machines with name TWIN: "),
    ],
)
def test_a_name_that_means_no_single_machine_is_refused(label: str, seen: str) -> None:
    twin = {"answer": {"set": {"sourceProperties.name": "twin"}}}
    with a_night(a_world({"db01": {}, "twin": {}, "twin2": twin})) as night:
        night.run(a_plan(a_wave("db", "db01", label)))

        assert night.outcome() == "Refused"
        assert night.machine(label)["findings"][0]["seen"].startswith(seen)
        assert night.machine(label)["id"] is None
        assert night.launches() == 0


def test_a_missing_machine_is_looked_for_among_the_stopped_ones() -> None:
    with a_night(WORLD) as night:
        night.run(a_plan(a_wave("db", "gone", readiness_deadline=60)))

        assert night.outcome() == "Postponed"
        assert "replication is stopped" in night.findings("gone")


def test_one_machine_named_twice_is_refused() -> None:
    with a_night(a_world({"db01": {}})) as night:
        plan = a_plan(a_wave("db", "db01"), a_wave("web", "DB01"))
        night.run(plan)

        assert night.outcome() == "Refused"
        assert "are the same machine" in str(night.machines())
        assert night.launches() == 0


def test_a_project_that_does_not_exist_refuses_and_names_those_that_do() -> None:
    with a_night(a_world({"db01": {}})) as night:
        night.run(a_plan(project="Dmeo"))

        assert night.outcome() == "Refused"
        assert "no single project named 'Dmeo'; there are: Demo" in night.news()[-1]["text"]
