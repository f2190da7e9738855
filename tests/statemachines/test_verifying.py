"""What counts as verified: what is seen of each target, whatever the job says; and one machine never hides another."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cutover.instants import instant
from cutover.plan import Expectation, Mode, PollBounds
from tests.statemachines.night import BEGIN, WAIVED, Night, a_night, a_plan, a_wave, a_world


def one_of_two(launch: dict[str, Any], **project: Any) -> dict[str, Any]:
    """db01 fares as given, db02 well."""
    return a_world({"db01": {"launch": launch}, "db02": {}}, project=project)


BOTH = ("db", "db01", "db02")


def checks(night: Night, name: str) -> dict[str, bool | None]:
    return {check["name"]: check["passed"] for check in night.machine(name)["checks"]}


def test_stale_data_fails_that_machine_in_a_cutover() -> None:
    with a_night(one_of_two({"stale": "2h"})) as night:
        night.run(a_plan(a_wave(*BOTH, test_waiver=WAIVED)), Mode.CUTOVER)

        assert night.outcome() == "Failed"
        assert night.statuses() == {"db01": "failed", "db02": "verified"}
        assert "2:00:00 before the launch" in night.findings("db01")
        assert "2:00:00 before the launch" in night.told()["text"]
        assert night.machine("db01")["target"]["instance_id"], "it is there all the same, and named"


def test_stale_data_only_warns_in_a_test() -> None:
    with a_night(one_of_two({"stale": "2h"})) as night:
        night.run(a_plan(a_wave(*BOTH)))

        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        assert [finding["severity"] for finding in night.machine("db01")["findings"]] == ["warning"]
        assert "warning: stale_data" in night.told()["text"]


def test_a_job_that_completed_without_a_target_proves_nothing() -> None:
    with a_night(one_of_two({"target": "missing"})) as night:
        ended = night.run(a_plan(a_wave(*BOTH, verify_deadline=300)))

        assert ended["status"] == "FAILED"
        assert night.states()[-1] == "Failed"
        assert night.evidence()["waves"][0]["jobs"][0]["status"] == "COMPLETED"
        assert night.statuses() == {"db01": "failed", "db02": "verified"}
        assert "no new target" in night.findings("db01")
        assert night.told()["outcome"] == "Failed"


def test_a_target_missing_after_a_test_is_not_the_old_one() -> None:
    """The old target was deleted by the launch; were it still listed, it would not count."""
    launch = [{"number": 2, "target": "missing", "keeps_previous": True}]
    with a_night(a_world({"db01": {"tested": "9d", "launch": [{**launch[0], "number": 1}]}})) as night:
        old = night.target_of("db01")
        night.run(a_plan(a_wave("db", "db01", verify_deadline=300)))

        assert night.statuses() == {"db01": "failed"}
        assert "no new target" in night.findings("db01")
        assert night.machine("db01")["target"]["instance_id"] is None
        assert night.machine("db01")["target"]["replaced"] == old


@pytest.mark.parametrize("state", ["stopped", "terminated"])
def test_a_target_that_goes_before_it_is_verified_is_failed_with_what_was_seen(state: str) -> None:
    with a_night(one_of_two({"then": {"state": state, "after": "10s"}, "boot": "5m"})) as night:
        night.run(a_plan(a_wave(*BOTH, verify_deadline=600)))

        assert night.statuses() == {"db01": "failed", "db02": "verified"}
        finding = next(each for each in night.machine("db01")["findings"] if each["field"] == "running")
        assert (finding["seen"], finding["rule"]) == (state, "running")


def test_a_conversion_that_failed_names_its_machine() -> None:
    with a_night(one_of_two({"target": "conversion_failed"})) as night:
        night.run(a_plan(a_wave(*BOTH, verify_deadline=300)))

        assert night.outcome() == "Failed"
        assert night.statuses()["db01"] == "failed"
        assert "No snapshot for volume cloning" in night.findings("db01")
        assert "No snapshot for volume cloning" not in night.findings("db02")
        assert night.evidence()["waves"][0]["jobs"][0]["status"] == "FAILED"
        assert night.statuses()["db02"] == "failed", "the contract: a machine's success needs a COMPLETED job"


def test_a_machine_whose_status_checks_never_pass_is_failed_at_its_deadline() -> None:
    with a_night(one_of_two({"checks": "impaired"})) as night:
        night.run(a_plan(a_wave(*BOTH)))

        assert night.statuses() == {"db01": "failed", "db02": "verified"}
        assert "instance impaired, system ok" in night.findings("db01")
        assert night.hours() == pytest.approx(20 / 60 + 0.07, abs=0.05)


def test_a_slow_boot_is_waited_for() -> None:
    with a_night(one_of_two({"boot": "10m"})) as night:
        night.run(a_plan(a_wave(*BOTH)))

        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        assert night.hours() > 10 / 60


def test_several_oks_in_a_row_are_counted_by_looks() -> None:
    with a_night(a_world({"db01": {}})) as night:
        night.run(a_plan(a_wave("db", "db01", ok_in_a_row=4)))

        assert night.statuses() == {"db01": "verified"}
        assert night.wave_states().count("VerifyTargets") >= 4
        assert night.store.machines(night.run_id, 1)[0].oks >= 4


def test_a_late_target_is_waited_for_without_delaying_the_others_and_without_more_looks_than_planned() -> None:
    with a_night(one_of_two({"late": "15m", "boot": "10m"})) as night:
        night.run(a_plan(a_wave(*BOTH, poll=PollBounds(minimum=60, maximum=900))))

        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        assert night.hours() > 25 / 60, "it had the plan's time to come up, too"
        assert night.wave_states().count("VerifyTargets") < 40


def test_a_target_that_is_too_late_is_failed() -> None:
    with a_night(one_of_two({"late": "30m"})) as night:
        night.run(a_plan(a_wave(*BOTH)))

        assert night.statuses() == {"db01": "failed", "db02": "verified"}


def test_a_previous_target_that_stays_is_a_failure() -> None:
    with a_night(a_world({"db01": {"tested": "9d", "launch": {"keeps_previous": True}}})) as night:
        old = night.target_of("db01")
        night.run(a_plan(a_wave("db", "db01", verify_deadline=300)))

        assert night.statuses() == {"db01": "failed"}
        finding = next(each for each in night.machine("db01")["findings"] if each["field"] == "previous_target_gone")
        assert finding["rule"] == f"{old} gone"
        assert finding["seen"] == "running"


EXPECTED = Expectation(instance_type="t3.medium", subnet="demo", security_groups=("demo",), public_ip=False)
NETWORK = {"subnets": {"demo": "10.20.1.0/24", "dmz": "10.20.2.0/24"}, "security_groups": ["demo", "dmz"]}


def test_a_target_as_the_overlay_wants_it_is_verified() -> None:
    with a_night(a_world({"db01": {}}, project=NETWORK)) as night:
        night.run(a_plan(a_wave("db", "db01", expect=EXPECTED)))

        assert night.statuses() == {"db01": "verified"}
        assert {"instance_type", "subnet", "security_groups", "public_ip"} <= checks(night, "db01").keys()
        assert all(checks(night, "db01").values())


@pytest.mark.parametrize(
    ("launch", "check", "seen"),
    [
        ({"subnet": "dmz"}, "subnet", "(dmz)"),
        ({"instance_type": "t3.nano"}, "instance_type", "t3.nano"),
        ({"security_groups": ["demo", "dmz"]}, "security_groups", "(dmz)"),
    ],
)
def test_a_target_unlike_its_overlay_is_failed_with_both_values(launch: dict[str, Any], check: str, seen: str) -> None:
    with a_night(one_of_two(launch, **NETWORK)) as night:
        night.run(a_plan(a_wave(*BOTH, expect=EXPECTED)))

        assert night.statuses() == {"db01": "failed", "db02": "verified"}
        assert checks(night, "db01")[check] is False
        finding = next(each for each in night.machine("db01")["findings"] if each["field"] == check)
        assert seen in finding["seen"]
        assert finding["remedy"] == "correct the machine's blueprint or the plan"


@pytest.mark.parametrize("mode", Mode)
def test_a_job_that_hangs_leaves_what_was_not_seen_unknown(mode: Mode) -> None:
    with a_night(a_world({"db01": {}, "db02": {}}, project={"jobs": {"hangs": True}})) as night:
        night.run(a_plan(a_wave(*BOTH, test_waiver=WAIVED, poll=PollBounds(minimum=300, maximum=900))), mode)

        assert night.outcome() == "Failed"
        assert night.statuses() == {"db01": "unknown", "db02": "unknown"}
        ended = instant(night.evidence()["run"]["ended"])
        assert (ended - BEGIN).total_seconds() / 3600 == pytest.approx(1, abs=0.02), "the job's deadline"
        assert night.launches() == 1


def test_verified_machines_stay_verified_when_their_job_hangs_later() -> None:
    """The service goes on calling the job STARTED although both targets are there and one of them never boots."""
    world = one_of_two({"checks": "impaired"}, jobs={"answer": {"set": {"status": "STARTED"}}})
    with a_night(world) as night:
        night.run(a_plan(a_wave(*BOTH, poll=PollBounds(minimum=300, maximum=900))))

        assert night.statuses() == {"db01": "unknown", "db02": "verified"}


def test_a_status_that_nobody_documented_is_not_trusted() -> None:
    with a_night(one_of_two({"checks": "impaired"}, jobs={"answer": {"set": {"status": "DONE"}}})) as night:
        night.run(a_plan(a_wave(*BOTH, poll=PollBounds(minimum=300, maximum=900))))

        assert night.statuses() == {"db01": "unknown", "db02": "verified"}
        assert night.evidence()["waves"][0]["jobs"][0]["status"] == "DONE"


@pytest.mark.parametrize("log", ["duplicated", "out_of_order"])
def test_the_order_of_the_log_does_not_matter(log: str) -> None:
    with a_night(one_of_two({"stale": "2h"}, jobs={"log": log})) as night:
        night.run(a_plan(a_wave(*BOTH, test_waiver=WAIVED)), Mode.CUTOVER)

        assert night.statuses() == {"db01": "failed", "db02": "verified"}
        assert len(night.machine("db01")["findings"]) == 2, "the waiver, and the stale data once"


def test_targets_are_found_where_the_job_does_not_list_them() -> None:
    with a_night(a_world({"db01": {}}, project={"jobs": {"answer": {"omit": ["targetMachines"]}}})) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "verified"}


def test_a_target_that_somebody_elses_launch_deleted_is_not_verified() -> None:
    """Somebody launches the machine again as soon as our job is done, before our target has booted."""

    def waited(simulator: Any, seconds: float) -> None:
        simulator.advance(seconds)
        project = next(iter(simulator.world.projects.values()))
        if len(project.jobs) == 1 and not project.busy(simulator.world.now):
            simulator.world.launch(project, "test", list(project.machines), "operator@example.com")

    with a_night(a_world({"db01": {"launch": {"boot": "10m"}}}), waited=waited) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "failed"}
        assert "terminated" in night.findings("db01")


def test_an_instance_of_the_services_own_is_never_touched() -> None:
    """What the service names as the target turns out to be its converter."""

    def waited(simulator: Any, seconds: float) -> None:
        simulator.advance(seconds)
        for target in next(iter(simulator.world.projects.values())).targets.values():
            night.ec2.delete_tags(Resources=[target.instance], Tags=[{"Key": "CloudEndure creation time"}])
            converter = "CloudEndure Machine Converter 17"
            night.ec2.create_tags(Resources=[target.instance], Tags=[{"Key": "Name", "Value": converter}])

    with a_night(a_world({"db01": {}}), waited=waited) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "failed"}
        assert "machine converter" in night.findings("db01")
        assert night.evidence()["requests"].get("ec2 CreateTags") is None
        assert night.ec2.describe_tags(Filters=[{"Name": "key", "Values": ["cutover:run"]}])["Tags"] == []


def test_ec2_out_of_reach_for_a_while_is_asked_again() -> None:
    struck: list[str] = []

    def refuse(**_: Any) -> Any:
        if len(struck) < 3:
            struck.append("once more")
            raise EndpointConnectionError(endpoint_url="https://ec2.eu-central-1.amazonaws.com")

    with a_night(a_world({"db01": {}})) as night, night.before_ec2("DescribeInstances", refuse):
        night.run(a_plan())

        assert len(struck) == 3
        assert night.statuses() == {"db01": "verified"}


def test_tags_that_may_not_be_put_on_fail_the_check_and_not_the_run() -> None:
    def refuse(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": "no"}}, "CreateTags")

    with a_night(a_world({"db01": {}})) as night, night.before_ec2("CreateTags", refuse):
        night.run(a_plan(a_wave("db", "db01", verify_deadline=300)))

        assert night.statuses() == {"db01": "failed"}
        assert [each["field"] for each in night.machine("db01")["findings"]] == ["tags"]
        assert checks(night, "db01")["status_checks"] is True
