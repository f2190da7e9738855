"""People of a rehearsal: who answers what and when, and that only an answer that counts is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.crowd import Crowd
from cli.deployment import Deployment, NotTaken, RunView
from cli.orders import answer
from cutover.instants import after, instant
from cutover.night_records import QuestionRecord
from cutover.plan import Mode, plan_key
from cutover.planned_night import Action, Approval, Deed, Night, PlannedStep
from cutover.records import RunRecord
from cutover.store import Store
from stage.simulator.around import Person
from tests.unit import night_of

REGION = "eu-central-1"
ASKED = "2026-12-05T22:00:00Z"
RUN = RunRecord("demo-cutover-1", "demo", "x", Mode.CUTOVER, 1, None, ASKED)
ROUTE = PlannedStep("route", Action(Deed.MANUAL, "route it", who="net@example.com"), 600)
NIGHT = Night(3600, 600, 600, Approval(), Approval(), Approval(), quiesce=(ROUTE,))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="table",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        store = Store.open("table", "bucket")
        place: Any = {"LocationConstraint": REGION}
        boto3.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration=place)
        plan = replace(night_of.PLAN, night=NIGHT)
        boto3.client("s3").put_object(Bucket="bucket", Key=plan_key(RUN.plan, RUN.sha256), Body=plan.canonical())
        store.claim(RUN)
        yield store


def ask(store: Store, name: str = "go", by: tuple[str, ...] = ("lead@example.com",)) -> None:
    store.ask(RUN.id, QuestionRecord(name, "May it begin?", by, ASKED, after(ASKED, 1800)))


def deployment() -> Deployment:
    made = Deployment(boto3.client)
    made.__dict__["outputs"] = {"TableName": "table", "BucketName": "bucket"}
    return made


def say(name: str = "go", by: str = "lead@example.com", *, yes: bool = True, seconds: int = 60) -> None:
    answer(deployment(), RUN.id, name, by, yes, "as planned", after(ASKED, seconds))


def looked(store: Store, *people: dict[str, Any]) -> Any:
    """At each call the crowd looks, so many seconds after the question was asked."""
    crowd = Crowd([Person.model_validate(each) for each in people], partial(answer, deployment()), NIGHT)

    def look(seconds: int) -> list[str]:
        view = deployment().view(RUN.id)
        assert isinstance(view, RunView)
        return crowd.look(view, instant(ASKED) + timedelta(seconds=seconds))

    return look


def test_an_answer_is_written_where_the_run_reads_it(store: Store) -> None:
    ask(store)
    say()
    seen = store.question(RUN.id, "go")
    assert seen is not None
    assert (seen.answer, seen.answered_by, seen.answered_at) == ("yes", "lead@example.com", after(ASKED, 60))
    assert seen.reason == "as planned"


@pytest.mark.parametrize("given", [{"name": "users"}, {"by": "intern@example.com"}, {"seconds": 1800}])
def test_an_answer_that_does_not_count_changes_nothing(store: Store, given: dict[str, Any]) -> None:
    ask(store)
    with pytest.raises(NotTaken):
        say(**given)
    seen = store.question(RUN.id, "go")
    assert seen is not None
    assert seen.answer is None


def test_a_question_that_was_closed_takes_no_answer(store: Store) -> None:
    ask(store)
    store.close_question(RUN.id, "go")
    with pytest.raises(NotTaken):
        say()


def test_the_first_answer_counts(store: Store) -> None:
    ask(store, by=("lead@example.com", "app@example.com"))
    say(yes=False)
    with pytest.raises(NotTaken):
        say(by="app@example.com")
    seen = store.question(RUN.id, "go")
    assert seen is not None
    assert seen.answer == "no"


def test_people_answer_when_they_have_thought_about_it(store: Store) -> None:
    ask(store)
    look = looked(store, {"who": "lead@example.com", "answers": {"go": "yes"}, "after": "2m"})
    assert look(119) == []
    assert look(120) == ["lead@example.com says yes to go"]
    assert look(150) == []


def test_a_no_has_its_reason(store: Store) -> None:
    ask(store)
    no = {"answer": "no", "reason": "the freeze holds", "after": "10s"}
    look = looked(store, {"who": "lead@example.com", "answers": {"go": no}})
    assert look(10) == ["lead@example.com says no to go: the freeze holds"]


def test_who_is_not_listed_stays_silent(store: Store) -> None:
    ask(store)
    assert looked(store, {"who": "lead@example.com", "answers": {"users": "yes"}})(1700) == []


def test_a_late_and_a_second_answer_are_given_and_not_taken(store: Store) -> None:
    ask(store)
    late = looked(store, {"who": "lead@example.com", "answers": {"go": "yes"}, "after": "40m"})
    assert "says yes to go; not taken: " in late(2400)[0]
    twice = looked(store, {"who": "lead@example.com", "answers": {"go": {"answer": "yes", "times": 2}}})
    assert twice(60) == ["lead@example.com says yes to go"]
    assert "says yes to go; not taken: " in twice(61)[0]
    assert twice(62) == []


def test_a_manual_step_is_answered_by_its_name_and_its_undoing_apart(store: Store) -> None:
    ask(store, "quiesce-1", ("net@example.com",))
    ask(store, "undo-quiesce-1", ("net@example.com",))
    look = looked(store, {"who": "net@example.com", "answers": {"route": "yes", "undo-route": "no"}})
    assert look(60) == ["net@example.com says yes to quiesce-1", "net@example.com says no to undo-quiesce-1"]


def test_after_a_kill_nobody_answers_again(store: Store) -> None:
    ask(store)
    lead = {"who": "lead@example.com", "answers": {"go": "yes"}}
    assert looked(store, lead)(60) == ["lead@example.com says yes to go"]
    assert looked(store, lead)(61) == []


def test_a_question_that_is_asked_again_is_answered_again(store: Store) -> None:
    ask(store)
    look = looked(store, {"who": "lead@example.com", "answers": {"go": "yes"}})
    look(60)
    later = after(ASKED, 3600)
    store.ask_again(RUN.id, QuestionRecord("go", "Again?", ("lead@example.com",), later, after(later, 600)))
    assert look(3660) == ["lead@example.com says yes to go"]
