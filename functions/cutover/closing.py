"""How waves and runs end: pure decisions over what was recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cutover.finding import Finding
from cutover.night_records import NightRecord
from cutover.plan import Mode, OnFailure, Plan, Wave
from cutover.records import (
    LaunchRecord,
    LaunchState,
    MachineRecord,
    MachineStatus,
    Outcome,
    Phase,
    RunRecord,
    WaveRecord,
)
from cutover.rule import lenient, ruling

_WORST_FIRST = (
    MachineStatus.UNKNOWN,
    MachineStatus.HELD,
    MachineStatus.FAILED,
    MachineStatus.REFUSED,
    MachineStatus.POSTPONED,
    MachineStatus.ABORTED,
    MachineStatus.ROLLED_BACK,
    MachineStatus.NOT_STARTED,
)

TRANSIENT = ("ServiceUnavailable", "ServiceThrottled")
"""Nobody answered: nothing is known to be wrong, and another night may do."""

REFUSING = (
    "AuthenticationFailed",
    "PermissionDenied",
    "NotInitialised",
    "LicenceExpired",
    "NotFound",
    "RequestRefused",
)
"""The service answered, and its answer forbids the launch."""


@dataclass(frozen=True)
class Error:
    """What a state machine caught: the error's name, and its cause in words."""

    name: str
    cause: str

    @classmethod
    def from_event(cls, caught: Any) -> Error | None:
        """From what the state machine passes on: "" for none, or {name, cause}.

        A function's cause is JSON text ({errorType, errorMessage, …}); only its message is kept.
        """
        if not caught:
            return None
        cause = str(caught.get("cause") or "")
        try:
            said = json.loads(cause)
        except ValueError:
            said = None
        message = said.get("errorMessage") if isinstance(said, dict) else None
        return cls(str(caught["name"]), str(message or cause)[:1000])


@dataclass(frozen=True)
class NextWave:
    """The number of the next wave, or None and why there is none."""

    number: int | None
    reason: str


def next_wave(plan: Plan, waves: Sequence[WaveRecord], aborted: Finding | None = None) -> NextWave:
    """Which wave is next. A wave that does not pass ends the run, but the plan may go on after one that was launched.

    Nothing follows a canary that does not pass, whatever the rule: that is what it is sent ahead for. Nothing new
    begins in a run that was aborted; a wave that was launched before is followed to its end.
    """
    for wave, planned in zip(waves, plan.waves, strict=True):
        if wave.phase is not Phase.ENDED:
            if aborted is not None and wave.phase is Phase.WAITING:
                return NextWave(None, aborted.seen)
            return NextWave(wave.number, f"wave {wave.name} is next")
        if wave.passed:
            continue
        if planned.canary:
            became = wave.outcome.value if wave.outcome else "not verified"
            return NextWave(None, f"the canary {planned.machines[0].label} is {became}; nothing follows it")
        if wave.outcome in (MachineStatus.REFUSED, MachineStatus.POSTPONED, MachineStatus.NOT_STARTED):
            return NextWave(
                None, f"wave {wave.name} was not launched ({wave.outcome.value}); the waves after it depend on it"
            )
        if wave.outcome is MachineStatus.UNKNOWN:
            return NextWave(None, f"a person must look first: what became of wave {wave.name} is unknown")
        if planned.on_failure is not OnFailure.CONTINUE:
            reason = f"wave {wave.name} does not pass ({wave.reason}); the plan's rule is {planned.on_failure.value}"
            return NextWave(None, reason)
    return NextWave(None, "every wave has ended")


def wave_outcome(machines: Sequence[MachineRecord]) -> MachineStatus:
    """A wave is as good as its worst machine."""
    statuses = {machine.status for machine in machines}
    return next((status for status in _WORST_FIRST if status in statuses), MachineStatus.VERIFIED)


def wave_reason(wave: Wave, machines: Sequence[MachineRecord], limit: int = 3) -> str:
    """Why a wave is not verified: by its rule where that may let some pass, else by its worst machines; empty when it
    is."""
    worst = wave_outcome(machines)
    if lenient(wave) and worst is not MachineStatus.VERIFIED:
        return ruling(wave, machines).reason
    struck = [each for each in machines if each.status is worst and worst is not MachineStatus.VERIFIED]
    said = [
        f"{each.label} {each.status.value}"
        + (f" ({each.findings[-1].field}: {each.findings[-1].seen})" if each.findings else "")
        for each in struck[:limit]
    ]
    return ", ".join(said) + (f" and {len(struck) - limit} more" if len(struck) > limit else "")


def settled(
    wave: Wave,
    machines: Sequence[MachineRecord],
    launches: Sequence[LaunchRecord],
    error: Error | None,
    others: str,
    aborted: Finding | None = None,
) -> list[MachineRecord]:
    """The machines of a wave that closes, each with its final status; where the wave does not pass and the plan's rule
    is hold, those that failed are held."""
    final = [settle(machine, launches, error, others, aborted) for machine in machines]
    if wave.on_failure is not OnFailure.HOLD or ruling(wave, final).passes:
        return final
    return [each.but(status=MachineStatus.HELD) if each.status is MachineStatus.FAILED else each for each in final]


