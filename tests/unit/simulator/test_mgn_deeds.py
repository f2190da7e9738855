"""What is done to launched servers: reverted, terminated, finalized, disconnected, archived."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.mgn_console import DONE, MgnConsole, mgn_console


def change(console: MgnConsole, name: str, state: str) -> Any:
    (id,) = console.ids(name)
    return console.mgn.change_server_life_cycle_state(sourceServerID=id, lifeCycle={"state": state})["lifeCycle"]


def test_a_target_is_terminated_by_a_job_once_its_test_is_taken_back():
    with mgn_console(db01={"tested": "9d"}, web01={}) as console:
        (id,) = console.ids("db01")
        console.ready("READY_FOR_TEST", "db01")
        console.start("db01")
        console.advance(DONE)
        refused = console.refused("terminate_target_instances", sourceServerIDs=[id])
        assert (refused["Error"]["Code"], refused["errors"][0]["resourceId"]) == ("ConflictException", id)
        life = change(console, "db01", "READY_FOR_TEST")
        assert (life["state"], "reverted" in life["lastTest"]) == ("READY_FOR_TEST", True)
        job = console.mgn.terminate_target_instances(sourceServerIDs=[id], tags={"run": "r"})["job"]
        assert (job["type"], job["initiatedBy"], job["tags"]) == ("TERMINATE", "TERMINATE", {"run": "r"})
        console.advance(30)
        assert console.statuses(job["jobID"]) == {"db01": "IN_PROGRESS"}
        assert console.refused("start_test", sourceServerIDs=[id])["Error"]["Code"] == "ConflictException"
        console.start("web01")
        console.advance(60)
        assert console.statuses(job["jobID"]) == {"db01": "TERMINATED"}
        assert console.log(job["jobID"]) == [
            ("JOB_START", None),
            ("CLEANUP_START", "db01"),
            ("CLEANUP_END", "db01"),
            ("JOB_END", None),
        ]
        assert "launchedInstance" not in console.server("db01")
        console.start("db01")


def test_a_protected_target_is_not_terminated():
    with mgn_console(db01={"tested": "9d", "protected": True}) as console:
        job = console.mgn.terminate_target_instances(sourceServerIDs=console.ids("db01"))["job"]["jobID"]
        console.advance(DONE)
        assert (console.job(job)["status"], console.statuses(job)) == ("COMPLETED", {"db01": "FAILED"})
        assert ("CLEANUP_FAIL", "db01") in console.log(job)


def test_there_must_be_a_target_to_terminate():
    with mgn_console() as console:
        refused = console.refused("terminate_target_instances", sourceServerIDs=console.ids("db01"))
        assert refused["Error"]["Code"] == "ConflictException"


def test_a_test_is_accepted_and_a_cutover_taken_back():
    with mgn_console() as console:
        console.start("db01")
        console.advance(DONE)
        life = change(console, "db01", "READY_FOR_CUTOVER")
        assert (life["state"], "finalized" in life["lastTest"]) == ("READY_FOR_CUTOVER", True)
        console.start("db01", mode="cutover")
        console.advance(DONE)
        life = change(console, "db01", "READY_FOR_CUTOVER")
        assert (life["state"], "reverted" in life["lastCutover"]) == ("READY_FOR_CUTOVER", True)
        assert "launchedInstance" in console.server("db01")
        console.mgn.terminate_target_instances(sourceServerIDs=console.ids("db01"))


@pytest.mark.parametrize("state", ["READY_FOR_TEST", "READY_FOR_CUTOVER"])
def test_only_launchable_servers_change_their_state(state):
    with mgn_console(db01={"replication": {"state": "initial_sync", "for": "1h"}}) as console:
        (id,) = console.ids("db01")
        asked = {"sourceServerID": id, "lifeCycle": {"state": state}}
        assert console.refused("change_server_life_cycle_state", **asked)["Error"]["Code"] == "ConflictException"


def test_a_cutover_is_finalized_then_archived_and_its_instance_stays():
    with mgn_console() as console:
        (id,) = console.ids("db01")
        for call in ("finalize_cutover", "mark_as_archived"):
            assert console.refused(call, sourceServerID=id)["Error"]["Code"] == "ConflictException"
        console.start("db01", mode="cutover")
        refused = console.refused("finalize_cutover", sourceServerID=id)
        assert (refused["Error"]["Code"], refused["errors"][0]["resourceId"]) == ("ConflictException", id)
        console.advance(DONE)
        server = console.mgn.finalize_cutover(sourceServerID=id)
        info = server["dataReplicationInfo"]
        assert (server["lifeCycle"]["state"], "finalized" in server["lifeCycle"]["lastCutover"]) == ("CUTOVER", True)
        assert (info["dataReplicationState"], "lagDuration" in info) == ("DISCONNECTED", False)
        assert [disk["totalStorageBytes"] for disk in info["replicatedDisks"]] == [0]
        assert "launchedInstance" in server
        assert console.refused("start_cutover", sourceServerIDs=[id])["Error"]["Code"] == "ConflictException"
        refused = console.refused("terminate_target_instances", sourceServerIDs=[id])
        assert refused["Error"]["Code"] == "ConflictException"
        first = server["lifeCycle"]["lastCutover"]["finalized"]
        console.advance(60)
        again = console.mgn.finalize_cutover(sourceServerID=id)
        assert again["lifeCycle"]["lastCutover"]["finalized"] == first
        assert console.mgn.mark_as_archived(sourceServerID=id)["isArchived"] is True
        assert "db01" not in console.servers(isArchived=False)


def test_a_disconnected_server_is_archived_or_made_a_cutover_afterwards():
    """The half-finished state that some tools leave: DisconnectFromService, and then the lifecycle by hand."""
    with mgn_console() as console:
        (id,) = console.ids("db01")
        console.start("db01", mode="cutover")
        console.advance(DONE)
        server = console.mgn.disconnect_from_service(sourceServerID=id)
        assert server["lifeCycle"]["state"] == "DISCONNECTED"
        assert server["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
        assert console.refused("disconnect_from_service", sourceServerID=id)["Error"]["Code"] == "ConflictException"
        assert change(console, "db01", "CUTOVER")["state"] == "CUTOVER"
        assert console.mgn.mark_as_archived(sourceServerID=id)["isArchived"] is True


def test_a_server_that_was_never_cut_over_is_no_cutover():
    with mgn_console(db01={"tested": "9d"}) as console:
        (id,) = console.ids("db01")
        asked = {"sourceServerID": id, "lifeCycle": {"state": "CUTOVER"}}
        assert console.refused("change_server_life_cycle_state", **asked)["Error"]["Code"] == "ConflictException"


@pytest.mark.parametrize(
    "call", ["finalize_cutover", "disconnect_from_service", "mark_as_archived", "get_launch_configuration"]
)
def test_an_unknown_server_is_not_found(call):
    with mgn_console() as console:
        refused = console.refused(call, sourceServerID="s-" + "0" * 17)
        assert (refused["Error"]["Code"], refused["resourceType"]) == ("ResourceNotFoundException", "SourceServer")
