"""Records survive JSON and the table unchanged."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from cutover.errors import AwsUnavailable, RunDisputed, RunNotFound
from cutover.finding import Finding
from cutover.locks import Locks
from cutover.machine import Job, JobStatus, LogLine
from cutover.plan import Mode
from cutover.records import (
    Check,
    LaunchRecord,
    LaunchState,
    MachineRecord,
    MachineStatus,
    Outcome,
    Proof,
    RunRecord,
    RunStatus,
    TargetRecord,
    WaveRecord,
    as_planned,
)
from cutover.store import Store
from cutover.store_waves import Intent
from tests.unit.records_of import NOW, launch, plan, planned, run, wave

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
JSON = st.recursive(
    TEXT | st.booleans() | st.none() | st.integers(-(2**53), 2**53), lambda each: st.lists(each, max_size=2)
)
PROGRESS = st.lists(st.dictionaries(TEXT.filter(bool), JSON, max_size=3), max_size=2).map(tuple)
COUNTS = st.integers(0, 10**6)

st.register_type_strategy(str, TEXT)
st.register_type_strategy(int, COUNTS)
RECORDS = (RunRecord, WaveRecord, LaunchRecord, Check, TargetRecord, MachineRecord, Proof)


def some(kind: type) -> st.SearchStrategy[Any]:
    own: dict[str, Any] = {}
    if kind is WaveRecord:  # a job called N would be a number to moto, which looks for types in what it answers
        jobs = st.from_regex("job-[a-z0-9]{1,4}", fullmatch=True)
        own |= {"progress": PROGRESS, "logged": st.dictionaries(jobs, COUNTS, max_size=3)}
    if kind is RunRecord:
        own["requests"] = st.dictionaries(TEXT.filter(bool), COUNTS, max_size=3)
    if kind in (MachineRecord, Proof):
        own["configuration"] = st.none() | st.dictionaries(TEXT.filter(bool), TEXT, max_size=3)
    if kind is MachineRecord:
        values = TEXT | st.none() | st.booleans() | st.lists(TEXT, max_size=2).map(tuple)
        own["configuration_before"] = st.none() | st.dictionaries(TEXT.filter(bool), values, max_size=3)
    return st.builds(kind, **{each.name: own.get(each.name, ...) for each in dataclasses.fields(kind)})


@pytest.mark.parametrize("kind", RECORDS)
def test_a_record_survives_json(kind: Any) -> None:
    @settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(some(kind))
    def survives(record: Any) -> None:
        assert kind.from_json(json.loads(json.dumps(record.to_json()))) == record

    survives()


def test_what_a_later_version_wrote_is_passed_over() -> None:
    assert RunRecord.from_json({**run().to_json(), "invented": "later"}) == run()


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    credentials: dict[str, Any] = {
        "aws_access_key_id": "stage",
        "aws_secret_access_key": "stage",
        "region_name": "eu-central-1",
    }
    with mock_aws():
        table = boto3.resource("dynamodb", **credentials).create_table(
            TableName="cutover",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        s3 = boto3.client("s3", **credentials)
        s3.create_bucket(Bucket="cutover", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield Store(table, "cutover", s3)


def test_waves_and_machines_survive_the_table(store: Store) -> None:
    @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(some(WaveRecord), some(MachineRecord))
    def survives(one: WaveRecord, machine: MachineRecord) -> None:
        known = store.wave_if_any("r", 1)
        one, machine = one.but(number=1, version=known.version if known else 0), machine.but(label="db01")
        written = store.write_wave("r", one)
        store.write_machines("r", 1, [machine])
        assert store.wave("r", 1) == written == one.but(version=one.version + 1)
        assert store.machines("r", 1) == [machine]

    survives()


def test_machines_come_back_in_the_plans_order_and_by_hundreds(store: Store) -> None:
    names = [f"srv{n}" for n in range(300, 0, -1)]
    ((_, fresh),) = as_planned(plan(wave(*(planned(name) for name in names))))
    store.write_machines("big", 1, fresh)
    assert [each.label for each in store.machines("big", 1)] == names


def test_a_run_is_claimed_once(store: Store) -> None:
    first = store.claim(run(id="a-1", plan="a"))
    again = store.claim(run(id="a-2", plan="a"))
    assert again == first
    with pytest.raises(RunNotFound):
        store.run("a-2")
    assert store.claim(run(id="a-3", plan="a", mode=Mode.TEST)).id == "a-3", "another mode is another run"
    assert store.claim(run(id="b-1", plan="b")).id == "b-1"


def test_a_claim_that_died_between_its_two_writes_is_taken_up(store: Store) -> None:
    store._table.put_item(Item={"pk": "PLAN#c", "sk": "LATEST#cutover", "run": "c-1", "active": True})
    claimed = store.claim(run(id="c-2", plan="c"))
    assert claimed.id == "c-1"
    assert store.run("c-1") == claimed
    assert store.claim(run(id="c-3", plan="c")).id == "c-1"


def test_only_ones_own_claim_is_released(store: Store) -> None:
    mine = store.claim(run(id="d-1", plan="d"))
    store.release(mine.but(id="d-0"))
    assert store.claim(run(id="d-2", plan="d")) == mine
    store.release(mine)
    store.release(mine)
    assert store.claim(run(id="d-3", plan="d")).id == "d-3"


def test_a_run_that_has_ended_is_given_back_and_blocks_nobody(store: Store) -> None:
    mine = store.claim(run(id="e-1", plan="e"))
    store.update_run(mine.id, status=RunStatus.SUCCEEDED, outcome=Outcome.TESTED)
    store.release(mine)
    assert store.claim(run(id="e-1", plan="e")).outcome is Outcome.TESTED
    assert store.claim(run(id="e-2", plan="e")).id == "e-2"


def test_an_update_leaves_the_rest_as_it_is(store: Store) -> None:
    store.claim(run(id="f-1", plan="f"))
    store.count_requests("f-1", _counter(a=2))
    store.update_run("f-1", told=True)
    store.count_requests("f-1", _counter(a=1, **{"GET job": 3}))
    seen = store.run("f-1")
    assert (seen.told, seen.requests) == (True, {"a": 3, "GET job": 3})


def test_findings_of_a_run_are_kept(store: Store) -> None:
    store.claim(run(id="g-1", plan="g"))
    told = (Finding("run", "seen", "rule", "do"),)
    assert store.update_run("g-1", findings=told).findings == told
    assert store.run("g-1").findings == told


def _counter(**counts: int) -> Any:
    return Counter(counts)


def test_who_writes_a_wave_from_an_older_look_is_refused(store: Store) -> None:
    first = store.write_wave("older", WaveRecord(1, "db"))
    store.write_wave("older", first.but(reason="newer"))

    with pytest.raises(AwsUnavailable, match="two writers at once"):
        store.write_wave("older", first.but(reason="late"))
    assert store.wave("older", 1).reason == "newer"


NOON = "2026-11-28T12:00:00Z"
LATER = "2026-11-28T13:00:00Z"


def running(store: Store, run_id: str, **changes: Any) -> tuple[RunRecord, LaunchRecord]:
    """A run that may launch, and what it would launch: its lease lasts until LATER, the project's lock is its own."""
    one = store.claim(run(id=run_id, plan=run_id)).but(lease=LATER)
    store.update_run(run_id, lease=LATER, **changes)
    locks = Locks(store._table, run_id)
    locks.take([run_id], NOON)
    return one, launch(LaunchState.INTENDED, fence=locks.fence(run_id))


