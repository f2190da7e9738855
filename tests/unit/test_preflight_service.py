"""Preflight of what the service says: each check passes, fails, and says so when it could not look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cutover.finding import Severity
from cutover.machine import JobStatus, LicenceUse, Replication, SourceDisk
from cutover.plan import Mode
from cutover.preflight import MACHINE, RUN, findings
from cutover.surveyed import Lock, Survey, Unseen
from cutover.terms import Licence, span
from tests.unit.records_of import NOW, ago, job, plan, planned, wave
from tests.unit.survey_of import account, but, of, own, run, source, survey

RUN_LASTS = timedelta(seconds=3600 + 3600 + 1200)


def test_where_all_is_well_nothing_is_found() -> None:
    seen = of(survey())
    assert seen.all() == []
    assert not seen.refused
    assert list(seen.machines) == ["db01"]


def test_a_cutover_says_what_is_done_around_it_and_a_test_need_not() -> None:
    (found,) = findings(plan(), Mode.CUTOVER, NOW, survey()).run
    assert (found.field, found.severity) == ("cutover", Severity.ERROR)
    assert "can only be tested" in found.remedy
    assert findings(plan(), Mode.TEST, NOW, survey()).run == ()


def test_all_that_is_wrong_is_found_at_once() -> None:
    bad = source(replication=Replication("STARTED", agent_installed=False), disks=())
    seen = of(
        replace(
            but(survey(bad), subnets={}, profiles={"app": None}, keys={"key-1": "Disabled"}, quotas={"L-1216C47A": 1}),
            jobs=(job(),),
            locks=(Lock("m-db01", "another", "2026-11-29T00:00:00Z"),),
            licences=(Licence("lic", expires_at=ago(days=1)),),
            unseen=(Unseen("ec2:DescribeVolumes", "volumes", "not allowed"),),
        )
    )
    fields = {each.field for each in seen.run} | {each.field for each in seen.machines["db01"]}
    assert fields == {
        *("licence", "job", "subnet", "staging_network", "vcpu_quota", "key", "instance_profile", "permission"),
        *("agent", "disks", "lock"),
    }
    assert seen.refused


def test_a_machine_that_is_not_there_or_there_twice_is_found_with_the_rest() -> None:
    seen = survey(source(), source("web01"), replace(source("web01"), id="m-other"))
    a_plan = plan(wave(planned("db01"), planned("web01"), planned("lost")))
    machines = findings(a_plan, Mode.TEST, NOW, seen).machines
    assert machines["db01"] == ()
    assert [each.field for each in machines["web01"]] == ["machine"]
    assert "2 machines with name web01" in machines["web01"][0].seen
    assert "no machine with name lost" in machines["lost"][0].seen


def test_a_service_that_turns_us_away_is_one_finding_and_leaves_nothing_to_judge() -> None:
    seen = of(Survey(refused="401: Invalid credentials"))
    assert [(each.field, each.seen) for each in seen.all()] == [("session", "401: Invalid credentials")]
    seen = of(Survey(refused="402: Project license has expired", licensed=False))
    assert [each.field for each in seen.all()] == ["licence"]


ENDS = "2026-11-29T00:20:00Z"


@pytest.mark.parametrize(
    ("licence", "said"),
    [
        (Licence("lic"), []),
        (Licence("lic", expires_at=NOW + RUN_LASTS), []),
        (
            Licence("lic", expires_at=NOW + RUN_LASTS - timedelta(seconds=1)),
            [f"error: licence lic ends at 2026-11-29T00:19:59Z; the run may last until {ENDS}"],
        ),
        (Licence("lic", expires_at=ago(hours=1)), ["error: licence lic ended at 2026-11-28T21:00:00Z"]),
        (Licence("lic", unreadable="soon"), ["warning: licence lic ends at 'soon', unreadable"]),
        (
            Licence("lic", lasts="P3M"),
            ["warning: licence lic lasts 'P3M' for a machine, which cannot be counted in days"],
        ),
        (Licence("another", expires_at=ago(hours=1)), ["error: licence another ended at 2026-11-28T21:00:00Z"]),
    ],
)
def test_the_licence_covers_the_whole_run(licence: Licence, said: list[str]) -> None:
    assert run(survey(licences=(licence,)), "licence") == said


def test_an_ended_licence_that_no_machine_uses_any_more_is_no_finding() -> None:
    old, used = Licence("old", expires_at=ago(days=400)), Licence("lic", lasts="P90D")
    assert run(survey(licences=(old, used)), "licence") == []
    without = survey(source(licence=None), licences=(old, Licence("new", expires_at=NOW + timedelta(days=90))))
    assert run(without, "licence") == []


def test_a_scheduled_run_needs_its_licence_later() -> None:
    a_plan = replace(plan(), schedule={Mode.CUTOVER: "2026-12-05T22:00:00Z"})
    ends_between = survey(licences=(Licence("lic", expires_at=NOW + timedelta(days=2)),))
    assert "may last until 2026-12-06T00:20:00Z" in of(ends_between, a_plan).run[0].seen
    assert of(survey(), a_plan).run == ()


def test_no_licence_at_all_is_told_and_one_that_was_not_looked_at_is_left_to_the_permissions() -> None:
    assert run(survey(licences=()), "licence") == ["warning: the account lists no licence"]
    assert run(survey(licences=None), "licence") == []


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (89, ""),
        (90, "error: in use since 2026-08-30T22:00:00Z under a licence of P90D, which ended at 2026-11-28T22:00:00Z"),
        (91, "error: in use since 2026-08-29T22:00:00Z under a licence of P90D, which ended at 2026-11-27T22:00:00Z"),
    ],
)
def test_a_machine_uses_its_licence_up(days: int, said: str) -> None:
    seen = own(survey(source(licence=LicenceUse("lic", ago(days=days)))), "licence")
    assert seen == ([said] if said else [])


def test_a_machine_whose_licence_ends_during_the_run_is_refused() -> None:
    use = LicenceUse("lic", ago(days=89, hours=23))
    assert own(survey(source(licence=use)), "licence") == [
        "error: in use since 2026-08-30T23:00:00Z under a licence of P90D, "
        f"which ends at 2026-11-28T23:00:00Z; the run may last until {ENDS}"
    ]


def test_machines_whose_use_of_the_licence_is_not_told_are_named_once() -> None:
    seen = survey(*(source(f"m{n}", licence=None) for n in range(7)))
    told = "the service does not say since when the licence is used by m0, m1, m2, m3, m4 and 2 more"
    assert run(seen, "licence") == [f"warning: {told}"]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("P90D", 90 * 86400), ("P1W", 7 * 86400), ("PT36H", 129600), ("P1DT1H1M1S", 90061), ("P", None), ("P1M", None)],
)
def test_a_duration_is_read_as_iso_8601_writes_it(given: str, seconds: int | None) -> None:
    assert span(given) == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("replication", "said"),
    [
        (Replication("STARTED", True, seen_at=ago(minutes=10)), []),
        (Replication("STARTED", None), []),
        (Replication("STARTED", False), ["error: the agent is not installed"]),
        (Replication("STARTED", True, seen_at=ago(minutes=11)), ["warning: the agent was last seen 11:00 ago"]),
    ],
)
def test_an_agent_is_installed_and_seen(replication: Replication, said: list[str]) -> None:
    assert own(survey(source(replication=replication)), "agent") == said


@pytest.mark.parametrize(
    ("disks", "said"),
    [
        ((SourceDisk("c:0", 1, True), SourceDisk("d:1", 1, None)), []),
        ((), ["warning: the service lists no disk"]),
        (
            (SourceDisk("c:0", 1, True), SourceDisk("d:1", 1, False), SourceDisk("e:2", 1, False)),
            ["warning: not replicated: d:1, e:2; the target comes up without their data"],
        ),
    ],
)
def test_a_disk_that_is_not_replicated_is_named(disks: tuple[SourceDisk, ...], said: list[str]) -> None:
    assert own(survey(source(disks=disks)), "disks") == said


def test_a_machine_without_a_launch_configuration_is_refused() -> None:
    assert own(survey(configured={}), "launch_configuration") == ["error: the service has none for this machine"]
    assert own(survey(configured=None), "launch_configuration") == []


def test_an_open_job_is_named_with_who_started_it_and_for_whom() -> None:
    by: dict[str, Any] = {"initiated_by": "operator@example.com", "machines": frozenset({"m-db01", "m-x"})}
    (said,) = run(survey(jobs=(job(JobStatus.COMPLETED, id="j-0"), job(**by))), "job")
    assert said == (
        "warning: job j-1 (cutover, STARTED) is open for db01, m-x, started by operator@example.com "
        "at 2026-11-28T21:50:00Z"
    )
    (unnamed,) = run(survey(jobs=(job(JobStatus.UNKNOWN, machines=None, created_at=None),)), "job")
    assert "for machines it does not name, started by nobody it names" in unnamed
    assert run(survey(jobs=None), "job") == []


@pytest.mark.parametrize(
    ("lock", "held"),
    [
        (Lock("m-db01", "another", "2026-11-28T22:00:01Z"), True),
        (Lock("m-db01", "another", "unreadable"), True),
        (Lock("m-db01", "another", "2026-11-28T22:00:00Z"), False),
        (Lock("m-db01", "ours", "2026-11-28T23:00:00Z"), False),
        (Lock("m-web01", "another", "2026-11-28T23:00:00Z"), False),
    ],
)
def test_a_machine_that_another_run_holds_is_refused(lock: Lock, held: bool) -> None:
    expected = [f"error: held by run another until {lock.until}"] if held else []
    assert own(survey(locks=(lock,)), "lock") == expected


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"key-1": "Enabled"}, []),
        ({"key-1": "PendingDeletion"}, ["error: key key-1 is PendingDeletion"]),
        ({"key-1": None}, ["error: key key-1 does not exist in eu-central-1"]),
        ({}, []),
    ],
)
def test_the_key_of_the_volumes_is_enabled(keys: dict[str, str | None], said: list[str]) -> None:
    assert run(but(survey(), keys=keys), "key") == said


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        ({"app": True}, []),
        ({"app": False}, ["error: instance profile app, for db01, db02, is empty"]),
        ({"app": None}, ["error: instance profile app, for db01, db02, does not exist"]),
        ({}, []),
    ],
)
def test_an_instance_profile_exists_and_has_a_role(profiles: dict[str, bool | None], said: list[str]) -> None:
    seen = survey(source(), source("db02"), account=account(profiles=profiles))
    assert run(seen, "instance_profile") == said


def test_each_missing_permission_is_one_line_and_another_reason_is_told_once() -> None:
    unseen = (
        Unseen("ec2:DescribeVolumes", "volumes", "not allowed"),
        Unseen("ec2:DescribeSubnets", "subnets", "not allowed"),
        Unseen("ec2:DescribeSubnets", "staging", "not allowed"),
        Unseen("a", "one thing", "no AWS credentials", denied=False),
        Unseen("b", "another", "no AWS credentials", denied=False),
    )
    assert run(survey(unseen=unseen), "permission") == [
        "warning: not looked at: volumes (ec2:DescribeVolumes: not allowed)",
        "warning: not looked at: subnets, staging (ec2:DescribeSubnets: not allowed)",
        "warning: not looked at: one thing, another (a, b: no AWS credentials)",
    ]


def test_every_check_is_quiet_about_what_was_not_looked_at() -> None:
    """It is told by the permissions alone, once."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("subnets", "groups", "addresses", "offered", "vcpus", "instances", "volumes"), None
    )
    blind = but(survey(), **nothing, quotas={}, keys={}, profiles={})
    blind = replace(blind, jobs=None, licences=None, replication=None, locks=None)
    assert of(blind, private_ip="10.0.0.9").all() == []
    assert len(RUN) == 16
    assert len(MACHINE) == 6
