"""A whole night in process: doors closed, zero loss, launch, switch, commit; and every way it can go wrong and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from cutover.instants import text
from cutover.night_records import Holder, NightRecord, Order, Wish
from cutover.plan import Mode, OnFailure, Plan, PollBounds
from cutover.planned_night import Action, Approval, Deed, OnSilence, OnStepFailure, PlannedStep
from cutover.planned_night import Night as PlannedNight
from stage.simulator import Simulator
from tests.statemachines.evening import a_hook
from tests.statemachines.interpreter import Handler, load_handlers
from tests.statemachines.night import TABLE, Night, a_night, a_plan, a_wave, a_world
from tests.statemachines.test_killed import Killer
from tests.systems_manager import managed_nodes
from tests.unit.hooked import Server, hooked

LEAD = "lead@example.com"
WORLD = {"db01": {"tested": "9d"}}
YES = {"go": "yes", "users": "yes", "commit": "yes"}
FORWARD = ["/web", "/db", "/off", "/dns"]
SERVICES = ["cloudendure", "mgn"]


def the_night(url: str, **changes: Any) -> PlannedNight:
    def step(given: PlannedStep) -> PlannedStep:
        do, undo = given.do, given.undo
        assert undo is not None
        return replace(
            given,
            do=replace(do, subject=do.subject.replace("hooks:", url)),
            undo=replace(undo, subject=undo.subject.replace("hooks:", url)),
        )

    asked = Approval((LEAD,), 1800)
    planned = PlannedNight(
        window=7 * 3600,
        estimate=2 * 3600,
        reserve=3600,
        go=replace(asked, on_silence=OnSilence.POSTPONE),
        users=replace(asked, on_silence=OnSilence.HOLD),
        commit=replace(asked, on_silence=OnSilence.END),
        quiesce=(step(a_hook("web")), step(a_hook("db"))),
        power_off=(step(a_hook("off")),),
        switch=(step(a_hook("dns", OnStepFailure.HOLD)),),
        probe=(Action(Deed.HTTP, f"{url}/health"),),
        soak=900,
        hold=2400,
        zero_loss_wait=1200,
    )
    return replace(planned, **changes)


@dataclass
class People:
    """Who answers what, and orders what, while time passes."""

    answers: dict[str, str] = field(default_factory=lambda: dict(YES))
    orders: list[tuple[Callable[[NightRecord], bool], Wish]] = field(default_factory=list)
    night: Night | None = None

    def while_waiting(self, simulator: Simulator, seconds: float) -> None:
        simulator.advance(seconds)
        if self.night is None or not self.night.run_id:
            return
        table, run, now = boto3.resource("dynamodb").Table(TABLE), self.night.run_id, text(simulator.clock.now())
        for question in self.night.store.questions(run):
            answer = self.answers.get(question.name)
            if answer and question.answer is None and not question.closed:
                table.update_item(
                    Key={"pk": f"RUN#{run}", "sk": f"QUESTION#{question.name}"},
                    UpdateExpression="SET answer = :answer, answered_by = :by, answered_at = :now",
                    ExpressionAttributeValues={":answer": answer, ":by": LEAD, ":now": now},
                )
        seen = self.night.store.night(run)
        for when, wish in self.orders[:1]:
            if when(seen) and self.night.store.order(run) is None:  # the command takes one order at a time
                self.orders.pop(0)
                give(self.night, wish)


def give(night: Night, wish: Wish, machine: str = "") -> None:
    """What the command for an order writes."""
    order = Order(wish, LEAD, "so it is decided", text(night.simulator.clock.now()), machine, data_stays=True)
    boto3.resource("dynamodb").Table(TABLE).put_item(
        Item={"pk": f"RUN#{night.run_id}", "sk": "ORDER", **order.to_json()},
        ConditionExpression="attribute_not_exists(pk)",
    )


@dataclass
class Whole:
    """A night, what is called in it, who answers."""

    night: Night
    hooks: Server
    people: People
    plan: Plan

    def carry_out(self) -> str | None:
        self.night.run(self.plan, Mode.CUTOVER)
        return self.night.outcome()

    @property
    def record(self) -> NightRecord:
        return self.night.store.night(self.night.run_id)

    def instance(self) -> dict[str, Any]:
        """The target of db01, as EC2 has it."""
        found = self.night.ec2.describe_instances(InstanceIds=[self.night.target_of("db01")])
        return dict(found["Reservations"][0]["Instances"][0])


@contextmanager
def a_whole_night(
    people: People | None = None,
    rule: OnFailure = OnFailure.HOLD,
    world: dict[str, Any] | None = None,
    handlers: dict[str, Handler] | None = None,
    service: str = "cloudendure",
    **changes: Any,
) -> Iterator[Whole]:
    people = people or People()
    scenario = a_world(world or WORLD)
    with hooked() as hooks, a_night(scenario, handlers=handlers, waited=people.while_waiting) as night:
        people.night = night
        wave = a_wave("db", "db01", poll=PollBounds(minimum=240, maximum=900), on_failure=rule, verify_deadline=600)
        plan = a_plan(wave, night=the_night(hooks.url, **changes), service=service)
        night.verified_before(plan, "db01")
        yield Whole(night, hooks, people, plan)


@pytest.mark.parametrize("service", SERVICES)
def test_a_whole_night(service: str) -> None:
    with a_whole_night(service=service) as it:
        assert it.carry_out() == "CutOver"
        assert it.hooks.posted == FORWARD
        night, evidence = it.record, it.night.evidence()
        assert (night.holder, night.committed is not None, night.back) == (Holder.TARGET, True, None)
        parts = [each["part"] for each in evidence["night"]["parts"]]
        assert parts == [
            *("check", "go", "check_again", "quiesce", "zero_loss", "power_off", "users", "switch", "probe", "soak"),
            "commit",
        ]
        assert [each["holder"] for each in evidence["production"]] == ["source", "nobody", "target"]
        assert evidence["night"]["downtime_seconds"] > 0
        now = text(it.night.simulator.clock.now())
        assert str(night.committed) <= evidence["run"]["ended"] <= now, "the night's end, not that of its last wave"
        told = [each["news"] for each in it.night.news()]
        assert told == [
            *("started", "asked", "closed", "proved", "launched", "asked", "switched", "asked", "ended"),
        ]
        attribute = it.night.ec2.describe_instance_attribute(
            InstanceId=it.night.target_of("db01"), Attribute="disableApiTermination"
        )
        assert attribute["DisableApiTermination"]["Value"] is True
        assert it.night.launches() == 1


@pytest.mark.parametrize(
    ("failing", "begun", "outcome"),
    [
        ("/web", ["/web"], "RolledBack"),
        ("/db", ["/web", "/db"], "RolledBack"),
        ("/off", ["/web", "/db", "/off"], "RolledBack"),
        ("/dns", FORWARD, "Failed"),
    ],
)
def test_a_step_that_fails_is_undone_with_all_that_was_begun_before_it(
    failing: str, begun: list[str], outcome: str
) -> None:
    with a_whole_night() as it:
        it.hooks.by_path[failing] = 500
        assert it.carry_out() == outcome
        undone = [f"/un{name.strip('/')}" for name in reversed(begun)]
        assert it.hooks.posted == begun + (undone if outcome == "RolledBack" else [])
        said = it.night.told()["text"]
        if outcome == "RolledBack":
            assert it.record.holder is Holder.SOURCE
            assert "Production: SOURCE" in said
        else:  # the rule is hold, and nobody came
            assert it.record.holder is Holder.NOBODY
            assert "Production: NOBODY" in said
            assert it.night.told("held")["production"]["holder"] == "nobody"


@pytest.mark.parametrize("service", SERVICES)
def test_targets_that_fail_are_stopped_and_the_sources_serve_again(service: str) -> None:
    world = {"db01": {"tested": "9d", "launch": [{"mode": "cutover", "checks": "impaired"}]}}
    with a_whole_night(rule=OnFailure.STOP, world=world, service=service) as it:
        assert it.carry_out() == "RolledBack"
        assert it.instance()["State"]["Name"] == "stopped"
        assert it.hooks.posted == ["/web", "/db", "/off", "/unoff", "/undb", "/unweb"]
        assert it.night.statuses() == {"db01": "rolled_back"}
        back = it.night.evidence()["night"]["back"]
        assert (back["automatic"], back["data_stays"]) == (True, None)


def test_zero_loss_that_is_not_proved_opens_the_doors_again() -> None:
    with a_whole_night() as it, patch("prove_zero_loss._lacks", lambda *_: "backlog 12 bytes"):
        assert it.carry_out() == "RolledBack"
        assert it.night.launches() == 0
        assert it.hooks.posted == ["/web", "/db", "/undb", "/unweb"]
        assert "zero loss was not proved" in it.night.told()["text"]


def test_nobody_answers_whether_users_may_be_let_in() -> None:
    with a_whole_night(People({"go": "yes"})) as it:
        assert it.carry_out() == "Failed"
        assert it.record.holder is Holder.NOBODY
        assert "Production: NOBODY" in it.night.told()["text"]
        assert "nobody answered users" in it.night.told("held")["text"]
        assert it.hooks.posted == FORWARD[:3], "nothing is changed by an end of a hold"
        assert it.instance()["State"]["Name"] == "running"


def test_a_hold_that_nobody_takes_up_ends_at_its_deadline_and_changes_nothing() -> None:
    with a_whole_night() as it:
        it.hooks.by_path["/dns"] = 500
        assert it.carry_out() == "Failed"
        hold, run = it.record.hold, it.night.store.run(it.night.run_id)
        assert hold is not None
        assert hold.deadline <= str(run.ended)
        assert hold.deadline in it.night.told("held")["text"], "said when it began"
        assert f"nobody took up the hold by {hold.deadline}" in str(run.reason)
        assert it.hooks.posted == FORWARD
        assert it.instance()["State"]["Name"] == "running"
        assert it.night.told()["text"].startswith("FAILED")
        assert "NOBODY SERVES USERS" in it.night.told()["text"]
        assert f"cutover takeover {run.id}" in it.night.told()["text"]


@pytest.mark.parametrize(("answer", "outcome"), [("no", "Postponed"), ("", "Postponed")])
def test_without_a_yes_to_go_nothing_is_touched(answer: str, outcome: str) -> None:
    with a_whole_night(People({"go": answer})) as it:
        assert it.carry_out() == outcome
        assert it.hooks.posted == []
        assert it.record == it.record.but(holder=Holder.SOURCE, closed=None)
        asked = it.night.evidence()["night"]["questions"][0]["asked"]
        assert it.night.evidence()["run"]["ended"] > asked, "when it was decided, not when the run began"
        assert it.night.launches() == 0


def test_a_no_to_users_goes_back_and_the_second_attempt_succeeds() -> None:
    with a_whole_night(People({"go": "yes", "users": "no"})) as it:
        assert it.carry_out() == "RolledBack"
        first = it.night.target_of("db01")
        assert it.instance()["State"]["Name"] == "stopped"
        it.people.answers = dict(YES)
        it.hooks.got.clear()
        it.night.simulator.advance(3600)
        assert it.carry_out() == "CutOver", it.night.findings("db01")
        assert it.night.target_of("db01") != first
        assert "rolled back by run" in it.night.findings("db01")
        assert it.hooks.posted == FORWARD


def test_an_operator_goes_back_after_users_were_let_in_and_the_data_that_stays_is_named() -> None:
    orders = [(lambda night: night.opened is not None, Wish.ROLLBACK)]
    with a_whole_night(People({"go": "yes", "users": "yes"}, orders)) as it:
        assert it.carry_out() == "RolledBack"
        assert it.hooks.posted == [*FORWARD, "/undns", "/unoff", "/undb", "/unweb"]
        assert it.instance()["State"]["Name"] == "stopped"
        stays = it.night.evidence()["night"]["back"]["data_stays"]
        assert stays["from"] <= str(it.record.opened)
        assert stays["from"] in it.night.told("going_back")["text"]
        assert [each["holder"] for each in it.night.evidence()["production"]] == [
            "source",
            "nobody",
            "target",
            "nobody",
            "source",
        ]


def test_a_held_switch_is_resumed_and_the_night_goes_on() -> None:
    orders = [(lambda night: night.hold is not None, Wish.RESUME)]
    with a_whole_night(People(dict(YES), orders)) as it:
        it.hooks.by_path["/dns"] = 500

        def mended(path: str) -> None:
            if it.hooks.posted.count("/dns") == 2:
                it.hooks.by_path.clear()

        it.hooks.heard = mended
        assert it.carry_out() == "CutOver"
        assert it.hooks.posted == [*FORWARD, "/dns"]


@pytest.mark.parametrize("wish", [Wish.ACCEPT, Wish.VERIFY])
def test_what_is_said_of_a_machine_before_a_hold_keeps_no_later_order_from_being_given(wish: Wish) -> None:
    """It is carried out at whatever part comes next: an order that waited for a hold would bar the way back."""

    def close_wave(event: dict[str, Any]) -> Any:
        answer = handlers["CloseWave"](event)
        if not said:  # judged, and the run has not looked yet what comes of that
            said.append(wish)
            night = it.night
            night.run_id = event["run"]
            give(night, wish, "db01")
        return answer

    said: list[Wish] = []
    handlers = load_handlers()
    world = {"db01": {"tested": "9d", "launch": [{"mode": "cutover", "checks": "impaired"}]}}
    orders = [(lambda _: bool(said), Wish.ROLLBACK)]
    people = People({"go": "yes"}, orders)
    with a_whole_night(people, world=world, handlers={"CloseWave": close_wave}) as it:
        assert it.carry_out() == "RolledBack"
        assert people.orders == []
        assert it.night.store.order(it.night.run_id) is None
        assert it.hooks.posted == ["/web", "/db", "/off", "/unoff", "/undb", "/unweb"]
        assert it.instance()["State"]["Name"] == "stopped"
        assert it.night.launches() == 1
        accepted = it.night.machine("db01")["accepted"]
        assert (accepted or {}).get("by") == (LEAD if wish is Wish.ACCEPT else None)
        told = [each["news"] for each in it.night.news()]
        assert "held" not in told
        assert told.count("asked") == (2 if wish is Wish.ACCEPT else 1), "an accepted machine lets the night go on"


NIGHTLY = ["Ask", "CarryOutSteps", "CheckPlan", "ProveZeroLoss", "CommitTargets", "NextPart"]


@pytest.mark.parametrize(("function", "number"), [*((name, 1) for name in NIGHTLY), ("CarryOutSteps", 3)])
def test_a_night_killed_anywhere_goes_on_when_it_is_started_again(function: str, number: int) -> None:
    killer = Killer(function, number, after=True)
    with a_whole_night(handlers=killer.handlers) as it:
        killer.night = it.night
        it.carry_out()
        it.night.wait_for_wave()
        it.night.tell_if_dead()
        assert it.carry_out() == "CutOver"
        assert it.hooks.posted == FORWARD, "no step is done twice"
        assert it.night.launches() == 1
        assert it.night.store.run(it.night.run_id).attempt == 2
        assert json.loads(it.night.file("evidence.json"))["night"]["downtime_seconds"] > 0


def commands(node: str) -> tuple[PlannedStep, ...]:
    run = Action(Deed.SSM, "AWS-RunShellScript", {"commands": ["true"]}, (node,))
    return (PlannedStep("point users", run, 600, undo=run, on_failure=OnStepFailure.HOLD),)


def test_a_node_that_is_not_heard_of_refuses_the_night_before_anything_is_touched() -> None:
    with a_whole_night(switch=commands("mi-1")) as it, managed_nodes(boto3.client("ssm"), {}):
        assert it.carry_out() == "Refused"
        assert it.hooks.posted == []
        (finding,) = it.night.evidence()["run"]["findings"]
        assert (finding["field"], finding["severity"]) == ("nodes", "error")
        assert "mi-1, which step point users sends commands to, is not known" in it.night.told()["text"]


def test_behind_closed_doors_a_node_that_is_off_does_not_keep_a_run_from_going_on() -> None:
    """Somebody, or the run itself, has powered it off: refused now, the run would leave users with nobody."""
    nodes: dict[str, tuple[str, dict[str, str]]] = {"mi-1": ("Online", {"cutover:commands": "allowed"})}
    killer = Killer("ProveZeroLoss", 1, after=True)
    people = People({"go": "yes", "users": "no"})
    with (
        a_whole_night(people, handlers=killer.handlers, switch=commands("mi-1")) as it,
        managed_nodes(boto3.client("ssm"), nodes),
    ):
        killer.night = it.night
        it.carry_out()
        it.night.wait_for_wave()
        nodes.clear()
        assert it.carry_out() == "RolledBack"
        assert it.night.store.run(it.night.run_id).attempt == 2
        assert it.night.launches() == 1


@pytest.mark.parametrize("function", ["StopTargets", "CarryOutSteps"])
def test_a_way_back_killed_half_way_goes_on(function: str) -> None:
    killer = Killer(function, 1 if function == "StopTargets" else 3, after=False)
    with a_whole_night(People({"go": "yes", "users": "no"}), handlers=killer.handlers) as it:
        killer.night = it.night
        it.carry_out()
        it.night.wait_for_wave()
        it.night.tell_if_dead()
        assert it.carry_out() == "RolledBack"
        assert it.hooks.posted == ["/web", "/db", "/off", "/unoff", "/undb", "/unweb"]
        assert it.record.holder is Holder.SOURCE