def test_a_launch_is_intended_once(store: Store) -> None:
    one, intended = running(store, "h")
    assert store.intend(one, 1, intended, "h", NOON) is Intent.WRITTEN
    assert store.intend(one, 1, intended, "h", NOON) is Intent.TAKEN
    assert store.intend(one, 2, intended, "h", NOON) is Intent.WRITTEN, "another wave has its own ledger"
    assert len(store.launches("h", 1)) == 1


@pytest.mark.parametrize(
    "changes", [{"aborted": True}, {"status": RunStatus.FAILED}, {"attempt": 2}, {"lease": NOON}, {"lease": None}]
)
def test_nothing_is_intended_for_a_run_that_is_not_what_it_was(store: Store, changes: dict[str, Any]) -> None:
    name = f"not-{next(iter(changes))}-{next(iter(changes.values()))}"
    one, intended = running(store, name)
    store.update_run(name, **changes)

    assert store.intend(one, 1, intended, name, NOON) is Intent.RUN_ENDED
    assert store.launches(name, 1) == []


@pytest.mark.parametrize("how", ["given up", "taken anew", "taken over"])
def test_nothing_is_intended_without_the_projects_lock(store: Store, how: str) -> None:
    one, intended = running(store, f"lock {how}")
    mine = Locks(store._table, one.id)
    mine.give_up([one.id])
    if how == "taken anew":
        mine.take([one.id], NOON)
    if how == "taken over":
        Locks(store._table, "another").take([one.id], NOON)

    assert store.intend(one, 1, intended, one.id, NOON) is Intent.LOCK_LOST
    assert store.launches(one.id, 1) == []


def test_a_run_whose_execution_died_goes_on_once_in_its_next_attempt(store: Store) -> None:
    one = store.claim(run(id="dead-1", plan="dead"))
    assert store.next_attempt(one).attempt == 2
    assert store.next_attempt(one).attempt == 2, "whoever comes second finds it so"


