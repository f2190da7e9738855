"""How waves and runs end: pure decisions over what was recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cutover.finding import Finding
from cutover.plan import Mode, OnFailure, Plan
from cutover.records import LaunchRecord, LaunchState, MachineRecord, MachineStatus, Outcome, Phase, WaveRecord

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

REFUSING = ("AuthenticationFailed", "PermissionDenied", "LicenceExpired", "NotFound", "RequestRefused")
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


def next_wave(plan: Plan, waves: Sequence[WaveRecord]) -> NextWave:
    """Which wave is next. A wave that was not launched ends the run; a failed machine does what the rule says."""
    for wave, planned in zip(waves, plan.waves, strict=True):
        if wave.phase is not Phase.ENDED:
            return NextWave(wave.number, f"wave {wave.name} is next")
        if wave.outcome is MachineStatus.VERIFIED:
            continue
        if wave.outcome in (MachineStatus.REFUSED, MachineStatus.POSTPONED, MachineStatus.NOT_STARTED):
            return NextWave(
                None, f"wave {wave.name} was not launched ({wave.outcome.value}); the waves after it depend on it"
            )
        if wave.outcome is MachineStatus.UNKNOWN:
            return NextWave(None, f"a person must look first: what became of wave {wave.name} is unknown")
        if planned.on_failure is not OnFailure.CONTINUE:
            return NextWave(
                None, f"wave {wave.name} has a machine that failed; the plan's rule is {planned.on_failure.value}"
            )
    return NextWave(None, "every wave has ended")


def wave_outcome(machines: Sequence[MachineRecord]) -> MachineStatus:
    """A wave is as good as its worst machine."""
    statuses = {machine.status for machine in machines}
    return next((status for status in _WORST_FIRST if status in statuses), MachineStatus.VERIFIED)


def wave_reason(machines: Sequence[MachineRecord], limit: int = 3) -> str:
    """Why a wave is not verified, by its machines, the worst first; empty when it is."""
    worst = wave_outcome(machines)
    struck = [each for each in machines if each.status is worst and worst is not MachineStatus.VERIFIED]
    said = [
        f"{each.label} {each.status.value}"
        + (f" ({each.findings[-1].field}: {each.findings[-1].seen})" if each.findings else "")
        for each in struck[:limit]
    ]
    return ", ".join(said) + (f" and {len(struck) - limit} more" if len(struck) > limit else "")


def settle(
    machine: MachineRecord, launches: Sequence[LaunchRecord], on_failure: OnFailure, error: Error | None, others: str
) -> MachineRecord:
    """The machine's final status when its wave closes, whatever the wave died of.

    Before a launch was sent, an error leaves nothing touched: not started. After it, what was not judged is unknown.
    `others`: why nothing was launched, in words, for machines held back for another's sake.
    """
    if machine.judged:
        held = machine.status is MachineStatus.FAILED and on_failure is OnFailure.HOLD
        return machine.but(status=MachineStatus.HELD) if held else machine
    sent = [each for each in launches if each.state not in (LaunchState.REFUSED, LaunchState.ABSENT)]
    if sent:
        seen = f"{error.name}: {error.cause}" if error else sent[-1].reason or "no verdict was reached"
        finding = Finding(
            "launch",
            seen,
            "the outcome of every launch is seen",
            "look at the project's jobs and this machine's target in the service's console before launching anything",
        )
        return machine.but(status=MachineStatus.UNKNOWN, findings=(*machine.findings, finding))
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


def outcome(mode: Mode, machines: Sequence[MachineRecord], error: Error | None) -> Outcome:
    """How the run ended: its name is never better than its worst machine."""
    worst = wave_outcome(machines) if machines else MachineStatus.NOT_STARTED
    if worst in (MachineStatus.UNKNOWN, MachineStatus.HELD, MachineStatus.FAILED):
        return Outcome.FAILED
    if worst is MachineStatus.REFUSED:
        return Outcome.REFUSED
    if worst is MachineStatus.POSTPONED:
        return Outcome.POSTPONED
    if worst is not MachineStatus.VERIFIED or error is not None:
        return Outcome.FAILED
    return Outcome.TESTED if mode is Mode.TEST else Outcome.CUT_OVER


def _unlaunched(error: str) -> MachineStatus:
    """What an error makes of a machine that was never launched; a fault of our own leaves it not started."""
    if error in TRANSIENT:
        return MachineStatus.POSTPONED
    return MachineStatus.REFUSED if error in REFUSING else MachineStatus.NOT_STARTED


def _remedy(name: str) -> str:
    return {
        "AuthenticationFailed": "put a valid API token into the token secret",
        "PermissionDenied": "give the token's user rights on the project",
        "LicenceExpired": "renew the licence of the project",
        "NotFound": "correct the project's name in the plan",
        "ServiceUnavailable": "see whether the service can be reached, then start the run again",
        "ServiceThrottled": "wait, raise the plan's poll minimum, then start the run again",
    }.get(name, "read the function's log, then start the run again")
