"""What people are told."""

from __future__ import annotations

import pytest

from cutover.finding import Finding
from cutover.plan import Mode
from cutover.records import (
    LaunchState,
    MachineRecord,
    MachineStatus,
    Outcome,
    TargetRecord,
    WaveRecord,
)
from cutover.telling.messages import Message, died, ended, launched, started, waiting
from tests.unit.records_of import launch, plan, planned, run, wave

WAVE = WaveRecord(
    1,
    "db",
    reason="not ready: db02 (lag 14:20 (limit 5:00))",
    readiness_deadline="2026-11-28T22:30:00Z",
    job_deadline="2026-11-29T00:00:00Z",
    ready=1,
    total=2,
)
TARGET = TargetRecord("i-new", ("10.0.0.4",), ("3.4.5.6",), "m5.large", "subnet-1", "i-old")
VERIFIED = MachineRecord("db01", 0, "m-1", "db01", MachineStatus.VERIFIED, instance_before="i-old", target=TARGET)
STALE = Finding("stale_data", "two hours old", "fresh", "launch again")
FAILED = MachineRecord("db02", 1, "m-2", "db02", MachineStatus.FAILED, findings=(STALE,))
TWO = plan(wave(planned("db01"), planned("db02")))

EVERY: list[Message] = [
    started(run(), TWO),
    waiting(run(), WAVE, wave()),
    launched(run(), WAVE, launch(LaunchState.ACCEPTED, jobs=("j-1",)), [VERIFIED]),
    died(run(), "ABORTED", "by an operator"),
    died(run(), "TIMED_OUT", ""),
    *(ended(run(outcome=how, mode=mode), TWO, [(WAVE, [VERIFIED, FAILED])]) for how in Outcome for mode in Mode),
]


@pytest.mark.parametrize("message", EVERY, ids=lambda message: message.subject)
def test_every_message_says_who_holds_production_and_none_says_success(message: Message) -> None:
    assert "Production: SOURCE." in message.text
    assert message.text.endswith("Run demo-cutover-20261128T210000Z")
    assert "success" not in (message.subject + message.text).casefold()


def test_a_subject_is_one_short_ascii_line_whatever_things_are_called() -> None:
    odd = WaveRecord(1, "Köln ☃ " + "x" * 200, readiness_deadline="t")
    subject = waiting(run(), odd, wave()).subject
    assert subject.isascii()
    assert len(subject) == 100
    assert "\n" not in subject


def test_a_stage_says_that_it_is_one() -> None:
    assert died(run(simulated=True), "FAILED", "").subject == "[SIMULATED] demo cutover: died (FAILED)"


def test_started() -> None:
    assert started(run(), TWO) == Message(
        "demo cutover: started",
        """\
Plan demo begins in cutover mode: 2 machines in 1 waves, in order:
  1. db: db01, db02
Each wave waits for Continuous Data Replication of all its machines; nothing is launched before.
Production: SOURCE. This run has shut nobody out.
Run demo-cutover-20261128T210000Z""",
    )


def test_waiting() -> None:
    assert waiting(run(), WAVE, wave()) == Message(
        "demo cutover: wave db waits",
        """\
Wave db waits: 1 of 2 machines are ready.
not ready: db02 (lag 14:20 (limit 5:00))
A launch would delete nothing.
Gives up at 2026-11-28T22:30:00Z: then the wave is postponed and nothing of it is launched.
Production: SOURCE. This run has shut nobody out.
Run demo-cutover-20261128T210000Z""",
    )


LAX = wave(planned("db01"), planned("db02"), at_least=1)


def test_a_rule_that_lets_machines_pass_is_said_before_it_does() -> None:
    assert "  1. db: db01, db02 (passes with 1 of 2 verified)\n" in started(run(), plan(LAX)).text
    assert (
        "Who is not ready by the deadline is left out where its wave can pass without."
        in started(run(), plan(LAX)).text
    )
    gives_up = waiting(run(), WAVE, LAX).text.splitlines()[3]
    assert gives_up == (
        "Gives up at 2026-11-28T22:30:00Z: then who is not ready is left out if the wave can pass without, "
        "else the wave is postponed and nothing of it is launched."
    )


