"""Preflight at the start of a whole night: all findings at once, and nothing touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from cutover.plan import Expectation
from tests.statemachines.night import a_night, a_plan, a_wave, a_world

LONG_AGO = {"answer": {"set": {"license": {"licenseId": "l", "startOfUseDateTime": "2026-01-01T00:00:00Z"}}}}
UNPROTECTED = {"answer": {"set": {"sourceProperties.disks": [{"name": "d:1", "isProtected": False, "size": 1}]}}}


def there(**more: Any) -> Expectation:
    return Expectation(**{"subnet": "demo", "instance_type": "t3.medium", **more})


def test_a_night_that_cannot_go_well_is_refused_with_everything_that_is_wrong() -> None:
    with a_night(a_world({"db01": LONG_AGO, "db02": UNPROTECTED, "db03": {}})) as night:
        night.quotas["L-1216C47A"] = 4
        wave = a_wave("db", "db01", "db02", "db03", "lost", expect=there(security_groups=("nowhere",)))
        on_reserved = replace(
            wave.machines[2], expect=dict.fromkeys(wave.machines[2].expect, there(private_ip="10.20.1.1"))
        )
        night.run(a_plan(replace(wave, machines=(*wave.machines[:2], on_reserved, wave.machines[3]))))

        assert night.outcome() == "Refused"
        assert night.launches() == 0
        assert set(night.statuses().values()) == {"refused"}
        of_the_run = {each["field"]: each["severity"] for each in night.evidence()["run"]["findings"]}
        assert of_the_run == {"subnet": "error", "vcpu_quota": "error"}
        own = {each["name"]: {one["field"] for one in each["findings"]} for each in night.machines()}
        assert own == {
            "db01": {"licence", "launch_configuration"},
            "db02": {"disks", "launch_configuration"},
            "db03": {"private_ip", "launch_configuration"},
            "lost": {"machine"},
        }
        assert "nowhere" in night.findings("db02")
        text = night.news()[-1]["text"]
        assert all(word in text for word in ("vcpu_quota", "private_ip", "licence", "machine: seen no machine"))


def test_what_may_not_be_looked_at_is_told_in_a_line_and_refuses_nothing() -> None:
    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}, "DescribeInstanceTypes")

    with a_night(a_world({"db01": {}})) as night, night.before_ec2("DescribeInstanceTypes", denied):
        night.run(a_plan(a_wave(expect=there())))

        assert night.outcome() == "Tested"
        told = [each["seen"] for each in night.evidence()["run"]["findings"]]
        assert len([each for each in told if "ec2:DescribeInstanceTypes: not allowed" in each]) == 1
        assert "ec2:DescribeInstanceTypes" in night.news()[-1]["text"]


def test_an_account_that_asks_for_patience_is_asked_again() -> None:
    failures = [503, 503]

    def busy(**_: Any) -> None:
        if failures:
            said = {"Error": {"Code": "x", "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": failures.pop()}}
            raise ClientError(said, "DescribeSubnets")  # type: ignore[arg-type]  # as much of an answer as is read

    with a_night(a_world({"db01": {}})) as night, night.before_ec2("DescribeSubnets", busy):
        night.run(a_plan(a_wave(expect=there())))

        assert night.outcome() == "Tested"
        assert failures == []


def test_a_machine_that_another_run_holds_is_refused_and_named() -> None:
    with a_night(a_world({"db01": {}})) as night:
        item = {"pk": f"LOCK#cloudendure#{night.machine_id('db01')}", "sk": "LEASE", "owner": "another", "fence": 1}
        run = {"pk": "RUN#another", "sk": "META", "id": "another", "lease": "2026-11-28T09:30:00Z"}
        for each in (item, run):
            boto3.resource("dynamodb").Table("cutover").put_item(Item=each)
        night.run(a_plan(a_wave(expect=there())))

        assert night.outcome() == "Refused"
        assert "is in run another, which holds it until 2026-11-28T09:30:00Z" in night.findings("db01")
