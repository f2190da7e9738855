"""The night as stories: what the people who own the machines would be told, and what was really launched."""

from __future__ import annotations

from unittest.mock import patch

from cutover.moments import PHASES
from cutover.plan import Mode
from tests.statemachines.night import a_night, a_plan, a_wave, a_world


def test_a_wave_is_launched_once_and_every_target_verified() -> None:
    with a_night(a_world({"db01": {}, "db02": {}})) as night:
        ended = night.run(a_plan(a_wave("db", "db01", "DB02")))

        assert ended["status"] == "SUCCEEDED", ended
        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        assert night.launches() == 1
        assert night.states()[-1] == "Tested"
        assert [news["news"] for news in night.news()] == ["started", "launched", "ended"]


def test_a_cutover_a_week_after_its_verified_test_replaces_the_test_target() -> None:
    plan = a_plan(a_wave("db", "db01"), a_wave("web", "web01"))
    with a_night(a_world({"db01": {}, "web01": {}})) as night:
        night.run(plan)
        tested = {name: night.target_of(name) for name in ("db01", "web01")}
        assert night.outcome() == "Tested"

        night.simulator.advance(7 * 86400)
        ended = night.run(plan, Mode.CUTOVER)

        assert ended["status"] == "SUCCEEDED"
        assert night.states()[-1] == "CutOver"
        assert night.statuses() == {"db01": "verified", "web01": "verified"}
        assert night.launches() == 4
        for name, instance in tested.items():
            target = night.machine(name)["target"]
            assert target["replaced"] == instance != target["instance_id"]
        told = night.news()
        assert [news["subject"] for news in told if news["mode"] == "cutover"] == [
            "[SIMULATED] demo cutover: started",
            "[SIMULATED] demo cutover: wave db launched",
            "[SIMULATED] demo cutover: wave web launched",
            "[SIMULATED] demo cutover: CutOver",
        ]
        assert f"db01: {tested['db01']}" in told[-3]["text"]
        assert all("Production: SOURCE" in news["text"] for news in told)


def test_every_address_is_told() -> None:
    with a_night(a_world({"db01": {}, "db02": {"blueprint": {"publicIPAction": "ALLOCATE"}}})) as night:
        night.run(a_plan(a_wave("db", "db01", "db02")))

        text = night.news()[-1]["text"]
        for machine in night.machines():
            target = machine["target"]
            seen = night.ec2.describe_instances(InstanceIds=[target["instance_id"]])["Reservations"][0]["Instances"][0]
            assert target["private_ips"] == [seen["PrivateIpAddress"]]
            assert target["public_ips"] == [ip for ip in [seen.get("PublicIpAddress")] if ip]
            assert all(ip in text for ip in [*target["private_ips"], *target["public_ips"]])
            assert target["instance_id"] in night.file("summary.md")
            assert target["instance_id"] in night.file("report.html")
            assert ",".join([target["instance_id"], *target["private_ips"]]) in night.file("ips.csv")
            assert [each["phase"] for each in machine["moments"]] == [*PHASES]
            assert all(each["done"] for each in machine["moments"])
        assert night.machine("db02")["target"]["public_ips"]
        looks = night.evidence()["waves"][0]["lag"]
        assert looks
        assert set(looks[-1]["seconds"]) == {"db01", "db02"}


def test_a_report_that_cannot_be_made_keeps_no_run_from_closing() -> None:
    with (
        a_night(a_world({"db01": {}})) as night,
        patch("cutover.report.page", side_effect=ZeroDivisionError("a plot")),
    ):
        night.run(a_plan(a_wave("db", "db01")))

        assert night.evidence()["run"]["outcome"] == "Tested"
        assert night.evidence()["report"] == "ZeroDivisionError; the log has more"
        assert "report.html could not be made" in night.file("summary.md")


def test_targets_their_volumes_and_interfaces_are_tagged_and_nothing_else_is() -> None:
    with a_night(a_world({"db01": {}})) as night:
        night.run(a_plan(a_wave("db", "db01")))

        instance = night.target_of("db01")
        tagged = night.ec2.describe_tags(Filters=[{"Name": "key", "Values": ["cutover:run"]}])["Tags"]
        assert {tag["Value"] for tag in tagged} == {night.run_id}
        assert sorted(tag["ResourceId"].split("-")[0] for tag in tagged) == ["eni", "i", "vol"]
        assert instance in {tag["ResourceId"] for tag in tagged}
        tags = night.ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [instance]}])["Tags"]
        assert {
            "cutover:plan": "demo",
            "cutover:wave": "db",
            "cutover:mode": "test",
            "application": "demo",
        }.items() <= {tag["Key"]: tag["Value"] for tag in tags}.items()


def test_the_token_is_in_nothing_that_a_run_leaves_behind() -> None:
    with a_night(a_world({"db01": {}}, faults=[{"on": "GET *", "every": 5, "status": 503}])) as night:
        night.run(a_plan(a_wave("db", "db01")))

        left = [*night.everything_left(), *map(str, night.news())]
        assert len(left) > 20
        assert not [text for text in left if night.console.token in text]
