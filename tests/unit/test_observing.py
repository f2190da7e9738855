"""Which jobs of a project are launches that somebody made of a wave's machines."""

from __future__ import annotations

from typing import Any

from cutover.machine import Job, Replica
from cutover.observing import before, entry, look, unlaunched
from cutover.plan import Mode
from cutover.records import LaunchState, MachineStatus
from cutover.telling.messages import Message, News
from cutover.telling.observing import observed, observed_end
from tests.unit.records_of import NOW, ago, job, machine, plan, record, run

DB, WEB = "m-db01", "m-web01"
BOTH = [DB, WEB]


def made(id: str, *machines: str, minutes: float = 10, **more: Any) -> Job:
    return job(id=id, machines=frozenset(machines), created_at=ago(minutes=minutes), **more)


def test_the_newest_job_with_every_machine_is_the_one() -> None:
    seen = look(
        [made("j-1", DB, WEB, minutes=50), made("j-2", DB, WEB, "m-x"), made("j-3", DB)], BOTH, Mode.CUTOVER, NOW
    )
    assert [each.id for each in seen.jobs] in (["j-2"], ["j-3", "j-2"])
    assert seen.missing == ()


def test_machines_launched_one_at_a_time_have_a_job_each() -> None:
    seen = look([made("j-1", DB), made("j-2", WEB)], BOTH, Mode.CUTOVER, NOW)
    assert ({each.id for each in seen.jobs}, seen.missing) == ({"j-1", "j-2"}, ())


def test_another_mode_another_night_and_a_job_that_names_nobody_do_not_count() -> None:
    others = [
        made("j-1", DB, WEB, kind="test"),
        made("j-2", DB, WEB, kind="CLEANUP"),
        made("j-3", DB, WEB, minutes=25 * 60),
        job(id="j-4", machines=None),
    ]
    seen = look(others, BOTH, Mode.CUTOVER, NOW)
    assert (seen.jobs, seen.missing) == ((), (DB, WEB))
    assert seen.reason == "nobody has launched these machines yet"


def test_the_ledger_says_that_it_was_launched_by_hand_and_by_whom() -> None:
    seen = look([made("j-1", DB, initiated_by="engineer@example.com")], BOTH, Mode.CUTOVER, NOW)
    launch = entry(seen, Mode.CUTOVER, BOTH, NOW)
    assert (launch.state, launch.jobs, launch.machines) == (LaunchState.ACCEPTED, ("j-1",), (DB,))
    assert "launched by hand; job j-1 was started by engineer@example.com" in launch.reason


def test_the_target_of_another_job_is_the_one_from_before() -> None:
    jobs, fresh = [made("j-1", DB)], record(replica_before=None, instance_before=None)
    old, new = Replica("r-0", DB, "i-0", "j-0"), Replica("r-1", DB, "i-1", "j-1")
    unsaid = Replica("r-0", DB, "i-0", None, ago(days=3))
    assert before(fresh, machine(), old, jobs).instance_before == "i-0"
    assert before(fresh, machine(), unsaid, jobs).instance_before == "i-0"
    assert before(fresh, machine(), new, jobs) == fresh
    assert before(fresh, machine(), Replica("r-1", DB, "i-1", None, NOW), jobs) == fresh
    assert before(fresh, machine(), None, jobs) == fresh


def test_an_observed_cutover_says_no_more_of_production_than_it_knows() -> None:
    told = observed_end(
        run(observe=True), Message("s", "Cut over.\nProduction: SOURCE. This run stops nothing.\nRun r")
    )
    assert "Production: where the people who launched by hand have it" in told.text
    assert "Production: SOURCE." not in told.text
    assert observed(run(observe=True), plan(), News.LATE, None) is None


def test_who_was_not_launched_by_the_deadline_is_postponed() -> None:
    known = [record(), record(label="web01", id=WEB, status=MachineStatus.REFUSED)]
    (late,) = unlaunched(known, BOTH)
    assert (late.label, late.status, late.findings[-1].field) == ("db01", MachineStatus.POSTPONED, "observe")
