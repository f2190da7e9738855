"""What MGN tells by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.stub import Stubber

from stage.simulator.mgn.events import LAUNCH_RESULT, LIFECYCLE, STALLED, Event, to_bus
from tests.unit.simulator.mgn_console import DONE, MgnConsole, mgn_console


class Heard(list[Event]):
    """A listener. Its events by kind, each with the server's name and the state."""

    def __call__(self, events: Sequence[Event]) -> None:
        self.extend(events)

    def of(self, console: MgnConsole, kind: str) -> list[tuple[str, str]]:
        names = {server["arn"]: name for name, server in console.servers().items()}
        return [(names[one.resource], one.detail["state"]) for one in self if one.kind == kind]


def test_each_servers_launch_is_told_once_with_its_job():
    heard = Heard()
    machines: dict[str, Any] = {"db01": {}, "db02": {"launch": {"target": "conversion_failed"}}}
    with mgn_console(told=heard, **machines) as console:
        job = console.start()
        console.advance(60)
        assert heard == []
        for _ in range(20):
            console.advance(DONE / 10)
        expected = [("db01", "TEST_LAUNCH_SUCCEEDED"), ("db02", "TEST_LAUNCH_FAILED")]
        assert sorted(heard.of(console, LAUNCH_RESULT)) == expected
        assert {one.detail["job-id"] for one in heard} == {job}
        heard.clear()
        console.start("db01", mode="cutover")
        console.advance(DONE)
        assert heard.of(console, LAUNCH_RESULT) == [("db01", "CUTOVER_LAUNCH_SUCCEEDED")]


def test_an_event_has_the_form_that_eventbridge_delivers():
    heard = Heard()
    with mgn_console(told=heard) as console:
        job = console.start("db01")
        console.advance(DONE)
        assert heard[0].whole() == {
            "version": "0",
            "detail-type": "MGN Source Server Launch Result",
            "source": "aws.mgn",
            "account": "123456789012",
            "time": "2026-12-05T22:15:00Z",
            "region": "eu-central-1",
            "resources": [console.server("db01")["arn"]],
            "detail": {"state": "TEST_LAUNCH_SUCCEEDED", "job-id": job},
        }


def test_nothing_is_told_of_what_was_so_before():
    heard = Heard()
    with mgn_console(told=heard, db01={"tested": "9d"}, web01={"replication": {"state": "stalled"}}) as console:
        console.servers()
        console.advance(3600)
        assert heard == []


def test_the_first_time_that_a_server_is_ready_is_told_and_no_other():
    heard = Heard()
    phases = [
        {"state": "initial_sync", "for": "10m"},
        {"state": "continuous", "for": "10m"},
        {"state": "stopped", "for": "5m"},
        {"state": "initial_sync", "for": "10m"},
    ]
    with mgn_console(told=heard, db01={"replication": phases}) as console:
        console.servers()
        for _ in range(60):
            console.advance(60)
        assert heard.of(console, LIFECYCLE) == [("db01", "READY_FOR_TEST")]


def test_a_stall_is_told_when_it_begins_and_when_it_ends():
    heard = Heard()
    phases = [{"state": "continuous", "for": "5m"}, {"state": "stalled", "for": "10m"}]
    with mgn_console(told=heard, db01={"replication": phases}) as console:
        console.servers()
        console.advance(1)
        console.advance(5 * 60)
        assert heard.of(console, STALLED) == [("db01", "STALLED")]
        console.advance(10 * 60)
        assert heard.of(console, STALLED)[1:] == [("db01", "NOT_STALLED")]


def test_a_server_that_was_switched_off_is_told_of_when_it_stalls():
    heard = Heard()
    with mgn_console(told=heard, scenario={"application": {"every": "20s"}}, db01={}) as console:
        console.servers()
        console.advance(1)
        console.simulator.sources().power("db01", on=False)
        console.advance(60)
        assert heard == []
        console.advance(600)
        assert heard.of(console, STALLED) == [("db01", "STALLED")]


def test_events_may_be_lost():
    heard = Heard()
    with mgn_console(
        told=heard, scenario={"faults": [{"on": "EVENT /LaunchResult", "nth": 1, "drop": True}]}
    ) as console:
        console.start("db01")
        console.advance(DONE)
        console.start("web01")
        console.advance(DONE)
        assert heard.of(console, LAUNCH_RESULT) == [("web01", "TEST_LAUNCH_SUCCEEDED")]


def test_a_fault_that_is_none_of_theirs_loses_no_event():
    heard = Heard()
    with mgn_console(told=heard, scenario={"faults": [{"on": "* *", "clock": {"skew": "5m"}}]}) as console:
        console.start("db01")
        console.advance(DONE)
        assert len(heard) == 1


def test_a_listener_in_trouble_is_nobody_elses():
    def fails(events: Sequence[Event]) -> None:
        raise OSError("no bus")

    with mgn_console(told=fails) as console:
        job = console.start("db01")
        console.advance(DONE)
        assert console.statuses(job) == {"db01": "LAUNCHED"}


def test_the_sink_of_the_stage_puts_them_on_the_default_bus():
    heard = Heard()
    with mgn_console(told=heard, project={"fleet": {"count": 11, "name": "srv{n}"}}, db01={}) as console:
        console.start()
        console.advance(DONE)
    client = boto3.client("events", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as bus:
        for batch in (heard[:10], heard[10:]):
            entries = [
                {
                    "Source": "aws.mgn",
                    "DetailType": one.kind,
                    "Detail": json.dumps(one.detail),
                    "Resources": [one.resource],
                    "Time": one.time,
                }
                for one in batch
            ]
            bus.add_response("put_events", {"FailedEntryCount": 0, "Entries": []}, {"Entries": entries})
        to_bus(client)(heard)
        bus.assert_no_pending_responses()
