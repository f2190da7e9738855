"""MGN behind the seam: what is sent, what is understood, what every failure becomes."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from cutover.errors import (
    AuthenticationFailed,
    LaunchUnconfirmed,
    NotFound,
    NotInitialised,
    PermissionDenied,
    RequestRefused,
    ServiceError,
    ServiceThrottled,
    ServiceUnavailable,
)
from cutover.launch_room import Limits
from cutover.machine import JobStatus, LaunchStatus, LogKind
from cutover.plan import Mode
from tests.unit.mgn_of import (
    NOW,
    OURS,
    FakeMgn,
    Refusal,
    continuous,
    instance_id,
    job,
    job_id,
    server,
    server_id,
)

URL = "https://mgn.eu-central-1.amazonaws.com"
DROPPED = ConnectionClosedError(endpoint_url=URL)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: Any) -> None:
        raise AssertionError("a test reached for the network")

    monkeypatch.setattr(socket.socket, "connect", nothing)


def launched(number: int, instance: int, from_job: int, **changes: Any) -> dict[str, Any]:
    target = {"ec2InstanceID": instance_id(instance), "jobID": job_id(from_job), "firstBoot": "SUCCEEDED"}
    return server(number, launchedInstance=target, **changes)


def in_state(state: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    return launched(number, number, 1, lifeCycle={"state": state}, **changes)


# machines


def test_all_pages_of_what_is_not_archived_are_read() -> None:
    mgn = FakeMgn(DescribeSourceServers=[{"items": [server(1)], "nextToken": "more"}, {"items": [server(2)]}])
    assert [each.id for each in mgn.service().machines()] == [server_id(1), server_id(2)]
    assert mgn.asked_for("DescribeSourceServers") == [
        {"filters": {"isArchived": False}, "maxResults": 1000},
        {"filters": {"isArchived": False}, "maxResults": 1000, "nextToken": "more"},
    ]


def test_a_list_without_an_end_is_not_believed() -> None:
    mgn = FakeMgn(DescribeSourceServers={"items": [server(1)], "nextToken": "more"})
    with pytest.raises(ServiceUnavailable, match="no end of the list"):
        mgn.service().machines()


def test_half_an_answer_is_not_an_empty_list() -> None:
    with pytest.raises(ServiceUnavailable, match="half an answer"):
        FakeMgn(DescribeSourceServers={}).service().machines()


def test_the_wave_of_a_machine_is_asked_for_only_where_it_is_wanted() -> None:
    app, wave = "app-00000000000000001", "wave-00000000000000001"
    mgn = FakeMgn(
        DescribeSourceServers={"items": [server(1, applicationID=app), server(2)]},
        ListApplications={"items": [{"applicationID": app, "waveID": wave}]},
        ListWaves={"items": [{"waveID": wave, "name": "Weekend 3"}]},
    )
    service = mgn.service()
    assert [each.group for each in service.machines()] == [None, None]
    assert mgn.operations() == ["DescribeSourceServers"]
    assert [each.group for each in service.grouped()] == ["Weekend 3", None]


# targets


def test_a_replica_is_the_instance_of_a_servers_present_launch() -> None:
    service = FakeMgn(DescribeSourceServers={"items": [server(1), launched(2, 7, 3)]}).service()
    found = service.replica(instance_id(7))
    assert (found.id, found.machine, found.instance_id, found.job) == (
        instance_id(7),
        server_id(2),
        instance_id(7),
        job_id(3),
    )


def test_a_target_that_appeared_after_the_listing_is_looked_for_again() -> None:
    mgn = FakeMgn(DescribeSourceServers=[{"items": [server(1)]}, {"items": [launched(1, 7, 3)]}])
    service = mgn.service()
    service.machines()
    assert service.replica(instance_id(7)).machine == server_id(1)


def test_what_is_no_servers_present_target_is_not_found() -> None:
    service = FakeMgn(DescribeSourceServers={"items": [launched(1, 7, 3)]}).service()
    with pytest.raises(NotFound, match=instance_id(8)):
        service.replica(instance_id(8))


# jobs


def test_jobs_are_newest_first_with_their_tags_and_without_a_log() -> None:
    old = job(1, creationDateTime="2026-11-28T20:00:00Z", tags={"cutover:run": "r-1"})
    new = job(2, type="TERMINATE", initiatedBy="TERMINATE", creationDateTime="2026-11-28T21:00:00Z")
    found = FakeMgn(DescribeJobs={"items": [old, new]}).service().jobs()
    assert [(each.id, each.kind) for each in found] == [(job_id(2), "TERMINATE"), (job_id(1), "test")]
    assert (found[1].tags, found[1].initiated_by) == ({"cutover:run": "r-1"}, "run r-1")


def test_a_job_is_read_with_every_page_of_its_log() -> None:
    line = {"logDateTime": "2026-11-28T22:01:00Z", "event": "JOB_START", "eventData": {}}
    later = {
        "logDateTime": "2026-11-28T22:09:00Z",
        "event": "LAUNCH_FAILED",
        "eventData": {"sourceServerID": server_id(1), "rawError": "no capacity"},
    }
    mgn = FakeMgn(
        DescribeJobs={"items": [job(1, status="COMPLETED")]},
        DescribeJobLogItems=[{"items": [later], "nextToken": "more"}, {"items": [line]}],
    )
    found = mgn.service().job(job_id(1))
    assert [each.message for each in found.log] == ["JOB_START", f"LAUNCH_FAILED {server_id(1)}: no capacity"]
    assert [(each.kind, each.machine) for each in found.log] == [
        (LogKind.INFORMATION, None),
        (LogKind.FAILURE, server_id(1)),
    ]
    assert mgn.asked_for("DescribeJobs") == [{"filters": {"jobIDs": [job_id(1)]}}]


def test_a_job_that_is_not_there_is_not_found_and_another_one_is_not_taken_for_it() -> None:
    with pytest.raises(NotFound):
        FakeMgn(DescribeJobs={"items": []}).service().job(job_id(1))
    with pytest.raises(ServiceUnavailable, match="not the job"):
        FakeMgn(DescribeJobs={"items": [job(2)]}).service().job(job_id(1))


# launching


@pytest.mark.parametrize(
    ("mode", "state", "operation"),
    [
        (Mode.TEST, "READY_FOR_TEST", "StartTest"),
        (Mode.TEST, "TESTING", "StartTest"),
        (Mode.CUTOVER, "READY_FOR_CUTOVER", "StartCutover"),
    ],
)
def test_a_launch_is_one_request_with_its_tags(mode: Mode, state: str, operation: str) -> None:
    mgn = FakeMgn(
        DescribeSourceServers={"items": [in_state(state, 2), in_state(state, 1)]},
        StartTest={"job": job(5, (1, 2))},
        StartCutover={"job": job(5, (1, 2), initiatedBy="START_CUTOVER")},
    )
    (started,) = mgn.service().launch(mode, [server_id(2), server_id(1), server_id(2)], {"cutover:run": "r"})
    assert (started.id, started.kind, started.status) == (job_id(5), mode.value, JobStatus.PENDING)
    assert started.launches[server_id(1)].status is LaunchStatus.PENDING
    assert mgn.asked[1:] == [
        (operation, {"sourceServerIDs": [server_id(1), server_id(2)], "tags": {"cutover:run": "r"}})
    ]


@pytest.mark.parametrize(
    ("mode", "state", "brought_to"),
    [
        (Mode.CUTOVER, "TESTING", "READY_FOR_CUTOVER"),
        (Mode.CUTOVER, "READY_FOR_TEST", "READY_FOR_CUTOVER"),
        (Mode.CUTOVER, "CUTTING_OVER", "READY_FOR_CUTOVER"),
        (Mode.TEST, "READY_FOR_CUTOVER", "READY_FOR_TEST"),
    ],
)
def test_a_server_is_brought_to_where_the_launch_is_taken_before_it(mode: Mode, state: str, brought_to: str) -> None:
    mgn = FakeMgn(
        DescribeSourceServers={"items": [in_state(state)]},
        StartTest={"job": job(5)},
        StartCutover={"job": job(5)},
    )
    mgn.service().launch(mode, [server_id(1)])
    assert mgn.operations()[1] == "ChangeServerLifeCycleState"
    assert mgn.asked[1][1] == {"sourceServerID": server_id(1), "lifeCycle": {"state": brought_to}}
    assert len(mgn.asked) == 3


def test_nothing_is_launched_when_a_server_cannot_be_brought_there() -> None:
    refusal = Refusal("ConflictException", 409, "not launchable", resourceId=server_id(1), resourceType="source-server")
    mgn = FakeMgn(DescribeSourceServers={"items": [in_state("TESTING")]}, ChangeServerLifeCycleState=refusal)
    with pytest.raises(RequestRefused, match=server_id(1)):
        mgn.service().launch(Mode.CUTOVER, [server_id(1)])
    assert "StartCutover" not in mgn.operations()


@pytest.mark.parametrize("machines", [[], [server_id(number) for number in range(201)]])
def test_no_launch_is_empty_or_larger_than_a_job_may_be(machines: list[str]) -> None:
    mgn = FakeMgn()
    with pytest.raises(ValueError, match="1 to 200 machines"):
        mgn.service().launch(Mode.TEST, machines)
    assert mgn.asked == []
    assert mgn.service().limits == Limits(machines_per_job=200, jobs=20, machines=200)


@pytest.mark.parametrize(
    "answer",
    [
        DROPPED,
        ReadTimeoutError(endpoint_url=URL),
        EndpointConnectionError(endpoint_url=URL),
        Refusal("InternalServerException", 500),
        Refusal("", 503),
        {},
    ],
)
def test_a_launch_without_a_clear_answer_is_unconfirmed_and_never_sent_again(answer: Any) -> None:
    mgn = FakeMgn(DescribeSourceServers={"items": [server(1)]}, StartTest=answer)
    with pytest.raises(LaunchUnconfirmed):
        mgn.service().launch(Mode.TEST, [server_id(1)])
    assert mgn.operations().count("StartTest") == 1


def test_a_conflict_is_a_refusal_that_says_who() -> None:
    refusal = Refusal(
        "ConflictException",
        409,
        "One or more servers are in a job",
        errors=[{"resourceId": server_id(2), "resourceType": "source-server", "message": "in mgnjob-9"}],
    )
    mgn = FakeMgn(DescribeSourceServers={"items": [server(1)]}, StartTest=refusal)
    with pytest.raises(RequestRefused) as raised:
        mgn.service().launch(Mode.TEST, [server_id(1)])
    assert str(raised.value) == (
        "POST /StartTest: 409: ConflictException: One or more servers are in a job; "
        f"source-server {server_id(2)}: in mgnjob-9"
    )


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("ThrottlingException", 429, ServiceThrottled),
        ("ServiceQuotaExceededException", 402, RequestRefused),
        ("ValidationException", 400, RequestRefused),
        ("UninitializedAccountException", 400, NotInitialised),
        ("AccessDeniedException", 403, PermissionDenied),
        ("ResourceNotFoundException", 404, NotFound),
        ("ExpiredTokenException", 403, AuthenticationFailed),
        ("SomethingNew", 418, RequestRefused),
    ],
)
def test_an_error_says_by_its_name_that_nothing_was_launched(code: str, status: int, kind: type[ServiceError]) -> None:
    mgn = FakeMgn(DescribeSourceServers={"items": [server(1)]}, StartTest=Refusal(code, status, "because"))
    with pytest.raises(kind, match=f"{code}: because") as raised:
        mgn.service().launch(Mode.TEST, [server_id(1)])
    assert (type(raised.value), raised.value.status) == (kind, status)
    assert mgn.operations().count("StartTest") == 1


def test_a_dropped_connection_while_looking_is_the_service_away() -> None:
    with pytest.raises(ServiceUnavailable):
        FakeMgn(DescribeJobs=DROPPED).service().jobs()


def test_what_botocore_would_not_even_send_is_refused() -> None:
    with pytest.raises(RequestRefused, match="never sent"):
        FakeMgn().service().job("j")


# time, counts


def test_the_time_is_the_services_once_it_has_answered_and_of_refusals_too() -> None:
    service = FakeMgn(DescribeJobs=Refusal("AccessDeniedException", 403)).service()
    assert (service.now().at, service.now().from_service) == (OURS, False)
    with pytest.raises(PermissionDenied):
        service.look_at_the_clock()
    assert (service.now().at, service.now().from_service) == (NOW, True)


def test_an_answer_without_a_readable_date_leaves_the_time_as_it_was() -> None:
    mgn = FakeMgn(DescribeJobs={"items": []})
    service = mgn.service()
    for mgn.date in ("", "yesterday"):
        service.jobs()
    assert not service.now().from_service
    assert service.requests == {"mgn DescribeJobs": 2}


def test_it_asks_for_no_licence() -> None:
    assert FakeMgn().service().licences() is None  # type: ignore[func-returns-value]  # None is the answer


def test_replication_settings_are_those_of_the_first_server() -> None:
    given = {
        "stagingAreaSubnetId": "subnet-12345678",
        "replicationServersSecurityGroupsIDs": ["sg-12345678"],
        "ebsEncryption": "CUSTOM",
        "ebsEncryptionKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/k",
        "dataPlaneRouting": "PRIVATE_IP",
    }
    mgn = FakeMgn(DescribeSourceServers={"items": [server(3), server(4)]}, GetReplicationConfiguration=given)
    found = mgn.service().replication_settings()
    assert found is not None
    assert (found.subnet, found.security_groups, found.private) == ("subnet-12345678", ("sg-12345678",), True)
    assert found.key == given["ebsEncryptionKeyArn"]
    assert mgn.asked_for("GetReplicationConfiguration") == [{"sourceServerID": server_id(3)}]
    assert FakeMgn(DescribeSourceServers={"items": []}).service().replication_settings() is None


# cleaning up


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        ("TESTING", ["ChangeServerLifeCycleState", "TerminateTargetInstances"]),
        ("CUTTING_OVER", ["ChangeServerLifeCycleState", "TerminateTargetInstances"]),
        ("READY_FOR_TEST", ["TerminateTargetInstances"]),
        ("READY_FOR_CUTOVER", ["TerminateTargetInstances"]),
    ],
)
def test_a_target_is_terminated_once_its_launch_is_taken_back(state: str, steps: list[str]) -> None:
    """The second half alone is what is left of a clean-up that broke off between the two."""
    mgn = FakeMgn(
        DescribeSourceServers={"items": [in_state(state)]},
        TerminateTargetInstances={"job": job(9, type="TERMINATE", initiatedBy="TERMINATE")},
    )
    assert mgn.service().clean_up([instance_id(1)]).kind == "TERMINATE"
    assert [name for name in mgn.operations() if name != "DescribeSourceServers"] == steps
    if len(steps) == 2:
        before = {"TESTING": "READY_FOR_TEST", "CUTTING_OVER": "READY_FOR_CUTOVER"}[state]
        assert mgn.asked_for(steps[0]) == [{"sourceServerID": server_id(1), "lifeCycle": {"state": before}}]


def test_one_that_cannot_be_taken_back_keeps_no_other() -> None:
    def change(body: dict[str, Any]) -> Any:
        return Refusal("ConflictException", 409, "no lag") if body["sourceServerID"] == server_id(1) else {}

    mgn = FakeMgn(
        DescribeSourceServers={"items": [in_state("TESTING", 1), in_state("TESTING", 2)]},
        ChangeServerLifeCycleState=change,
        TerminateTargetInstances={"job": job(9)},
    )
    mgn.service().clean_up([instance_id(1), instance_id(2)])
    assert mgn.asked_for("TerminateTargetInstances") == [{"sourceServerIDs": [server_id(2)]}]
    mgn.answers["DescribeSourceServers"] = {"items": [in_state("TESTING", 1)]}
    with pytest.raises(RequestRefused, match="no lag"):
        mgn.service().clean_up([instance_id(1)])


def test_a_finalized_cutovers_target_is_never_terminated() -> None:
    mgn = FakeMgn(DescribeSourceServers={"items": [in_state("CUTOVER")]})
    with pytest.raises(RequestRefused, match="finalized"):
        mgn.service().clean_up([instance_id(1)])
    assert set(mgn.operations()) == {"DescribeSourceServers"}


def test_no_more_are_terminated_at_once_than_a_job_takes() -> None:
    many = [in_state("READY_FOR_TEST", number) for number in range(1, 251)]
    mgn = FakeMgn(DescribeSourceServers={"items": many}, TerminateTargetInstances={"job": job(9)})
    mgn.service().clean_up([instance_id(number) for number in range(1, 251)])
    (asked,) = mgn.asked_for("TerminateTargetInstances")
    assert len(asked["sourceServerIDs"]) == 200


# removing


GONE = continuous(dataReplicationState="DISCONNECTED", lagDuration=None)


def test_a_cutover_is_finalized_and_archived_once_it_is_disconnected() -> None:
    mgn = FakeMgn(
        DescribeSourceServers=[
            {"items": [in_state("CUTTING_OVER")]},
            {"items": [in_state("CUTOVER")]},
            {"items": [in_state("CUTOVER", dataReplicationInfo=GONE)]},
            {"items": []},
        ],
        FinalizeCutover=in_state("CUTOVER"),
    )
    service, done = mgn.service(), []
    for _ in range(3):
        service.remove(server_id(1))
        done.append([name for name in mgn.operations() if name != "DescribeSourceServers"])
    assert done == [["FinalizeCutover"], ["FinalizeCutover"], ["FinalizeCutover", "MarkAsArchived"]]
    with pytest.raises(NotFound):
        service.remove(server_id(1))


def test_one_that_is_disconnected_at_once_is_archived_at_once() -> None:
    mgn = FakeMgn(
        DescribeSourceServers={"items": [in_state("CUTTING_OVER")]},
        FinalizeCutover=in_state("CUTOVER", dataReplicationInfo=GONE),
    )
    mgn.service().remove(server_id(1))
    assert mgn.operations() == ["DescribeSourceServers", "FinalizeCutover", "MarkAsArchived"]


@pytest.mark.parametrize("state", ["READY_FOR_TEST", "TESTING", "READY_FOR_CUTOVER", "NOT_READY"])
def test_a_source_that_was_not_cut_over_stays(state: str) -> None:
    mgn = FakeMgn(DescribeSourceServers={"items": [in_state(state)]})
    with pytest.raises(RequestRefused, match=state):
        mgn.service().remove(server_id(1))
    assert mgn.operations() == ["DescribeSourceServers"]
