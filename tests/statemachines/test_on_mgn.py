"""The same state machines and functions on MGN, which launches job after job and says what became of each server."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from cutover import clients
from cutover import step as steps
from cutover.plan import Mode, OnFailure, Plan, PollBounds, Wave
from cutover.records import LaunchState
from tests.statemachines.night import WAIVED, Night, a_night, a_plan, a_wave, a_world


@contextmanager
def on_mgn(scenario: dict[str, Any], **more: Any) -> Iterator[Night]:
    with a_night(scenario, **more) as night:
        os.environ["AWS_ENDPOINT_URL_MGN"] = night.console.url
        clients.client.cache_clear()
        clients.client_for_deeds.cache_clear()
        steps._mgn.cache_clear()
        yield night


def a_mgn_plan(*waves: Wave) -> Plan:
    return replace(a_plan(*waves), service="mgn")


def servers(night: Night) -> Counter[str]:
    """How often each machine was launched, by its name."""
    return Counter(night.simulator.launches())


def test_a_test_and_then_its_cutover_are_verified() -> None:
    with on_mgn(a_world({"db01": {}, "web01": {}})) as night:
        plan = a_mgn_plan(a_wave("all", "db01", "web01", test_waiver=WAIVED))
        assert night.run(plan, Mode.TEST)["status"] == "SUCCEEDED"
        assert night.statuses() == {"db01": "verified", "web01": "verified"}
        tested = {each["name"]: each["target"]["instance_id"] for each in night.machines()}
        night.simulator.advance(8 * 86400)
        night.run(plan, Mode.CUTOVER)
        assert night.statuses() == {"db01": "verified", "web01": "verified"}
        assert night.outcome() == "CutOver"
        for each in night.machines():
            assert each["target"]["replaced"] == tested[each["name"]] != each["target"]["instance_id"]


@pytest.mark.timeout(600)
def test_two_hundred_and_fifty_machines_are_launched_by_two_jobs_and_each_once() -> None:
    network = {"subnets": {"demo": "10.20.0.0/20"}}
    fleet = {"count": 250, "name": "srv{n:04}", "machine": {}}
    with on_mgn(a_world({}, project={**network, "fleet": fleet})) as night:
        names = [f"srv{n:04}" for n in range(1, 251)]
        night.run(a_mgn_plan(a_wave("all", *names, poll=PollBounds(180, 900))))
        assert Counter(night.statuses().values()) == {"verified": 250}
        assert servers(night) == Counter(names)
        launches = night.store.launches(night.run_id, 1)
        assert [(each.state, len(each.machines)) for each in launches] == [
            (LaunchState.ACCEPTED, 200),
            (LaunchState.ACCEPTED, 50),
        ]
        assert len(set(night.store.wave(night.run_id, 1).jobs)) == 2


def test_a_completed_job_with_machines_that_failed_ends_with_those_failed() -> None:
    bad = {"launch": [{"target": "conversion_failed"}]}
    with on_mgn(a_world({"a": {}, "b": bad, "c": bad})) as night:
        night.run(a_mgn_plan(a_wave("all", "a", "b", "c", on_failure=OnFailure.CONTINUE)))
        assert night.statuses() == {"a": "verified", "b": "failed", "c": "failed"}
        assert "launch_status" in night.findings("b")
