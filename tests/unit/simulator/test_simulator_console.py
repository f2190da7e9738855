"""What other people do in the console, and what a preflight may see there: jobs, blueprints, licences, replication."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from stage.simulator import Clock, Scenario, ScenarioError, Simulator
from stage.simulator.blueprints import InvalidBlueprint
from tests.unit.simulator.conftest import PROJECT, START, Console

CHANGED = {"at": "2d", "set": {"iamRole": "app", "subnetIDs": ["web"]}}


def blueprint(one: Any) -> Any:
    return one.get(f"{one.project}/blueprints")["items"][0]


def patch(one: Any, **change: Any) -> Any:
    return one.ask("PATCH", f"{one.project}/blueprints/{blueprint(one)['id']}", json=change)


def test_somebody_else_launches_and_the_project_is_busy_with_their_job(console):
    one = console(project={"console": {"at": "5m", "launch": "db01"}})
    one.advance(299)
    assert one.get(f"{one.project}/jobs")["items"] == []
    one.advance(2)
    job = one.get(f"{one.project}/jobs")["items"][0]
    assert (job["initiatedBy"], job["type"]) == ("engineer@example.com", "TEST_LAUNCH")
    assert job["participatingMachines"] == [one.machines()["db01"]["id"]]
    assert one.post_launch("web01").status_code == 400
    one.advance(600)
    one.launch("web01")
    assert one.simulator.launches() == {"web01": 1}


def test_what_happens_later_counts_from_the_first_login():
    """A stage may take its time to come up: nothing of the scenario is over before its client comes."""
    described = Scenario.parse(
        {
            "projects": {
                "Demo": PROJECT
                | {
                    "console": {"at": "5m", "launch": "web01"},
                    "machines": {
                        "db01": {"replication": {"state": "lagging", "behind": "20m", "for": "10m"}},
                        "web01": {"blueprint_changes": {"at": "5m", "set": {"iamRole": "app"}}},
                    },
                }
            },
            "faults": [{"on": "GET /me", "after": "5m", "status": 503}],
        }
    )
    simulator = Simulator(described, None, Clock(START, 0))
    simulator.advance(3600)
    one = Console(simulator, [])
    consistent = datetime.fromisoformat(one.machines()["db01"]["replicationInfo"]["lastConsistencyDateTime"])
    assert START + timedelta(hours=1) - consistent == timedelta(minutes=20)
    assert one.get(f"{one.project}/jobs")["items"] == []
    assert one.ask("GET", "/me").status_code == 200
    assert [each["iamRole"] for each in one.get(f"{one.project}/blueprints")["items"]] == ["", ""]
    one.advance(301)
    assert len(one.get(f"{one.project}/jobs")["items"]) == 1
    assert one.ask("GET", "/me").status_code == 503
    assert [each["iamRole"] for each in one.get(f"{one.project}/blueprints")["items"]] == ["", "app"]


def test_somebody_elses_launch_is_refused_while_ours_is_running(console):
    one = console(project={"console": [{"at": "5m", "launch": ["db01"], "mode": "cutover", "by": "lead@example.com"}]})
    one.advance(290)
    one.launch("web01")
    one.advance(1200)
    assert [job["initiatedBy"] for job in one.get(f"{one.project}/jobs")["items"]] == ["operator@example.com"]


def test_only_machines_of_the_project_can_be_launched_in_the_console(console):
    with pytest.raises(ScenarioError, match="console: machine 'db09' is unknown; there are: db01, web01"):
        console(project={"console": {"at": "5m", "launch": "db09"}})


@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_busy_project_refuses_with_the_status_of_the_scenario(console, status):
    one = console(project={"busy_status": status})
    one.launch("db01")
    refused = one.post_launch("web01")
    assert (refused.status_code, refused.json["message"]) == (
        status,
        "Another job is already running in this project",
    )


def test_a_blueprint_may_silently_keep_a_field_that_was_patched(console):
    one = console(db01={"blueprint_ignores": ["privateIPAction"]})
    answer = patch(one, privateIPAction="CUSTOM_IP", privateIPs=["10.20.1.9"], iamRole="app")
    assert answer.status_code == 200
    assert answer.json == blueprint(one)
    assert (answer.json["privateIPAction"], answer.json["privateIPs"]) == ("CREATE_NEW", ["10.20.1.9"])
    assert answer.json["iamRole"] == "app"


def test_somebody_changes_a_blueprint_later_and_the_audit_log_knows_who(console):
    one = console(db01={"blueprint_changes": CHANGED})
    before = blueprint(one)
    one.advance(2 * 86400 - 1)
    one.login()
    assert blueprint(one) == before
    one.advance(1)
    one.login()
    after = blueprint(one)
    assert (after["iamRole"], after["subnetIDs"] == before["subnetIDs"]) == ("app", False)
    entry = one.get(f"{one.project}/auditLog")["items"][0]
    assert (entry["eventName"], entry["username"]) == ("blueprintChanged", "engineer@example.com")
    assert [field["fieldName"] for field in entry["changedFields"]] == ["subnetIDs", "iamRole"]


def test_a_change_that_can_never_be_made_is_refused_at_once(console):
    with pytest.raises(InvalidBlueprint, match="tenancy"):
        console(db01={"blueprint_changes": {"at": "2d", "set": {"tenancy": "shared"}}})


def test_a_whole_blueprint_can_be_sent_back_with_one_change(console):
    one = console()
    whole = blueprint(one) | {"instanceType": "m5.xlarge"}
    assert patch(one, **whole).json == whole
    assert blueprint(one) == whole


def test_a_licence_ends_on_its_day_and_nothing_is_launched_after_it(console):
    one = console(scenario={"account": {"license": {"expires": "10d"}}})
    license = one.get("/licenses")["items"][0]
    assert license["expirationDateTime"] == "2026-12-15T22:00:00.000000+00:00"
    assert license["durationFromStartOfUse"] == "P90D"
    one.launch("db01")
    one.advance(10 * 86400)
    one.login()
    assert one.post_launch("db01").status_code == 402


def test_a_machines_licence_runs_from_the_day_its_agent_was_installed(console):
    one = console(db01={"tested": "9d", "licensed_since": "80d"})
    machine = one.machines()["db01"]
    began = datetime.fromisoformat("2026-12-05T22:00:00+00:00") - timedelta(days=80)
    assert datetime.fromisoformat(machine["license"]["startOfUseDateTime"]) == began
    assert machine["lifeCycle"]["agentInstallationDateTime"] == machine["license"]["startOfUseDateTime"]


def test_the_replication_configuration_is_the_scenarios(console):
    key = "arn:aws:kms:eu-central-1:123456789012:key/staging"
    chosen = {"volume_encryption_key": key, "use_private_ip": True, "replicator_security_groups": ["db"]}
    one = console(project={"replication": chosen})
    seen = one.get(f"{one.project}/replicationConfigurations")["items"][0]
    assert (seen["volumeEncryptionKey"], seen["usePrivateIp"]) == (key, True)
    assert seen["replicatorSecurityGroupIDs"] == blueprint(one)["securityGroupIDs"]
    plain = console()
    assert "volumeEncryptionKey" not in plain.get(f"{plain.project}/replicationConfigurations")["items"][0]


def test_replication_servers_use_groups_of_the_project(console):
    with pytest.raises(ScenarioError, match="replication: security group 'app' is unknown"):
        console(project={"replication": {"replicator_security_groups": ["app"]}})
