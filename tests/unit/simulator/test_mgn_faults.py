"""The same faults, troubles and changes as with CloudEndure, in MGN's words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, HTTPClientError
from botocore.parsers import ResponseParserError
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from stage.simulator import Scenario
from stage.simulator.chaos import draw
from stage.simulator.mgn.model import call_of, service
from stage.simulator.mgn.words import duration, same_as
from tests.unit.simulator.mgn_console import DONE, mgn_console

LOST = (ConnectionClosedError, EndpointConnectionError, HTTPClientError)
MACHINES, LAUNCH, JOB = "GET /projects/*/machines", "POST /projects/*/launchMachines", "GET /projects/*/jobs/*"


def faulty(**fault: Any) -> Any:
    return mgn_console(scenario={"faults": [fault]})


@pytest.mark.parametrize("on", [MACHINES, "GET *", "* *", "POST /DescribeSourceServers"])
@pytest.mark.parametrize(
    ("status", "name"),
    [
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
        (502, "InternalServerException"),
        (403, "AccessDeniedException"),
    ],
)
def test_an_error_has_the_name_that_an_aws_client_knows(on, status, name):
    with faulty(on=on, nth=1, status=status, message="patience") as console:
        refused = console.refused("describe_source_servers")
        assert refused["ResponseMetadata"]["HTTPStatusCode"] == status
        assert refused["Error"] == {"Code": name, "Message": "patience"}
        assert console.mgn.describe_source_servers()["items"]


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("mode", ["test", "cutover"])
def test_a_launch_whose_answer_is_lost_was_accepted_or_not(mode, accepted):
    with faulty(on=LAUNCH, nth=1, drop=True, accepted=accepted) as console:
        with pytest.raises(LOST):
            console.start("db01", mode=mode)
        assert len(console.mgn.describe_jobs()["items"]) == accepted
        assert console.simulator.launches() == ({"db01": 1} if accepted else {})


def test_reads_have_no_effect_on_launches_and_the_reverse():
    with faulty(on=LAUNCH, status=500) as console:
        console.servers()
        console.mgn.describe_jobs()
        assert console.refused("start_test", sourceServerIDs=console.ids("db01"))["Error"]["Code"] == (
            "InternalServerException"
        )


def test_one_job_and_the_list_of_jobs_are_two_things():
    with faulty(on=JOB, status=503) as console:
        console.mgn.describe_jobs()
        (first,) = console.ids("db01")
        job = console.mgn.start_test(sourceServerIDs=[first])["job"]["jobID"]
        assert console.refused("describe_jobs", filters={"jobIDs": [job]})["Error"]["Code"] == (
            "ServiceUnavailableException"
        )
        assert console.refused("describe_job_log_items", jobID=job)["Error"]["Code"] == "ServiceUnavailableException"


def test_an_answer_may_be_torn():
    with faulty(on=MACHINES, nth=1, body="torn") as console:
        with pytest.raises(LOST):
            console.mgn.describe_source_servers()
        assert console.mgn.describe_source_servers()["items"]


@pytest.mark.parametrize("how", ["half", "empty"])
def test_of_half_an_answer_boto3_makes_one_without_anything_in_it(how):
    with faulty(on=MACHINES, nth=1, body=how) as console:
        assert "items" not in console.mgn.describe_source_servers()
        assert console.mgn.describe_source_servers()["items"]


def test_sessions_that_end_are_not_mgns():
    with faulty(on="GET *", expire_sessions=True) as console:
        assert console.mgn.describe_source_servers()["items"]


@pytest.mark.parametrize(
    ("theirs", "there"),
    [
        ("items.*.replicationInfo", lambda one: "dataReplicationInfo" in one),
        ("items.*.replicationInfo.lastConsistencyDateTime", lambda one: "lastSnapshotDateTime" in info(one)),
        (
            "items.*.replicationInfo.backloggedStorageBytes",
            lambda one: "backloggedStorageBytes" in info(one)["replicatedDisks"][0],
        ),
        ("items.*.replicationInfo.lastSeenDateTime", lambda one: "lastSeenByServiceDateTime" in one["lifeCycle"]),
        ("items.*.lifeCycle", lambda one: "lifeCycle" in one),
        ("items.0.replica", lambda one: "launchedInstance" in one),
        ("items.*.sourceProperties.name", lambda one: one["sourceProperties"]["identificationHints"]),
        ("items.*.dataReplicationInfo.lagDuration", lambda one: "lagDuration" in info(one)),
    ],
)
def test_a_field_that_is_missing_there_is_missing_here(theirs, there):
    fault = {"on": MACHINES, "nth": 1, "answer": {"omit": [theirs]}}
    with mgn_console(scenario={"faults": [fault]}, db01={"tested": "9d"}) as console:
        assert not there(console.mgn.describe_source_servers()["items"][0])
        assert there(console.mgn.describe_source_servers()["items"][0])


def info(server: Any) -> Any:
    return server["dataReplicationInfo"]


@pytest.mark.parametrize(
    ("path", "value", "seen"),
    [
        ("items.*.replicationStatus", "QUEUED", lambda one: info(one)["dataReplicationState"]),
        ("items.*.replicationInfo.nothingOfTheKind", 1, lambda one: None),
        ("items.*.isAgentInstalled", "NONE", lambda one: one["replicationType"]),
        ("items.*.unheardOf", 1, lambda one: one.get("unheardOf")),
    ],
)
def test_a_word_that_nobody_knows(path, value, seen):
    with faulty(on=MACHINES, answer={"set": {path: value}}) as console:
        item = console.mgn.describe_source_servers()["items"][0]
        assert seen(item) in (value, None)


def test_changes_of_one_machine_and_of_jobs_are_translated_too():
    changes = {
        "jobs": {"answer": {"omit": ["participatingMachines"]}},
        "machines": {"db01": {"answer": {"set": {"replicationStatus": "SUSPENDED"}}}},
    }
    with mgn_console(project=changes) as console:
        assert info(console.server("db01"))["dataReplicationState"] == "SUSPENDED"
        job = console.start("db01")
        assert "participatingServers" not in console.job(job)


def test_a_launchs_answer_may_lack_the_job():
    with faulty(on=LAUNCH, answer={"omit": ["id"]}) as console:
        assert "jobID" not in console.mgn.start_test(sourceServerIDs=console.ids("db01"))["job"]


def test_the_log_may_be_missing():
    with mgn_console(scenario={"faults": [{"on": JOB, "answer": {"omit": ["log"]}}]}) as console:
        job = console.start("db01")
        assert "items" not in console.mgn.describe_job_log_items(jobID=job)
        assert console.job(job)["status"] == "PENDING"


@pytest.mark.parametrize(("where", "off"), [("header", "date"), ("bodies", "body")])
def test_a_clock_may_be_wrong(where, off):
    with faulty(on="* *", clock={"skew": "1h", "in": where}) as console:
        answer = console.mgn.describe_source_servers()
        assert ("23:00" in answer["ResponseMetadata"]["HTTPHeaders"]["date"]) == (off == "date")
        seen = info(answer["items"][0])["lastSnapshotDateTime"]
        assert datetime.fromisoformat(seen).hour == (23 if off == "body" else 22)
        assert seen.endswith("Z")


def test_requests_are_counted_by_operation():
    with mgn_console() as console:
        console.servers()
        console.start("db01")
        counted = requests.get(f"{console.url}/_simulator/requests", timeout=10).json()
        assert (counted["requests"]["StartTest"], counted["launches"]) == (1, {"db01": 1})


def test_every_operation_that_is_played_is_somebodys_fault():
    """What a scenario says of CloudEndure's requests befalls each of MGN's that does the same."""
    with mgn_console() as console:
        api = console.simulator._mgn._api
        played = [name for name in service().operation_names if hasattr(api, snake(name))]
    assert len(played) == 20
    assert [name for name in played if same_as(name, {})[1] == f"/projects/mgn/{name}"] == []


def snake(name: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name).strip("_")


def test_chaos_is_drawn_for_both_alike():
    """Whatever a seed draws, MGN answers: an error it knows, a cut answer, or one that its own model has."""
    base = Scenario.load("plans/scenarios/demo.yaml")
    for seed in range(40):
        described = draw(seed, base).scenario.data() | {"clock": {"start": "2026-12-05T22:00:00Z", "speed": 0}}
        for project in described["projects"].values():
            assert project["machines"]
        with mgn_console(scenario=described) as console:
            for _ in range(4):
                for ask in ("describe_source_servers", "describe_jobs"):
                    try:
                        getattr(console.mgn, ask)()
                    except (console.mgn.exceptions.ClientError, ResponseParserError, *LOST):
                        continue
                console.advance(DONE)


def test_durations_are_iso_8601():
    spans = {0: "PT0S", 59: "PT59S", 3600: "PT1H", 86400: "P1D", 90061: "P1DT1H1M1S"}
    assert {seconds: duration(timedelta(seconds=seconds)) for seconds in spans} == spans


def test_no_path_of_the_model_is_hidden_by_another():
    for name in service().operation_names:
        http = service().operation_model(name).http
        path = http["requestUri"].replace("{resourceArn}", "arn:aws:mgn:eu-central-1:123456789012:job/mgnjob-1")
        call = call_of(Request(EnvironBuilder(path=path, method=http["method"]).get_environ()))
        assert call is not None
        assert call.name == name