def test_launched_names_who_was_left_out() -> None:
    late = FAILED.but(status=MachineStatus.POSTPONED)
    lines = launched(run(), WAVE, launch(LaunchState.ACCEPTED, jobs=("j-1",)), [VERIFIED, late]).text.splitlines()
    assert lines[0] == "Wave db: a cutover launch of 1 machines was accepted, job j-1."
    assert lines[3:5] == ["Left out, which the plan's rule allows:", "  db02: postponed"]


@pytest.mark.parametrize("how", [Outcome.TESTED, Outcome.CUT_OVER])
def test_a_good_end_never_claims_a_machine_that_was_not_verified(how: Outcome) -> None:
    reason = "wave db: 1 of 2 machines verified; db02 failed, which the plan lets pass"
    message = ended(run(outcome=how, reason=reason), plan(LAX), [(WAVE, [VERIFIED, FAILED])])
    assert message.subject == f"demo cutover: {how.value}, 1 of 2 machines"
    assert "every machine's" not in message.text
    assert "but not every machine: each wave passed by the plan's rule. 1 of 2 machines are verified." in message.text
    assert f"Reason: {reason}." in message.text
    if how is Outcome.CUT_OVER:
        assert "move users to the targets of the machines that are verified, and of no other, and keep" in message.text
    whole = ended(run(outcome=how), plan(LAX), [(WAVE, [VERIFIED])])
    assert whole.subject == f"demo cutover: {how.value}"
    assert "every machine's" in whole.text


def test_launched_names_what_it_deletes() -> None:
    message = launched(run(), WAVE, launch(LaunchState.ACCEPTED, jobs=("j-1",)), [VERIFIED, FAILED])
    assert message.text.splitlines()[:3] == [
        "Wave db: a cutover launch of 2 machines was accepted, job j-1.",
        "The launch deletes the previous targets: db01: i-old.",
        "Accepted is not launched: each target is verified as it appears, the job until 2026-11-29T00:00:00Z.",
    ]
    assert "It replaces no target." in launched(run(), WAVE, launch(jobs=("j-1",)), [FAILED]).text


def test_ended_puts_what_went_wrong_first() -> None:
    message = ended(run(outcome=Outcome.FAILED, reason="wave db: db02 failed"), TWO, [(WAVE, [VERIFIED, FAILED])])
    assert message == Message(
        "demo cutover: Failed",
        """\
FAILED: not every machine is verified. 1 of 2 machines are verified.
Reason: wave db: db02 failed.
Wave db:
  db02: failed
    error: stale_data: seen two hours old; rule: fresh; do: launch again
  db01: verified, i-new, 10.0.0.4, 3.4.5.6 (public)
Evidence: runs/demo-cutover-20261128T210000Z/evidence.json and summary.md in the run's bucket.
Production: SOURCE. This run has shut nobody out.
Run demo-cutover-20261128T210000Z""",
    )


def test_one_that_failed_is_never_among_those_left_out() -> None:
    many = [VERIFIED.but(label=f"srv{n}") for n in range(300)]
    message = ended(run(outcome=Outcome.FAILED), TWO, [(WAVE, [*many, FAILED])])
    assert "db02: failed" in message.text
    assert "… and 261 more in the evidence" in message.text


def test_after_a_cutover_people_are_told_what_is_left_to_do() -> None:
    assert "To do: move users to the targets" in ended(run(outcome=Outcome.CUT_OVER), TWO, [(WAVE, [VERIFIED])]).text
    assert "To do" not in ended(run(outcome=Outcome.TESTED), TWO, [(WAVE, [VERIFIED])]).text
