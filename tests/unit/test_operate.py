"""The night's commands as people type them: what they say, what they refuse, with which exit code."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from typer.testing import CliRunner

from cli.main import app
from cutover.night_records import NightRecord, Order, Wish
from cutover.records import Outcome, RunStatus, as_planned
from cutover.store import Store
from tests.unit import night_of
from tests.unit.deployed import deploy
from tests.unit.records_of import run

OUTPUTS = {"TableName": "table", "BucketName": "bucket"}
RUN = run(sha256=night_of.PLAN.sha256)
FAR = "2999-01-01T00:00:00Z"
GO = night_of.GO.but(answer=None, answered_by="", answered_at=None, closed=False, deadline=FAR)


@pytest.fixture(scope="module")
def opened() -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws():
        deploy(monkeypatch, OUTPUTS)
        made = Store.open("table", "bucket")
        made.write_plan(night_of.PLAN)
        yield made


@pytest.fixture
def store(opened: Store) -> Store:
    """Of a table with a run in it, and nothing else."""
    table = boto3.client("dynamodb")
    for item in table.scan(TableName="table")["Items"]:
        table.delete_item(TableName="table", Key={name: item[name] for name in ("pk", "sk")})
    opened.claim(RUN)
    for wave, machines in as_planned(night_of.PLAN):
        opened.write_wave(RUN.id, wave)
        opened.write_machines(RUN.id, wave.number, machines)
    return opened


def given(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80"})


def question(store: Store, name: str = "go") -> Any:
    return store.question(RUN.id, name)


def test_a_yes_is_written_and_says_who_serves_users(store: Store) -> None:
    store.ask(RUN.id, GO)

    done = given("approve", RUN.id, "go", "--by", "lead")

    assert done.exit_code == 0, done.output
    assert f"go of {RUN.id}: lead says yes, written at " in done.stdout
    assert "Production: SOURCE; users are on the source" in done.stdout
    assert (question(store).answer, question(store).answered_by) == ("yes", "lead")


def test_a_no_has_a_reason(store: Store) -> None:
    store.ask(RUN.id, GO)

    without = given("approve", RUN.id, "go", "--by", "lead", "--no")
    done = given("approve", RUN.id, "go", "--by", "lead", "--no", "--reason", "the freeze holds")

    assert (without.exit_code, done.exit_code) == (2, 0)
    assert "a no names who (--by) and why (--reason)" in without.stderr
    assert (question(store).answer, question(store).reason) == ("no", "the freeze holds")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("approve RUN users --by lead", 1, "asks no users; it asked: go; open questions are go"),
        ("approve RUN go --by intern", 1, "go is not asked of intern, but of lead"),
        ("approve demo-cutover-9 go --by lead", 1, "no run demo-cutover-9 is known here"),
        ("approve RUN power_off-1 --by network", 2, "'power_off-1' is not one of 'go', 'users', 'commit'"),
        ("approve RUN go", 2, "--by"),
        ("done RUN reboot --by network", 1, "has no step reboot; done by hand: power off (power_off-1)"),
        ("done RUN 'power off' --by network", 1, "asks no power_off-1"),
        ("done RUN 'power off' --by network --failed", 2, "a step that failed names who (--by) and why (--reason)"),
        ("resume RUN --by lead", 1, "does not hold: there is nothing to resume"),
        ("resume RUN --by ''", 2, "--by is empty"),
        ("verify RUN db09 --by lead", 1, "has no machine db09; its machines are db01, db02"),
        ("accept RUN db01 --by lead", 2, "--reason"),
        ("accept RUN db01 --by lead --reason ' '", 2, "an acceptance names who"),
        ("rollback RUN --by lead --reason why", 1, "nothing to roll back. To end it: cutover abort"),
        ("rollback RUN --by lead --reason ''", 2, "a way back names who"),
        ("takeover demo-cutover-9", 1, "no run demo-cutover-9 is known here"),
    ],
)
def test_what_is_not_taken_changes_nothing_and_is_said(store: Store, line: str, code: int, words: str) -> None:
    store.ask(RUN.id, GO)

    done = given(*shlex.split(line.replace("RUN", RUN.id)))

    assert done.exit_code == code, done.output
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""
    assert question(store) == GO
    assert store.order(RUN.id) is None


def test_a_step_done_by_hand_is_said_to_be_done_or_not(store: Store) -> None:
    store.ask(RUN.id, night_of.MANUAL.but(deadline=FAR))
    store.ask(RUN.id, night_of.UNDO.but(deadline=FAR, closed=True))
    store.write_night(RUN.id, night_of.PROVED.but(version=0))

    done = given("done", RUN.id, "power off", "--by", "network", "--failed", "--reason", "no console")

    assert done.exit_code == 0, done.output
    assert "power_off-1 of" in done.stdout
    assert "network says that it cannot be done (no console)" in done.stdout
    assert "Production: NOBODY since 2026-11-28T22:41:00Z; users are shut out" in done.stdout
    assert (question(store, "power_off-1").answer, question(store, "power_off-1").reason) == ("no", "no console")


def held(store: Store, night: NightRecord = night_of.HELD) -> None:
    hold = night.hold.but(deadline=FAR) if night.hold else None
    store.write_night(RUN.id, night.but(version=0, hold=hold))


def test_an_order_says_what_it_ordered_and_when_it_is_taken_up(store: Store) -> None:
    held(store)

    done = given("resume", RUN.id, "--by", "lead", "--reason", "disk is mended")

    assert done.exit_code == 0, done.output
    assert f"resume of {RUN.id}: ordered by lead at" in done.stdout
    assert "Production: NOBODY since" in done.stdout
    order = store.order(RUN.id)
    assert order is not None
    assert (order.wish, order.by, order.reason) == (Wish.RESUME, "lead", "disk is mended")
    second = given("rollback", RUN.id, "--by", "app", "--reason", "no")
    assert second.exit_code == 1
    assert "lead has ordered resume at" in second.stderr


def test_a_way_back_after_users_were_let_in_names_what_it_loses_and_wants_it_said(store: Store) -> None:
    held(store, night_of.OPENED)

    without = given("rollback", RUN.id, "--by", "lead", "--reason", "orders are lost")
    done = given("rollback", RUN.id, "--by", "lead", "--reason", "orders are lost", "--data-stays")

    assert (without.exit_code, done.exit_code) == (1, 0)
    assert "users may have entered data on the targets from 2026-11-29T00:50:00Z to 20" in without.stderr
    order = store.order(RUN.id)
    assert isinstance(order, Order)
    assert order.data_stays


def test_an_order_to_a_dead_execution_waits_until_it_is_started_again(store: Store) -> None:
    held(store)
    store.update_run(RUN.id, status=RunStatus.FAILED, outcome=Outcome.FAILED, interrupted=True)

    done = given("resume", RUN.id, "--by", "lead")

    assert "Its execution is dead: that is once the run is started again" in done.stdout


@pytest.mark.parametrize(
    ("night", "died", "words"),
    [
        (night_of.ASKED_GO, False, "is aborted: nothing more is launched\n"),
        (night_of.OFF, False, "nothing more is launched, and it goes back to the source at its next look"),
        (night_of.OPENED, True, "its execution is dead, and nobody starts it again"),
    ],
)
def test_an_abort_says_what_it_does_now(store: Store, night: NightRecord, died: bool, words: str) -> None:
    held(store, night)
    if died:
        store.update_run(RUN.id, status=RunStatus.FAILED, outcome=Outcome.FAILED, interrupted=True)

    done = given("abort", RUN.id, "--by", "lead", "--reason", "not tonight")

    assert done.exit_code == 0, done.output
    assert words in done.stdout
    assert "Production: " in done.stdout
    assert store.run(RUN.id).aborted_by == "lead"


def test_once_users_are_on_the_targets_an_abort_points_at_the_rollback(store: Store) -> None:
    held(store, night_of.OPENED)

    done = given("abort", RUN.id, "--by", "lead", "--reason", "not tonight")

    assert done.exit_code == 1
    assert "cutover rollback" in done.stderr
    assert not store.run(RUN.id).aborted


def test_the_sheet_is_text_and_json_and_changes_nothing(store: Store) -> None:
    held(store)
    before = boto3.client("dynamodb").scan(TableName="table")["Items"]

    text, data = given("takeover", RUN.id), given("takeover", RUN.id, "--json")

    assert (text.exit_code, data.exit_code) == (0, 0), text.output
    assert text.stdout.splitlines()[0].startswith(f"TAKEOVER of run {RUN.id} (plan demo, cutover) as recorded at 20")
    assert "PRODUCTION: NOBODY since 2026-11-28T22:41:00Z. Users are shut out." in text.stdout
    assert json.loads(data.stdout)["stands"].startswith("It holds at wave since 2026-11-28T23:40:00Z")
    assert boto3.client("dynamodb").scan(TableName="table")["Items"] == before


def test_without_a_stack_the_command_says_what_to_do(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.deployment.Deployment.__init__.__defaults__", ("Elsewhere",))

    done = given("takeover", RUN.id)

    assert done.exit_code == 1
    assert "no stack Elsewhere here" in done.stderr
