"""MGN's answers in our own words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cutover import mgn_answers as answers
from cutover.machine import FirstBoot, Job, JobStatus, LaunchStatus, LifeCycle, Machine
from tests.unit.mgn_of import instance_id, job, job_id, server, server_id

TARGET = {"ec2InstanceID": instance_id(7), "jobID": job_id(3), "firstBoot": "SUCCEEDED"}


def machine(**changes: Any) -> Machine:
    found = answers.machine(server(1, **changes))
    assert found is not None
    return found


def read(**changes: Any) -> Job:
    found = answers.job(job(1, (1, 2), **changes))
    assert found is not None
    return found


def life(state: str = "READY_FOR_TEST", target: bool = False, **launches: Any) -> LifeCycle:
    given = {"lifeCycle": {"state": state, **launches}} | ({"launchedInstance": TARGET} if target else {})
    return machine(**given).life_cycle


def launch(minute: int, number: int = 3, **more: Any) -> dict[str, Any]:
    return {"initiated": {"apiCallDateTime": at(minute), "jobID": job_id(number)}, **more}


def at(minute: int) -> str:
    return f"2026-11-20T10:{minute:02d}:00Z"


def instant(minute: int) -> datetime:
    return datetime(2026, 11, 20, 10, minute, tzinfo=UTC)


def test_a_machine_is_what_the_service_says_of_it() -> None:
    found = machine(launchedInstance=TARGET)
    assert (found.id, found.name, found.replica) == (server_id(1), "web1", instance_id(7))
    assert (found.os, found.first_boot) == ("Ubuntu 22.04", FirstBoot.SUCCEEDED)
    assert [(disk.name, disk.size_bytes) for disk in found.disks] == [("/dev/sda", 100)]
    assert (dict(found.tags), found.group) == ({"Name": "name-1", "Wave": "3"}, None)


@pytest.mark.parametrize(
    ("hints", "tags", "name"),
    [
        ({"hostname": "web1", "fqdn": "web1.example.com"}, {"Name": "n"}, "web1"),
        ({"fqdn": "web1.example.com"}, {"Name": "n"}, "web1.example.com"),
        ({"hostname": "  ", "vmPath": "/dc/vm"}, {"Name": "n"}, "n"),
        ({}, {}, server_id(1)),
        (None, None, server_id(1)),
    ],
)
def test_a_server_without_a_host_name_is_named_all_the_same(hints: Any, tags: Any, name: str) -> None:
    assert machine(sourceProperties={"identificationHints": hints}, tags=tags).name == name


@pytest.mark.parametrize(
    ("interfaces", "ips"),
    [
        (
            [{"ips": ["10.0.0.1", "fd00::1"], "isPrimary": True}, {"ips": ["10.0.1.1"]}],
            ("10.0.0.1", "fd00::1", "10.0.1.1"),
        ),
        ([{"ips": None}, None, {"ips": [7, "", "10.0.0.2"]}], ("10.0.0.2",)),
        ([], ()),
        (None, ()),
    ],
)
def test_the_addresses_of_the_source_are_those_of_all_its_interfaces(interfaces: Any, ips: tuple[str, ...]) -> None:
    assert machine(sourceProperties={"networkInterfaces": interfaces}).ips == ips


@pytest.mark.parametrize("garbage", [None, {}, [], {"sourceServerID": " "}, "s-1"])
def test_what_has_no_id_is_no_machine_and_no_job(garbage: Any) -> None:
    assert answers.machine(garbage) is None
    assert answers.job(garbage) is None
    assert answers.replica(garbage) is None


def test_a_server_of_which_nothing_is_said_is_survived() -> None:
    found = answers.machine({"sourceServerID": server_id(1)})
    assert found is not None
    assert (found.name, found.replica, found.life_cycle, found.first_boot) == (server_id(1), None, LifeCycle(), None)


def test_a_word_that_nobody_knows_is_no_boot() -> None:
    assert machine(launchedInstance=TARGET | {"firstBoot": "SOMETHING"}).first_boot is None


def test_a_test_is_a_test_also_when_its_state_was_taken_back() -> None:
    """Whether it counts says the proof of its run; a clean-up takes the state back, too."""
    tested = LifeCycle(tested_at=instant(1), test_job=job_id(3))
    assert life("TESTING", lastTest=launch(1)) == tested
    assert life("READY_FOR_TEST", lastTest=launch(1, reverted={"apiCallDateTime": at(9)})) == tested
    assert life("READY_FOR_CUTOVER", lastTest=launch(1, finalized={"apiCallDateTime": at(9)})) == tested


def test_a_cutover_that_was_reverted_is_over_once_its_target_is_gone() -> None:
    back = {"apiCallDateTime": at(9)}
    cut_over = LifeCycle(cut_over_at=instant(1), cutover_job=job_id(3))
    assert life("CUTTING_OVER", target=True, lastCutover=launch(1)) == cut_over
    assert life("READY_FOR_CUTOVER", target=True, lastCutover=launch(1, reverted=back)) == cut_over
    assert life("READY_FOR_CUTOVER", target=False, lastCutover=launch(1, reverted=back)) == LifeCycle()
    # Launched again since: the earlier revert says nothing of that.
    assert life("CUTTING_OVER", target=False, lastCutover=launch(10, reverted=back)).cut_over_at == instant(10)


@pytest.mark.parametrize("state", ["CUTTING_OVER", "CUTOVER"])
def test_a_state_that_tells_of_a_cutover_is_believed_without_its_date(state: str) -> None:
    assert life(state).cut_over_at is not None
    assert life(state, lastCutover={"finalized": {"apiCallDateTime": at(5)}}).cut_over_at == instant(5)
    assert life("TESTING").tested_at is not None


def test_a_target_is_bound_to_the_job_of_its_launch() -> None:
    found = answers.replica(server(1, launchedInstance=TARGET))
    assert found is not None
    assert (found.id, found.instance_id, found.job) == (instance_id(7), instance_id(7), job_id(3))
    assert answers.replica(server(1)) is None


@pytest.mark.parametrize(
    ("asked", "kind"),
    [("START_TEST", "test"), ("START_CUTOVER", "cutover"), ("DIAGNOSTIC", "DIAGNOSTIC"), ("TERMINATE", "TERMINATE")],
)
def test_a_launch_has_our_word_and_anything_else_the_services(asked: str, kind: str) -> None:
    assert read(initiatedBy=asked).kind == kind
    assert read(initiatedBy=None, type="TERMINATE").kind == "TERMINATE"


@pytest.mark.parametrize("given", ["PENDING", "STARTED", "COMPLETED", "CANCELLED", None])
def test_a_status_that_is_not_known_has_not_ended(given: str | None) -> None:
    assert read(status=given).status.ended is (given == "COMPLETED")
    assert (read(status=given).status is JobStatus.UNKNOWN) is (given in ("CANCELLED", None))


def test_each_machine_of_a_job_has_its_own_end() -> None:
    found = read(
        status="COMPLETED",
        participatingServers=[
            {"sourceServerID": server_id(1), "launchStatus": "LAUNCHED", "launchedEc2InstanceID": instance_id(8)},
            {"sourceServerID": server_id(2), "launchStatus": "FAILED"},
            {"sourceServerID": server_id(3), "launchStatus": "SOMETHING"},
        ],
    )
    assert found.machines == frozenset({server_id(1), server_id(2), server_id(3)})
    assert found.instances == {server_id(1): instance_id(8)}
    assert {server: each.status for server, each in found.launches.items()} == {
        server_id(1): LaunchStatus.LAUNCHED,
        server_id(2): LaunchStatus.FAILED,
        server_id(3): LaunchStatus.UNKNOWN,
    }
    assert found.reported == {server_id(1), server_id(2)}


@pytest.mark.parametrize("servers", [None, [{"launchStatus": "LAUNCHED"}, {"sourceServerID": server_id(1)}]])
def test_a_part_of_the_machines_does_not_pass_as_the_whole(servers: Any) -> None:
    assert read(participatingServers=servers).machines is None


@pytest.mark.parametrize(
    ("status", "must", "passed", "needed"),
    [
        ("SUCCESS", True, True, True),
        ("FAILED", False, False, False),
        ("IN_PROGRESS", None, None, True),
        ("SOMETHING", True, None, True),
    ],
)
def test_an_action_after_the_launch_is_needed_unless_it_is_said_not_to_be(
    status: str, must: bool | None, passed: bool | None, needed: bool
) -> None:
    document = {"actionName": "join", "ssmDocumentName": "Join", "mustSucceedForCutover": must}
    action = {"ssmDocument": document, "executionStatus": status, "failureReason": "no domain"}
    actions = {"postLaunchActionsStatus": {"postLaunchActionsLaunchStatusList": [action]}}
    found = read(participatingServers=[{"sourceServerID": server_id(1), "launchStatus": "LAUNCHED", **actions}])
    (seen,) = found.launches[server_id(1)].actions
    assert (seen.name, seen.passed, seen.must) == ("join", passed, needed)
    assert seen.words == f"{status}: no domain"


def test_a_job_is_the_same_after_it_was_kept() -> None:
    document = {"actionName": "join", "ssmDocumentName": "Join", "mustSucceedForCutover": True}
    action = {"ssmDocument": document, "executionStatus": "SUCCESS"}
    actions = {"postLaunchActionsStatus": {"postLaunchActionsLaunchStatusList": [action]}}
    found = read(participatingServers=[{"sourceServerID": server_id(1), **actions}], tags={"cutover:run": "r"})
    assert Job.from_json(found.to_json()) == found
