"""What people are told in a night: what they must do by when, what silence means, and the command that answers."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest

from cutover.finding import Finding
from cutover.night_records import Hold, Holder, NightRecord, Part
from cutover.plan import Mode, OnFailure, Plan
from cutover.planned_night import OnStepFailure
from cutover.records import LaunchState, MachineRecord, MachineStatus, Outcome, TargetRecord, WaveRecord
from cutover.telling.messages import Message as Sent
from cutover.telling.messages import died, ended, late, launched, started, waiting
from cutover.telling.night import closed, going_back, held, proved, silent, switched
from cutover.telling.questions import asked
from tests.unit import night_of as at
from tests.unit.records_of import launch, run, wave

RUN = "demo-cutover-20261128T210000Z"
TARGET = TargetRecord("i-new", ("10.0.0.4",), (), "m5.large", "subnet-1", "i-old")
FIT = MachineRecord("db01", 0, "m-1", "db01", MachineStatus.VERIFIED, instance_before="i-old", target=TARGET)
BAD = MachineRecord(
    "db02", 1, "m-2", "db02", MachineStatus.FAILED, findings=(Finding("running", "stopped", "on", "x"),)
)
LAGS = ({"label": "db01", "lag": 20}, {"label": "db02", "lag": 65}, {"label": "db03", "lag": None})
WAVES = [(WaveRecord(1, "db", progress=LAGS), [FIT, BAD])]
FRESH = [(WaveRecord(1, "db", progress=LAGS), [FIT.but(target=None), BAD.but(status=MachineStatus.NOT_STARTED)])]

SOURCE, NOBODY, TARGETS = (
    "Production: SOURCE. This run has shut nobody out.",
    "Production: NOBODY since 2026-11-28T22:41:00Z. Users are shut out.",
    "Production: TARGET since 2026-11-29T00:58:00Z. Users are on the targets.",
)
REOPENED = "Production: SOURCE since {}. Its doors are open again."
GO, USERS, COMMIT, MANUAL, UNDO = (at.GO, at.USERS, at.COMMIT, at.MANUAL, at.UNDO)


def of(outcome: Outcome, night: NightRecord, *machines: MachineRecord, reason: str = "") -> Sent:
    waves = [(WaveRecord(1, "db"), machines or (FIT,))]
    return ended(run(outcome=outcome, reason=reason), at.PLAN, waves, night)


def without(*parts: str) -> Plan:
    """The plan without these parts of its night."""
    none: dict[str, Any] = dict.fromkeys(parts, ()) | {f"no_{part}": f"{part} is of no use" for part in parts}
    return replace(at.PLAN, night=replace(at.PLANNED, **none))


EVERY: dict[str, tuple[Sent, str]] = {
    "started": (started(run(), at.PLAN, at.ASKED_GO), SOURCE),
    "goes on": (started(run(attempt=2), at.PLAN, at.OFF), NOBODY),
    "asks go": (asked(run(), at.PLAN, at.ASKED_GO, GO, FRESH), SOURCE),
    "asks users": (asked(run(), at.PLAN, at.OFF, USERS, WAVES), NOBODY),
    "asks commit": (asked(run(), at.PLAN, at.OPENED, COMMIT, WAVES), TARGETS),
    "asks for a step": (asked(run(), at.PLAN, at.PROVED, MANUAL, WAVES), NOBODY),
    "asks to undo a step": (asked(run(), at.PLAN, at.GOES_BACK, UNDO, WAVES), NOBODY),
    "closed": (closed(run(), at.PLAN, at.CLOSED), NOBODY),
    "closed by powering off": (closed(run(), without("quiesce"), at.OFF.but(quiesced=None)), NOBODY),
    "closed by the switch": (closed(run(), without("quiesce", "power_off"), at.SWITCHING), NOBODY),
    "proved": (proved(run(), at.PLAN, at.PROVED), NOBODY),
    "proved with open doors": (
        proved(run(), at.PLAN, at.PROVED.but(closed=None, holder=Holder.SOURCE, since=None)),
        SOURCE,
    ),
    "waits": (waiting(run(), WaveRecord(1, "db", readiness_deadline="t"), wave(), at.OFF), NOBODY),
    "launched": (
        launched(
            run(), WaveRecord(1, "db", job_deadline="t"), launch(LaunchState.ACCEPTED, jobs=("j",)), [FIT], at.OFF
        ),
        NOBODY,
    ),
    "held": (held(run(), at.PLAN, at.HELD, WAVES), NOBODY),
    "goes back": (going_back(run(), at.PLAN, at.GOES_BACK), NOBODY),
    "goes back by hand": (going_back(run(), at.PLAN, at.BACK_BY_HAND), TARGETS),
    "switched": (switched(run(), at.PLAN, at.OPENED), TARGETS),
    "silent": (silent(run(), at.PLAN, at.OFF), NOBODY),
    "died": (died(run(), "TIMED_OUT", "", at.OFF), NOBODY),
    "died on the targets": (died(run(), "TIMED_OUT", "", at.OPENED), TARGETS),
    "late": (late(run(), WAVES, at.BACK), REOPENED.format("2026-11-29T00:10:00Z")),
    "committed": (of(Outcome.CUT_OVER, at.COMMITTED), TARGETS),
    "rolled back": (of(Outcome.ROLLED_BACK, at.BACK), REOPENED.format("2026-11-29T00:10:00Z")),
    "rolled back late": (of(Outcome.ROLLED_BACK, at.BACK_LATE), REOPENED.format("2026-11-29T03:42:00Z")),
    "failed in a hold": (of(Outcome.FAILED, at.HELD, FIT, BAD), NOBODY),
    "postponed": (of(Outcome.POSTPONED, at.ASKED_GO.but(ending="postponed: nobody answered")), SOURCE),
}


@pytest.mark.parametrize("about", EVERY)
def test_every_message_of_a_night_says_who_holds_production(about: str) -> None:
    message, holder = EVERY[about]
    assert message.text.endswith(f"\n{holder}\nRun {RUN}")
    assert message.text.count("Production:") == 1
    assert message.subject.isascii()
    assert len(message.subject) <= 100
    assert "success" not in (message.subject + message.text).casefold()
    assert "None" not in message.subject + message.text


def says(about: str, *sentences: str) -> None:
    text = EVERY[about][0].text
    for sentence in sentences:
        assert sentence in text.splitlines() or sentence in text, f"{sentence!r} is not in:\n{text}"


def test_the_start_of_a_cutover_says_what_is_around_its_launches() -> None:
    says(
        "started",
        "The window ends at 2026-11-29T04:00:05Z.",
        "Users are shut out by 2026-11-29T00:00:05Z or not at all, for about 2:30:00.",
        "Asked before that: lead.",
        "Asked before the switch: lead or app.",
    )
    assert "The window" not in started(run(mode=Mode.TEST), at.PLAN).text
    assert "Users are shut out by" not in EVERY["goes on"][0].text


def test_go() -> None:
    assert EVERY["asks go"][0].subject == "demo cutover: asks go, by 2026-11-28T22:40:00Z"
    says(
        "asks go",
        "By 2026-11-28T22:40:00Z: May users be shut out and the machines of this plan be launched? Asked: lead.",
        "Yes: users are shut out (stop web, power off) for about 2:30:00, and 2 machines are launched.",
        "Machines: db01, db02; the furthest behind is db02, by 01:05.",
        "The launch deletes 1 targets: db01: i-old.",
        "Users are shut out by 2026-11-29T00:00:05Z or not at all; to be back within the window, going back begins by "
        "2026-11-29T02:30:05Z.",
        "Until users are let onto the targets there is a way back that loses nothing.",
        "No answer is not a yes: then the run ends Postponed, users stay in and nothing is launched.",
        f"Yes: cutover approve {RUN} go --by lead",
        f"No:  cutover approve {RUN} go --by lead --no --reason WHY",
    )


def test_users() -> None:
    says(
        "asks users",
        "1 of 2 machines are verified:",
        "  db02: failed",
        "Known before the launch: users shut out 2026-11-28T22:41:00Z, quiesced 2026-11-28T22:51:03Z, backlog 0 and "
        "consistent after the quiesce, seen 2026-11-28T22:58:40Z, sources proved off 2026-11-28T22:59:30Z.",
        "Yes: the switch is carried out (switch DNS), and looked at from outside.",
        "No: the targets are stopped and users are let in at the source again; nothing is lost.",
        "The way back without loss ends with a yes: what users enter on the targets afterwards does not go back.",
        "No answer is not a yes: then the run holds until a person decides, 12 h at the most.",
        f"Yes: cutover approve {RUN} users --by lead",
        "One answer decides; --by is one of lead, app.",
    )


def test_commit() -> None:
    says(
        "asks commit",
        "Yes: the 1 targets are protected from termination. Replication and the sources stay as they are.",
        "Users are on the targets since 2026-11-29T00:58:00Z; going back loses what was entered since then.",
        f"cutover rollback {RUN} --data-stays --by YOU --reason WHY",
        "No answer is not a yes: then the run ends, not committed: nothing protects the targets.",
    )


def test_a_manual_step() -> None:
    assert EVERY["asks for a step"][0].subject == (
        "demo cutover: asks network to do power_off-1, by 2026-11-28T23:18:40Z"
    )
    says(
        "asks for a step",
        "network, by 2026-11-28T23:18:40Z: power off, disable autostart",
        "This is step 1 of power off: power off.",
        "No answer by then counts as not done, and the run goes back: what was done is undone, and users are let in at "
        "the source again.",
        f"Done: cutover done {RUN} power_off-1 --by network",
        f"It cannot be done: cutover done {RUN} power_off-1 --by network --failed --reason WHY",
    )
    says(
        "asks to undo a step",
        "This is step 1 of undoing power off: power off.",
        "No answer by then counts as not done, and the run holds until a person decides.",
        f"Done: cutover done {RUN} undo-power_off-1 --by network",
    )


def test_a_step_that_may_fail_may_not_stay_undone() -> None:
    lax = replace(at.PLANNED, power_off=(replace(at.POWER_OFF, on_failure=OnStepFailure.CONTINUE),))
    plan = replace(at.PLAN, night=lax)
    assert "not done, and the run goes on without it." in asked(run(), plan, at.PROVED, MANUAL, WAVES).text
    assert "not done, and the run holds until a person" in asked(run(), plan, at.GOES_BACK, UNDO, WAVES).text


def test_a_name_that_a_shell_would_read_otherwise_is_quoted() -> None:
    odd = asked(run(), at.PLAN, at.PROVED, MANUAL.but(by=("Ann O'Neill",)), WAVES)
    (line,) = (each for each in odd.text.splitlines() if each.startswith("Done: "))
    assert shlex.split(line)[1:] == ["cutover", "done", RUN, "power_off-1", "--by", "Ann O'Neill"]


def test_the_doors_are_closed() -> None:
    says(
        "closed",
        "The doors are closed: users are shut out since 2026-11-28T22:41:00Z.",
        "What writes at the source is stopped since 2026-11-28T22:51:03Z.",
        "Users are expected back by 2026-11-29T01:11:00Z.",
        "Last moment to turn back within the window: 2026-11-29T02:30:05Z.",
        f"going back loses nothing: cutover rollback {RUN} --by YOU --reason WHY",
    )


def test_the_doors_are_closed_by_powering_off_alone() -> None:
    says(
        "closed by powering off",
        "The sources are proved off since 2026-11-28T22:59:30Z (power off). Zero loss is not proved, as no step "
        "quiesces (quiesce is of no use).",
        "Next: the launches.",
        f"going back loses nothing: cutover rollback {RUN} --by YOU --reason WHY",
    )


def test_the_doors_are_closed_by_the_switch_alone() -> None:
    says(
        "closed by the switch",
        "The switch is carried out (switch DNS). Zero loss is not proved, as no step quiesces (quiesce is of no use).",
        "Next: the application is looked at from outside; users count as served once it is seen to serve.",
        "Going back leaves on the targets what users may have entered since 2026-11-29T00:50:00Z: "
        f"cutover rollback {RUN} --data-stays --by YOU --reason WHY",
    )
    assert "loses nothing" not in EVERY["closed by the switch"][0].text


def test_zero_loss() -> None:
    says(
        "proved",
        "Zero loss: on every machine the backlog is 0 and the data consistent later than the end of the quiesce, "
        "2026-11-28T22:51:03Z; seen 2026-11-28T22:58:40Z.",
        "Next: the sources are powered off and proved off (power off), then the launches.",
    )
    assert "The sources are proved off since 2026-11-28T22:59:30Z." in proved(run(), at.PLAN, at.OFF).text


@pytest.mark.parametrize(
    ("rule", "then"),
    [(OnFailure.HOLD, "holds until a person decides"), (OnFailure.STOP, "goes back: users are let in")],
)
def test_a_wave_that_waits_behind_closed_doors_says_what_becomes_of_the_night(rule: OnFailure, then: str) -> None:
    text = waiting(run(), WaveRecord(1, "db", readiness_deadline="t"), wave(on_failure=rule), at.OFF).text
    assert f"Gives up at t: then the wave is not launched, and the run {then}" in text


def test_a_launch_says_what_is_known_of_the_source() -> None:
    says("launched", "Before it: users shut out 2026-11-28T22:41:00Z, quiesced 2026-11-28T22:51:03Z, backlog 0 and")


def test_a_hold_says_why_until_when_and_every_way_on() -> None:
    assert EVERY["held"][0].subject == "demo cutover: HOLDS at wave, decide by 2026-11-29T11:40:00Z"
    says(
        "held",
        "The run HOLDS at wave since 2026-11-28T23:40:00Z and needs a decision by 2026-11-29T11:40:00Z.",
        "Why: wave db: db02 failed.",
        "    error: running: seen stopped; rule: on; do: x",
        f"  judge a machine again: cutover verify {RUN} db02 --by YOU --reason WHY",
        f"  accept a machine as it is: cutover accept {RUN} db02 --by YOU --reason WHY",
        f"  try again, or go on: cutover resume {RUN} --by YOU --reason WHY",
        "  go back, which loses nothing (by 2026-11-29T02:30:05Z to be back within the window): "
        f"cutover rollback {RUN} --by YOU --reason WHY",
        f"  do the rest by hand: cutover takeover {RUN} ",
        "Nobody decides by 2026-11-29T11:40:00Z: the run ends Failed and changes nothing more; "
        "NOBODY serves users then.",
    )
    assert "db01" not in EVERY["held"][0].text, "what is verified is no reason to hold"


def hold(night: NightRecord, part: Part) -> str:
    waits = night.but(hold=Hold(part, "2026-11-29T00:55:00Z", "2026-11-29T12:55:00Z", "not seen"))
    return held(run(), at.PLAN, waits, WAVES).text


def test_a_hold_names_only_the_ways_that_are_open() -> None:
    before = hold(NightRecord(), Part.WAVE)
    assert f"end it, nothing was taken from users: cutover abort {RUN} " in before
    assert "rollback" not in before
    assert "nothing more; users stay on the source." in before
    switching = hold(at.SWITCHING, Part.PROBE)
    assert "go back; what users may have entered since 2026-11-29T00:50:00Z stays on the targets: cutover" in switching
    assert f"cutover rollback {RUN} --data-stays " in switching
    assert "verify" not in switching
    after = hold(at.OPENED, Part.SOAK)
    assert "what users may have entered since 2026-11-29T00:58:00Z stays on the targets" in after
    assert "nothing more; users stay on the targets." in after
    back = hold(at.GOES_BACK, Part.STOP_TARGETS)
    assert "rollback" not in back
    assert f"cutover resume {RUN} " in back


def test_going_back_before_the_switch_loses_nothing() -> None:
    says(
        "goes back",
        "Going back was decided by itself, by the plan's rule, at 2026-11-28T23:40:00Z: wave db: db02 failed.",
        "Users were never on the targets; nothing was lost.",
        "In this order: the targets are stopped, not terminated; the switch is undone; the sources are powered on; "
        "the doors of the source are opened.",
        "Users are shut out since 2026-11-28T22:41:00Z, 59:00 by now.",
    )


def test_going_back_after_the_switch_names_what_stays_on_the_targets() -> None:
    says(
        "goes back by hand",
        "Going back was decided by hand, by lead, at 2026-11-29T03:00:00Z: orders are lost.",
        "Users were let onto the targets at 2026-11-29T00:58:00Z.",
        "What users entered there from 2026-11-29T00:50:00Z until the targets are stopped stays only on the stopped "
        "targets; nothing brings it to the source.",
    )
    assert "nothing was lost" not in EVERY["goes back by hand"][0].text
    half = going_back(run(), at.PLAN, at.SWITCHING.but(back=at.GOES_BACK.back)).text
    assert "The switch had begun, and from outside the targets were not seen to serve." in half
    assert "nothing was lost" not in half


def test_users_are_on_the_targets() -> None:
    says(
        "switched",
        "Users are on the targets since 2026-11-29T00:58:00Z (shut out for 2:17:00, planned 2:30:00): the application "
        "was seen to serve from outside.",
        "Going back now would lose what is entered after 2026-11-29T00:58:00Z. Nothing goes back by itself any more.",
        f"By hand: cutover rollback {RUN} --data-stays --by YOU --reason WHY",
        "Next: after 3 d of soak, at 2026-12-02T00:58:00Z the commit is asked of lead.",
    )


def test_silence_is_a_page() -> None:
    assert EVERY["silent"][0].subject == "demo cutover: SILENT, nobody serves users since 2026-11-28T22:41:00Z"
    says(
        "silent",
        "Nobody serves users since 2026-11-28T22:41:00Z, and nothing was seen to go on since 2026-11-28T22:59:30Z.",
        "Done last: power off, 2026-11-28T22:59:30Z.",
        f"cutover rollback {RUN} --by YOU --reason WHY",
        f"Do it by hand: cutover takeover {RUN} ",
    )
    assert "It holds until 2026-11-29T11:40:00Z: wave db: db02 failed." in silent(run(), at.PLAN, at.HELD).text


def test_a_run_that_died_behind_closed_doors_is_a_page() -> None:
    assert EVERY["died"][0].subject == "demo cutover: died (TIMED_OUT), nobody serves users"
    assert EVERY["died"][0].text.startswith(
        "NOBODY SERVES USERS: the doors are closed since 2026-11-28T22:41:00Z, and the workflow is dead.\n"
    )
    says(
        "died",
        "Do, now: start the run again: it goes on from where it stands, and does nothing twice.",
        f"Or take over by hand: cutover takeover {RUN} (what is done, what is open, what to click)",
    )
    assert "NOBODY" not in EVERY["died on the targets"][0].text


def test_the_end_of_a_cutover() -> None:
    says(
        "committed",
        "Cut over: users are on the targets since 2026-11-29T00:58:00Z. 1 of 1 machines are verified.",
        "Users were shut out from 2026-11-28T22:41:00Z on, for 2:17:00, planned 2:30:00.",
        "Going back now would lose what is entered after 2026-11-29T00:58:00Z.",
        "Committed at 2026-12-02T01:00:00Z: the targets are protected from termination.",
        "Left over: the sources, off since 2026-11-28T22:59:30Z: leave them off; replication and its staging go on, "
        "and cost, until they are taken down.",
    )
    assert "To do: move users" not in EVERY["committed"][0].text
    uncommitted = of(Outcome.CUT_OVER, at.OPENED.but(ending="uncommitted: nobody answered")).text
    assert "Not committed: nobody has said that what the targets hold is the truth" in uncommitted
    assert "Committed at" not in uncommitted


def test_the_end_of_the_way_back() -> None:
    says(
        "rolled back",
        "Rolled back: users are on the source again since 2026-11-29T00:10:00Z.",
        "Users were shut out from 2026-11-28T22:41:00Z on, for 1:29:00, planned 2:30:00.",
        "Users were never on the targets; nothing was lost.",
        "Left over: stopped targets, which nobody terminates, db01: i-new. Their volumes cost.",
    )
    says(
        "rolled back late",
        "What users entered there from 2026-11-29T00:50:00Z to 2026-11-29T03:05:00Z stays only on the stopped targets",
    )
    assert "nothing was lost" not in EVERY["rolled back late"][0].text


def test_an_end_that_leaves_nobody_says_so_first() -> None:
    assert EVERY["failed in a hold"][0].subject == "demo cutover: Failed, nobody serves users"
    says(
        "failed in a hold",
        "FAILED: the night did not come to its end. 1 of 2 machines are verified.",
        "It held at wave since 2026-11-28T23:40:00Z: wave db: db02 failed. Nobody took it up by 2026-11-29T11:40:00Z; "
        "at the deadline nothing was changed.",
        "NOBODY SERVES USERS since 2026-11-28T22:41:00Z, and nothing of this run goes on by itself.",
        f"Do, now: cutover takeover {RUN} ",
    )


def test_a_night_that_was_postponed_has_touched_nothing() -> None:
    says("postponed", "Postponed: users were not shut out, nothing was launched, and they are served as before.")


def test_a_test_says_what_it_never_does_whatever_was_recorded() -> None:
    text = ended(run(outcome=Outcome.TESTED, mode=Mode.TEST), at.PLAN, WAVES).text
    assert "Production: SOURCE. This run stops no source machine and moves no users." in text


def test_the_holder_is_that_of_the_record() -> None:
    assert {night.holder for night in at.EVERY_MOMENT.values()} == set(Holder)
