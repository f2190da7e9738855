"""Launches: the job's log, the targets, and everything a scenario makes of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

START = "2026-12-05T22:00:00.000000+00:00"
LAUNCHED = 600.0


def offsets(job: Any) -> list[tuple[int, str]]:
    begins = datetime.fromisoformat(job["log"][0]["logDateTime"])
    return [
        (round((datetime.fromisoformat(line["logDateTime"]) - begins).total_seconds()), line["message"])
        for line in job["log"]
    ]


def test_a_launch_with_a_previous_target_tells_the_log_that_is_known_from_a_real_one(console):
    one = console(db01={"tested": "9d"})
    old = one.replica("db01")["machineCloudId"]
    job = one.launch("db01", mode="CUTOVER")
    one.advance(LAUNCHED)
    log = offsets(one.job(job))
    group = log[5][1].split()[-1]
    assert group.startswith("sg-")
    assert log == [
        (0, "Job started"),
        (0, "Started waiting for latest snapshot"),
        (61, "Finished waiting for latest snapshot"),
        (69, f"Started cleanup of instance {old}"),
        (133, f"Finished cleanup of instance {old}"),
        (135, f"Started cleanup of security group {group}"),
        (136, f"Finished cleanup of security group {group}"),
        (137, "Started machine conversions"),
        (199, "Finished machine conversions"),
        (200, "Started creating a replica for security group"),
        (201, "Finished creating a replica for security group"),
        (235, "Started creating a replica for instance db01"),
        (280, "Finished creating a replica for instance db01"),
        (285, "Job finished"),
    ]
    assert one.job(job)["status"] == "COMPLETED"
    assert one.job(job)["type"] == "CUTOVER_LAUNCH"


def test_a_job_goes_from_pending_to_started_and_its_log_grows(console):
    one = console()
    job = one.launch("db01")
    assert "endDateTime" not in one.job(job)
    assert one.job(job)["log"] == []
    one.advance(3)
    assert one.job(job)["status"] == "STARTED"
    seen = len(one.messages(job))
    one.advance(70)
    assert len(one.messages(job)) > seen
    one.advance(LAUNCHED)
    assert one.job(job)["status"] == "COMPLETED"
    assert one.job(job)["endDateTime"] > one.job(job)["creationDateTime"]


def test_a_first_launch_cleans_nothing_up(console):
    one = console()
    job = one.launch("db01")
    one.advance(LAUNCHED)
    assert not [message for message in one.messages(job) if "cleanup" in message]


def test_a_target_is_recorded_with_its_job_and_in_the_life_cycle(console):
    one = console()
    assert "replica" not in one.machines()["db01"]
    job = one.launch("db01")
    one.advance(LAUNCHED)
    machine = one.machines()["db01"]
    replica = one.replica("db01")
    assert replica["jobId"] == machine["lifeCycle"]["lastTestLaunchJobId"] == job
    assert replica["machine"] == machine["id"]
    assert machine["lifeCycle"]["lastTestLaunchDateTime"] == replica["cloudEndureCreationDateTime"]
    assert "lastCutoverDateTime" not in machine["lifeCycle"]
    assert one.job(job)["targetMachines"][0]["target_instance_id"] == replica["machineCloudId"]


def test_every_launch_deletes_the_previous_target_and_makes_a_new_one(console):
    one = console()
    one.launch("db01")
    one.advance(LAUNCHED)
    before = one.replica("db01")
    one.launch("db01", mode="CUTOVER")
    one.advance(72)
    assert "replica" not in one.machines()["db01"]
    assert one.ask("GET", f"{one.project}/replicas/{before['id']}").status_code == 404
    one.advance(LAUNCHED)
    after = one.replica("db01")
    assert after["id"] != before["id"]
    assert after["machineCloudId"] != before["machineCloudId"]


def test_there_is_one_job_at_a_time_in_a_project(console):
    one = console()
    first = one.launch("db01")
    refused = one.post_launch("web01")
    assert refused.status_code == 400
    assert refused.json["message"] == "Another job is already running in this project"
    one.advance(LAUNCHED)
    second = one.launch("web01")
    one.advance(LAUNCHED)
    assert [job["id"] for job in one.get(f"{one.project}/jobs")["items"]] == [second, first]
    assert one.simulator.launches() == {"db01": 1, "web01": 1}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"launchType": "RECOVERY", "items": []}, 422),
        ({"items": [{"machineId": "x"}]}, 422),
        ({"launchType": "TEST", "items": "all"}, 422),
        ({"launchType": "TEST", "items": []}, 404),
        ({"launchType": "TEST", "items": [{"machineId": "00000000-1111-0000-0000-000000000000"}]}, 404),
    ],
)
def test_a_launch_that_makes_no_sense_is_refused_and_starts_nothing(console, body, status):
    one = console()
    assert one.ask("POST", f"{one.project}/launchMachines", json=body).status_code == status
    assert one.get(f"{one.project}/jobs")["items"] == []


def test_an_expired_project_licence_is_402(console):
    one = console(project={"license_expired": True})
    assert one.post_launch("db01").json == {"message": "Project license has expired"}


def test_a_machine_in_its_initial_sync_cannot_be_launched(console):
    one = console(db01={"replication": {"state": "initial_sync"}})
    assert one.post_launch("db01").status_code == 400


def test_a_missing_target_is_only_seen_at_its_machine(console):
    one = console(db01={"launch": {"target": "missing"}}, web01={})
    job = one.launch("db01", "web01")
    one.advance(LAUNCHED)
    assert one.job(job)["status"] == "COMPLETED"
    assert "replica" not in one.machines()["db01"]
    assert "lastTestLaunchDateTime" not in one.machines()["db01"]["lifeCycle"]
    assert one.replica("web01")["jobId"] == job


def test_a_late_target_appears_after_its_job(console):
    one = console(db01={"launch": {"late": "5m"}})
    job = one.launch("db01")
    one.advance(400)
    assert one.job(job)["status"] == "COMPLETED"
    assert "replica" not in one.machines()["db01"]
    one.advance(300)
    assert one.replica("db01")["jobId"] == job


def test_stale_data_is_named_in_the_log_with_its_time(console):
    one = console(db01={"launch": {"stale": "2h"}})
    job = one.launch("db01")
    one.advance(LAUNCHED)
    machine = one.machines()["db01"]["id"]
    assert offsets(one.job(job))[2] == (
        302,
        f"The latest state of the machine {machine} could not have been fetched. "
        "Creating replica that is up-to-date to 2026-12-05 20:00:00.000000UTC instead.",
    )
    assert one.job(job)["targetMachines"][0]["snapshot_time"] == "2026-12-05T20:00:00.000000+00:00"


def test_a_machine_whose_source_is_off_is_launched_from_its_last_consistency_point(console):
    one = console(db01={"replication": {"state": "disconnected", "behind": "20m"}})
    job = one.launch("db01")
    one.advance(LAUNCHED)
    assert "up-to-date to 2026-12-05 21:40:00.000000UTC instead" in one.messages(job)[2]


def test_a_failed_conversion_tells_each_volume_and_leaves_nothing(console):
    disks = {"c:0": "9GiB", "d:1": "9GiB"}
    one = console(db01={"tested": "9d", "disks": disks, "launch": {"target": "conversion_failed"}})
    machine = one.machines()["db01"]["id"]
    job = one.launch("db01")
    one.advance(1500)
    assert one.messages(job)[-4:] == [
        "Failed machine conversions",
        f"Failed creating a replica for volume vol-{machine}:c:0: "
        "No snapshot for volume cloning, probably a failed conversion.",
        f"Failed creating a replica for volume vol-{machine}:d:1: "
        "No snapshot for volume cloning, probably a failed conversion.",
        "Job finished",
    ]
    assert one.job(job)["status"] == "FAILED"
    assert "replica" not in one.machines()["db01"]


def test_a_scenario_may_call_a_failed_job_completed(console):
    one = console(project={"jobs": {"status": "COMPLETED"}}, db01={"launch": {"target": "conversion_failed"}})
    job = one.launch("db01")
    one.advance(1500)
    assert one.job(job)["status"] == "COMPLETED"


def test_a_hanging_job_stays_started_and_keeps_the_project_busy(console):
    one = console(project={"jobs": {"hangs": True}})
    job = one.launch("db01")
    one.advance(50_000)
    one.login()
    assert one.job(job)["status"] == "STARTED"
    assert one.messages(job)[-1] == "Started machine conversions"
    assert one.post_launch("web01").status_code == 400


def test_a_conversion_may_take_long(console):
    one = console(project={"jobs": {"number": 1, "conversion": "2h"}})
    job = one.launch("db01")
    one.advance(7200)
    one.login()
    assert (one.job(job)["status"], one.messages(job)[-1]) == ("STARTED", "Started machine conversions")
    one.advance(300)
    assert one.job(job)["status"] == "COMPLETED"


def test_logs_may_repeat_themselves_or_come_out_of_order(console):
    told = {}
    for log in ("normal", "duplicated", "out_of_order"):
        one = console(project={"jobs": {"log": log}})
        job = one.launch("db01")
        one.advance(LAUNCHED)
        told[log] = one.messages(job)
    assert told["duplicated"] == [line for line in told["normal"] for _ in range(2)]
    assert told["out_of_order"][:2] == told["normal"][1::-1]
    assert sorted(told["out_of_order"]) == sorted(told["normal"])


def test_rules_may_hold_for_one_mode_or_one_launch_only(console):
    one = console(db01={"launch": [{"mode": "cutover", "target": "missing"}, {"number": 1, "stale": "1h"}]})
    first = one.launch("db01")
    one.advance(LAUNCHED)
    assert any("up-to-date" in line for line in one.messages(first))
    second = one.launch("db01")
    one.advance(LAUNCHED)
    assert not any("up-to-date" in line for line in one.messages(second))
    one.launch("db01", mode="CUTOVER")
    one.advance(LAUNCHED)
    assert "replica" not in one.machines()["db01"]


def test_answers_may_lack_fields_or_carry_unknown_words(console):
    one = console(
        project={"jobs": {"answer": {"omit": ["targetMachines"], "set": {"type": "MYSTERY"}}}},
        db01={
            "answer": {
                "omit": ["lifeCycle"],
                "set": {"replicationInfo.lastConsistencyDateTime": None, "replicationStatus": "ODD"},
            }
        },
    )
    machine = one.machines()["db01"]
    assert "lifeCycle" not in machine
    assert machine["replicationInfo"]["lastConsistencyDateTime"] is None
    assert machine["replicationStatus"] == "ODD"
    job = one.launch("db01")
    one.advance(LAUNCHED)
    assert "targetMachines" not in one.job(job)
    assert one.job(job)["type"] == "MYSTERY"


def test_a_machine_tested_or_cut_over_before_has_a_finished_job_and_a_target(console):
    one = console(db01={"tested": "9d", "cut_over": "2d"}, web01={"tested": "9d", "target": False})
    life = one.machines()["db01"]["lifeCycle"]
    assert life["lastTestLaunchDateTime"] == "2026-11-26T22:00:00.000000+00:00"
    assert life["lastCutoverDateTime"] == "2026-12-03T22:00:00.000000+00:00"
    assert one.replica("db01")["jobId"] == life["lastCutoverJobId"]
    assert "replica" not in one.machines()["web01"]
    jobs = one.get(f"{one.project}/jobs")["items"]
    assert [(job["type"], job["status"]) for job in jobs] == [
        ("CUTOVER_LAUNCH", "COMPLETED"),
        ("TEST_LAUNCH", "COMPLETED"),
    ]
    assert jobs[0]["endDateTime"] < START


def test_targets_are_deleted_by_a_cleanup_job(console):
    one = console(db01={"tested": "9d"})
    replica = one.replica("db01")
    answer = one.ask("DELETE", f"{one.project}/replicas", json={"replicaIDs": [replica["id"]]})
    assert (answer.status_code, answer.json["type"]) == (202, "CLEANUP")
    again = one.ask("DELETE", f"{one.project}/replicas", json={"replicaIDs": [replica["id"]]})
    assert (again.status_code, "Another job" in again.json["message"]) == (400, True)
    one.advance(LAUNCHED)
    assert one.messages(answer.json["id"])[1] == f"Started cleanup of instance {replica['machineCloudId']}"
    assert "replica" not in one.machines()["db01"]
    assert one.ask("GET", f"{one.project}/replicas/{replica['id']}").status_code == 404


def test_the_same_seed_gives_the_same_ids_and_another_seed_others(console):
    def told(seed: str) -> list[Any]:
        one = console(scenario={"seed": seed}, db01={"tested": "9d"})
        job = one.launch("db01")
        one.advance(LAUNCHED)
        return [one.simulator.token, one.machines(), one.job(job), one.replica("db01")]

    assert told("a") == told("a")
    assert told("a")[0] != told("b")[0]
    assert told("a")[3]["id"] != told("b")[3]["id"]


def test_a_job_may_be_listed_later_than_it_was_accepted(console):
    one = console(project={"jobs": {"listed": "40s"}}, db01={})
    job = one.launch("db01")

    assert job not in one.listed()
    assert one.job(job)["id"] == job
    one.advance(41)
    assert job in one.listed()
