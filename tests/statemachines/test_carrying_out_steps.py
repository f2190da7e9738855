"""The steps of a night through their function: written before they are done, done once, undone in reverse."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import boto3
import pytest

import next_part
from cutover import deeds, step
from cutover.cloudendure import CloudEndure
from cutover.deeds import SENT, Deeds, Done
from cutover.errors import AwsUnavailable, ServiceUnavailable
from cutover.guest import Command, CommandState, Guest
from cutover.instants import after, instant
from cutover.night_records import Back, Hold, Holder, Part, StepState, Wish
from cutover.planned_night import Action, Deed, OnStepFailure, PlannedStep
from tests.statemachines.evening import RUN, Evening, a_hook, by_hand, evening
from tests.statemachines.interpreter import REGION, Context

NOW = "2026-11-28T09:00:00Z"
PROOF = (Action(Deed.HTTP, "hooks:/proof"),)
WEB, DB = a_hook("web"), a_hook("db")


def test_the_doors_are_closed_step_by_step_and_the_end_is_after_the_last_one() -> None:
    with evening(quiesce=(WEB, DB)) as it:
        began = it.now
        it.hooks.heard = lambda path: it.later(30)
        answer = it.call(Part.QUIESCE)

        assert (answer["verdict"], answer["tell"], answer["reason"]) == ("done", "closed", "quiesce is done")
        assert it.hooks.posted == ["/web", "/db"]
        assert it.states() == ["done", "done"]
        assert (it.night.closed, it.night.since, it.night.holder) == (began, began, Holder.NOBODY)
        assert instant(it.night.quiesced) > instant(began) + 2 * (instant(after(began, 30)) - instant(began))
        assert it.night.done == {"quiesce": it.night.quiesced}
        assert [each.run for each in it.store.closed_runs()] == [RUN]
        assert json.loads(it.hooks.got[0][2]) == {"cutover": f"{RUN} quiesce web"}


def test_everything_is_written_before_it_is_done() -> None:
    seen: dict[str, Any] = {}
    with evening(switch=(WEB,)) as it:
        it.hooks.heard = lambda path: seen.update(
            step=it.step(Part.SWITCH), night=it.night, closed=it.store.closed_runs()
        )
        it.call(Part.SWITCH)

        assert (seen["step"].state, seen["step"].token) == (StepState.BEGUN, None)
        assert seen["night"].closed == seen["night"].switching is not None
        assert seen["night"].holder is Holder.NOBODY
        assert seen["closed"]
        assert it.step(Part.SWITCH).token == SENT


def test_a_look_closes_nothing() -> None:
    look = PlannedStep("look", Action(Deed.HTTP, "hooks:/health"), 600)
    with evening(quiesce=(look,)) as it:
        it.hooks.status = 503
        assert it.call(Part.QUIESCE)["verdict"] == "wait"
        it.hooks.status = 200
        assert it.call(Part.QUIESCE)["verdict"] == "done"
        assert it.night.closed is None
        assert it.states() == ["done"]


# Once


def dies(it: Evening) -> None:
    """The function is killed once its deed has reached the other side."""

    def do(self: Deeds, action: Action) -> Done:
        carried_out(self, action)
        raise MemoryError

    carried_out = Deeds.do
    with patch.object(Deeds, "do", do), pytest.raises(MemoryError):
        it.call(Part.QUIESCE)


def test_a_step_whose_function_died_is_not_done_again_and_without_a_proof_a_person_looks() -> None:
    with evening(quiesce=(a_hook("web", OnStepFailure.HOLD),)) as it:
        dies(it)
        answer = it.call(Part.QUIESCE)

        assert (answer["verdict"], answer["rule"]) == ("failed", "hold")
        assert "whether web was carried out is not known; look, then resume" in answer["reason"]
        assert it.hooks.posted == ["/web"]
        assert it.states() == ["failed"]
        it.try_again(Part.QUIESCE)
        assert it.call(Part.QUIESCE)["verdict"] == "done"
        assert it.hooks.posted == ["/web", "/web"], "somebody has looked and wants it done again"


def test_a_step_whose_function_died_is_done_when_its_proof_says_so() -> None:
    with evening(quiesce=(a_hook("web", proof=PROOF),)) as it:
        it.hooks.by_path["/proof"] = 503
        dies(it)
        deadline = it.step().deadline
        waits = it.call(Part.QUIESCE)
        assert waits["verdict"] == "wait"
        assert waits["wait_seconds"] > 0
        it.hooks.by_path["/proof"] = 200
        assert it.call(Part.QUIESCE)["verdict"] == "done"
        assert it.hooks.posted == ["/web"]
        assert it.step().deadline == deadline


def test_a_deed_without_an_answer_is_not_known_to_be_done() -> None:
    with evening(quiesce=(WEB,)) as it:
        it.hooks.status = 0
        answer = it.call(Part.QUIESCE)
        assert (answer["verdict"], answer["rule"]) == ("failed", "undo")
        assert "gave no answer" in answer["reason"]
        assert "is not known" in answer["reason"]
        assert it.hooks.posted == ["/web"]


def test_of_two_functions_at_once_one_gives_way() -> None:
    with evening(quiesce=(WEB,)) as it:
        others: list[str] = []

        def another(path: str) -> None:
            it.hooks.heard = None
            others.append(it.call(Part.QUIESCE)["verdict"])

        it.hooks.heard = another
        with pytest.raises(AwsUnavailable, match="two writers"):
            it.call(Part.QUIESCE)
        assert others == ["failed"]
        assert it.states() == ["failed"], "what was decided meanwhile stays"
        assert it.hooks.posted == ["/web"]


def test_what_was_surely_not_sent_is_sent_by_the_next_call() -> None:
    with evening(quiesce=(a_hook("web", proof=PROOF),)) as it:
        with patch.object(Deeds, "do", side_effect=AwsUnavailable("patience")), pytest.raises(AwsUnavailable):
            it.call(Part.QUIESCE)
        assert it.hooks.posted == []
        assert it.call(Part.QUIESCE)["verdict"] == "done"
        assert it.hooks.posted == ["/web"], "though its proof held before"
        with patch.object(Deeds, "do", side_effect=AwsUnavailable("patience")), pytest.raises(AwsUnavailable):
            it.call(Part.OPEN_DOORS)
        assert it.states() == ["done"]
        it.call(Part.OPEN_DOORS)
        assert it.hooks.posted == ["/web", "/unweb"]


def test_a_step_is_begun_only_with_time_to_do_it() -> None:
    with evening(quiesce=(WEB,)) as it:
        answer = it.call(Part.QUIESCE, seconds_left=200)
        assert (answer["verdict"], answer["wait_seconds"]) == ("wait", 1)
        assert it.hooks.posted == []
        assert it.steps() == []


def test_a_command_is_sent_once_and_followed() -> None:
    ssm = PlannedStep("web", Action(Deed.SSM, "stop-web", nodes=("i-1",)), 600)
    states = [CommandState.PENDING, CommandState.PENDING, CommandState.PASSED]
    with evening(quiesce=(ssm,)) as it, patch.object(Guest, "status", lambda *_: Command(states.pop(0), "i-1 so")):
        answer = it.call(Part.QUIESCE)
        assert (answer["verdict"], it.states()) == ("wait", ["begun"])
        assert it.until_settled(Part.QUIESCE)["verdict"] == "done"
        (sent,) = boto3.client("ssm", REGION).list_commands()["Commands"]
        assert it.step().token == sent["CommandId"]
        assert sent["Comment"] == f"{RUN} quiesce web"


def test_a_command_that_is_not_over_by_the_deadline_has_failed() -> None:
    ssm = PlannedStep("web", Action(Deed.SSM, "stop-web", nodes=("i-1",)), 600)
    pending = patch.object(Guest, "status", lambda *_: Command(CommandState.PENDING, "i-1 not reached"))
    with evening(quiesce=(ssm,)) as it, pending:
        began = it.now
        answer = it.until_settled(Part.QUIESCE)
        assert (answer["verdict"], answer["rule"]) == ("failed", "undo")
        assert answer["reason"].endswith(f"not by {after(began, 600)}: command {it.step().token}: i-1 not reached")


# Failures and the way back


def test_a_step_that_fails_is_followed_by_its_rule() -> None:
    steps = (a_hook("web", OnStepFailure.CONTINUE), a_hook("db", OnStepFailure.HOLD), a_hook("fs"))
    with evening(quiesce=steps) as it:
        it.hooks.by_path |= {"/web": 500, "/db": 404}
        answer = it.call(Part.QUIESCE)
        assert (answer["verdict"], answer["rule"]) == ("failed", "hold")
        assert answer["reason"] == f"step db: {it.hooks.url}/db answers 404"
        assert it.states() == ["failed", "failed"]
        assert it.call(Part.QUIESCE) == answer
        it.hooks.by_path["/db"] = 200
        it.try_again(Part.QUIESCE)
        answer = it.call(Part.QUIESCE)
        assert answer["verdict"] == "done"
        assert answer["reason"] == (
            f"quiesce is done; web failed, and the plan goes on without it ({it.hooks.url}/web answers 500)"
        )
        assert it.hooks.posted == ["/web", "/db", "/db", "/fs"]


def test_what_was_begun_is_undone_in_reverse_and_once() -> None:
    with evening(quiesce=(WEB, DB, a_hook("fs"))) as it:
        it.hooks.by_path["/db"] = 500
        assert it.call(Part.QUIESCE)["rule"] == "undo"
        it.later(60)
        answer = it.call(Part.OPEN_DOORS)
        assert answer["verdict"] == "done"
        assert it.hooks.posted == ["/web", "/db", "/undb", "/unweb"]
        assert it.states() == ["undone", "undone"]
        assert it.night.holder is Holder.SOURCE
        assert it.night.reopened == it.night.since == it.now
        assert it.store.closed_runs() == []
        assert it.call(Part.OPEN_DOORS)["verdict"] == "done"
        assert len(it.hooks.posted) == 4, "nothing is undone twice"


def test_what_cannot_be_undone_calls_a_person_who_may_do_it_by_hand() -> None:
    with evening(quiesce=(WEB, a_hook("db", undo_proof=PROOF))) as it:
        it.call(Part.QUIESCE)
        it.hooks.by_path |= {"/undb": 500, "/proof": 503}
        answer = it.call(Part.OPEN_DOORS)
        assert (answer["verdict"], answer["rule"]) == ("failed", "hold")
        assert it.hooks.posted == ["/web", "/db", "/undb"], "what was closed before is not opened before"
        it.hooks.by_path["/proof"] = 200
        it.try_again(Part.OPEN_DOORS)
        assert it.call(Part.OPEN_DOORS)["verdict"] == "done"
        assert it.hooks.posted == ["/web", "/db", "/undb", "/unweb"]
        assert it.steps()[1].seen.startswith("somebody has seen to it: ")


def test_a_step_without_an_undo_is_passed_over_on_the_way_back() -> None:
    with evening(quiesce=(WEB, a_hook("db", undo=None))) as it:
        it.call(Part.QUIESCE)
        assert it.call(Part.OPEN_DOORS)["verdict"] == "done"
        assert it.hooks.posted == ["/web", "/db", "/unweb"]
        assert it.states() == ["undone", "undone"]


@pytest.mark.parametrize("how", ["rollback", "abort"])
def test_a_run_that_is_to_go_back_begins_no_further_step(how: str) -> None:
    with evening(quiesce=(WEB, DB)) as it:

        def heard(path: str) -> None:
            if how == "rollback":
                it.order(Wish.ROLLBACK)
            else:
                it.store.update_run(RUN, aborted=True)

        it.hooks.heard = heard
        answer = it.call(Part.QUIESCE)
        assert answer["verdict"] == "interrupted"
        assert it.hooks.posted == ["/web"]
        it.hooks.heard = None
        assert it.call(Part.OPEN_DOORS)["verdict"] == "done"
        assert it.hooks.posted == ["/web", "/unweb"]


def test_users_are_not_shut_out_after_the_last_moment() -> None:
    look = PlannedStep("look", Action(Deed.HTTP, "hooks:/health"), 600)
    with evening(quiesce=(look, WEB)) as it:
        moment = after(it.now, 4 * 3600)
        it.later(4 * 3600)
        answer = it.call(Part.QUIESCE)
        assert (answer["verdict"], answer["rule"]) == ("failed", "undo")
        assert moment in answer["reason"]
        assert it.hooks.posted == []
        assert (it.night.closed, it.night.holder) == (None, Holder.SOURCE)
        assert it.store.closed_runs() == []


def test_once_users_are_shut_out_no_step_is_too_late() -> None:
    with evening(quiesce=(WEB,), power_off=(DB,)) as it:
        it.call(Part.QUIESCE)
        closed = it.night.closed
        it.later(5 * 3600)
        assert it.call(Part.POWER_OFF)["verdict"] == "done"
        assert it.night.closed == closed


# Steps that people do


def test_a_person_is_asked_once_and_says_that_it_is_done() -> None:
    with evening(quiesce=(by_hand(),)) as it:
        asked = it.call(Part.QUIESCE)
        assert (asked["verdict"], asked["tell"], asked["question"]) == ("wait", "asked", "quiesce-1")
        assert it.question().by == ("network",)
        assert it.question().deadline == it.step().deadline == after(it.now, 600)
        assert it.night.holder is Holder.NOBODY, "from now on it may be done"
        again = it.call(Part.QUIESCE)
        assert (again["verdict"], again["tell"]) == ("wait", "")
        it.say("yes")
        assert it.call(Part.QUIESCE)["verdict"] == "done"
        assert it.question().closed
        assert it.step().seen == "done by network"


def test_a_person_who_is_late_was_too_late() -> None:
    with evening(quiesce=(by_hand(),)) as it:
        assert it.until_settled(Part.QUIESCE)["verdict"] == "failed"
        assert it.question().closed
        with pytest.raises(it.store._table.meta.client.exceptions.ConditionalCheckFailedException):
            it.say("yes")
        answer = it.call(Part.QUIESCE)
        assert (answer["verdict"], answer["rule"]) == ("failed", "undo")
        assert f"network did not say by {it.question().deadline} that it is done" in answer["reason"]


def test_a_person_who_cannot_is_asked_anew_when_it_is_tried_again() -> None:
    with evening(quiesce=(by_hand(OnStepFailure.HOLD),)) as it:
        it.call(Part.QUIESCE)
        it.say("no", reason="the console is down")
        answer = it.call(Part.QUIESCE)
        assert (answer["verdict"], answer["rule"]) == ("failed", "hold")
        assert answer["reason"] == "step off: network could not do it: the console is down"
        it.later(900)
        it.try_again(Part.QUIESCE)
        asked = it.call(Part.QUIESCE)
        assert (asked["verdict"], asked["tell"]) == ("wait", "asked")
        assert it.question().answer is None
        assert it.question("quiesce-1.1").answer == "no"
        it.say("yes")
        assert it.call(Part.QUIESCE)["verdict"] == "done"


def test_what_was_answered_before_does_not_answer_what_is_asked_anew() -> None:
    with evening(quiesce=(by_hand(OnStepFailure.HOLD),)) as it:
        it.call(Part.QUIESCE)
        it.say("no")
        it.call(Part.QUIESCE)
        it.try_again(Part.QUIESCE)
        with patch.object(type(it.store), "set_aside", side_effect=MemoryError), pytest.raises(MemoryError):
            it.call(Part.QUIESCE)
        answer = it.call(Part.QUIESCE)
        assert (answer["verdict"], answer["tell"]) == ("wait", "asked")


def test_a_question_that_was_put_just_before_the_function_died_is_not_put_twice() -> None:
    with evening(quiesce=(by_hand(),)) as it:
        write = type(it.store).advance_step
        with patch.object(type(it.store), "advance_step", side_effect=MemoryError), pytest.raises(MemoryError):
            it.call(Part.QUIESCE)
        it.say("yes")
        assert write is type(it.store).advance_step
        assert it.call(Part.QUIESCE)["verdict"] == "done"
        assert [each.name for each in it.store.questions(RUN)] == ["quiesce-1"]


def test_what_a_person_has_done_is_proved_within_the_steps_time_from_then() -> None:
    with evening(power_off=(by_hand(proof=PROOF),)) as it:
        it.hooks.by_path["/proof"] = 503
        it.call(Part.POWER_OFF)
        it.later(590)
        it.say("yes", "power_off-1")
        waits = it.call(Part.POWER_OFF)
        deadline = after(it.now, 600)
        assert waits["verdict"] == "wait"
        assert it.step(Part.POWER_OFF).deadline == deadline
        answer = it.until_settled(Part.POWER_OFF)
        assert answer["verdict"] == "failed"
        assert it.step(Part.POWER_OFF).deadline == deadline
        assert f"not by {deadline}" in answer["reason"]


def test_what_is_undone_need_not_be_done_any_more() -> None:
    with evening(quiesce=(by_hand(),)) as it:
        it.call(Part.QUIESCE)
        asked = it.call(Part.OPEN_DOORS)
        assert (asked["tell"], asked["question"]) == ("asked", "undo-quiesce-1")
        assert it.question("quiesce-1").closed
        assert it.question("undo-quiesce-1").text == "power it on"
        it.say("yes", "undo-quiesce-1")
        assert it.call(Part.OPEN_DOORS)["verdict"] == "done"
        assert it.states() == ["undone"]


# The service


SILENT = (Action(Deed.AGENTS_SILENT, ""),)


def test_sources_that_the_service_hears_are_not_off() -> None:
    with evening(power_off=(a_hook("off", proof=SILENT),)) as it:
        answer = it.call(Part.POWER_OFF)
        assert answer["verdict"] == "wait"
        assert "the service heard of db01" in answer["reason"]
        with patch.object(step.Step, "listed", side_effect=ServiceUnavailable("GET", "/machines", 503, "")):
            answer = it.call(Part.POWER_OFF)
        assert answer["verdict"] == "wait"
        assert "does not say whom it hears" in answer["reason"]
        with patch.object(step.Step, "listed", return_value=[]):
            assert "not every source is known" in it.call(Part.POWER_OFF)["reason"]
        with patch.object(deeds, "SILENT", 0 * deeds.SILENT):
            assert it.call(Part.POWER_OFF)["verdict"] == "done"


def test_the_quiesce_ends_by_the_services_clock_or_not_yet() -> None:
    away = patch.object(CloudEndure, "licences", side_effect=ServiceUnavailable("GET", "/licenses", 503, ""))
    with evening(quiesce=(WEB,)) as it:
        it.call(Part.QUIESCE, seconds_left=0)  # a look at the clock
        with away, pytest.raises(ServiceUnavailable):
            it.call(Part.QUIESCE)
        assert it.states() == ["done"], "users are shut out all the same"
        assert it.night.quiesced is None
        it.later(60)
        assert it.call(Part.QUIESCE)["verdict"] == "done"
        assert it.night.quiesced == after(it.now, 1)
        with away:
            assert it.call(Part.OPEN_DOORS)["verdict"] == "done", "the way back needs no service"
        assert it.store.run(RUN).clock == "local"


# Seen from outside


def test_users_are_on_the_targets_once_they_are_seen_to_serve() -> None:
    with evening(quiesce=(WEB,), probe=(Action(Deed.HTTP, "hooks:/health"),)) as it:
        it.call(Part.QUIESCE)
        it.hooks.status = 503
        assert it.call(Part.PROBE)["verdict"] == "wait"
        assert it.night.opened is None
        it.hooks.status = 200
        answer = it.call(Part.PROBE)
        assert (answer["verdict"], answer["tell"]) == ("done", "switched")
        assert it.night.holder is Holder.TARGET
        assert it.night.opened == it.night.since == it.now
        assert it.store.closed_runs() == []


@pytest.mark.parametrize(
    ("planned", "part"),
    [
        ({"power_off": (WEB,), "switch": (DB,)}, Part.POWER_OFF),
        ({"switch": (DB,)}, Part.SWITCH),
        ({"quiesce": (PlannedStep("look", Action(Deed.HTTP, "hooks:/health"), 600),), "switch": (DB,)}, Part.SWITCH),
    ],
)
def test_whichever_part_shuts_users_out_it_is_told_and_once(planned: dict[str, Any], part: Part) -> None:
    with evening(**planned, probe=(Action(Deed.HTTP, "hooks:/health"),)) as it:
        told = {each: it.call(Part(each))["tell"] for each in planned}
        assert [name for name, tell in told.items() if tell] == [part.value]
        assert told[part.value] == "closed"
        assert it.night.holder is Holder.NOBODY
        assert it.call(Part.PROBE)["tell"] == "switched"


def test_targets_that_nobody_sees_serve_call_a_person() -> None:
    with evening(quiesce=(WEB,), probe=(Action(Deed.HTTP, "hooks:/health", status=204),)) as it:
        it.call(Part.QUIESCE)
        answer = it.until_settled(Part.PROBE)
        assert (answer["verdict"], answer["rule"]) == ("failed", "hold")
        assert it.night.opened is None


# Tried again, through the function that decides what comes next


@pytest.mark.parametrize("part", [Part.QUIESCE, Part.OPEN_DOORS])
def test_an_order_to_resume_tries_the_step_again_that_brought_its_part_to_a_halt(part: Part) -> None:
    steps = (a_hook("web", OnStepFailure.CONTINUE), a_hook("db", OnStepFailure.HOLD))
    back = Back("lead", "not tonight", NOW, automatic=False) if part is Part.OPEN_DOORS else None
    with evening(quiesce=steps) as it:
        it.hooks.by_path |= {"/web": 500, "/db": 500 if part is Part.QUIESCE else 200, "/undb": 500}
        it.call(Part.QUIESCE)
        answer = it.call(part)
        assert answer["rule"] == "hold"
        done = {each.value: NOW for each in (Part.STOP_TARGETS, Part.UNDO_SWITCH, Part.POWER_ON)}
        hold = Hold(part, it.now, after(it.now, 3600), answer["reason"])
        it.store.write_night(RUN, it.night.but(hold=hold, back=back, done={**it.night.done, **(done if back else {})}))
        it.order(Wish.RESUME)

        context: Any = Context()
        following = next_part.handler({"run": RUN, "said": "", "error": ""}, context)
        assert following["part"] == part
        assert it.states() == (["failed", "again"] if part is Part.QUIESCE else ["failed", "undo_again"])
        it.hooks.by_path.clear()
        assert it.call(part)["verdict"] == "done"
        assert it.hooks.posted[-1] == ("/db" if part is Part.QUIESCE else "/unweb")
