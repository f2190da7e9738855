"""Lists, machines, blueprints and the rest of the console's API."""

from __future__ import annotations

from typing import Any

import pytest

FLEET = {"fleet": {"count": 1600, "name": "srv{n:04}"}, "machines": {}}


def test_1600_machines_are_two_pages(console):
    one = console(project=FLEET)
    first = one.get(f"{one.project}/machines")["items"]
    second = one.get(f"{one.project}/machines?offset=1500")["items"]
    assert (len(first), len(second)) == (1500, 100)
    assert len({machine["id"] for machine in first + second}) == 1600
    assert len(one.get(f"{one.project}/machines?offset=10&limit=5")["items"]) == 5
    assert one.ask("GET", f"{one.project}/machines?limit=1501").status_code == 422


def test_stopped_machines_are_listed_only_when_asked_for(console):
    one = console(db01={"replication": {"state": "stopped"}}, web01={})
    assert set(one.machines("")) == {"web01"}
    assert set(one.machines("?all=true")) == {"db01", "web01"}


def test_what_is_not_known_is_left_out(console):
    one = console(db01={"replication": {"state": "initial_sync", "progress": 30}})
    machine = one.machines()["db01"]
    assert "replica" not in machine
    assert "lastConsistencyDateTime" not in machine["replicationInfo"]
    assert machine["replicationInfo"]["replicatedStorageBytes"] > 0


def test_a_blueprint_takes_a_partial_or_a_whole_object_and_replaces_tags(console):
    one = console()
    blueprint = one.get(f"{one.project}/blueprints")["items"][0]
    path = f"{one.project}/blueprints/{blueprint['id']}"
    tags = [{"key": "wave", "value": "db"}]
    assert one.ask("PATCH", path, json={"tags": tags}).json == blueprint | {"tags": tags}
    whole = one.get(path) | {"instanceType": "m5.large", "tags": [], "machineId": "ignored"}
    assert one.ask("PATCH", path, json=whole).json == blueprint | {"instanceType": "m5.large"}
    assert one.get(f"{one.project}/auditLog")["items"][0]["eventName"] == "blueprintChanged"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subnetIDs": ["subnet-nowhere"]}, "Unknown subnet"),
        ({"securityGroupIDs": ["sg-nowhere"]}, "Unknown security group"),
        ({"privateIPAction": "KEEP"}, "must be one of CREATE_NEW"),
        ({"privateIPAction": "CUSTOM_IP"}, "CUSTOM_IP needs an address"),
        ({"tags": {"wave": "db"}}, "must be a list"),
        ({"runAfterLaunch": "yes"}, "must be true or false"),
    ],
)
def test_an_invalid_blueprint_is_refused_with_a_reason_and_changes_nothing(console, change, words):
    one = console()
    blueprint = one.get(f"{one.project}/blueprints")["items"][0]
    path = f"{one.project}/blueprints/{blueprint['id']}"
    answer = one.ask("PATCH", path, json=change)
    assert answer.status_code == 422
    assert words in answer.json["message"]
    assert one.get(path) == blueprint


def test_replication_can_be_paused_started_and_stopped(console):
    one = console()
    ids = [one.machines()["db01"]["id"], "unknown"]

    def switch(how: str) -> Any:
        return one.ask("POST", f"{one.project}/{how}Replication", json={"machineIDs": ids})

    assert switch("pause").json["invalidMachineIDs"] == ["unknown"]
    one.advance(1200)
    paused = one.machines()["db01"]
    assert paused["replicationStatus"] == "PAUSED"
    assert paused["replicationInfo"]["lastConsistencyDateTime"] < "2026-12-05T22:01"
    switch("start")
    assert one.machines()["db01"]["replicationInfo"]["backloggedStorageBytes"] > 0
    one.advance(180)
    assert one.machines()["db01"]["replicationInfo"]["backloggedStorageBytes"] == 0
    switch("stop")
    assert "db01" not in one.machines("")
    switch("start")
    assert "initiationStates" in one.machines()["db01"]["replicationInfo"]


def test_a_removed_machine_is_gone_and_its_tags_have_limits(console):
    one = console()
    path = f"{one.project}/machines/{one.machines()['db01']['id']}"
    assert one.ask("PATCH", path, json={"tags": ["erp"]}).json["tags"] == ["erp"]
    assert one.ask("PATCH", path, json={"tags": ["x" * 128]}).json["code"] == "tagLengthError"
    assert one.ask("PATCH", path, json={"tags": ["x"] * 51}).json["code"] == "tagLimitReached"
    body = {"machineIDs": [one.machines()["db01"]["id"]]}
    assert one.ask("DELETE", f"{one.project}/machines", json=body).status_code == 204
    assert one.ask("GET", path).status_code == 404


def test_the_target_region_is_found_the_way_scripts_find_it(console):
    one = console()
    configuration = one.get(f"{one.project}/replicationConfigurations")["items"][0]
    path = f"/cloudCredentials/{configuration['cloudCredentials']}/regions/{configuration['region']}"
    region = one.get(path)
    assert region["name"] == "AWS EU (Frankfurt)"
    assert {subnet["name"] for subnet in region["subnets"]} >= {"db", "web"}
    nobody = "00000000-0000-0000-0000-000000000000"
    assert one.get(f"/cloudCredentials/{nobody}/regions")["items"][0]["name"] == "Generic"


def test_the_rest_of_the_console_answers(console):
    one = console()
    machine = one.machines()["db01"]["id"]
    for path in ("/me", "/clouds", "/licenses", "/cloudCredentials", one.project, f"{one.project}/tags"):
        assert one.get(path)
    assert one.get(f"{one.project}/machines/{machine}/pointsintime")["items"][0]["dateTime"]
    assert one.ask("POST", f"{one.project}/machines/{machine}/forceRescan").status_code == 204
    one.advance(60)
    assert one.machines()["db01"]["replicationInfo"]["rescannedStorageBytes"] > 0