def settle(
    machine: MachineRecord,
    launches: Sequence[LaunchRecord],
    error: Error | None,
    others: str,
    aborted: Finding | None = None,
) -> MachineRecord:
    """The machine's final status when its wave closes, whatever the wave died of.

    Before a launch was sent, an error leaves nothing touched: not started. After it, what was not judged is unknown.
    `others`: why nothing was launched, in words, for machines held back for another's sake. `aborted`: who aborted the
    run, when somebody did.
    """
    if machine.judged:
        return machine
    sent = [each for each in launches if each.state not in (LaunchState.REFUSED, LaunchState.ABSENT)]
    if sent and machine.id is not None and not any(machine.id in each.machines for each in sent):
        if aborted is not None:
            return machine.but(status=MachineStatus.ABORTED, findings=(*machine.findings, aborted))
        return machine.but(status=MachineStatus.POSTPONED, findings=(*machine.findings, not_its_turn(others)))
    if sent:
        seen = f"{error.name}: {error.cause}" if error else sent[-1].reason or "no verdict was reached"
        finding = Finding(
            "launch",
            seen,
            "the outcome of every launch is seen",
            "look at the project's jobs and this machine's target in the service's console before launching anything",
        )
        return machine.but(status=MachineStatus.UNKNOWN, findings=(*machine.findings, finding))
    if aborted is not None:
        return machine.but(status=MachineStatus.ABORTED, findings=tuple(dict.fromkeys((*machine.findings, aborted))))
    if error is None:
        finding = Finding(
            "wave", others or "its wave was not launched", "a wave is launched whole", "see the other machines"
        )
        return machine.but(findings=tuple(dict.fromkeys((*machine.findings, finding))))  # closed twice, told once
    status = _unlaunched(error.name)
    own = status is MachineStatus.NOT_STARTED
    finding = Finding(
        "workflow" if own else "service",
        f"{error.name}: {error.cause}",
        "every function does its work" if own else "the replication service answers before a launch",
        _remedy(error.name),
    )
    return machine.but(status=status, findings=tuple(dict.fromkeys((*machine.findings, finding))))


def not_its_turn(why: str) -> Finding:
    """A wave of more machines than one job takes ended before this one was launched."""
    return Finding(
        "launch",
        why or "its wave ended before its turn came",
        "a wave larger than one job takes is launched job after job",
        "start the run again for the machines that are left",
    )


def outcome(
    mode: Mode,
    waves: Sequence[tuple[WaveRecord, Sequence[MachineRecord]]],
    error: Error | None,
    night: NightRecord | None = None,
) -> Outcome:
    """How the run ended. Good when every wave passed and something was verified or accepted; else its name is never
    better than the worst machine of the waves that did not pass. A night that was rolled back, postponed or failed
    says so first.
    """
    if night is not None and night.reopened is not None:
        return Outcome.ROLLED_BACK
    if night is not None and (night.back is not None or night.hold is not None):
        return Outcome.FAILED  # half-way back, or before a person took it up
    if night is not None and night.ending.startswith("failed"):
        return Outcome.FAILED
    everyone = [machine for _, machines in waves for machine in machines]
    if night is not None and night.ending.startswith("postponed") and not _refused(everyone):
        return Outcome.POSTPONED
    passed = all(wave.passed for wave, _ in waves)
    if passed and error is not None:
        return Outcome.FAILED
    if passed and any(machine.status is MachineStatus.VERIFIED or machine.accepted for machine in everyone):
        return Outcome.TESTED if mode is Mode.TEST else Outcome.CUT_OVER
    struck = [machine for wave, machines in waves if not wave.passed for machine in machines]
    worst = wave_outcome(struck or everyone)
    if worst in (MachineStatus.UNKNOWN, MachineStatus.HELD, MachineStatus.FAILED):
        return Outcome.FAILED
    if any(machine.status is MachineStatus.ABORTED for machine in everyone):
        return Outcome.ABORTED
    if worst is MachineStatus.REFUSED:
        return Outcome.REFUSED
    return Outcome.POSTPONED if worst is MachineStatus.POSTPONED else Outcome.FAILED


def _refused(machines: Sequence[MachineRecord]) -> bool:
    return any(each.status is MachineStatus.REFUSED for each in machines)


def abort_finding_of(run: RunRecord) -> Finding | None:
    """Who aborted the run, or None when nobody did."""
    return abort_finding(run) if run.aborted else None


def abort_finding(run: RunRecord) -> Finding:
    """Who aborted the run, when and why."""
    return Finding(
        "abort",
        f"aborted by {run.aborted_by} at {run.aborted_at}: {run.abort_reason}",
        "nothing is launched for a run that was aborted",
        "start the run again when the reason is gone",
    )


def _unlaunched(error: str) -> MachineStatus:
    """What an error makes of a machine that was never launched; a fault of our own leaves it not started."""
    if error in TRANSIENT:
        return MachineStatus.POSTPONED
    return MachineStatus.REFUSED if error in REFUSING else MachineStatus.NOT_STARTED


def _remedy(name: str) -> str:
    return {
        "AuthenticationFailed": "put a valid API token into the token secret; on MGN see the function's role",
        "PermissionDenied": "give the token's user rights on the project; on MGN give them to the function's role",
        "NotInitialised": "initialise MGN in the plan's account and region",
        "LicenceExpired": "renew the licence of the project",
        "NotFound": "correct the project's name in the plan",
        "ServiceUnavailable": "see whether the service can be reached, then start the run again",
        "ServiceThrottled": "wait, raise the plan's poll minimum, then start the run again",
    }.get(name, "read the function's log, then start the run again")