def interrupted(store: Store, plan_name: str, **changes: Any) -> RunRecord:
    one = store.claim(run(id=f"{plan_name}-1", plan=plan_name))
    one = store.update_run(
        one.id, status=RunStatus.FAILED, outcome=Outcome.FAILED, interrupted=True, told=True, **changes
    )
    store.release(one)
    return one


def test_an_interrupted_run_goes_on_when_it_is_started_again_by_hand_or_by_its_schedule(store: Store) -> None:
    interrupted(store, "again")
    first = store.claim(run(id="again-2", plan="again"))
    second = store.claim(run(id="again-3", plan="again"))

    assert (first.id, first.attempt, first.status, first.outcome) == ("again-1", 2, RunStatus.RUNNING, None)
    assert (first.interrupted, first.told) == (False, False)
    assert second == first, "and then it is the active one"


@pytest.mark.parametrize("how", ["another plan", "another instant", "aborted"])
def test_what_does_not_mean_the_interrupted_run_starts_a_new_one(store: Store, how: str) -> None:
    interrupted(store, f"no {how}", aborted=how == "aborted")
    changes = {"sha256": "f" * 64} if how == "another plan" else {"scheduled": NOON} if how == "another instant" else {}

    assert store.claim(run(id="new", plan=f"no {how}", **changes)).id == "new"


def test_a_run_that_has_gone_on_is_not_closed_by_those_who_saw_it_die(store: Store) -> None:
    one = store.claim(run(id="gone-1", plan="gone"))
    store.next_attempt(one)

    with pytest.raises(RunDisputed, match="another attempt than 1"):
        store.update_run(one.id, in_attempt=one.attempt, outcome=Outcome.FAILED)
    with pytest.raises(RunDisputed, match="another attempt than 1"):
        store.renew(one, LATER)
    assert store.run(one.id).outcome is None


@pytest.mark.parametrize("since", [each for each in LaunchState if each is not LaunchState.INTENDED])
def test_the_ledger_refuses_a_step_out_of_order(store: Store, since: LaunchState) -> None:
    ledger = f"i-{since}"
    one, intended = running(store, ledger)
    store.intend(one, 1, intended, ledger, NOON)
    assert not store.advance(ledger, 1, launch(LaunchState.ACCEPTED, jobs=("j",)), since=since)
    assert store.launches(ledger, 1)[0].state is LaunchState.INTENDED
    assert store.advance(ledger, 1, launch(LaunchState.SENT), since=LaunchState.INTENDED)
    assert not store.advance(ledger, 1, launch(LaunchState.SENT), since=LaunchState.INTENDED), "nor twice"


def test_a_launch_that_was_never_intended_cannot_be_sent(store: Store) -> None:
    assert not store.advance("j", 1, launch(LaunchState.SENT), since=LaunchState.INTENDED)
    assert store.launches("j", 1) == []


def test_a_plan_is_what_its_name_says(store: Store) -> None:
    mine = plan()
    store.write_plan(mine)
    assert store.plan(mine.name, mine.sha256) == mine
    assert store.plan(mine.name, mine.sha256) is store.plan(mine.name, mine.sha256), "it never changes: read once"
    other, another = plan(wave(lag_limit=1)), plan(wave(lag_limit=2))
    store._write(other.key, another.canonical(), "application/json")
    with pytest.raises(RunNotFound, match="has another content than its name says"):
        store.plan(other.name, other.sha256)
    with pytest.raises(RunNotFound, match=r"the bucket has no plans/demo/0\.json"):
        store.plan("demo", "0")


def test_proofs_are_by_mode_and_machine(store: Store) -> None:
    proofs = [Proof("m-1", Mode.TEST, "r", "i", "t"), Proof("m-1", Mode.CUTOVER, "r", None, "t")]
    store.record_proofs("k", proofs)
    assert store.proofs("k") == {(Mode.TEST, "m-1"): proofs[0], (Mode.CUTOVER, "m-1"): proofs[1]}
    assert store.proofs("nobody") == {}


@given(
    st.builds(
        Job,
        created_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        ended_at=st.just(NOW + timedelta(microseconds=1)),
        machines=st.none() | st.frozensets(TEXT),
        log=st.lists(st.builds(LogLine, at=st.none() | st.just(datetime(2026, 1, 1, tzinfo=UTC)))).map(tuple),
        instances=st.dictionaries(TEXT, TEXT, max_size=2),
        status=st.sampled_from(JobStatus),
    )
)
@settings(max_examples=30, deadline=None)
def test_a_job_survives_json(job: Job) -> None:
    assert Job.from_json(json.loads(json.dumps(job.to_json()))) == job


def test_only_not_started_is_not_judged() -> None:
    assert [each for each in MachineStatus if not MachineRecord("x", 0, status=each).judged] == [
        MachineStatus.NOT_STARTED
    ]
