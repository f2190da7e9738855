"""A night whose targets are asked whether their applications are there: the real probe dials hosts that are played."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from cutover.instants import text
from cutover.night_records import Order, Wish
from cutover.plan import ApplicationCheck, Look, Mode, OnFailure
from stage.aws.shim.dialling import dial_through_proxy
from stage.outside import Outside, Targets
from stage.simulator import Scenario, ServedApplication, Simulator
from tests.statemachines.interpreter import REGION
from tests.statemachines.night import BUCKET, TABLE, WAIVED, Night, a_night, a_plan, a_wave, a_world

PORT = ApplicationCheck("port", Look.TCP, "5432")
PAGE = ApplicationCheck("page", Look.HTTP, "http://{ip}/health")
TRUST = ApplicationCheck("trust", Look.SSM, "check-trust", timeout=600)


@contextmanager
def played(night: Night, scenario: dict[str, Any], patch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the stage plays around a rehearsal, for the functions of this process."""
    outside = Outside(Scenario.parse(scenario), night.simulator.sources(), Targets(boto3.client("ec2", REGION)))
    with ServedApplication(outside, 0, "outside") as served:
        for name, value in {"HTTP_PROXY": served.url, "http_proxy": served.url, "NO_PROXY": "127.0.0.1"}.items():
            patch.setenv(name, value)
        patch.setattr(socket, "create_connection", socket.create_connection)
        dial_through_proxy()
        yield


def test_targets_are_waited_for_until_their_applications_answer_and_fail_where_they_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = {"launch": {"serves_after": "20m"}}
    machines = {"db01": slow, "db02": {}, "web01": slow, "web02": {"launch": {"checks": "impaired"}}}
    hosts = {"db01": {"tcp": 5432, "http": {"/health": 200}}, "web01": {"http": {"/health": 500}}}
    scenario = a_world(machines, application={}, hosts=hosts)
    rules = {
        "db01": {"checks": (PORT, PAGE, TRUST), "prewarm": True},
        "web01": {"checks": (PAGE,)},
        "web02": {"checks": (PORT,)},
    }
    with a_night(scenario) as night, played(night, scenario, monkeypatch):
        night.run(a_plan(a_wave("all", *machines, machine_rules=rules)))

        assert night.statuses() == {"db01": "verified", "db02": "verified", "web01": "failed", "web02": "failed"}
        seen = {name: night.machine(name) for name in machines}
        levels = {name: each["level"] for name, each in seen.items()}
        assert levels == {"db01": "application", "db02": "booted", "web01": "booted", "web02": None}
        checks = {each["name"]: each["passed"] for each in seen["db01"]["checks"]}
        assert [checks[f"application: {name}"] for name in ("port", "page", "trust")] == [True, True, True]
        (against,) = seen["web01"]["findings"]
        assert against["field"] == "application"
        assert "/health answers 500" in against["seen"]
        assert [each["field"] for each in seen["web02"]["findings"]] == ["status_checks"], (
            "and not what was not looked at"
        )
        assert seen["web02"]["checks_not_made"] == ["port: not looked at: the target is not up yet"]
        assert seen["db02"]["checks_not_made"] == ["the application: the plan has no check of it for this machine"]
        assert night.evidence()["requests"]["ssm SendCommand"] == 2, "the check and the reading ahead, once each"
        assert night.evidence()["requests"]["lambda Invoke"] > 2, "one call for all of them at each look"
        assert seen["db01"]["console"] == []
        kept = [f"runs/{night.run_id}/console/web02.{ending}" for ending in ("txt", "jpg")]
        assert seen["web02"]["console"] == kept
        screen = boto3.client("s3", REGION).get_object(Bucket=BUCKET, Key=kept[1])["Body"].read()
        assert screen.startswith(b"\xff\xd8")

        told = night.told()["text"]
        assert "db01: verified (application)" in told
        assert "Booted, with no check of the application passed: db02." in told
        assert kept[0] in told
        summary = night.file("summary.md")
        assert "**verified** (booted)" in summary
        assert "not checked on web02: port" in summary


def test_a_held_machine_is_judged_again_another_one_accepted_and_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """db01 answers after its deadline, db02 never: a person has the one judged again and accepts the other."""
    machines = {"db01": {"launch": {"serves_after": "35m"}}, "db02": {}}
    scenario = a_world(machines, application={}, hosts={"db01": {"tcp": 5432}, "db02": {}})
    orders = [(Wish.ACCEPT, "db02"), (Wish.VERIFY, "db01")]

    def operate(simulator: Simulator, seconds: float) -> None:
        simulator.advance(seconds)
        if orders and night.run_id and night.store.night(night.run_id).hold and not night.store.order(night.run_id):
            wish, machine = orders.pop(0)
            order = Order(wish, "lead@example.com", "seen by hand", text(simulator.clock.now()), machine)
            item = {"pk": f"RUN#{night.run_id}", "sk": "ORDER", **order.to_json()}
            boto3.resource("dynamodb").Table(TABLE).put_item(Item=item)

    rules = {name: {"checks": (PORT,)} for name in machines}
    wave = a_wave("db", *machines, machine_rules=rules, test_waiver=WAIVED, on_failure=OnFailure.HOLD)
    with a_night(scenario, waited=operate) as night, played(night, scenario, monkeypatch):
        night.run(a_plan(wave), Mode.CUTOVER)

        assert night.statuses() == {"db01": "verified", "db02": "held"}, "what was accepted stays what it was"
        assert night.machine("db01")["level"] == "application"
        assert '"error"' not in night.findings("db01")
        accepted = night.machine("db02")["accepted"]
        assert (accepted["by"], accepted["reason"]) == ("lead@example.com", "seen by hand")
        assert night.outcome() == "CutOver"
        assert night.launches() == 1
        assert "db02: held (booted), accepted by lead@example.com (seen by hand)" in night.told()["text"]
