"""What the CloudEndure client and a CloudEndure owe each other, whoever plays the service."""

import json
import logging
import traceback
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from cutover import cloudendure
from cutover.cloudendure import CloudEndure
from cutover.errors import (
    AuthenticationFailed,
    CutoverError,
    LaunchUnconfirmed,
    LicenceExpired,
    NotFound,
    PermissionDenied,
    RequestRefused,
    ServiceThrottled,
    ServiceUnavailable,
)
from cutover.launch_configuration import NEW
from cutover.machine import JobStatus, Machine, ReplicationState
from cutover.plan import Mode
from cutover.replication import derive
from cutover.terms import span
from tests.contract.situation import DATABASE, PROJECT, RETIRED, START, WEB, Fault, Service

JOB_TAKES = 30 * 60
"""Seconds after which any launch of these services has long ended."""


def client_of(service: Service, project: str = PROJECT) -> CloudEndure:
    return CloudEndure(service.url, service.token, project)


def machine(client: CloudEndure, name: str) -> Machine:
    return next(one for one in client.machines(all_machines=True) if one.name == name)


def test_a_login_opens_a_session_that_lasts(start):
    service = start()
    client = client_of(service)
    client.machines()
    client.jobs()
    assert service.received("POST login") == 1


def test_the_session_cookie_alone_is_not_enough(start):
    service = start()
    with requests.Session() as session:
        session.post(f"{service.url}/api/latest/login", json={"userApiToken": service.token}, timeout=5)
        assert '"' in str(dict(session.cookies)["XSRF-TOKEN"])
        assert session.get(f"{service.url}/api/latest/projects", timeout=5).status_code == 403
        quoteless = {"X-XSRF-TOKEN": dict(session.cookies)["XSRF-TOKEN"].strip('"')}
        assert session.get(f"{service.url}/api/latest/projects", headers=quoteless, timeout=5).status_code == 200


def test_a_login_sent_elsewhere_is_followed(start):
    service = start(moved=True)
    client = client_of(service)
    assert {one.name for one in client.machines()} == {WEB, DATABASE}
    assert service.received("POST login") == 2


def test_a_wrong_token_is_refused_after_one_attempt(start):
    service = start()
    client = CloudEndure(service.url, "-".join(["FA1S"] * 16), PROJECT)
    with pytest.raises(AuthenticationFailed):
        client.machines()
    assert service.received("POST login") == 1


def test_an_expired_session_is_renewed_once_and_the_request_succeeds(start):
    service = start(fault=Fault("GET */machines", expire_sessions=True))
    client = client_of(service)
    assert client.machines()
    assert (service.received("POST login"), service.received("GET machines")) == (2, 2)


def test_a_project_is_found_whatever_the_case_and_missed_with_the_names_there_are(start):
    service = start()
    assert client_of(service, PROJECT.upper()).machines()
    with pytest.raises(NotFound, match=PROJECT):
        client_of(service, "Wave 13").machines()


def test_stopped_machines_are_listed_only_when_asked_for(start):
    client = client_of(start())
    assert {one.name for one in client.machines()} == {WEB, DATABASE}
    everyone = {one.name: one.listed_as_replicating for one in client.machines(all_machines=True)}
    assert everyone == {WEB: True, DATABASE: True, RETIRED: False}


def test_a_list_longer_than_a_page_is_read_to_its_end(start, monkeypatch):
    monkeypatch.setattr(cloudendure, "PAGE", 2)
    service = start()
    client = client_of(service)
    assert len(client.machines(all_machines=True)) == 3
    assert service.received("GET machines") == 2 + 2


def test_machines_come_with_what_their_readiness_depends_on(start):
    client = client_of(start())
    machines = client.machines(all_machines=True)
    labels = {one.name: derive(one, client.now().at, timedelta(minutes=5)).state for one in machines}
    assert labels[WEB] is ReplicationState.CONTINUOUS_DATA_REPLICATION
    assert labels[RETIRED] is ReplicationState.STOPPED


def test_the_projects_terms_are_told(start):
    service = start()
    client = client_of(service)
    (licence,) = client.licences()
    assert span(licence.lasts or "") == timedelta(days=90)
    assert licence.unreadable is None
    settings = client.replication_settings()
    assert settings
    assert (settings.subnet or "").startswith("subnet-")
    assert settings.converter_type is None
    for machine in client.machines():
        assert machine.licence
        assert machine.licence.since
        assert machine.licence.id == licence.id
        assert START - timedelta(days=90) < machine.licence.since < START
        assert machine.disks
        assert all(disk.name and disk.size_bytes and disk.replicated for disk in machine.disks)


