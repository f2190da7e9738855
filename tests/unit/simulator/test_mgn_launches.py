"""Launches, jobs and their logs as MGN does them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.mgn_console import DONE, mgn_console

SNAPSHOT, WHOLE = 61, 250


def test_a_test_goes_through_its_states_to_an_instance_of_its_own():
    with mgn_console() as console:
        job = console.start("db01", "web01", tags={"run": "demo-1"})
        assert console.server("db01")["lifeCycle"]["state"] == "TESTING"
        first = console.job(job)
        assert (first["status"], first["type"], first["initiatedBy"]) == ("PENDING", "LAUNCH", "START_TEST")
        assert (set(console.statuses(job).values()), first["tags"]) == ({"PENDING"}, {"run": "demo-1"})
        console.advance(SNAPSHOT)
        assert (console.job(job)["status"], set(console.statuses(job).values())) == ("STARTED", {"IN_PROGRESS"})
        console.advance(WHOLE)
        done = console.job(job)
        assert (done["status"], set(console.statuses(job).values())) == ("COMPLETED", {"LAUNCHED"})
        assert done["endDateTime"] > done["creationDateTime"]
        instances = {one["launchedEc2InstanceID"] for one in done["participatingServers"]}
        servers = console.servers().values()
        assert {one["launchedInstance"]["ec2InstanceID"] for one in servers} == instances
        assert {one["launchedInstance"]["jobID"] for one in servers} == {job}
        assert {one["lifeCycle"]["lastTest"]["initiated"]["jobID"] for one in servers} == {job}


def test_a_job_logs_what_it_does_to_each_server():
    with mgn_console(db01={"tested": "9d"}, web01={}) as console:
        old = console.server("db01")["launchedInstance"]["ec2InstanceID"]
        job = console.start(mode="cutover")
        console.advance(DONE)
        assert console.log(job) == [
            ("JOB_START", None),
            ("SNAPSHOT_START", "db01"),
            ("SNAPSHOT_START", "web01"),
            ("SNAPSHOT_END", "db01"),
            ("SNAPSHOT_END", "web01"),
            ("CLEANUP_START", "db01"),
            ("CLEANUP_END", "db01"),
            ("CONVERSION_START", "db01"),
            ("CONVERSION_START", "web01"),
            ("CONVERSION_END", "db01"),
            ("CONVERSION_END", "web01"),
            ("LAUNCH_START", "db01"),
            ("LAUNCH_START", "web01"),
            ("JOB_END", None),
        ]
        items = console.mgn.describe_job_log_items(jobID=job)["items"]
        data = {one["event"]: one.get("eventData", {}) for one in items}
        assert data["CLEANUP_END"]["targetInstanceID"] == old
        assert data["CONVERSION_END"]["conversionServerID"].startswith("i-")
        assert console.job(job)["initiatedBy"] == "START_CUTOVER"
        assert console.server("db01")["lifeCycle"]["state"] == "CUTTING_OVER"
        page = console.mgn.describe_job_log_items(jobID=job, maxResults=3)
        assert (len(page["items"]), "nextToken" in page) == (3, True)


def test_a_log_grows_as_time_goes_on():
    with mgn_console() as console:
        job = console.start("db01")
        assert console.log(job) == []
        console.advance(10)
        assert [event for event, _ in console.log(job)] == ["JOB_START", "SNAPSHOT_START"]


def test_a_completed_job_may_hold_failed_servers():
    machines: dict[str, Any] = {
        "db01": {},
        "db02": {"launch": {"target": "conversion_failed"}},
        "web01": {"launch": {"target": "missing"}},
    }
    with mgn_console(**machines) as console:
        job = console.start()
        console.advance(2 * DONE)
        assert console.job(job)["status"] == "COMPLETED"
        assert console.statuses(job) == {"db01": "LAUNCHED", "db02": "FAILED", "web01": "FAILED"}
        log = console.log(job)
        assert ("CONVERSION_FAIL", "db02") in log
        assert ("LAUNCH_START", "db02") not in log
        assert [event for event, name in log if name == "web01"][-2:] == ["LAUNCH_START", "LAUNCH_FAILED"]
        assert "launchedInstance" not in console.server("db02")
        assert console.server("db02")["lifeCycle"]["state"] == "TESTING"
        raw = {one["event"]: one["eventData"].get("rawError") for one in items(console, job)}
        assert raw["CONVERSION_FAIL"]
        assert raw["LAUNCH_FAILED"]


def items(console: Any, job: str) -> Any:
    return [one for one in console.mgn.describe_job_log_items(jobID=job)["items"] if "eventData" in one]


@pytest.mark.parametrize("status", ["FAILED", "COMPLETED"])
def test_no_job_ever_fails(status):
    with mgn_console(project={"jobs": {"status": status}}) as console:
        job = console.start("db01")
        console.advance(DONE)
        assert (console.job(job)["status"], console.statuses(job)) == ("COMPLETED", {"db01": "LAUNCHED"})


def test_stale_data_is_said_for_its_server():
    with mgn_console(db01={"launch": {"stale": "2h"}}, web01={}) as console:
        job = console.start()
        console.advance(DONE)
        log = console.log(job)
        assert ("USING_PREVIOUS_SNAPSHOT", "db01") in log
        assert ("SNAPSHOT_END", "db01") not in log
        assert ("SNAPSHOT_END", "web01") in log
        assert console.statuses(job)["db01"] == "LAUNCHED"


def test_a_launch_falls_back_to_the_last_snapshot_that_was_shown():
    launch = [{"mode": "cutover", "stale": "2h"}]
    with mgn_console(db01={"launch": launch, "tested": "9d"}, web01={"launch": launch}) as console:
        last = {name: one["dataReplicationInfo"]["lastSnapshotDateTime"] for name, one in console.servers().items()}
        assert last == {"db01": "2026-12-05T20:00:00.000000Z", "web01": "2026-12-05T22:00:00.000000Z"}
        job = console.start("db01", mode="cutover")
        console.advance(DONE)
        assert ("USING_PREVIOUS_SNAPSHOT", "db01") in console.log(job)
        (project,) = console.simulator.world.projects.values()
        data = [target.data_at.hour for target in project.targets.values() if target.name == "db01"]
        assert data == [20]


def test_a_late_target_is_not_launched_until_it_is_there():
    with mgn_console(db01={"launch": {"late": "30m"}}) as console:
        job = console.start("db01")
        console.advance(DONE)
        assert (console.job(job)["status"], console.statuses(job)) == ("COMPLETED", {"db01": "IN_PROGRESS"})
        console.advance(1800)
        assert console.statuses(job) == {"db01": "LAUNCHED"}


def test_a_job_may_hang():
    with mgn_console(project={"jobs": {"hangs": True}}) as console:
        job = console.start("db01")
        console.advance(86400)
        assert (console.job(job)["status"], console.statuses(job)) == ("STARTED", {"db01": "IN_PROGRESS"})
        assert "endDateTime" not in console.job(job)


@pytest.mark.parametrize(("how", "expected"), [("duplicated", ["JOB_START"] * 2), ("out_of_order", ["SNAPSHOT_START"])])
def test_a_log_may_be_disordered(how, expected):
    with mgn_console(project={"jobs": {"log": how}}) as console:
        job = console.start("db01")
        console.advance(DONE)
        assert [event for event, _ in console.log(job)][: len(expected)] == expected


@pytest.mark.parametrize(
    ("launch", "blueprint", "states"),
    [
        ({"boot": "5m"}, {}, ("WAITING", "SUCCEEDED")),
        ({"boot": "5m", "checks": "impaired"}, {}, ("WAITING", "UNKNOWN")),
        ({"boot": "5m", "checks": "initializing"}, {}, ("WAITING", "WAITING")),
        ({}, {"runAfterLaunch": False}, ("STOPPED", "STOPPED")),
    ],
)
def test_the_first_boot_is_told(launch, blueprint, states):
    with mgn_console(db01={"launch": launch, "blueprint": blueprint}) as console:
        console.start("db01")
        console.advance(WHOLE)
        assert console.server("db01")["launchedInstance"]["firstBoot"] == states[0]
        console.advance(300)
        assert console.server("db01")["launchedInstance"]["firstBoot"] == states[1]


@pytest.mark.parametrize(("commands", "end"), [("ok", "SUCCESS"), ("fail", "FAILED")])
def test_post_launch_actions_run_after_the_first_boot_and_come_to_what_commands_do(commands, end):
    actions = {"post_launch_actions": [{"name": "validate"}, {"name": "join", "must_succeed": False}]}
    with mgn_console(db01={"mgn": actions, "launch": {"commands": commands}}) as console:
        job = console.start("db01")
        console.advance(WHOLE)
        assert told(console, job) == []
        console.advance(60 + 60)
        assert told(console, job) == [("validate", True, "IN_PROGRESS")]
        console.advance(300)
        assert told(console, job) == [("validate", True, end), ("join", False, end)]
        assert (console.job(job)["status"], console.statuses(job)) == ("COMPLETED", {"db01": "LAUNCHED"})


def told(console: Any, job: str) -> list[tuple[str, bool, str]]:
    status = console.job(job)["participatingServers"][0]["postLaunchActionsStatus"]
    return [
        (one["ssmDocument"]["actionName"], one["ssmDocument"]["mustSucceedForCutover"], one["executionStatus"])
        for one in status["postLaunchActionsLaunchStatusList"]
    ]


def test_actions_for_cutovers_are_not_run_in_a_test():
    actions = {"post_launch_actions": [{"name": "validate"}], "actions_after": "CUTOVER_ONLY"}
    with mgn_console(db01={"mgn": actions}) as console:
        job = console.start("db01")
        console.advance(DONE)
        assert "postLaunchActionsStatus" not in console.job(job)["participatingServers"][0]


def test_jobs_are_listed_newest_first_in_pages_and_between_dates():
    with mgn_console() as console:
        first = console.start("db01")
        console.advance(DONE)
        second = console.start("web01")
        jobs = [one["jobID"] for one in console.mgn.describe_jobs()["items"]]
        assert jobs == [second, first]
        page = console.mgn.describe_jobs(maxResults=1)
        assert [one["jobID"] for one in page["items"]] == [second]
        rest = console.mgn.describe_jobs(maxResults=1, nextToken=page["nextToken"])
        assert ([one["jobID"] for one in rest["items"]], "nextToken" in rest) == ([first], False)
        late = console.mgn.describe_jobs(filters={"fromDate": "2026-12-05T22:10:00Z"})["items"]
        early = console.mgn.describe_jobs(filters={"toDate": "2026-12-05T22:10:00Z"})["items"]
        assert [one["jobID"] for one in late] == [second]
        assert [one["jobID"] for one in early] == [first]


def test_a_job_listed_late_is_found_by_its_id_at_once():
    with mgn_console(project={"jobs": {"listed": "1m"}}) as console:
        job = console.start("db01")
        assert console.mgn.describe_jobs()["items"] == []
        assert console.job(job)["jobID"] == job
        console.advance(60)
        assert len(console.mgn.describe_jobs()["items"]) == 1


def test_one_job_for_each_server_and_the_refusal_says_whose():
    with mgn_console() as console:
        console.start("db01")
        db01, web01 = console.ids("db01", "web01")
        answer = console.refused("start_cutover", sourceServerIDs=[web01, db01])
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (409, "ConflictException")
        assert [one["resourceId"] for one in answer["errors"]] == [db01]
        assert console.server("web01")["lifeCycle"]["state"] == "READY_FOR_TEST"
        console.start("web01")
        console.advance(DONE)
        console.start("db01", "web01")


def test_so_many_jobs_and_so_many_servers_at_once():
    quotas = {"mgn": {"jobs": 2, "servers_in_jobs": 3}, "fleet": {"count": 6, "name": "srv{n}"}}
    with mgn_console(project=quotas, db01={}) as console:
        ids = console.ids()
        console.mgn.start_test(sourceServerIDs=ids[:2])
        answer = console.refused("start_test", sourceServerIDs=ids[2:4])
        assert (answer["Error"]["Code"], answer["code"]) == ("ConflictException", "L-4FF77426")
        console.mgn.start_test(sourceServerIDs=ids[2:3])
        answer = console.refused("start_test", sourceServerIDs=ids[3:4])
        assert (answer["Error"]["Code"], answer["code"]) == ("ConflictException", "L-FE2EBE17")
        console.advance(DONE)
        console.mgn.start_test(sourceServerIDs=ids[3:6])


def test_200_servers_fit_into_a_job_and_the_next_waits_for_it():
    with mgn_console(project={"fleet": {"count": 249, "name": "srv{n:03}"}}, db01={}) as console:
        ids = console.ids()
        assert len(ids) == 250
        job = console.mgn.start_test(sourceServerIDs=ids[:200])["job"]["jobID"]
        assert console.refused("start_test", sourceServerIDs=ids[200:])["code"] == "L-4FF77426"
        console.advance(DONE)
        assert set(console.statuses(job).values()) == {"LAUNCHED"}
        console.mgn.start_test(sourceServerIDs=ids[200:])
        assert sum(console.simulator.launches().values()) == 250
        assert set(console.simulator.launches().values()) == {1}


@pytest.mark.parametrize(
    "machine",
    [
        {"replication": {"state": "initial_sync", "for": "1h"}},
        {"replication": {"state": "agent_missing", "behind": "1d"}},
        {"mgn": {"archived": True}},
    ],
)
def test_what_is_not_launchable_is_not_launched(machine):
    with mgn_console(db01=machine, web01={}) as console:
        answer = console.refused("start_test", sourceServerIDs=console.ids("web01", "db01"))
        assert answer["Error"]["Code"] == "ConflictException"
        assert [one["resourceId"] for one in answer["errors"]] == console.ids("db01")
        assert console.mgn.describe_jobs()["items"] == []


def test_unknown_servers_and_jobs_are_refused():
    with mgn_console() as console:
        unknown = console.refused("start_test", sourceServerIDs=["s-" + "0" * 17])
        assert unknown["Error"]["Code"] == "ValidationException"
        assert console.refused("describe_job_log_items", jobID="mgnjob-" + "0" * 17)["Error"]["Code"] == (
            "ValidationException"
        )
