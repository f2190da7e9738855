"""The takeover sheet reads true at every point of a night: who serves users, what is open, what to do by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cli.sheet import lines
from cutover.finding import Finding
from cutover.night_records import (
    Hold,
    Holder,
    NightRecord,
    Order,
    Part,
    QuestionRecord,
    StepRecord,
    StepState,
    Wish,
)
from cutover.plan import Mode, Plan
from cutover.planned_night import Action, Deed, PlannedStep
from cutover.records import MachineRecord, MachineStatus, Outcome, Phase, RunStatus, TargetRecord, WaveRecord
from cutover.takeover import Sheet, sheet
from tests.unit import night_of
from tests.unit.records_of import record, run

RUN = run().id
ARN = "arn:aws:states:eu-central-1:123456789012:execution:plan:demo-1"
WAVE_ARN = "arn:aws:states:eu-central-1:123456789012:execution:wave:w-1"
STOPPED = StepRecord(
    Part.QUIESCE,
    1,
    "stop web",
    StepState.DONE,
    "2026-11-28T22:41:00Z",
    "2026-11-28T22:51:00Z",
    done="2026-11-28T22:51:03Z",
)
STOPPING = STOPPED.but(state=StepState.BEGUN, done=None, seen="c-1 is under way")
OFF = StepRecord(
    Part.POWER_OFF, 1, "power off", StepState.DONE, "2026-11-28T22:58:40Z", "2026-11-28T23:18:40Z", done=None
)
ASKED_OFF = OFF.but(state=StepState.BEGUN)
SWITCHED = StepRecord(Part.SWITCH, 1, "switch DNS", StepState.DONE, "2026-11-29T00:50:00Z", "2026-11-29T01:00:00Z")
OPEN_GO = night_of.GO.but(answer=None, answered_by="", answered_at=None, closed=False)


def machines(status: MachineStatus = MachineStatus.NOT_STARTED, target: str | None = None) -> list[MachineRecord]:
    made = TargetRecord(target, ("10.0.0.4",), ("3.4.5.6",)) if target else None
    second = record(label="db02", position=1, id="m-db02", instance_before=None, target=None)
    return [record(status=status, target=made), second.but(status=status)]


def waves(phase: Phase = Phase.WAITING, some: list[MachineRecord] | None = None, **more: Any) -> Any:
    return [(WaveRecord(1, "db", phase=phase, **more), some or machines())]


LAUNCHED: dict[str, Any] = {
    "jobs": ("j-1",),
    "attempts": 1,
    "started": "2026-11-28T22:59:40Z",
    "job_deadline": "2026-11-29T00:00:00Z",
    "last_line": "Finished starting converters",
    "execution": WAVE_ARN,
}
FOLLOWED = waves(Phase.FOLLOWING, machines(target="i-new"), **LAUNCHED)
GOOD = waves(Phase.ENDED, machines(MachineStatus.VERIFIED, "i-new"), **LAUNCHED, followed=True, job_status="completed")
BAD = [
    record(status=MachineStatus.VERIFIED, target=TargetRecord("i-new", ("10.0.0.4",))),
    record(
        label="db02",
        position=1,
        id="m-db02",
        status=MachineStatus.FAILED,
        target=TargetRecord("i-bad"),
        findings=(Finding("status_checks", "impaired", "ok", "look"),),
    ),
]
FAILED = waves(Phase.ENDED, BAD, **LAUNCHED)


def at(
    night: NightRecord,
    now: str,
    steps: Any = (),
    questions: Any = (),
    of: Any = None,
    plan: Plan = night_of.PLAN,
    order: Order | None = None,
    **more: Any,
) -> Sheet:
    return sheet(plan, run(execution=ARN, **more), night, steps, questions, of or waves(), now, order)


def said(made: Sheet) -> str:
    return "\n".join(lines(made))


def hands(doings: Any) -> list[str]:
    return [f"{each.part} | {each.what} | {each.command}" for each in doings]


def test_before_go_nothing_is_touched_and_all_of_the_night_is_to_come() -> None:
    made = at(NightRecord(), "2026-11-28T21:05:00Z")

    assert made.production == "SOURCE. Nobody was shut out."
    assert made.stands == "It is in check."
    assert made.open == ()
    assert made.back == ()
    assert made.clock == (
        "Nobody was shut out. Downtime is estimated at 2:30:00.",
        "Last moment to shut users out: 2026-11-29T00:00:05Z, in 2:55:05.",
        "Last moment to turn back and be open within the window: 2026-11-29T02:30:05Z, in 5:25:05.",
        "The window ends: 2026-11-29T04:00:05Z, in 6:55:05.",
    )
    assert [each.part for each in made.forward] == [
        "check",
        "go",
        "check again",
        "quiesce",
        "zero loss",
        "power off",
        *["wave db"] * 3,
        "users",
        "switch",
        "probe",
        "soak",
        "commit",
        "commit",
    ]
    assert "Nothing so far: no target was launched, and none deleted." in made.never
    assert made.hands_off == (f"End it: cutover abort {RUN} --by YOU --reason WHY (nothing was taken from users).",)


def test_the_go_that_is_asked_stands_with_its_deadline_and_both_answers() -> None:
    made = at(night_of.ASKED_GO, "2026-11-28T22:15:00Z", questions=[OPEN_GO])

    assert made.stands == "It is in go."
    (question,) = made.open
    assert question.deadline == "2026-11-28T22:40:00Z"
    assert question.what == "go of lead: May users be shut out?"
    assert question.commands == (
        f"yes: cutover approve {RUN} go --by lead",
        f"no: cutover approve {RUN} go --by lead --no --reason WHY",
    )
    assert hands(made.forward)[0].startswith("go | get the word of lead for shutting users out")
    (late,) = at(night_of.ASKED_GO, "2026-11-28T22:40:00Z", questions=[OPEN_GO]).open
    assert "TOO LATE" in late.what
    assert late.commands == ()


def test_while_it_quiesces_a_begun_step_is_to_be_looked_at_before_it_is_repeated() -> None:
    closing = night_of.CLOSED.but(quiesced=None, done={"go": "2026-11-28T22:40:00Z"})
    made = at(closing, "2026-11-28T22:45:00Z", [STOPPING], [night_of.GO])

    assert made.production == "NOBODY since 2026-11-28T22:41:00Z. Users are shut out."
    assert made.stands == "It is in quiesce."
    assert made.clock[0] == "Downtime so far is 04:00, estimated 2:30:00: 2:26:00 left."
    assert [each.what for each in made.open] == [
        "step quiesce-1 stop web is under way; seen last: c-1 is under way",
    ]
    assert made.forward[0].what.startswith("1. stop web: begun 2026-11-28T22:41:00Z, see first whether it is done:")
    assert made.forward[0].command.startswith("aws ssm send-command --document-name stop-web")
    assert made.back[0].what.startswith("undo 1. stop web: run document start-web")
    assert "go: lead said yes" in [each.what for each in made.done]


def test_while_zero_loss_is_waited_for_the_instant_to_be_later_than_is_said() -> None:
    made = at(night_of.CLOSED, "2026-11-28T22:55:00Z", [STOPPED])

    assert made.stands == "It is in zero loss."
    assert "backlog 0, and consistent later than 2026-11-28T22:51:03Z; if not within 30:00, go back" in said(made)
    assert "quiesce" not in [each.part for each in made.forward]
    assert made.hands_off[0].startswith("To have the run go back by itself instead, losing nothing: cutover rollback")


def test_a_step_done_by_hand_is_asked_for_with_its_command_and_its_words() -> None:
    made = at(night_of.PROVED, "2026-11-28T23:00:00Z", [STOPPED, ASKED_OFF], [night_of.MANUAL])

    assert made.stands == "It is in power off."
    assert f"done: cutover done {RUN} power_off-1 --by network" in made.open[0].commands
    assert made.forward[0].what.endswith("network: power off, disable autostart")
    assert [each.what for each in made.back] == [
        "undo 1. power off: network: power on",
        "undo 1. stop web: run document start-web; see that its command ends well",
        "see that users reach the source, and tell them",
    ]


def test_with_the_sources_off_the_launch_is_said_with_what_it_deletes() -> None:
    made = at(night_of.OFF, "2026-11-28T22:59:35Z", [STOPPED, OFF])

    assert made.stands == "It is in wave."
    assert made.forward[0].what == (
        "in the service's console, project Demo, once no job is open there: select db01, db02; launch target machines; "
        "cutover mode; continue. Once only. It deletes i-old (db01)."
    )
    assert made.never == (
        "Nothing so far: no target was launched, and none deleted.",
        "A launch will delete: i-old (db01).",
    )
    assert made.jobs == ()


def test_on_mgn_the_launch_is_said_in_the_words_of_its_console() -> None:
    on_mgn = replace(night_of.PLAN, service="mgn", project="")
    made = at(night_of.OFF, "2026-11-28T22:59:35Z", [STOPPED, OFF], plan=on_mgn)

    assert made.forward[0].what == (
        "in the service's console, region eu-central-1, once none of them is in a job: select db01, db02; under Test "
        "and cutover mark as ready for cutover what is not; launch cutover instances; launch. 200 at a time. "
        "Once only. It deletes i-old (db01)."
    )


def test_after_a_launch_nobody_is_told_to_launch_again() -> None:
    made = at(night_of.OFF, "2026-11-28T23:20:00Z", [STOPPED, OFF], of=FOLLOWED)

    assert made.forward[0].what == "do NOT launch again: follow job j-1 in the service's console to its end"
    assert not [each for each in made.forward if "launch target machines" in each.what]
    assert made.jobs == (
        "wave db: job j-1 was not seen to end; deadline 2026-11-29T00:00:00Z; last line: Finished starting converters",
    )
    assert "The launch has deleted, or deletes, the targets before: i-old (db01)." in made.never
    assert "db01 [db] source m-db01 -> i-new (10.0.0.4, 3.4.5.6): not_started" in said(made)
    stop = hands(made.back)[0]
    assert stop == (
        "stop targets | stop the targets; never terminate them | "
        "aws ec2 stop-instances --instance-ids i-new --region eu-central-1"
    )
    assert [each for each in made.hands_off if each.startswith("Stop the execution")] == [
        f"Stop the execution: aws stepfunctions stop-execution --execution-arn {arn} --region eu-central-1"
        for arn in (ARN, WAVE_ARN)
    ]


def test_a_launch_without_a_job_is_looked_for_and_not_repeated() -> None:
    made = at(night_of.OFF, "2026-11-28T23:20:00Z", of=waves(Phase.LAUNCHING, attempts=1))

    assert made.jobs == ("wave db: a launch was sent and no job of it is known; look in the service's console",)
    assert made.forward[0].what.startswith("do NOT launch again: follow the job")
    unsent = at(night_of.OFF, "2026-11-28T23:20:00Z", of=waves(Phase.LAUNCHING, attempts=1, unsent=1))
    assert "launch target machines" in unsent.forward[0].what


def test_a_hold_after_a_failed_machine_says_every_way_on() -> None:
    made = at(night_of.HELD, "2026-11-29T02:00:00Z", [STOPPED, OFF], of=FAILED)

    assert made.stands == (
        "It holds at wave since 2026-11-28T23:40:00Z, until 2026-11-29T11:40:00Z: wave db: db02 failed."
    )
    hold = made.open[0]
    assert hold.deadline == "2026-11-29T11:40:00Z"
    assert [each.split(": ")[-1].split(" --")[0] for each in hold.commands] == [
        f"cutover verify {RUN} MACHINE",
        f"cutover accept {RUN} MACHINE",
        f"cutover resume {RUN}",
        f"cutover rollback {RUN}",
    ]
    assert "--data-stays" not in hold.commands[-1]
    assert made.forward[0].what.startswith("look at the targets of db02:")
    assert made.forward[0].command.endswith("--instance-ids i-bad --region eu-central-1")
    assert "db02 [db] source m-db02 -> i-bad (no address known): failed  status_checks: impaired" in said(made)
    assert made.clock[:2] == (
        "Downtime so far is 3:19:00, estimated 2:30:00: OVER by 49:00.",
        "Users were expected back by 2026-11-29T01:11:00Z.",
    )
    assert "Last moment to turn back and be open within the window: 2026-11-29T02:30:05Z, in 30:05." in made.clock


def test_what_an_operator_ordered_is_open_until_it_is_taken_up() -> None:
    order = Order(Wish.RESUME, "lead", "", "2026-11-29T02:00:00Z")
    made = at(night_of.HELD, "2026-11-29T02:00:00Z", of=FAILED, order=order)

    assert "resume ordered by lead at 2026-11-29T02:00:00Z: taken up at the next look" in [e.what for e in made.open]


def test_when_users_are_asked_for_the_switch_is_still_to_come() -> None:
    made = at(night_of.OFF, "2026-11-29T00:10:00Z", [STOPPED, OFF], [night_of.USERS], GOOD)

    assert made.stands == "It is in users."
    assert [each.part for each in made.forward] == ["users", "switch", "probe", "soak", "commit", "commit"]
    assert "get the word of lead or app for letting users onto the targets" in made.forward[0].what
    assert made.forward[1].command.startswith("aws lambda invoke --function-name dns-switch")
    assert made.forward[2].what == "from outside, see that https://erp.example.com/health answers 200"
    assert made.jobs == ("wave db: job j-1 completed; last line: Finished starting converters",)


def test_once_the_switch_began_going_back_names_what_stays() -> None:
    made = at(night_of.SWITCHING, "2026-11-29T00:55:00Z", [STOPPED, OFF, SWITCHED], of=GOOD)

    assert made.stands == "It is in switch."
    assert made.production.startswith("NOBODY")
    assert "What users entered on the targets from 2026-11-29T00:50:00Z to now is on the targets only." in made.never
    assert " --data-stays " in made.hands_off[0]
    assert [each.part for each in made.back] == [
        "stop targets",
        "stop targets",
        "undo switch",
        "power on",
        "open doors",
        "open doors",
    ]


def test_in_the_soak_users_are_on_the_targets_and_no_moment_to_turn_back_is_left() -> None:
    made = at(night_of.OPENED, "2026-11-29T06:00:00Z", [STOPPED, OFF, SWITCHED], of=GOOD)

    assert made.production == "TARGET since 2026-11-29T00:58:00Z. Users are on the targets."
    assert made.stands == "It is in soak."
    assert made.clock == (
        "Downtime was 2:17:00, estimated 2:30:00: 13:00 left.",
        "The window ends: 2026-11-29T04:00:05Z, PASSED 1:59:55 ago.",
    )
    assert made.forward[0].what == "watch the application until 2026-12-02T00:58:00Z"
    assert made.forward[-1].command == (
        "aws ec2 modify-instance-attribute --disable-api-termination --instance-id i-new --region eu-central-1"
    )


def test_committed_is_committed() -> None:
    made = at(night_of.COMMITTED, "2026-12-02T01:01:00Z", [STOPPED, OFF, SWITCHED], of=GOOD)

    assert made.stands == "It is in end."
    assert made.forward == ()
    assert "Committed at 2026-12-02T01:00:00Z: the run does not go back any more." in made.never
    assert not [each for each in made.hands_off if "rollback" in each]


def test_on_the_way_back_only_the_way_back_is_said_and_nothing_is_undone_twice() -> None:
    stopped = night_of.GOES_BACK.but(
        stopped=("i-new",), done={**night_of.OFF.done, "stop_targets": "2026-11-28T23:50:00Z"}
    )
    on_again = OFF.but(state=StepState.UNDONE, undone="2026-11-28T23:55:00Z")
    made = at(stopped, "2026-11-28T23:56:00Z", [STOPPED, on_again], of=FAILED)

    assert made.stands == (
        "It goes back to the source, in open doors; going back since 2026-11-28T23:40:00Z by the plan's rule: "
        "wave db: db02 failed."
    )
    assert made.forward == ()
    assert [each.part for each in made.back] == ["open doors", "open doors"]
    assert "stopped by the way back" in said(made)
    assert "step power_off-1 power off undone" in [each.what for each in made.done]


def test_an_abort_behind_closed_doors_is_a_way_back_before_the_run_has_seen_it() -> None:
    made = at(night_of.OFF, "2026-11-28T23:10:00Z", [STOPPED, OFF], aborted=True, aborted_by="lead", abort_reason="no")

    assert made.stands == "It goes back to the source, in power on."
    assert made.forward == ()


def test_a_way_back_by_hand_says_that_users_are_shut_out_again_and_what_stays() -> None:
    made = at(night_of.STOPPED_BY_HAND, "2026-11-29T03:15:00Z", [STOPPED, OFF, SWITCHED], of=GOOD)

    assert made.production == "NOBODY since 2026-11-29T03:05:00Z. Users are shut out."
    assert "Users are shut out AGAIN since 2026-11-29T03:05:00Z, 10:00 by now." in made.clock
    assert (
        "What users entered on the targets from 2026-11-29T00:50:00Z to 2026-11-29T03:05:00Z is on the targets only."
        in made.never
    )
    assert "way back began by lead: orders are lost" in [each.what for each in made.done]


def test_rolled_back_users_are_on_the_source_and_nothing_is_left() -> None:
    ended: dict[str, Any] = {
        "status": RunStatus.SUCCEEDED,
        "outcome": Outcome.ROLLED_BACK,
        "ended": "2026-11-29T00:11:00Z",
    }
    made = at(night_of.BACK, "2026-11-29T00:20:00Z", [STOPPED], of=FAILED, **ended)

    assert made.production == "SOURCE since 2026-11-29T00:10:00Z. Its doors are open again."
    assert made.stands == "It has ended RolledBack at 2026-11-29T00:11:00Z. It does nothing more."
    assert made.clock[0] == "Downtime was 1:29:00, estimated 2:30:00: 1:01:00 left."
    assert (made.open, made.forward, made.back) == ((), (), ())


def test_a_hold_that_ended_failed_leaves_both_ways_to_people() -> None:
    ended: dict[str, Any] = {"status": RunStatus.FAILED, "outcome": Outcome.FAILED, "ended": "2026-11-29T11:40:00Z"}
    made = at(night_of.HELD, "2026-11-29T12:00:00Z", [STOPPED, OFF], of=FAILED, **ended)

    assert made.production.startswith("NOBODY")
    assert "people do the rest by hand" in made.stands
    assert [each.what for each in made.open] == ["the rest: on to the targets, or back to the source, by hand"]
    assert made.forward[0].part == "wave db"
    assert made.back[0].part == "stop targets"
    assert made.clock[0].startswith("Downtime so far is 13:19:00")


def test_a_dead_execution_is_said_first_and_how_to_leave_it_for_good() -> None:
    died: dict[str, Any] = {"status": RunStatus.FAILED, "outcome": Outcome.FAILED, "interrupted": True}
    made = at(night_of.OFF, "2026-11-28T23:20:00Z", [STOPPED, OFF], of=FOLLOWED, **died)

    assert made.stands == "It is in wave. Its execution has DIED: nothing goes on until the run is started again."
    assert made.hands_off == (
        f"Its execution is dead. So that nobody starts the run again: cutover abort {RUN} --by YOU --reason WHY",
    )
    left = at(night_of.OFF, "2026-11-28T23:20:00Z", of=FOLLOWED, aborted=True, **died)
    assert left.hands_off == ("Its execution is dead, and the run is aborted: nobody can start it again.",)


def test_a_wave_that_was_not_launched_behind_closed_doors_is_launched_by_hand_with_why_it_was_not() -> None:
    held = night_of.OFF.but(hold=Hold(Part.WAVE, "2026-11-28T23:40:00Z", "2026-11-29T11:40:00Z", "not ready"))
    not_ready = waves(Phase.ENDED, machines(MachineStatus.POSTPONED), reason="db01 postponed")
    made = at(held, "2026-11-28T23:45:00Z", [STOPPED, OFF], of=not_ready)

    assert made.forward[0].what.startswith("not launched by the run (db01 postponed): in the service's console")


def test_a_test_takes_nothing_and_has_no_way_back() -> None:
    made = at(NightRecord(), "2026-11-28T21:10:00Z", of=FOLLOWED, mode=Mode.TEST)

    assert made.production == "SOURCE. This run shuts nobody out and moves no users."
    assert (made.clock, made.back) == ((), ())
    assert {each.part for each in made.forward} == {"wave db"}
    assert "records a cutover" not in said(made)


def test_the_sheet_is_json_too_and_every_moment_says_who_serves_users() -> None:
    for name, night in night_of.EVERY_MOMENT.items():
        made = at(night, "2026-12-02T02:00:00Z", [STOPPED, OFF, SWITCHED], [night_of.GO], GOOD)
        assert json.loads(json.dumps(made.to_json()))["production"] == made.production, name
        assert made.production.split(" ")[0].rstrip(".") == night.holder.value.upper(), name
        assert "success" not in said(made).casefold()
        if night.holder is Holder.NOBODY:
            assert made.back, name


@pytest.mark.parametrize(
    ("action", "words", "command"),
    [
        (
            Action(Deed.SSM, "stop", {"k": ["it's"]}, nodes=("i-1", "mi-2")),
            "run document stop on i-1, mi-2",
            """aws ssm send-command --document-name stop --parameters '{"k": ["it'"'"'s"]}' --instance-ids i-1 mi-2 """
            "--region eu-central-1",
        ),
        (
            Action(Deed.WEBHOOK, "https://x.example.com/off", {"a": 1}, secret="hook"),
            "with the secret hook as bearer token",
            "curl -i -X POST -H 'content-type: application/json' -d '{\"a\": 1}' https://x.example.com/off "
            '-H "authorization: Bearer $(aws secretsmanager get-secret-value --secret-id hook --region eu-central-1 '
            '--query SecretString --output text)"',
        ),
        (Action(Deed.TCP, "db:1433", closed=True), "nothing answers at db:1433", "nc -z -v db 1433"),
        (Action(Deed.HTTP, "https://x/", contains="ok"), "https://x/ answers 200 with 'ok'", "curl -i https://x/"),
        (Action(Deed.AGENTS_SILENT, ""), "no source of the plan in contact any more", ""),
        (Action(Deed.MANUAL, "route it", who="net"), "net: route it", ""),
    ],
)
def test_what_a_step_does_is_said_in_words_and_as_a_command(action: Action, words: str, command: str) -> None:
    planned = replace(night_of.PLANNED, quiesce=(PlannedStep("it", action, 60),))
    made = at(
        night_of.ASKED_GO.but(done={"check_again": "2026-11-28T22:40:00Z"}),
        "2026-11-28T22:41:00Z",
        plan=replace(night_of.PLAN, night=planned),
    )

    assert words in made.forward[0].what
    assert made.forward[0].command == command


def test_a_question_that_somebody_answered_is_done_and_not_open() -> None:
    answered: QuestionRecord = night_of.USERS.but(
        answer="no", answered_by="app", answered_at="2026-11-29T00:20:00Z", reason="login fails"
    )
    made = at(night_of.OFF, "2026-11-29T00:21:00Z", questions=[answered], of=GOOD)

    assert made.open == ()
    assert "users: app said no: login fails" in [each.what for each in made.done]