def test_the_time_is_the_services(start):
    service = start()
    client = client_of(service)
    client.machines()
    assert (client.now().at, client.now().from_service) == (START, True)
    service.pass_time(90)
    client.machines()
    assert (client.now().at - START).total_seconds() == 90


@pytest.mark.parametrize("mode", list(Mode))
def test_a_launch_becomes_a_job_with_a_log_and_then_new_targets(start, mode):
    service = start()
    client = client_of(service)
    before = machine(client, DATABASE)
    assert before.replica
    assert client.replica(before.replica).machine == before.id

    (job,) = client.launch(mode, [before.id])
    assert (job.kind, job.machines) == (mode, frozenset({before.id}))
    assert job.status in (JobStatus.PENDING, JobStatus.STARTED)
    assert job.created_at == START
    assert [listed.id for listed in client.jobs()][:1] == [job.id]

    service.pass_time(JOB_TAKES)
    ended = client.job(job.id)
    assert ended.status is JobStatus.COMPLETED
    assert (ended.log[0].message, ended.log[-1].message) == ("Job started", "Job finished")
    assert all(line.at and line.at >= START for line in ended.log)

    after = machine(client, DATABASE)
    assert after.replica
    assert after.replica != before.replica
    target = client.replica(after.replica)
    assert (target.machine, target.job) == (before.id, job.id)
    assert target.instance_id
    assert target.instance_id.startswith("i-")
    launched_at = after.life_cycle.tested_at if mode is Mode.TEST else after.life_cycle.cut_over_at
    assert launched_at
    assert launched_at >= START
    with pytest.raises(NotFound):
        client.replica(before.replica)


def test_a_project_with_a_running_job_refuses_the_next_launch(start):
    service = start()
    client = client_of(service)
    client.launch(Mode.TEST, [machine(client, WEB).id])
    with pytest.raises(RequestRefused, match="already running"):
        client.launch(Mode.TEST, [machine(client, DATABASE).id])
    assert service.launches() == 1


def test_a_project_without_a_licence_refuses_a_launch(start):
    service = start(licence_expired=True)
    client = client_of(service)
    with pytest.raises(LicenceExpired, match="license has expired"):
        client.launch(Mode.TEST, [machine(client, WEB).id])
    assert service.launches() == 0


def test_an_unknown_target_or_job_is_not_found(start):
    client = client_of(start())
    with pytest.raises(NotFound):
        client.replica("5e9a0b6e-0000-4000-8000-000000000000")
    with pytest.raises(NotFound):
        client.job("5e9a0b6e-0000-4000-8000-000000000000")


def test_every_machine_has_its_launch_configuration(start):
    service = start()
    client = client_of(service)
    everyone = {one.id: one.name for one in client.machines(all_machines=True)}
    configurations = client.launch_configurations()
    assert set(configurations) == set(everyone)
    assert all(one.machine == machine_id for machine_id, one in configurations.items())
    web = configurations[machine(client, WEB).id]
    assert (web.private_ip, web.public_ip, web.runs_after_launch) == (NEW, False, True)
    assert web.instance_type
    assert len(web.subnet) == len(web.security_groups) == 1
    assert web.others["tenancy"] == "SHARED"
    assert service.received("GET blueprints") == 1


def test_a_launch_configuration_is_changed_where_asked_and_nowhere_else(start):
    service = start()
    client = client_of(service)
    web = machine(client, WEB).id
    before = client.launch_configurations()
    seen = client.configure(web, {"instance_type": "m5.2xlarge", "public_ip": True})

    assert seen == replace(before[web], instance_type="m5.2xlarge", public_ip=True)
    assert len(json.loads(seen.others["tags"])) == len(json.loads(seen.others["disks"])) == 2
    assert client.launch_configurations() == before | {web: seen}
    assert service.received("PATCH blueprints/{id}") == 1


def test_a_launch_configuration_is_put_back_by_the_values_it_had(start):
    client = client_of(start())
    web = machine(client, WEB).id
    before = client.launch_configurations()[web]
    client.configure(web, {"private_ip": "10.20.1.50", "public_ip": None})
    assert client.launch_configurations()[web].private_ip == "10.20.1.50"
    assert client.configure(web, {"private_ip": before.private_ip, "public_ip": before.public_ip}) == before


def test_a_client_that_has_listed_nothing_finds_the_configuration_to_change(start):
    service = start()
    web = machine(client_of(service), WEB).id
    client_of(service).configure(web, {"instance_type": "m5.2xlarge"})
    with pytest.raises(NotFound):
        client_of(service).configure("5e9a0b6e-0000-4000-8000-000000000000", {"instance_type": "m5.2xlarge"})


