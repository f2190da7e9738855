"""What the MGN client and MGN owe each other: the seam's promises, kept by the simulator that speaks MGN's API.

The situations are those of CloudEndure's contract; the simulator holds botocore's model against every request and
answer besides. Launch configurations live in EC2 as well, and are not looked at here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config

from cutover import mgn
from cutover.errors import (
    LaunchUnconfirmed,
    NotFound,
    PermissionDenied,
    RequestRefused,
    ServiceError,
    ServiceThrottled,
    ServiceUnavailable,
)
from cutover.machine import JobStatus, LaunchStatus, Machine, ReplicationState
from cutover.mgn import Mgn
from cutover.mgn_client import MgnClient
from cutover.plan import Mode
from cutover.replication import derive
from tests.contract.simulated import Simulated, simulated
from tests.contract.situation import DATABASE, RETIRED, START, WEB, Fault, Situation

JOB_TAKES = 30 * 60
REGION = "eu-central-1"
LAUNCH = "POST */launchMachines"
TAGS = {"cutover:launch": "demo-test-1"}
UNKNOWN = "s-00000000000000000"
Start = Callable[..., tuple[Simulated, Mgn]]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the service, with a fault if one is given, and a client of it."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def begun(fault: Fault | None = None) -> tuple[Simulated, Mgn]:
        served = stack.enter_context(simulated(Situation(fault=fault)))
        client = boto3.client(
            "mgn",
            REGION,
            endpoint_url=served.url,
            aws_access_key_id="stage",
            aws_secret_access_key="stage",
            config=Config(retries={"total_max_attempts": 1}),
        )
        spoken = MgnClient(REGION, lambda: START - timedelta(days=1), looks=client, deeds=client)
        return served, Mgn(REGION, clock=lambda: START, client=spoken)

    with ExitStack() as stack:
        yield begun


def machine(service: Mgn, name: str) -> Machine:
    return next(each for each in service.machines() if each.name == name)


def test_every_machine_comes_with_what_its_readiness_depends_on(start: Start) -> None:
    _, service = start()
    machines = {each.name: each for each in service.machines()}
    assert set(machines) == {WEB, DATABASE, RETIRED}
    derived = {name: derive(each, service.now().at, timedelta(minutes=5)).state for name, each in machines.items()}
    assert derived[WEB] is derived[DATABASE] is ReplicationState.CONTINUOUS_DATA_REPLICATION
    assert derived[RETIRED] is not ReplicationState.CONTINUOUS_DATA_REPLICATION
    assert machines[WEB].disks
    assert all(disk.name and disk.size_bytes for disk in machines[WEB].disks)
    tested = machines[DATABASE].life_cycle.tested_at
    assert tested
    assert timedelta(days=8) < START - tested < timedelta(days=10)
    assert machines[WEB].life_cycle.tested_at is None


def test_lists_longer_than_a_page_are_read_to_their_end(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mgn, "PAGE", 2)
    served, service = start()
    assert len(service.machines()) == 3
    assert served.received("DescribeSourceServers") == 2


def test_the_time_is_the_services(start: Start) -> None:
    served, service = start()
    service.look_at_the_clock()
    assert (service.now().at, service.now().from_service) == (START, True)
    served.pass_time(90)
    service.look_at_the_clock()
    assert service.now().at - START == timedelta(seconds=90)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_launch_becomes_a_tagged_job_with_a_log_and_then_a_new_target(start: Start, mode: Mode) -> None:
    served, service = start()
    before = machine(service, DATABASE)
    assert before.replica
    assert service.replica(before.replica).machine == before.id

    (job,) = service.launch(mode, [before.id], TAGS)
    assert (job.kind, job.machines, job.created_at) == (mode, frozenset({before.id}), START)
    assert TAGS.items() <= (job.tags or {}).items()
    assert service.jobs()[0].id == job.id

    served.pass_time(JOB_TAKES)
    ended = service.job(job.id)
    assert ended.status is JobStatus.COMPLETED
    assert ended.launches[before.id].status is LaunchStatus.LAUNCHED
    assert ended.log
    assert all(line.at and START <= line.at <= service.now().at for line in ended.log)

    after = machine(service, DATABASE)
    assert after.replica
    assert after.replica != before.replica
    target = service.replica(after.replica)
    assert (target.machine, target.job, target.instance_id) == (before.id, job.id, after.replica)
    launched_at = after.life_cycle.tested_at if mode is Mode.TEST else after.life_cycle.cut_over_at
    assert launched_at
    assert launched_at >= START
    with pytest.raises(NotFound):
        service.replica(before.replica)


def test_a_machine_that_a_job_is_about_is_not_launched_by_another(start: Start) -> None:
    served, service = start()
    web, database = machine(service, WEB).id, machine(service, DATABASE).id
    service.launch(Mode.TEST, [web])
    with pytest.raises(RequestRefused, match=web):
        service.launch(Mode.TEST, [web, database])
    assert served.launches() == 1
    service.launch(Mode.TEST, [database])  # a job beside it is no obstacle here
    assert served.launches() == 2


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("how", [{"drop": True}, {"status": 502}])
def test_a_launch_whose_answer_is_lost_is_unconfirmed_sent_once_and_found_by_its_tags(
    start: Start, how: dict[str, Any], accepted: bool
) -> None:
    served, service = start(fault=Fault(LAUNCH, accepted=accepted, **how))
    web = machine(service, WEB).id
    with pytest.raises(LaunchUnconfirmed):
        service.launch(Mode.CUTOVER, [web], TAGS)
    assert served.received("StartCutover") == 1
    assert served.launches() == int(accepted)
    found = [job.machines for job in service.jobs() if TAGS.items() <= (job.tags or {}).items()]
    assert found == [frozenset({web})] * accepted


def test_a_launch_that_is_turned_away_launches_nothing(start: Start) -> None:
    served, service = start(fault=Fault(LAUNCH, status=429))
    with pytest.raises(ServiceThrottled):
        service.launch(Mode.TEST, [machine(service, WEB).id])
    assert (served.received("StartTest"), served.launches()) == (1, 0)


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({"drop": True}, ServiceUnavailable),
        ({"status": 500}, ServiceUnavailable),
        ({"status": 429}, ServiceThrottled),
        ({"status": 403}, PermissionDenied),
    ],
)
def test_a_failed_question_is_an_error_of_ours(start: Start, how: dict[str, Any], kind: type[ServiceError]) -> None:
    served, service = start(fault=Fault("GET */jobs", **how))
    with pytest.raises(kind) as caught:
        service.jobs()
    assert type(caught.value) is kind
    assert served.received("DescribeJobs") == 1
    assert service.jobs() == service.jobs()


def test_an_unknown_target_job_or_source_is_not_found(start: Start) -> None:
    _, service = start()
    with pytest.raises(NotFound):
        service.replica("i-00000000000000000")
    with pytest.raises(NotFound):
        service.job("mgnjob-00000000000000000")
    with pytest.raises(NotFound):
        service.remove(UNKNOWN)


def test_a_target_is_deleted_by_a_job_of_its_own(start: Start) -> None:
    served, service = start()
    before = machine(service, DATABASE)
    job = service.clean_up([str(before.replica)])
    assert job.machines == frozenset({before.id})
    served.pass_time(JOB_TAKES)
    assert service.job(job.id).status is JobStatus.COMPLETED
    assert machine(service, DATABASE).replica is None
    with pytest.raises(NotFound):
        service.clean_up([str(before.replica)])


@pytest.mark.parametrize("mode", list(Mode))
def test_a_target_of_a_launch_is_deleted_once_the_launch_is_taken_back(start: Start, mode: Mode) -> None:
    served, service = start()
    web = machine(service, WEB).id
    service.launch(mode, [web])
    served.pass_time(JOB_TAKES)
    made = machine(service, WEB).replica
    assert made
    service.clean_up([made])
    served.pass_time(JOB_TAKES)
    after = machine(service, WEB)
    assert after.replica is None
    service.launch(mode, [web])  # and it can be launched again
    assert served.launches() == 2


def test_a_source_leaves_step_by_step_and_only_after_its_cutover(start: Start) -> None:
    served, service = start()
    web = machine(service, WEB).id
    with pytest.raises(RequestRefused, match="cutover was launched"):
        service.remove(web)
    service.launch(Mode.CUTOVER, [web])
    served.pass_time(JOB_TAKES)
    service.remove(web)
    for _ in range(5):
        served.pass_time(JOB_TAKES)
        if web not in {each.id for each in service.machines()}:
            break
        service.remove(web)
    with pytest.raises(NotFound):
        service.remove(web)
    assert served.received("FinalizeCutover") == served.received("MarkAsArchived") == 1
