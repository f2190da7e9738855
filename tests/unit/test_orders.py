"""What people tell a run: each answer and order is written once where the run reads it, or refused, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
import pytest
from boto3.dynamodb.types import TypeSerializer
from moto import mock_aws

from cli.deployment import Deployment, NotAborted, NotTaken, RunView
from cli.orders import abort, answer, put_order
from cli.refusals import (
    AlreadyAnswered,
    AuthorAnswers,
    DataStays,
    DoorsOpen,
    GoesBack,
    NoSuchMachine,
    NoSuchQuestion,
    NoSuchRun,
    NotAsked,
    NotByHand,
    NothingHeld,
    NotOrdered,
    NotToJudge,
    NoWayBack,
    OrderPending,
    Raced,
    RunEnded,
    TooLate,
    question_of_step,
)
from cutover.night_records import Hold, NightRecord, Order, Part, QuestionRecord, Wish
from cutover.plan import Mode, Plan, plan_key
from cutover.planned_night import Action, Deed
from cutover.records import MachineStatus, Outcome, RunStatus, TargetRecord, WaveRecord
from cutover.store import Store
from tests.unit import night_of
from tests.unit.records_of import record, run

RUN = run()
ASKED, NOW, DEADLINE = "2026-11-28T22:10:00Z", "2026-11-28T22:20:00Z", "2026-11-28T22:40:00Z"
GO = QuestionRecord("go", "May users be shut out?", ("lead", "app"), ASKED, DEADLINE)
LATER = "2026-11-29T01:30:00Z"


@pytest.fixture(scope="module")
def opened() -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        client("dynamodb").create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        place: Any = {"LocationConstraint": "eu-central-1"}
        client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration=place)
        yield Store.open("table", "bucket")
        client.cache_clear()


@pytest.fixture
def store(opened: Store) -> Store:
    """Of a table with a run in it, and nothing else."""
    for item in client("dynamodb").scan(TableName="table")["Items"]:
        client("dynamodb").delete_item(TableName="table", Key={name: item[name] for name in ("pk", "sk")})
    opened.claim(RUN)
    plan_is(night_of.PLAN)
    return opened


def plan_is(plan: Plan) -> None:
    """What the run carries out."""
    key = plan_key(RUN.plan, RUN.carried_out)
    client("s3").put_object(Bucket="bucket", Key=key, Body=plan.canonical().encode())


@cache
def client(service: str) -> Any:
    return boto3.client(service, region_name="eu-central-1")


def deployment() -> Deployment:
    made = Deployment(client)
    made.__dict__["outputs"] = {"TableName": "table", "BucketName": "bucket"}
    return made


def say(name: str = "go", by: str = "lead", *, yes: bool = True, now: str = NOW, run: str = RUN.id) -> None:
    answer(deployment(), run, name, by, yes, "as planned", now)


def want(wish: Wish, at: str = LATER, **more: Any) -> Order:
    return put_order(deployment(), RUN.id, Order(wish, "lead", "because", at, **more))


def stale(monkeypatch: pytest.MonkeyPatch, meanwhile: Any) -> None:
    """After a command has looked at the run, and before it writes, something else happens."""
    look = Deployment.view

    def then(self: Deployment, run_id: str) -> RunView | None:
        seen = look(self, run_id)
        meanwhile()
        return seen

    monkeypatch.setattr(Deployment, "view", then)


# Answers


def test_an_answer_is_written_where_the_run_reads_it(store: Store) -> None:
    store.ask(RUN.id, GO)

    say(yes=False)

    assert store.question(RUN.id, "go") == GO.but(
        answer="no", answered_by="lead", answered_at=NOW, reason="as planned", via="command"
    )


def test_whoever_wrote_the_plan_does_not_answer_it_unless_it_says_so(store: Store) -> None:
    store.ask(RUN.id, GO)
    plan_is(replace(night_of.PLAN, author="Lead"))
    with pytest.raises(AuthorAnswers, match="lead wrote the plan, and it does not say that its author may answer go"):
        say()
    assert store.question(RUN.id, "go") == GO

    say(by="app")
    assert (store.question(RUN.id, "go") or GO).answer == "yes"


def test_a_plan_can_let_its_author_answer(store: Store) -> None:
    store.ask(RUN.id, GO)
    night = replace(night_of.PLANNED, go=replace(night_of.PLANNED.go, author_may=True))
    plan_is(replace(night_of.PLAN, author="lead", night=night))
    say()
    assert (store.question(RUN.id, "go") or GO).answered_by == "lead"


def test_a_step_may_be_done_by_whoever_wrote_the_plan(store: Store) -> None:
    step = replace(GO, name="power_off-1")
    store.ask(RUN.id, step)
    plan_is(replace(night_of.PLAN, author="lead"))
    say("power_off-1")
    assert (store.question(RUN.id, "power_off-1") or step).answer == "yes"


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"run": "demo-cutover-9"}, NoSuchRun, "no run demo-cutover-9 is known here"),
        (
            {"name": "users"},
            NoSuchQuestion,
            r"asks no users; it asked: go; open questions are go \(of lead, app, by 2026-11-28T22:40",
        ),
        ({"by": "intern"}, NotAsked, "go is not asked of intern, but of lead, app"),
        ({"by": "lea"}, NotAsked, "go is not asked of lea, but"),
        ({"now": DEADLINE}, TooLate, "was to be answered by 2026-11-28T22:40:00Z; no answer counts any more"),
    ],
)
def test_an_answer_that_does_not_count_changes_nothing_and_says_why(
    store: Store, given: dict[str, Any], error: type[NotTaken], words: str
) -> None:
    store.ask(RUN.id, GO)

    with pytest.raises(error, match=words):
        say(**given)

    assert store.question(RUN.id, "go") == GO


def test_the_first_answer_counts_and_is_named_to_the_second_even_if_it_is_the_same(store: Store) -> None:
    store.ask(RUN.id, GO)
    say(yes=False)

    for by, yes in (("app", True), ("lead", False)):
        with pytest.raises(AlreadyAnswered, match=f"lead said no at {NOW}: as planned; the first answer counts"):
            say(by=by, yes=yes)

    assert store.question(RUN.id, "go").answered_by == "lead"  # type: ignore[union-attr]  # it was asked


def test_an_answer_that_loses_to_the_closing_of_its_question_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ask(RUN.id, GO)
    stale(monkeypatch, lambda: store.close_question(RUN.id, "go"))

    with pytest.raises(TooLate):
        say()

    assert store.question(RUN.id, "go") == GO.but(closed=True)


def test_an_answer_to_a_question_that_was_asked_anew_in_between_is_not_taken_for_the_new_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ask(RUN.id, GO)
    again = iter(["2026-11-28T22:20:01Z", "2026-11-28T22:20:02Z"])
    stale(monkeypatch, lambda: store.ask_again(RUN.id, GO.but(asked=next(again))))

    with pytest.raises(Raced, match="changed in the same moment, and nothing was written"):
        say()

    assert store.question(RUN.id, "go").answer is None  # type: ignore[union-attr]  # it was asked


def test_an_answer_to_a_run_that_ends_in_the_same_moment_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ask(RUN.id, GO)
    ends: dict[str, Any] = {"status": RunStatus.FAILED, "outcome": Outcome.FAILED}
    stale(monkeypatch, lambda: store.update_run(RUN.id, **ends))

    with pytest.raises(RunEnded, match=r"has ended \(Failed\)"):
        say()

    assert store.question(RUN.id, "go") == GO


def test_a_run_whose_execution_died_still_takes_an_answer(store: Store) -> None:
    store.ask(RUN.id, GO)
    store.update_run(RUN.id, status=RunStatus.FAILED, outcome=Outcome.FAILED, interrupted=True)

    say()

    assert store.question(RUN.id, "go").answer == "yes"  # type: ignore[union-attr]  # it was asked


@pytest.mark.parametrize("called", ["power off", "Power Off", "power_off-1"])
def test_a_step_is_called_by_its_name_or_by_its_number(store: Store, called: str) -> None:
    store.ask(RUN.id, night_of.MANUAL)

    assert question_of_step(viewed(), night_of.PLAN, called) == "power_off-1"


def test_of_a_step_that_is_done_and_undone_the_open_question_is_meant(store: Store) -> None:
    store.ask(RUN.id, night_of.MANUAL.but(answer="yes", closed=True))
    store.ask(RUN.id, night_of.UNDO)

    assert question_of_step(viewed(), night_of.PLAN, "power off") == "undo-power_off-1"
    assert question_of_step(viewed(), night_of.PLAN, "power_off-1") == "power_off-1"


def test_a_step_that_is_not_asked_for_is_not_done(store: Store) -> None:
    store.ask(RUN.id, GO)

    assert question_of_step(viewed(), night_of.PLAN, "power off") == "power_off-1"
    with pytest.raises(NoSuchQuestion, match=r"asks no power_off-1; it asked: go; open questions are go"):
        say("power_off-1", "network")
    with pytest.raises(NotByHand, match="step stop web is not done by hand: the run does it itself"):
        question_of_step(viewed(), night_of.PLAN, "stop web")
    for called in ("go", "reboot"):
        with pytest.raises(NoSuchQuestion, match=rf"no step {called}; done by hand: power off \(power_off-1\)"):
            question_of_step(viewed(), night_of.PLAN, called)


def test_a_step_that_only_a_person_undoes_is_by_hand_too(store: Store) -> None:
    step = replace(night_of.STOP_WEB, undo=Action(Deed.MANUAL, "start web", who="app"))
    plan = replace(night_of.PLAN, night=replace(night_of.PLANNED, quiesce=(step,)))

    assert question_of_step(viewed(), plan, "stop web") == "quiesce-1"


def viewed() -> RunView:
    view = deployment().view(RUN.id)
    assert view is not None
    return view


# Orders


def a_night(store: Store, night: NightRecord) -> None:
    store.write_night(RUN.id, night.but(version=store.night(RUN.id).version))


def the_machines(store: Store) -> None:
    store.write_wave(RUN.id, WaveRecord(1, "db"))
    statuses = [MachineStatus.FAILED, MachineStatus.VERIFIED, MachineStatus.NOT_STARTED, MachineStatus.POSTPONED]
    target = [TargetRecord("i-1"), TargetRecord("i-2"), None, None]
    machines = [
        record(label=f"db{n}", name=f"DB{n}.example.com", id=f"m-{n}", position=n, status=status, target=target[n - 1])
        for n, status in enumerate(statuses, 1)
    ]
    lost = record(label="db5", name="db5", id="m-5", position=5, status=MachineStatus.UNKNOWN, target=None)
    store.write_machines(RUN.id, 1, [*machines, lost])


def test_an_order_is_written_where_the_run_reads_it_and_taken_up_once(store: Store) -> None:
    a_night(store, night_of.HELD)

    order = want(Wish.RESUME)

    assert store.order(RUN.id) == order == Order(Wish.RESUME, "lead", "because", LATER)
    with pytest.raises(
        OrderPending, match=f"lead has ordered resume at {LATER}, and the run takes that up at its next"
    ):
        want(Wish.ROLLBACK)
    store.take_order(RUN.id, order)
    assert want(Wish.ROLLBACK).wish is Wish.ROLLBACK


def test_of_two_orders_at_once_one_is_written(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    a_night(store, night_of.HELD)
    other = Order(Wish.ROLLBACK, "app", "no", LATER)
    seen: list[int] = []

    def meanwhile() -> None:
        if not seen:
            seen.append(1)
            item = {"pk": f"RUN#{RUN.id}", "sk": "ORDER", **other.to_json()}
            wired = {name: TypeSerializer().serialize(value) for name, value in item.items()}
            client("dynamodb").put_item(TableName="table", Item=wired)

    stale(monkeypatch, meanwhile)

    with pytest.raises(OrderPending, match="app has ordered rollback"):
        want(Wish.RESUME)
    assert store.order(RUN.id) == other


@pytest.mark.parametrize(
    ("night", "wish", "error", "words"),
    [
        (night_of.OFF, Wish.RESUME, NothingHeld, "does not hold: there is nothing to resume"),
        (night_of.ASKED_GO, Wish.ROLLBACK, DoorsOpen, "nothing to roll back. To end it: cutover abort"),
        (
            night_of.OPENED,
            Wish.ROLLBACK,
            DataStays,
            r"on the targets from 2026-11-29T00:50:00Z to 2026-11-29T01:30:00Z: all of it would stay on the stopped "
            "targets.*--data-stays",
        ),
        (night_of.SWITCHING, Wish.ROLLBACK, DataStays, "from 2026-11-29T00:50:00Z to 2026-11-29T01:30:00Z"),
        (night_of.COMMITTED, Wish.ROLLBACK, NoWayBack, "committed at 2026-12-02T01:00:00Z"),
        (night_of.GOES_BACK, Wish.ROLLBACK, GoesBack, "goes back since .* by the plan's rule: .*; and is on its way"),
        (night_of.BACK, Wish.ROLLBACK, GoesBack, "users are on the source since 2026-11-29T00:10:00Z"),
        (night_of.OPENED, Wish.ACCEPT, NotToJudge, "what is said of db1 changes nothing any more"),
        (night_of.GOES_BACK, Wish.VERIFY, NotToJudge, "the run goes back: what is said of db1 changes nothing"),
    ],
)
def test_an_order_that_the_night_does_not_take_is_refused_in_words(
    store: Store, night: NightRecord, wish: Wish, error: type[NotTaken], words: str
) -> None:
    a_night(store, night)
    the_machines(store)

    with pytest.raises(error, match=words):
        want(wish, machine="db1" if wish in (Wish.ACCEPT, Wish.VERIFY) else "")

    assert store.order(RUN.id) is None


def test_a_hold_takes_no_order_after_its_deadline(store: Store) -> None:
    a_night(store, night_of.HELD)

    with pytest.raises(NothingHeld, match="held until 2026-11-29T11:40:00Z, and takes no order any more"):
        want(Wish.RESUME, at="2026-11-29T11:40:00Z")


def test_whoever_knows_that_data_stays_goes_back(store: Store) -> None:
    a_night(store, night_of.OPENED)

    assert want(Wish.ROLLBACK, data_stays=True).data_stays
    assert store.order(RUN.id) is not None


def test_a_rollback_before_the_switch_asks_for_nothing_more(store: Store) -> None:
    a_night(store, night_of.OFF)

    want(Wish.ROLLBACK)

    assert store.order(RUN.id) is not None


@pytest.mark.parametrize(
    ("before", "meanwhile", "wish", "error"),
    [
        (night_of.OFF, night_of.SWITCHING, Wish.ROLLBACK, DataStays),
        (night_of.OFF, night_of.GOES_BACK, Wish.ROLLBACK, GoesBack),
        (night_of.OPENED, night_of.COMMITTED, Wish.ROLLBACK, NoWayBack),
        (night_of.HELD, night_of.OFF, Wish.RESUME, NothingHeld),
    ],
)
def test_an_order_that_loses_to_the_night_is_refused(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    before: NightRecord,
    meanwhile: NightRecord,
    wish: Wish,
    error: type[NotTaken],
) -> None:
    a_night(store, before)
    stale(monkeypatch, lambda: a_night(store, meanwhile))

    with pytest.raises(error):
        want(wish, data_stays=before is night_of.OPENED)

    assert store.order(RUN.id) is None


def test_a_machine_is_named_as_the_run_calls_it(store: Store) -> None:
    a_night(store, night_of.HELD)
    the_machines(store)

    assert want(Wish.ACCEPT, machine="db1.EXAMPLE.com").machine == "db1"
    assert store.order(RUN.id).machine == "db1"  # type: ignore[union-attr]  # it was written


@pytest.mark.parametrize(
    ("wish", "machine", "error", "words"),
    [
        (Wish.VERIFY, "db9", NoSuchMachine, "no machine db9; its machines are db1, db2, db3, db4, db5"),
        (Wish.ACCEPT, "db2", NotToJudge, "db2 is verified already"),
        (Wish.VERIFY, "db3", NotToJudge, "db3 is not judged yet"),
        (Wish.VERIFY, "db4", NotToJudge, "db4 is postponed: it was not launched"),
        (Wish.ACCEPT, "db5", NotToJudge, "db5 is unknown, and no target of it is known: there is nothing to accept"),
    ],
)
def test_a_machine_that_has_no_verdict_to_change_is_refused(
    store: Store, wish: Wish, machine: str, error: type[NotTaken], words: str
) -> None:
    a_night(store, night_of.HELD)
    the_machines(store)

    with pytest.raises(error, match=words):
        want(wish, machine=machine)

    assert store.order(RUN.id) is None


def test_a_machine_of_which_nobody_knows_a_target_may_be_judged_again(store: Store) -> None:
    a_night(store, night_of.HELD)
    the_machines(store)

    assert want(Wish.VERIFY, machine="db5").machine == "db5"


def test_a_run_that_has_ended_takes_no_order(store: Store) -> None:
    a_night(store, night_of.HELD)
    store.update_run(RUN.id, status=RunStatus.FAILED, outcome=Outcome.FAILED)

    with pytest.raises(RunEnded, match=r"has ended \(Failed\); nothing it is told counts"):
        want(Wish.RESUME)


def test_a_test_run_takes_no_order(store: Store) -> None:
    store.claim(replace(RUN, id="demo-test-1", mode=Mode.TEST))

    with pytest.raises(NotOrdered, match="is a test: it takes nothing from users"):
        put_order(deployment(), "demo-test-1", Order(Wish.RESUME, "lead", "", NOW))


def test_an_aborted_run_goes_back_by_itself(store: Store) -> None:
    a_night(store, night_of.OFF)
    cancel()

    with pytest.raises(GoesBack, match=r"was aborted by lead at .*: it goes back at its next look"):
        want(Wish.ROLLBACK)


# Aborts


def cancel() -> RunView:
    return abort(deployment(), RUN.id, "lead", "not tonight", LATER)


@pytest.mark.parametrize("night", [night_of.ASKED_GO, night_of.OFF, night_of.HELD])
def test_until_the_switch_an_abort_is_taken(store: Store, night: NightRecord) -> None:
    a_night(store, night)

    assert cancel().night == store.night(RUN.id)
    assert store.run(RUN.id).aborted


@pytest.mark.parametrize(
    ("night", "words"),
    [
        (
            night_of.OPENED,
            r"users are on the targets since .*: nothing goes back by an abort.*cutover rollback .*--data-stays",
        ),
        (night_of.SWITCHING, "users may be on the targets since 2026-11-29T00:50:00Z"),
        (night_of.GOES_BACK, "goes back already since 2026-11-28T23:40:00Z"),
    ],
)
def test_an_abort_that_cannot_do_what_it_says_is_refused(store: Store, night: NightRecord, words: str) -> None:
    a_night(store, night)

    with pytest.raises(NotAborted, match=words):
        cancel()

    assert not store.run(RUN.id).aborted


def test_an_abort_that_loses_to_the_switch_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    a_night(store, night_of.OFF)
    stale(monkeypatch, lambda: a_night(store, night_of.SWITCHING))

    with pytest.raises(NotAborted, match="users may be on the targets"):
        cancel()

    assert not store.run(RUN.id).aborted


def test_a_run_that_was_stopped_is_left_for_good_wherever_it_was(store: Store) -> None:
    a_night(store, night_of.OPENED)
    store.update_run(RUN.id, status=RunStatus.FAILED, outcome=Outcome.FAILED, interrupted=True)

    cancel()

    assert store.run(RUN.id).aborted


def test_a_hold_on_the_way_back_can_be_resumed(store: Store) -> None:
    hold = Hold(Part.POWER_ON, "2026-11-29T01:00:00Z", "2026-11-29T13:00:00Z", "nobody powered it on")
    a_night(store, night_of.GOES_BACK.but(hold=hold))

    assert want(Wish.RESUME).wish is Wish.RESUME


def test_an_instant_is_never_before_what_the_run_has_recorded(store: Store) -> None:
    a_night(store, night_of.OFF.but(progressed="2999-01-01T00:00:00Z"))
    assert deployment().now(viewed()) == "2999-01-01T00:00:00Z"

    a_night(store, night_of.OFF)
    assert "2026" <= deployment().now(viewed()) < "2999"