CHANGE = "PATCH */blueprints/*"


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize(
    ("how", "kind"),
    [({"drop": True}, ServiceUnavailable), ({"status": 503}, ServiceUnavailable), ({"status": 429}, ServiceThrottled)],
)
def test_a_change_whose_answer_is_lost_is_sent_once_and_may_be_repeated(start, how, kind, accepted):
    service = start(fault=Fault(CHANGE, accepted=accepted, **how))
    client = client_of(service)
    web = machine(client, WEB).id
    with pytest.raises(kind):
        client.configure(web, {"instance_type": "m5.2xlarge"})
    assert service.received("PATCH blueprints/{id}") == 1
    assert (client.launch_configurations()[web].instance_type == "m5.2xlarge") == accepted
    assert client.configure(web, {"instance_type": "m5.2xlarge"}).instance_type == "m5.2xlarge"


LAUNCH = "POST */launchMachines"


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("how", [{"drop": True}, {"status": 502}, {"status": 429}])
def test_a_launch_whose_answer_is_lost_is_unconfirmed_and_sent_once(start, how, accepted):
    service = start(fault=Fault(LAUNCH, accepted=accepted, **how))
    client = client_of(service)
    web = machine(client, WEB).id
    with pytest.raises(LaunchUnconfirmed):
        client.launch(Mode.CUTOVER, [web])
    assert service.received("POST launchMachines") == 1
    assert service.launches() == int(accepted)
    assert [job.machines for job in client.jobs() if job.kind == Mode.CUTOVER] == [frozenset({web})] * accepted


def test_a_launch_met_by_an_expired_session_is_sent_again_and_done_once(start):
    service = start(fault=Fault(LAUNCH, expire_sessions=True))
    client = client_of(service)
    client.launch(Mode.CUTOVER, [machine(client, WEB).id])
    assert (service.received("POST launchMachines"), service.launches()) == (2, 1)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"drop": True}, ServiceUnavailable),
        ({"status": 500}, ServiceUnavailable),
        ({"status": 429}, ServiceThrottled),
        ({"status": 403}, PermissionDenied),
        ({"status": 402}, LicenceExpired),
        ({"status": 422}, RequestRefused),
    ],
)
def test_a_failed_question_is_an_error_of_ours_and_asked_once(start, fault, kind, caplog):
    caplog.set_level(logging.DEBUG)
    service = start(fault=Fault("GET */jobs", **fault))
    client = client_of(service)
    with pytest.raises(kind) as caught:
        client.jobs()
    assert type(caught.value) is kind
    assert service.received("GET jobs") == 1
    assert service.token not in "".join(traceback.format_exception(caught.value)) + caplog.text + repr(client)
    assert client.jobs() == client.jobs()


def test_a_target_is_deleted_by_a_job_of_its_own_and_its_id_is_gone_then(start):
    service = start()
    client = client_of(service)
    before = machine(client, DATABASE)
    job = client.clean_up([str(before.replica)])
    assert (job.kind, job.machines) == ("CLEANUP", frozenset({before.id}))
    with pytest.raises((RequestRefused, NotFound)):  # while it is at work, and without a second one beside it
        client.clean_up([str(before.replica)])
    service.pass_time(JOB_TAKES)
    assert client.job(job.id).status is JobStatus.COMPLETED
    assert machine(client, DATABASE).replica is None
    with pytest.raises(NotFound):
        client.replica(str(before.replica))
    with pytest.raises(NotFound):
        client.clean_up([str(before.replica)])


def test_a_clean_up_of_nothing_is_never_sent(start):
    service = start()
    with pytest.raises(ValueError, match="needs targets"):
        client_of(service).clean_up([])
    assert service.received("DELETE replicas") == 0


def test_a_source_that_is_removed_is_listed_no_more(start):
    service = start()
    client = client_of(service)
    there = machine(client, WEB)
    client.remove(there.id)
    assert there.id not in {each.id for each in client.machines(all_machines=True)}
    with pytest.raises(NotFound):
        client.remove(there.id)
    assert service.received("DELETE machines") == 2


def test_no_conversation_tells_the_token(start, caplog):
    caplog.set_level(logging.DEBUG)
    service = start(moved=True, fault=Fault(LAUNCH, drop=True))
    client = client_of(service)
    with pytest.raises(CutoverError) as caught:
        client.launch(Mode.TEST, [machine(client, WEB).id])
    assert service.token not in "".join(traceback.format_exception(caught.value)) + caplog.text
