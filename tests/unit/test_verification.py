"""Is this target the machine that was planned?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cutover.finding import Finding, Severity
from cutover.instance import Instance
from cutover.machine import FirstBoot, Job, JobStatus, LaunchStatus, LifeCycle, MachineLaunch, PostLaunchAction
from cutover.plan import Expectation, Mode
from cutover.records import Accepted, Check, GuestCommand, Level, MachineRecord, MachineStatus, TargetRecord
from cutover.verification import LAZY, REMEDIES, Sight, judge, judge_again, lazy, own_target
from tests.unit.records_of import ago, instance, job, machine, record

DONE = job(JobStatus.COMPLETED)
OPEN = job(JobStatus.STARTED)
GONE = instance(id="i-old", state="terminated")


def action(passed: bool | None, *, must: bool = True) -> PostLaunchAction:
    return PostLaunchAction("join the domain", passed, must, "as it is")


def launching(status: LaunchStatus, *actions: PostLaunchAction) -> Job:
    """A job that has ended and says this of the machine."""
    return replace(DONE, launches={str(record().id): MachineLaunch(status, actions)})


def sight(**more: Any) -> Sight:
    given: dict[str, Any] = {
        "record": record(),
        "machine": machine(replica="r-new"),
        "job": DONE,
        "mode": Mode.CUTOVER,
        "instance": instance(),
        "previous": GONE,
        "log": (),
        "expect": Expectation(),
        "tags": {"cutover:run": "r"},
        "ok_in_a_row": 1,
        **more,
    }
    return Sight(**given)


def verdict(*, final: bool = False, **more: Any) -> MachineRecord:
    return judge(sight(**more), final=final)


def passed(judged: MachineRecord) -> dict[str, bool | None]:
    return {check.name: check.passed for check in judged.checks}


def test_a_target_as_it_should_be_is_verified() -> None:
    judged = verdict()
    assert judged.status is MachineStatus.VERIFIED
    assert all(passed(judged).values())
    assert judged.findings == ()
    assert judged.target == TargetRecord("i-new", ("10.0.0.4",), (), "m5.large", "subnet-1", "i-old")


def test_a_target_may_be_verified_before_its_job_has_ended() -> None:
    assert verdict(job=OPEN).status is MachineStatus.VERIFIED


PENDING: dict[str, dict[str, Any]] = {
    "new_target": {"record": record(replica=None, target=None)},
    "exists": {"instance": None},
    "status_checks": {"instance": instance(instance_status="initializing")},
    "tags": {"tags": {"cutover:run": "another"}},
    "previous_target_gone": {"previous": instance(id="i-old", state="running")},
    "running": {"instance": instance(state="pending")},
    "own_job": {"record": record(replica_job=None), "job": job(JobStatus.COMPLETED, created_at=None)},
    "launch_status": {"job": launching(LaunchStatus.IN_PROGRESS)},
    "post_launch_actions": {"job": launching(LaunchStatus.LAUNCHED, action(None))},
    "first_boot": {"machine": machine(replica="r-new", first_boot=FirstBoot.WAITING)},
}


@pytest.mark.parametrize("check", PENDING)
def test_what_is_not_decided_yet_waits_and_fails_at_the_end(check: str) -> None:
    waiting = verdict(**PENDING[check])
    assert waiting.status is MachineStatus.NOT_STARTED
    assert passed(waiting)[check] is None
    ended = verdict(**PENDING[check], final=True)
    assert ended.status is MachineStatus.FAILED
    assert check in [finding.field for finding in ended.findings]


@pytest.mark.parametrize("check", PENDING)
def test_what_is_not_decided_while_the_job_is_open_is_unknown_at_the_end(check: str) -> None:
    case = {**PENDING[check]}
    case["job"] = replace(case.get("job", DONE), status=JobStatus.STARTED)
    assert verdict(**case, final=True).status is MachineStatus.UNKNOWN


FAILED: dict[str, dict[str, Any]] = {
    "new_target": {"record": record(target=TargetRecord(instance_id="i-old"))},
    "own_job": {"record": record(replica_job="j-of-somebody-else")},
    "not_a_service_instance": {
        "instance": instance(tags={"Name": "CloudEndure Machine Converter 17", "cutover:run": "r"})
    },
    "running": {"instance": instance(state="terminated")},
    "instance_type": {"expect": Expectation(instance_type="m5.xlarge")},
    "subnet": {"expect": Expectation(subnet="dmz")},
    "security_groups": {"expect": Expectation(security_groups=("web",))},
    "private_ip": {"expect": Expectation(private_ip="10.0.0.5")},
    "public_ip": {"expect": Expectation(public_ip=False), "instance": instance(public_ips=("3.4.5.6",))},
    "job_completed": {"job": job(JobStatus.FAILED)},
    "launch_status": {"job": launching(LaunchStatus.FAILED)},
    "post_launch_actions": {"job": launching(LaunchStatus.LAUNCHED, action(True), action(False))},
}


@pytest.mark.parametrize("check", FAILED)
def test_one_failed_check_fails_the_machine_at_once_with_what_to_do(check: str) -> None:
    judged = verdict(**FAILED[check])
    assert judged.status is MachineStatus.FAILED
    assert passed(judged)[check] is False
    assert [(finding.field, finding.remedy) for finding in judged.findings] == [(check, REMEDIES[check])]


def test_every_check_was_seen_to_fail() -> None:
    assert PENDING.keys() | FAILED.keys() == REMEDIES.keys()


@pytest.mark.parametrize("status", [LaunchStatus.FAILED, LaunchStatus.TERMINATED])
def test_a_machine_that_failed_in_a_job_that_completed_has_failed_at_once(status: LaunchStatus) -> None:
    judged = verdict(job=launching(status), record=record(replica=None, target=None), instance=None)
    assert judged.status is MachineStatus.FAILED
    assert [each.field for each in judged.findings] == ["launch_status"]


def test_a_machine_that_the_job_calls_launched_is_judged_by_what_is_seen_all_the_same() -> None:
    good = launching(LaunchStatus.LAUNCHED, action(True))
    assert verdict(job=good).status is MachineStatus.VERIFIED
    old = record(replica="r-old", target=TargetRecord(instance_id="i-old"))
    judged = verdict(job=good, record=old, instance=instance(id="i-old"), final=True)
    assert judged.status is MachineStatus.FAILED


def test_an_action_that_a_cutover_can_do_without_is_told_and_spoils_nothing() -> None:
    judged = verdict(job=launching(LaunchStatus.LAUNCHED, action(False, must=False)))
    assert judged.status is MachineStatus.VERIFIED
    assert [(each.field, each.severity) for each in judged.findings] == [("post_launch_actions", Severity.WARNING)]


def test_a_boot_of_another_target_says_nothing_of_this_one() -> None:
    judged = verdict(machine=machine(replica="r-later", first_boot=FirstBoot.WAITING))
    assert "first_boot" not in passed(judged)


def test_the_old_target_never_passes() -> None:
    old = instance(id="i-old")
    cases: tuple[dict[str, Any], ...] = (
        {"record": record(replica="r-old", target=TargetRecord(instance_id="i-old")), "instance": old, "previous": old},
        {"record": record(target=TargetRecord(instance_id="i-old")), "instance": old, "previous": old},
        {"record": record(replica=None, target=None), "instance": None, "previous": old},
    )
    for case in cases:
        for final in (False, True):
            assert verdict(**case, final=final).status is not MachineStatus.VERIFIED


def test_the_replica_that_was_there_before_is_no_new_target_whatever_instance_it_names() -> None:
    assert passed(verdict(record=record(replica="r-old")))["new_target"] is None


@pytest.mark.parametrize("status", [JobStatus.STARTED, JobStatus.FAILED, JobStatus.UNKNOWN, JobStatus.PENDING])
def test_no_job_status_makes_a_missing_target_good(status: JobStatus) -> None:
    judged = verdict(
        record=record(replica=None, target=None), instance=None, job=job(status, "Job finished"), final=True
    )
    assert judged.status in (MachineStatus.FAILED, MachineStatus.UNKNOWN)


OLD_ACCOUNT = record(replica_job=None)


@pytest.mark.parametrize(
    ("more", "own"),
    [
        ({"machine": machine(life_cycle=LifeCycle(cutover_job="j-1"))}, True),
        ({"machine": machine(life_cycle=LifeCycle(cutover_job="j-0"))}, False),
        ({"machine": machine(life_cycle=LifeCycle(test_job="j-1"))}, None),
        ({"machine": machine(life_cycle=LifeCycle(cut_over_at=ago(minutes=5)))}, True),
        ({"machine": machine(life_cycle=LifeCycle(cut_over_at=ago(minutes=15)))}, False),
        ({"record": record(replica_job=None, replica_created="2026-11-28T21:55:00Z")}, True),
        ({"record": record(replica_job=None, replica_created="2026-11-28T21:45:00Z")}, False),
        ({"job": job(JobStatus.COMPLETED, instances={"m-db01": "i-new"})}, True),
        ({"job": job(JobStatus.COMPLETED, instances={"m-db01": "i-other"})}, False),
        ({"machine": None}, None),
    ],
)
def test_whose_target_it_is_where_the_service_does_not_say_it_outright(more: dict[str, Any], own: bool | None) -> None:
    assert passed(verdict(**{"record": OLD_ACCOUNT, **more}))["own_job"] is own


@pytest.mark.parametrize("state", ["stopping", "stopped"])
def test_a_stop_is_the_services_own_work_only_while_its_job_is_open(state: str) -> None:
    stopped = instance(state=state)
    assert verdict(instance=stopped, job=OPEN).status is MachineStatus.NOT_STARTED
    assert verdict(instance=stopped).status is MachineStatus.FAILED


@pytest.mark.parametrize("state", ["shutting-down", "terminated"])
def test_a_target_that_is_going_is_lost_even_while_its_job_is_open(state: str) -> None:
    assert verdict(instance=instance(state=state), job=OPEN).status is MachineStatus.FAILED


@pytest.mark.parametrize(
    "statuses", [("impaired", "ok"), ("ok", "impaired"), (None, None), ("initializing", "initializing")]
)
def test_both_status_checks_must_be_ok(statuses: tuple[str | None, str | None]) -> None:
    seen = instance(instance_status=statuses[0], system_status=statuses[1])
    assert verdict(instance=seen).status is MachineStatus.NOT_STARTED


def test_oks_are_counted_in_a_row() -> None:
    first = verdict(ok_in_a_row=2)
    assert (first.status, first.oks) == (MachineStatus.NOT_STARTED, 1)
    broken = verdict(ok_in_a_row=2, record=first, instance=instance(instance_status="initializing"))
    assert broken.oks == 0
    third = verdict(ok_in_a_row=2, record=broken)
    assert third.status is MachineStatus.NOT_STARTED
    assert verdict(ok_in_a_row=2, record=third).status is MachineStatus.VERIFIED


@pytest.mark.parametrize(
    "expect",
    [
        Expectation(subnet="subnet-1"),
        Expectation(subnet="prod"),
        Expectation(security_groups=("sg-1",)),
        Expectation(security_groups=("db",)),
        Expectation(security_groups=("sg-1", "db")),
        Expectation(instance_type="m5.large", private_ip="10.0.0.4", public_ip=False),
    ],
)
def test_an_overlay_names_things_by_id_or_by_name(expect: Expectation) -> None:
    assert verdict(expect=expect).status is MachineStatus.VERIFIED


@pytest.mark.parametrize(
    ("groups", "expect"),
    [
        ({"sg-1": "db", "sg-2": "open"}, ("db",)),
        ({"sg-1": "db"}, ("db", "web")),
        ({}, ("db",)),
        ({"sg-2": ""}, ("",)),
    ],
)
def test_groups_are_the_same_set(groups: dict[str, str], expect: tuple[str, ...]) -> None:
    judged = verdict(instance=instance(groups=groups), expect=Expectation(security_groups=expect))
    assert (passed(judged)["security_groups"] is True) == (groups == {"sg-2": ""})


def test_a_previous_target_that_ec2_forgot_is_gone() -> None:
    assert verdict(previous=None).status is MachineStatus.VERIFIED
    assert verdict(previous=instance(id="i-old", state="shutting-down")).status is MachineStatus.NOT_STARTED
    assert verdict(previous=instance(id="i-old", state="stopped"), final=True).status is MachineStatus.FAILED


def test_a_first_launch_replaces_nobody() -> None:
    judged = verdict(record=record(instance_before=None, replica_before=None), previous=None)
    assert judged.status is MachineStatus.VERIFIED
    assert judged.target
    assert judged.target.replaced is None


STALE = Finding("stale_data", "two hours old", "fresh", "relaunch")


def test_a_line_of_the_log_spoils_what_was_verified_before() -> None:
    verified = verdict(job=OPEN)
    assert verified.status is MachineStatus.VERIFIED
    spoiled = verdict(record=verified, log=(STALE,))
    assert spoiled.status is MachineStatus.FAILED
    assert spoiled.findings == (STALE,)


def test_a_warning_is_told_and_decides_nothing() -> None:
    warning = Finding("stale_data", "old", "fresh", "look", Severity.WARNING)
    judged = verdict(log=(warning,))
    assert (judged.status, judged.findings) == (MachineStatus.VERIFIED, (warning,))


def test_a_waiver_stays_recorded_and_other_findings_are_of_this_look() -> None:
    waiver = Finding("test_gate", "waived", "tested", "nothing", Severity.WARNING)
    before = record(findings=(waiver, Finding("running", "stopped", "running", "look")))
    assert verdict(record=before).findings == (waiver,)


def test_only_what_is_surely_ours_may_be_tagged() -> None:
    assert own_target(sight())
    for name in ("new_target", "own_job", "not_a_service_instance", "running"):
        assert not own_target(sight(**FAILED[name])), name
    for name in ("new_target", "exists", "own_job"):
        assert not own_target(sight(**PENDING[name])), name


@pytest.mark.parametrize(
    ("tags", "owner"),
    [
        ({"Name": "CloudEndure Machine Converter 1a2b"}, "machine converter"),
        ({"Name": "CloudEndure Replication Server con17"}, "replication server"),
        ({"CloudEndure_Replication_Service": "true"}, "replication server"),
        ({"Name": "CloudEndure Machine Converter", "CloudEndure creation time": "2026"}, None),
        ({"Name": "AWS Application Migration Service Conversion Server"}, "machine converter"),
        ({"Name": "AWS Application Migration Service Replication Server"}, "replication server"),
        ({"Name": "db01", "AWSApplicationMigrationServiceManaged": "mgn.amazonaws.com"}, None),
        ({"Name": "db01"}, None),
    ],
)
def test_the_services_own_instances_are_recognised(tags: dict[str, str], owner: str | None) -> None:
    assert Instance("i-1", "running", tags=tags).service_owned == owner


def test_a_public_address_that_is_not_there_yet_is_waited_for() -> None:
    wanted = Expectation(public_ip=True)

    assert verdict(expect=wanted, instance=instance(public_ips=())).status is MachineStatus.NOT_STARTED
    assert verdict(expect=wanted, instance=instance(public_ips=()), final=True).status is MachineStatus.FAILED


def test_a_previous_target_nobody_can_name_is_not_taken_for_none() -> None:
    nameless = record(instance_before=None, previous_unknown=True)

    assert verdict(record=nameless).status is MachineStatus.NOT_STARTED
    ended = verdict(record=nameless, final=True)
    assert ended.status is MachineStatus.FAILED
    assert "does not say which instance r-old was" in str(ended.findings)


def test_a_target_verified_under_an_open_job_says_at_its_deadline_that_the_log_was_not_read_to_its_end() -> None:
    seen = verdict(job=OPEN, final=True)

    assert seen.status is MachineStatus.VERIFIED
    assert [(finding.field, finding.severity) for finding in seen.findings] == [("job", Severity.WARNING)]


# The application


def of_application(passed: bool | None, seen: str = "10.0.0.4:5432 does not answer") -> Check:
    return Check("application: port", "port 5432 takes a connection", seen, passed)


def test_a_target_whose_application_answers_is_verified_as_such() -> None:
    judged = verdict(application=(of_application(True),))
    assert (judged.status, judged.level, judged.not_made) == (MachineStatus.VERIFIED, Level.APPLICATION, ())


def test_a_target_without_such_a_check_is_only_booted() -> None:
    judged = verdict(not_made=("the application: no check of it",))
    assert (judged.status, judged.level) == (MachineStatus.VERIFIED, Level.BOOTED)
    assert judged.not_made == ("the application: no check of it",)


def test_an_application_that_does_not_answer_yet_is_waited_for_and_has_failed_at_the_end() -> None:
    waiting = verdict(application=(of_application(None),))
    assert (waiting.status, waiting.level) == (MachineStatus.NOT_STARTED, Level.BOOTED)
    ended = verdict(application=(of_application(None),), final=True)
    assert (ended.status, ended.level, ended.not_made) == (MachineStatus.FAILED, Level.BOOTED, ())
    (finding,) = ended.findings
    assert (finding.field, finding.seen) == ("application", "port: 10.0.0.4:5432 does not answer")


def test_a_check_that_was_never_made_is_named_and_not_held_against_the_target() -> None:
    unmade = of_application(None, "not looked at")
    judged = verdict(instance=instance(instance_status="impaired"), application=(unmade,), final=True)
    assert (judged.status, judged.level) == (MachineStatus.FAILED, None)
    assert [finding.field for finding in judged.findings] == ["status_checks"]
    assert judged.not_made == ("port: not looked at",)
    assert passed(judged)["application: port"] is None


def test_an_application_is_looked_at_once_its_target_is_up_and_nothing_is_wrong_with_it() -> None:
    assert sight().up
    assert not sight(ok_in_a_row=2).up
    assert sight(ok_in_a_row=2, record=record(oks=1)).up
    for name in ("new_target", "exists", "status_checks", "running", "own_job"):
        assert not sight(**PENDING[name]).up, name
    for name in ("own_job", "not_a_service_instance", "running", "instance_type", "subnet"):
        assert not sight(**FAILED[name]).up, name


@pytest.mark.parametrize(
    ("service", "ec2", "os"),
    [
        ("Microsoft Windows Server 2019 Datacenter", "Linux/UNIX", "windows"),
        ("Red Hat Enterprise Linux 8.6", "Windows", "linux"),
        ("Ubuntu 20.04", None, "linux"),
        (None, "Windows", "windows"),
        (None, "Linux/UNIX", "linux"),
        ("Solaris 11", None, ""),
        (None, None, ""),
    ],
)
def test_the_service_says_what_a_machine_runs_else_ec2_does(service: str | None, ec2: str | None, os: str) -> None:
    assert sight(machine=machine(os=service), instance=instance(platform=ec2)).os == os


def test_a_machine_is_judged_again_from_nothing_but_what_was_before_the_launch() -> None:
    waiver = Finding("test_gate", "waived", "tested", "nothing", Severity.WARNING)
    prewarm, trust = GuestCommand("prewarm", "c-1"), GuestCommand("trust", None, None, 10)
    failed = record(
        status=MachineStatus.HELD,
        oks=3,
        checks=(of_application(False),),
        findings=(waiver, Finding("application", "no", "yes", "look")),
        commands=(prewarm, trust),
        accepted=Accepted("lead", "why not", "2026-11-28T21:00:00Z"),
        not_made=("x",),
        console=("runs/r/console/db01.txt",),
    )
    again = judge_again(failed, "2026-11-28T22:00:00Z")
    fresh = record(findings=(waiver,), commands=(prewarm,), judged_from="2026-11-28T22:00:00Z")
    assert again == fresh, "what was begun inside of it is not begun twice"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (None, "nothing reads them ahead"),
        (GuestCommand("prewarm", "c-1", "2026-11-28T22:00:00Z"), "command c-1 reads them since 2026-11-28T22:00:00Z"),
        (GuestCommand("prewarm", words="not registered"), "reading them ahead was not begun: not registered"),
    ],
)
def test_volumes_that_load_lazily_are_said_and_what_was_done_about_it(command: GuestCommand | None, said: str) -> None:
    slow = lazy(record(commands=(command,) if command else ()), ["vol-2", "vol-1"])
    assert (slow.field, slow.severity) == (LAZY, Severity.WARNING)
    assert slow.seen == f"vol-1, vol-2 were made from snapshots; {said}"
    assert verdict(record=record(findings=(slow,))).findings == (slow,), "and stay said"
