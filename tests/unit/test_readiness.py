"""May this wave be launched now?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cutover.finding import Finding, Severity
from cutover.machine import LifeCycle, Machine, ReplicationState
from cutover.plan import Mode, PlannedMachine, PollBounds, Waiver, Wave
from cutover.readiness import (
    LOOKS,
    MachineReadiness,
    Verdict,
    WaveReadiness,
    interval,
    look,
    refusals,
    remarks,
    resolve,
)
from cutover.records import MachineRecord, MachineStatus, Proof
from cutover.replication import Progress
from tests.unit.records_of import CUT_OVER, NOW, TESTED, ago, machine, planned, wave

DEADLINE = NOW + timedelta(hours=1)
PROOF = Proof("m-db01", Mode.TEST, "demo-test-1", "i-test", "2026-11-19T22:00:00Z")
PROOFS = {(Mode.TEST, "m-db01"): PROOF}


def test_names_are_compared_without_case_and_ids_as_well() -> None:
    listed = [machine("DB01"), machine("web01")]
    assert resolve([planned("db01"), planned(None, "M-WEB01")], listed) == listed


def test_an_id_is_not_a_name() -> None:
    (found,) = resolve([planned("m-db01")], [machine("db01")])
    assert isinstance(found, Finding)


@pytest.mark.parametrize(
    ("entries", "listed", "seen"),
    [
        ([planned("nosuch")], [machine()], "no machine with name nosuch among the 1 of the project"),
        ([planned(None, "m-9")], [machine()], "no machine with id m-9 among the 1 of the project"),
        ([planned()], [machine(), machine(id="m-2")], "2 machines with name db01: m-2, m-db01"),
        ([planned(), planned(None, "m-db01")], [machine()], "m-db01 and db01 are the same machine, m-db01"),
    ],
)
def test_an_entry_that_means_no_single_machine_is_a_finding(entries: Any, listed: list[Machine], seen: str) -> None:
    found = resolve(entries, listed)[-1]
    assert isinstance(found, Finding)
    assert found.seen == seen
    assert found.remedy


def test_a_machine_without_a_name_disturbs_nobody() -> None:
    assert resolve([planned()], [machine(name=None, id="m-0"), machine()]) == [machine()]


@pytest.mark.parametrize("mode", Mode)
def test_a_recorded_cutover_is_refused_in_either_mode_and_names_the_instance(mode: Mode) -> None:
    (found,) = refusals(planned(), machine(life_cycle=CUT_OVER), mode, wave(), NOW, PROOFS, live="i-live")
    assert found.field == "cutover"
    assert found.seen == "cut over at 2026-11-26 22:00:00 UTC, live instance i-live"


@pytest.mark.parametrize("mode", Mode)
def test_a_cutover_proved_by_a_run_counts_as_well(mode: Mode) -> None:
    proofs = {**PROOFS, (Mode.CUTOVER, "m-db01"): Proof("m-db01", Mode.CUTOVER, "demo-cutover-1", "i-live", "then")}
    (found,) = refusals(planned(), machine(life_cycle=TESTED), mode, wave(), NOW, proofs)
    assert found.seen == "cut over at then, by run demo-cutover-1, live instance i-live"


def test_a_waiver_of_the_test_does_not_lift_the_guard_of_a_live_machine() -> None:
    waived = wave(test_waiver=Waiver("lead@example.com", "why"))
    assert refusals(planned(), machine(life_cycle=CUT_OVER), Mode.CUTOVER, waived, NOW, PROOFS)


def test_a_test_needs_no_test() -> None:
    assert refusals(planned(), machine(), Mode.TEST, wave(), NOW, {}) == ()


@pytest.mark.parametrize(
    ("age", "allowed"),
    [
        (timedelta(days=7), True),
        (timedelta(days=7) - timedelta(seconds=1), False),
        (timedelta(days=6, hours=23, minutes=59), False),
        (timedelta(days=30), True),
        (timedelta(hours=-1), False),
    ],
)
def test_the_age_of_a_test_is_a_difference_of_instants(age: timedelta, allowed: bool) -> None:
    found = refusals(planned(), machine(life_cycle=LifeCycle(tested_at=NOW - age)), Mode.CUTOVER, wave(), NOW, PROOFS)
    assert (found == ()) == allowed


def test_what_is_wrong_with_a_test_is_told_all_at_once() -> None:
    life = LifeCycle(tested_at=ago(days=1))
    young, unproved = refusals(planned(), machine(life_cycle=life), Mode.CUTOVER, wave(), NOW, {})
    assert young.remedy.startswith("wait until 2026-12-04 22:00:00 UTC")
    assert unproved.seen.endswith("that no run of this plan has verified")


def test_a_proof_of_another_machine_opens_no_gate() -> None:
    other = machine("db02", life_cycle=TESTED)
    assert [each.field for each in refusals(planned(), other, Mode.CUTOVER, wave(), NOW, PROOFS)] == ["test"]


def test_a_waiver_lets_a_cutover_through_and_is_remarked() -> None:
    waived = wave(test_waiver=Waiver("lead@example.com", "tested by hand"))
    assert refusals(planned(), machine(), Mode.CUTOVER, waived, NOW, {}) == ()
    (remark,) = remarks(Mode.CUTOVER, waived)
    assert (remark.severity, remark.seen) == (Severity.WARNING, "waived by lead@example.com: tested by hand")
    assert remarks(Mode.TEST, waived) == ()


READY, LAGGING = machine(), machine(lag=timedelta(minutes=6))


@pytest.mark.parametrize(
    ("lag", "verdict"), [(timedelta(minutes=5), Verdict.READY), (timedelta(minutes=5, seconds=1), Verdict.WAIT)]
)
def test_the_lag_limit_itself_is_ready(lag: timedelta, verdict: Verdict) -> None:
    assert look(wave(), Mode.TEST, [machine(lag=lag)], NOW, DEADLINE, 0, {}).verdict is verdict


def test_a_lag_over_midnight_or_of_days_is_a_lag() -> None:
    for lag in (timedelta(hours=23, minutes=59), timedelta(hours=25), timedelta(days=3)):
        assert look(wave(), Mode.TEST, [machine(lag=lag)], NOW, DEADLINE, 0, {}).verdict is Verdict.WAIT


def test_one_refusal_refuses_the_wave_at_once() -> None:
    both = wave(planned("db01"), planned("db02"))
    seen = look(both, Mode.TEST, [LAGGING, machine("db02", life_cycle=CUT_OVER)], NOW, DEADLINE, 0, {})
    assert seen.verdict is Verdict.REFUSED
    assert seen.reason.startswith("refused: db02 (cut over at")


@pytest.mark.parametrize(
    ("now", "looks", "verdict"),
    [
        (DEADLINE - timedelta(seconds=1), 0, Verdict.WAIT),
        (DEADLINE, 0, Verdict.POSTPONED),
        (NOW, LOOKS - 1, Verdict.WAIT),
        (NOW, LOOKS, Verdict.POSTPONED),
    ],
)
def test_a_wait_ends_by_its_deadline_and_by_count(now: Any, looks: int, verdict: Verdict) -> None:
    seen = look(wave(), Mode.TEST, [LAGGING], now, DEADLINE, looks, {})
    assert seen.verdict is verdict
    assert "db01" in seen.reason


def test_a_machine_nobody_knows_is_refused_not_waited_for() -> None:
    assert look(wave(), Mode.TEST, [], NOW, DEADLINE, 0, {}).verdict is Verdict.REFUSED


def test_the_progress_is_a_line_for_each_machine() -> None:
    seen = look(
        wave(planned("db01"), planned("db02")),
        Mode.TEST,
        [READY, machine("db02", lag=timedelta(hours=1))],
        NOW,
        DEADLINE,
        0,
        {},
    )
    first, second = seen.progress({"db01": "i-old"})
    assert (first["replaces"], second["replaces"]) == ("i-old", None), "what the launch would delete"
    assert (first["label"], first["ready"], first["lag"]) == ("db01", True, 20)
    assert (second["label"], second["ready"], second["lag"], second["state"]) == ("db02", False, 3600, "Lagging")


def optional(name: str) -> PlannedMachine:
    return replace(planned(name), optional=True)


def critical(name: str) -> PlannedMachine:
    return replace(planned(name), critical=True)


LIVE = machine("db02", life_cycle=CUT_OVER)
LATE = machine("db02", lag=timedelta(hours=1))
ALSO_LATE = machine("db01", lag=timedelta(hours=1))


@pytest.mark.parametrize(
    ("rules", "listed", "due", "verdict", "judged"),
    [
        # until the deadline everyone is waited for, an optional one too
        (wave(planned(), optional("db02")), [READY, LATE], False, Verdict.WAIT, []),
        # at the deadline: without those the wave can pass without
        (wave(planned(), optional("db02")), [READY, LATE], True, Verdict.READY, ["db02"]),
        (wave(planned(), planned("db02"), at_least=1), [READY, LATE], True, Verdict.READY, ["db02"]),
        (wave(planned(), critical("db02"), at_least=1), [READY, LATE], True, Verdict.POSTPONED, ["db02"]),
        (wave(planned(), planned("db02"), at_least=2), [READY, LATE], True, Verdict.POSTPONED, ["db02"]),
        (wave(planned(), planned("db02")), [READY, LATE], True, Verdict.POSTPONED, ["db02"]),
        (wave(planned(), optional("db02")), [ALSO_LATE, LATE], True, Verdict.POSTPONED, ["db01", "db02"]),
        # with nothing left to launch there is nothing to launch, although the wave passes
        (wave(optional("db01"), optional("db02")), [ALSO_LATE, LATE], True, Verdict.POSTPONED, ["db01", "db02"]),
        (wave(optional("db02")), [LIVE], False, Verdict.REFUSED, ["db02"]),
        # refused: at once, the others are waited for or go
        (wave(planned(), optional("db02")), [READY, LIVE], False, Verdict.READY, ["db02"]),
        (wave(planned(), optional("db02")), [LAGGING, LIVE], False, Verdict.WAIT, ["db02"]),
        (wave(planned(), planned("db02"), at_least=1), [READY, LIVE], False, Verdict.READY, ["db02"]),
        (wave(planned(), planned("db02"), at_least=2), [READY, LIVE], False, Verdict.REFUSED, ["db02"]),
        (wave(optional("db01"), planned("db02")), [READY, LIVE], False, Verdict.REFUSED, ["db02"]),
        (wave(planned(), optional("db02")), [LAGGING, LIVE], True, Verdict.POSTPONED, ["db02", "db01"]),
        (wave(planned(), optional("nosuch")), [READY], False, Verdict.READY, ["nosuch"]),
    ],
)
def test_who_cannot_be_launched_is_left_out_if_the_wave_can_pass_without(
    rules: Wave, listed: list[Machine], due: bool, verdict: Verdict, judged: list[str]
) -> None:
    seen = look(rules, Mode.TEST, listed, NOW, NOW if due else DEADLINE, 0, {})
    assert (seen.verdict, [each.planned.label for each in seen.judged]) == (verdict, judged)
    assert all(label in seen.reason for label in judged)


@pytest.mark.parametrize(
    ("looks", "listed", "verdict", "judged"),
    [
        (LOOKS, [READY, LATE], Verdict.READY, ["db02"]),
        (LOOKS, [READY, machine("db02")], Verdict.POSTPONED, ["db01", "db02"]),
        (LOOKS - 1, [READY, machine("db02")], Verdict.READY, []),
    ],
)
def test_who_is_left_out_by_count(looks: int, listed: list[Machine], verdict: Verdict, judged: list[str]) -> None:
    seen = look(wave(planned(), optional("db02")), Mode.TEST, listed, NOW, DEADLINE, looks, {})
    assert (seen.verdict, [each.planned.label for each in seen.judged]) == (verdict, judged)


def records(*statuses: MachineStatus) -> list[MachineRecord]:
    finding = Finding("replication", "behind", "not behind", "wait")
    return [
        MachineRecord(f"db0{n}", n - 1, status=status, findings=(finding,) if status is not OPEN else ())
        for n, status in enumerate(statuses, 1)
    ]


OPEN, REFUSED, POSTPONED = MachineStatus.NOT_STARTED, MachineStatus.REFUSED, MachineStatus.POSTPONED


def test_who_was_left_out_stays_out_and_is_not_judged_again() -> None:
    rules = wave(planned(), optional("db02"))
    before = records(OPEN, POSTPONED)
    seen = look(rules, Mode.TEST, [READY, machine("db02")], NOW, DEADLINE, 0, {}, None, before)
    assert [each.planned.label for each in seen.machines] == ["db01"]
    assert (seen.verdict, seen.settle(before, rules, DEADLINE)) == (Verdict.READY, [])
    assert seen.reason == "1 of 2 machines are in Continuous Data Replication; the wave goes without the others (db02)"


@pytest.mark.parametrize(
    ("rules", "before", "verdict", "reason"),
    [
        (wave(planned(), planned("db02")), records(OPEN, POSTPONED), Verdict.POSTPONED, "postponed: db02 (behind)"),
        (wave(planned(), planned("db02")), records(REFUSED, POSTPONED), Verdict.REFUSED, "refused: db01 (behind)"),
        (wave(optional("db01"), optional("db02")), records(REFUSED, REFUSED), Verdict.REFUSED, None),
        (wave(optional("db01"), optional("db02")), records(POSTPONED, POSTPONED), Verdict.POSTPONED, None),
    ],
)
def test_a_wave_that_was_ended_by_an_earlier_look_stays_ended(
    rules: Wave, before: list[MachineRecord], verdict: Verdict, reason: str | None
) -> None:
    seen = look(rules, Mode.TEST, [READY, machine("db02")], NOW, DEADLINE, 0, {}, None, before)
    assert (seen.verdict, seen.settle(before, rules, DEADLINE)) == (verdict, [])
    assert seen.reason == (reason or f"{verdict.value}: db01 (behind), db02 (behind)")


def test_the_records_say_why_somebody_was_left_out() -> None:
    rules = wave(planned("db00"), optional("db01"), optional("db02"), planned("db03"))
    listed = [machine("db00"), ALSO_LATE, LIVE, machine("db03")]
    before = [MachineRecord(each.label, n) for n, each in enumerate(rules.machines)]
    late, live = look(rules, Mode.TEST, listed, NOW, NOW, 0, {}).settle(before, rules, DEADLINE)
    assert (late.label, late.status, late.findings[0].field) == ("db01", POSTPONED, "replication")
    assert late.findings[0].seen.startswith("Lagging: ")
    assert (live.label, live.status, live.findings[0].field) == ("db02", REFUSED, "cutover")


POLL = PollBounds(30, 900)


@pytest.mark.parametrize(
    ("remaining", "looks", "eta", "seconds"),
    [
        (timedelta(hours=1), 400, None, 30),
        (timedelta(hours=12), 400, None, 108),
        (timedelta(hours=1), 400, timedelta(minutes=20), 300),
        (timedelta(hours=10), 400, timedelta(hours=9), 900),
        (timedelta(hours=1), 400, timedelta(seconds=40), 30),
        (timedelta(seconds=12), 400, None, 12),
        (timedelta(seconds=12), 400, timedelta(hours=1), 12),
        (timedelta(seconds=0.4), 400, None, 1),
        (timedelta(0), 400, None, 1),
        (timedelta(days=30), 400, timedelta(minutes=1), 6480),
        (timedelta(hours=1), 1, None, 3600),
        (timedelta(hours=1), 0, None, 3600),
    ],
)
def test_the_pause_between_two_looks(remaining: timedelta, looks: int, eta: timedelta | None, seconds: int) -> None:
    assert interval(POLL, NOW, NOW + remaining, looks, NOW + eta if eta else None) == seconds


@pytest.mark.parametrize("wait", [timedelta(minutes=10), timedelta(hours=12), timedelta(days=30)])
def test_four_hundred_looks_reach_every_deadline(wait: timedelta) -> None:
    now, looks, deadline = NOW, 0, NOW + wait
    while now < deadline:
        now += timedelta(seconds=interval(POLL, now, deadline, LOOKS - looks))
        looks += 1
    assert looks <= LOOKS
    assert now - deadline < timedelta(seconds=1)


def test_the_lag_that_is_kept_of_a_look_is_that_of_the_machines_that_lag_most() -> None:
    lags = [*(timedelta(seconds=each) for each in range(999)), None]
    seen = tuple(
        MachineReadiness(planned(f"m{number}"), None, progress=Progress(ReplicationState.LAGGING, "", lag))
        for number, lag in enumerate(lags)
    )
    kept = WaveReadiness(Verdict.WAIT, "", (*seen, MachineReadiness(planned("gone"), None))).lag("2026-11-28T22:00:00Z")
    assert list(kept.seconds.items()) == [(f"m{number}", number) for number in range(998, 978, -1)]
    few = WaveReadiness(Verdict.WAIT, "", seen[-2:]).lag("2026-11-28T22:00:00Z")
    assert few.seconds == {"m998": 998, "m999": None}
