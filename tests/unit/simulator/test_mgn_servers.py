"""Source servers as MGN shows them."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.unit.simulator.mgn_console import DONE, mgn_console


def one(**machine: Any) -> Any:
    """A server that is described so."""
    with mgn_console(db01=machine) as console:
        return console.server("db01")


def replication(*phases: Any, **machine: Any) -> Any:
    return one(replication=list(phases), **machine)["dataReplicationInfo"]


def test_a_caught_up_server_is_launchable_and_says_since_when_it_has_a_snapshot():
    server = one(disks={"/dev/sda": "20GiB", "/dev/sdb": "60GiB"}, source_ip="192.168.1.7", os="RHEL 8", cores=4)
    info, properties = server["dataReplicationInfo"], server["sourceProperties"]
    assert (info["dataReplicationState"], info["lagDuration"]) == ("CONTINUOUS", "PT0S")
    assert info["lastSnapshotDateTime"] == "2026-12-05T22:00:00.000000Z"
    assert [disk["totalStorageBytes"] for disk in info["replicatedDisks"]] == [20 * 2**30, 60 * 2**30]
    assert [disk["backloggedStorageBytes"] for disk in info["replicatedDisks"]] == [0, 0]
    assert server["lifeCycle"]["state"] == "READY_FOR_TEST"
    assert "launchedInstance" not in server
    assert "lastTest" not in server["lifeCycle"]
    assert properties["networkInterfaces"] == [{"ips": ["192.168.1.7"], "isPrimary": True}]
    assert properties["identificationHints"] == {"hostname": "db01"}
    assert properties["cpus"][0]["cores"] == 4


@pytest.mark.parametrize(
    ("phase", "state", "lag", "lifecycle"),
    [
        ({"state": "lagging", "behind": "90m"}, "BACKLOG", "PT1H30M", "READY_FOR_TEST"),
        ({"state": "rescan", "behind": "1m", "for": "10m"}, "RESCAN", "PT1M", "READY_FOR_TEST"),
        ({"state": "stalled", "behind": "26h"}, "STALLED", "P1DT2H", "READY_FOR_TEST"),
        ({"state": "disconnected", "behind": "2h"}, "STALLED", "PT2H", "READY_FOR_TEST"),
        ({"state": "paused", "behind": "10m"}, "PAUSED", "PT10M", "READY_FOR_TEST"),
        ({"state": "stopped"}, "STOPPED", None, "STOPPED"),
        ({"state": "agent_missing", "behind": "1d"}, "DISCONNECTED", None, "DISCONNECTED"),
        ({"state": "initial_sync", "progress": 40, "for": "1h"}, "INITIAL_SYNC", None, "NOT_READY"),
        ({"state": "initiating", "for": "10m"}, "INITIATING", None, "NOT_READY"),
    ],
)
def test_replication_is_said_in_mgns_words(phase, state, lag, lifecycle):
    server = one(replication=phase)
    info = server["dataReplicationInfo"]
    assert (info["dataReplicationState"], info.get("lagDuration")) == (state, lag)
    assert server["lifeCycle"]["state"] == lifecycle
    assert ("dataReplicationError" in info) == (state == "STALLED")


def test_a_stall_says_what_is_the_matter():
    assert replication({"state": "stalled", "behind": "1h"})["dataReplicationError"]["error"] == "NOT_CONVERGING"
    assert replication({"state": "disconnected", "behind": "1h"})["dataReplicationError"]["error"] == "AGENT_NOT_SEEN"
    failed = {"state": "initiating", "step": "PAIRING_REPLICATION_SERVER_WITH_AGENT", "failed": "no route"}
    info = replication(failed)
    assert info["dataReplicationState"] == "STALLED"
    assert info["dataReplicationError"] == {
        "error": "FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT",
        "rawError": "no route",
    }
    steps = {step["name"]: step["status"] for step in info["dataReplicationInitiation"]["steps"]}
    assert steps["ATTACH_STAGING_DISKS"] == "SUCCEEDED"
    assert steps["PAIR_REPLICATION_SERVER_WITH_AGENT"] == "FAILED"
    assert steps["START_DATA_TRANSFER"] == "NOT_STARTED"
    assert info["dataReplicationInitiation"]["nextAttemptDateTime"] > "2026-12-05T22:00:00"


@pytest.mark.parametrize("step", ["WAITING_TO_INITIATE_REPLICATION", "RESOLVING_MANAGEMENT_SERVER_ADDRESS"])
def test_a_step_that_mgn_has_no_error_for_fails_with_the_next_best(step):
    assert (
        replication({"state": "initiating", "step": step, "failed": "no"})["dataReplicationError"]["rawError"] == "no"
    )


def test_a_server_that_was_switched_off_stalls_when_it_is_not_seen_for_long():
    described = {"application": {"every": "20s"}}
    with mgn_console(scenario=described, db01={}) as console:
        console.servers()
        console.simulator.sources().power("db01", on=False)
        console.advance(9 * 60)
        info = console.server("db01")["dataReplicationInfo"]
        assert (info["dataReplicationState"], info["lagDuration"]) == ("CONTINUOUS", "PT9M")
        console.advance(3 * 60)
        info = console.server("db01")["dataReplicationInfo"]
        assert (info["dataReplicationState"], info["dataReplicationError"]["error"]) == ("STALLED", "AGENT_NOT_SEEN")


def test_a_stalled_server_tries_again_when_asked_and_no_other_does():
    with mgn_console(db01={"replication": {"state": "stalled", "behind": "1h"}}, web01={}) as console:
        stuck, well = console.ids("db01", "web01")
        answer = console.mgn.retry_data_replication(sourceServerID=stuck)
        assert answer["dataReplicationInfo"]["dataReplicationState"] == "BACKLOG"
        assert console.refused("retry_data_replication", sourceServerID=well)["Error"]["Code"] == "ValidationException"
        console.advance(180)
        assert console.server("db01")["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"


def test_a_past_test_was_accepted_and_its_instance_is_still_there():
    server = one(tested="9d")
    assert server["lifeCycle"]["state"] == "READY_FOR_CUTOVER"
    assert server["lifeCycle"]["lastTest"]["initiated"]["apiCallDateTime"].startswith("2026-11-26T21:5")
    assert server["lifeCycle"]["lastTest"]["finalized"]["apiCallDateTime"].startswith("2026-11-26T22:00")
    assert server["launchedInstance"]["firstBoot"] == "SUCCEEDED"
    assert server["launchedInstance"]["jobID"] == server["lifeCycle"]["lastTest"]["initiated"]["jobID"]


def test_a_past_cutover_is_in_progress_until_it_is_finalized():
    server = one(tested="9d", cut_over="2d")
    assert server["lifeCycle"]["state"] == "CUTTING_OVER"
    assert server["launchedInstance"]["jobID"] == server["lifeCycle"]["lastCutover"]["initiated"]["jobID"]


def test_a_server_may_have_no_hostname_no_agent_and_be_archived():
    machines = {
        "odd": {"mgn": {"hostname": False, "tags": {"Name": "odd"}}},
        "shipped": {"mgn": {"replication_type": "SNAPSHOT_SHIPPING"}},
        "old": {"mgn": {"archived": True}},
        "app.example.com": {},
    }
    with mgn_console(**machines) as console:
        servers = {one["tags"].get("Name", name): one for name, one in console.servers().items()}
        assert servers["odd"]["sourceProperties"]["identificationHints"] == {}
        assert servers["shipped"]["replicationType"] == "SNAPSHOT_SHIPPING"
        assert servers["old"]["isArchived"] is True
        assert servers["app.example.com"]["sourceProperties"]["identificationHints"]["fqdn"] == "app.example.com"
        assert list(console.servers(isArchived=True)) == ["old"]
        assert "old" not in console.servers(isArchived=False)
        assert list(console.servers(replicationTypes=["SNAPSHOT_SHIPPING"])) == ["shipped"]


def test_filters_are_by_id_lifecycle_and_application():
    with mgn_console(db01={"mgn": {"application": "shop"}}, web01={"tested": "9d"}) as console:
        (db01,) = console.ids("db01")
        application = console.server("db01")["applicationID"]
        assert list(console.servers(sourceServerIDs=[db01])) == ["db01"]
        assert list(console.servers(lifeCycleStates=["READY_FOR_CUTOVER"])) == ["web01"]
        assert list(console.servers(applicationIDs=[application])) == ["db01"]
        assert console.servers(sourceServerIDs=["s-" + "0" * 17]) == {}


def test_servers_come_in_pages():
    with mgn_console(project={"fleet": {"count": 120, "name": "srv{n:03}"}}, db01={}) as console:
        first = console.mgn.describe_source_servers()
        assert len(first["items"]) == 50
        assert len(console.mgn.describe_source_servers(maxResults=100, nextToken=first["nextToken"])["items"]) == 71
        assert len(console.servers()) == 121
        assert console.refused("describe_source_servers", nextToken="x")["Error"]["Code"] == "ValidationException"


def test_ids_have_mgns_form_and_are_the_seeds():
    with mgn_console() as console, mgn_console() as again:
        ids = console.ids()
        assert all(len(id) == 19 and id.startswith("s-") for id in ids)
        assert again.ids() == ids
        job = console.start("db01")
        assert len(job) == 24
        assert again.start("db01") == job
    with mgn_console(scenario={"seed": "other"}) as other:
        assert not set(other.ids()) & set(ids)


def test_waves_have_applications_that_have_servers():
    machines = {
        "db01": {"mgn": {"application": "shop", "wave": "Wave 3"}},
        "web01": {"mgn": {"application": "shop"}},
        "old1": {"mgn": {"wave": "Wave 4"}, "replication": {"state": "stalled", "behind": "1h"}},
        "lone": {},
    }
    with mgn_console(**machines) as console:
        waves = {one["name"]: one for one in console.mgn.list_waves()["items"]}
        applications = {one["name"]: one for one in console.mgn.list_applications()["items"]}
        assert applications["shop"]["waveID"] == waves["Wave 3"]["waveID"]
        assert applications["shop"]["applicationAggregatedStatus"]["totalSourceServers"] == 2
        assert console.server("web01")["applicationID"] == applications["shop"]["applicationID"]
        assert applications["Wave 4"]["waveID"] == waves["Wave 4"]["waveID"]
        assert waves["Wave 4"]["waveAggregatedStatus"]["healthStatus"] == "ERROR"
        assert "applicationID" not in console.server("lone")
        only = console.mgn.list_applications(filters={"waveIDs": [waves["Wave 4"]["waveID"]]})["items"]
        assert [one["name"] for one in only] == ["Wave 4"]
        assert console.mgn.list_waves(filters={"isArchived": True})["items"] == []


def test_tags_are_kept():
    with mgn_console(db01={"mgn": {"tags": {"Wave": "3"}}}) as console:
        arn = console.server("db01")["arn"]
        console.mgn.tag_resource(resourceArn=arn, tags={"owner": "lead@example.com", "x": "y"})
        console.mgn.untag_resource(resourceArn=arn, tagKeys=["x", "never"])
        expected = {"Wave": "3", "owner": "lead@example.com"}
        assert console.mgn.list_tags_for_resource(resourceArn=arn)["tags"] == expected
        assert console.server("db01")["tags"] == expected
        assert console.refused("list_tags_for_resource", resourceArn=arn + "0")["Error"]["Code"] == (
            "ResourceNotFoundException"
        )


def test_what_is_told_of_cloudendure_is_seen_here_too():
    """One world: a launch that somebody makes in the other console is a job here, and its server is in its test."""
    with mgn_console(project={"console": {"at": "1m", "launch": "db01", "mode": "test"}}) as console:
        console.servers()
        console.advance(60 + DONE)
        assert console.server("db01")["lifeCycle"]["state"] == "TESTING"
        (job,) = console.mgn.describe_jobs()["items"]
        assert (job["initiatedBy"], job["status"]) == ("START_TEST", "COMPLETED")


def test_nobody_is_heard_without_a_signature_or_before_the_account_is_set_up():
    with mgn_console() as console:
        bare = requests.post(f"{console.url}/DescribeSourceServers", json={}, timeout=10)
        assert (bare.status_code, bare.headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    with mgn_console(project={"mgn": {"initialized": False}}) as console:
        for call in ("describe_source_servers", "describe_jobs", "list_waves"):
            assert console.refused(call)["Error"]["Code"] == "UninitializedAccountException"


@pytest.mark.parametrize(
    ("path", "body", "seen"),
    [
        ("/DescribeSourceServers", {"filter": {}}, "Unknown parameter"),
        ("/DescribeSourceServers", {"filters": {"lifeCycleStates": ["TESTED"]}}, "none of"),
        ("/DescribeSourceServers", {"maxResults": 1001}, "valid max: 1000"),
        ("/StartTest", {}, "Missing required parameter"),
        ("/StartTest", {"sourceServerIDs": []}, "Invalid length"),
        ("/StartTest", {"sourceServerIDs": ["i-12345678901234567"]}, "does not match"),
        ("/StartTest", {"sourceServerIDs": ["s-12345678901234567"] * 201}, "valid max: 200"),
        ("/StartTest", {"sourceServerIDs": "s-12345678901234567"}, "Invalid type"),
        ("/StartTest", [], "must be a JSON object"),
    ],
)
def test_a_request_that_the_model_does_not_have_is_refused(path, body, seen):
    with mgn_console() as console:
        answer = requests.post(console.url + path, json=body, headers={"Authorization": "AWS4-HMAC-SHA256"}, timeout=10)
        assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")
        assert seen in answer.json()["message"]
        assert answer.json()["__type"] == "ValidationException"


def test_what_the_simulator_does_not_play_says_so():
    with mgn_console() as console:
        (id,) = console.ids("db01")
        answer = console.refused("pause_replication", sourceServerID=id)
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (
            501,
            "NotImplementedException",
        )
        assert requests.post(f"{console.url}/PauseEverything", timeout=10).status_code == 404


def test_answers_are_dated_by_the_simulators_clock():
    with mgn_console() as console:
        console.advance(3600)
        headers = console.mgn.describe_source_servers()["ResponseMetadata"]["HTTPHeaders"]
        assert headers["date"] == "Sat, 05 Dec 2026 23:00:00 GMT"
