"""What a run remembers: the records of its table, as frozen dataclasses.

    RUN#<run>   META                      RunRecord
                NIGHT, STEP#…, QUESTION#…, ORDER: see night_records.py
                WAVE#001                  WaveRecord
                WAVE#001#LAUNCH#01        LaunchRecord: the ledger
                WAVE#001#MACHINE#<label>  MachineRecord; the label is what the plan calls the machine
                WAVE#001#LAG#07           LagLook: the last 60 looks before the launch
    PLAN#<plan> LATEST#<mode>             the run claimed last, and whether it is still active; LATEST#<mode>-observe
                ROLLEDBACK#<machine>      RolledBack: its last cutover was taken back
                VERIFIED#<mode>#<machine> Proof: a verified target; opens the gate of a cutover, or closes it for good
                SIGNOFF#…, and what comes after a run: see after_records.py
    WAITING     <run>#<wave>              a wave that listens for events: see waits.py
    LOCK#<service>#<thing>  LEASE         who holds a machine or a project: see locks.py

Instants are RFC 3339 strings in UTC, durations whole seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from cutover.finding import Finding
from cutover.launch_configuration import Value
from cutover.plan import Mode, Plan


class RunStatus(StrEnum):
    """How a run's execution stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class Outcome(StrEnum):
    """How a run ended. Only FAILED ends in a failed execution."""

    TESTED = "Tested"
    CUT_OVER = "CutOver"
    ROLLED_BACK = "RolledBack"
    POSTPONED = "Postponed"
    REFUSED = "Refused"
    ABORTED = "Aborted"
    FAILED = "Failed"


class MachineStatus(StrEnum):
    """What became of one machine in one run."""

    NOT_STARTED = "not_started"
    VERIFIED = "verified"
    FAILED = "failed"
    UNKNOWN = "unknown"
    HELD = "held"
    REFUSED = "refused"
    POSTPONED = "postponed"
    ABORTED = "aborted"
    ROLLED_BACK = "rolled_back"


class Level(StrEnum):
    """How far a target was seen to be up: it boots, or what it is there for answers."""

    BOOTED = "booted"
    APPLICATION = "application"


class Phase(StrEnum):
    """Where a wave stands."""

    WAITING = "waiting"
    LAUNCHING = "launching"
    FOLLOWING = "following"
    ENDED = "ended"


class LaunchState(StrEnum):
    """The ledger: intended → sent → accepted | refused | unknown; an unknown one is found, or proved absent."""

    INTENDED = "intended"
    SENT = "sent"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    ABSENT = "absent"

    @property
    def settled(self) -> bool:
        """Whether it is known what became of it."""
        return self in (LaunchState.ACCEPTED, LaunchState.REFUSED, LaunchState.ABSENT)


class Record:
    """Reading and writing plain JSON values: strings, integers, booleans, None, lists and maps of them."""

    def to_json(self) -> dict[str, Any]:
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}  # type: ignore[arg-type]  # only dataclasses derive from it

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        known = {each.name for each in fields(cls)}  # type: ignore[arg-type]  # only dataclasses derive from it
        return cls(**cls._read({name: value for name, value in data.items() if name in known}))

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return data

    def but(self, **changes: Any) -> Self:
        """The same record with these fields changed."""
        return replace(self, **changes)  # type: ignore[type-var]  # only dataclasses derive from it


@dataclass(frozen=True)
class RunRecord(Record):
    """One carrying-out of a plan in one mode. `execution`: the ARN of the execution that carries it out.

    `attempt`: counted up whenever the run goes on after its execution died; the execution's name ends with it.
    `lease`: until when the run's locks hold unless it is renewed. `interrupted`: closed by others after its execution
    died; started again, it goes on. `aborted`: an operator's mark, set once; nothing is launched after it.
    `observe`: it proves a launch that somebody made by hand, and launches nothing itself. `clean_up_at`: when its test
    targets are cleaned up by themselves. `sha256`: of the plan as it was asked for; `chosen`: of the same with the
    machines that its selections chose when the run began, None for a plan without selections.
    """

    id: str
    plan: str
    sha256: str
    mode: Mode
    attempt: int
    scheduled: str | None
    claimed: str
    status: RunStatus = RunStatus.RUNNING
    outcome: Outcome | None = None
    reason: str = ""
    execution: str | None = None
    started: str | None = None
    ended: str | None = None
    simulated: bool = False
    clock: str = "service"
    told: bool = False
    lease: str | None = None
    interrupted: bool = False
    aborted: bool = False
    aborted_by: str = ""
    abort_reason: str = ""
    aborted_at: str | None = None
    watch_deadline: str | None = None
    watch_looks: int = 0
    observe: bool = False
    clean_up_at: str | None = None
    findings: tuple[Finding, ...] = ()
    requests: dict[str, int] = field(default_factory=dict)
    chosen: str | None = None

    @property
    def carried_out(self) -> str:
        """The hash of the plan that the run carries out."""
        return self.chosen or self.sha256

    @property
    def execution_name(self) -> str:
        """The name of the execution that carries out the present attempt."""
        return f"{self.id}-{self.attempt}"

    def carried_out_by(self, execution: str) -> bool:
        """Whether an execution, by its ARN, is that of the present attempt."""
        return execution.endswith(f":{self.execution_name}")

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {
            **data,
            "mode": Mode(data["mode"]),
            "status": RunStatus(data["status"]),
            "outcome": Outcome(data["outcome"]) if data.get("outcome") else None,
            "findings": _findings(data),
        }


@dataclass(frozen=True)
class WaveRecord(Record):
    """One wave of a run. `progress`: a line for each machine at the last look, for people to watch. `followed`: its
    jobs have been read, and lie in the bucket. `outcome`: its worst machine's; `passed`: by the plan's rule. `told_…`:
    people know of it. `version` counts its writings, so that no late writer undoes what another one wrote.

    `logged`: by job, how many lines of its log have been read.

    `attempts`: launch requests sent; `unsent`: attempts that died before anything was sent.

    The three deadlines are absolute and fixed once: for readiness when the wave begins, for the job when it is
    accepted, for verification when the job has ended.
    """

    number: int
    name: str
    version: int = 0
    phase: Phase = Phase.WAITING
    outcome: MachineStatus | None = None
    passed: bool = False
    reason: str = ""
    execution: str | None = None
    started: str | None = None
    readiness_deadline: str | None = None
    job_deadline: str | None = None
    verify_deadline: str | None = None
    ready_looks: int = 0
    ready: int = 0
    total: int = 0
    target_looks: int = 0
    told_waiting: bool = False
    told_busy: bool = False
    told_launched: bool = False
    attempts: int = 0
    unsent: int = 0
    jobs: tuple[str, ...] = ()
    job_status: str | None = None
    followed: bool = False
    log_lines: int = 0
    logged: dict[str, int] = field(default_factory=dict)
    last_line: str = ""
    looked: str | None = None
    progress: tuple[dict[str, Any], ...] = ()
    findings: tuple[Finding, ...] = ()

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {
            **data,
            "phase": Phase(data["phase"]),
            "outcome": MachineStatus(data["outcome"]) if data.get("outcome") else None,
            "progress": tuple(data.get("progress", ())),
            "jobs": tuple(data.get("jobs", ())),
            "findings": _findings(data),
        }


@dataclass(frozen=True)
class LaunchRecord(Record):
    """One attempt to launch a wave, or as much of it as one job takes.

    `fence`: of the project's lock at the intent. `known_jobs`: all that the project had before it. `tags`: on its jobs,
    where the service has such. `clean_looks`: listings since the settle time that showed no sign of the launch.
    """

    number: int
    state: LaunchState
    mode: Mode
    machines: tuple[str, ...]
    intended: str
    known_jobs: tuple[str, ...] = ()
    fence: int = 0
    sent: str | None = None
    jobs: tuple[str, ...] = ()
    reason: str = ""
    looks: int = 0
    clean_looks: int = 0
    tags: dict[str, str] = field(default_factory=dict)

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {
            **data,
            "state": LaunchState(data["state"]),
            "mode": Mode(data["mode"]),
            "machines": tuple(data["machines"]),
            "known_jobs": tuple(data.get("known_jobs", ())),
            "jobs": tuple(data.get("jobs", ())),
        }


@dataclass(frozen=True)
class Check(Record):
    """One verification of one target: what was expected, what was seen. `passed` None: not decided yet."""

    name: str
    expected: str
    seen: str
    passed: bool | None

    @property
    def of_application(self) -> bool:
        """Whether it is one that the plan has made for the application."""
        return self.name.startswith(APPLICATION)


APPLICATION = "application: "
"""What the names of checks of the application begin with."""
STATUS_CHECKS = "status_checks"


@dataclass(frozen=True)
class GuestCommand(Record):
    """A command inside of a machine, for the check of this name. `command`: it is followed by that, if under way.

    `sent`: when, the last time; `tries`: how often. `words`: what was seen last.
    """

    name: str
    command: str | None = None
    sent: str | None = None
    tries: int = 0
    passed: bool = False
    words: str = ""


@dataclass(frozen=True)
class TargetRecord(Record):
    """The EC2 instance launched for a machine. `replaced`: the instance the launch deleted, if there was one."""

    instance_id: str | None = None
    private_ips: tuple[str, ...] = ()
    public_ips: tuple[str, ...] = ()
    type: str | None = None
    subnet_id: str | None = None
    replaced: str | None = None

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "private_ips": tuple(data["private_ips"]), "public_ips": tuple(data["public_ips"])}


@dataclass(frozen=True)
class Accepted(Record):
    """A person lets a machine pass that was not verified: who, why, when."""

    by: str
    reason: str
    at: str


@dataclass(frozen=True)
class LagLook(Record):
    """The replication lag at one look before a launch: seconds by label, of the machines that lagged most; None where
    it could not be told."""

    at: str
    seconds: dict[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Moment(Record):
    """A phase of a machine's launch: from when to when; `done` None: no end was seen."""

    phase: str
    begun: str
    done: str | None


@dataclass(frozen=True)
class MachineRecord(Record):
    """One machine of a wave. `id` is None as long as the plan's name was not found in the project.

    `position`: its place in the wave. The fields from `replica_before` on are what was there before the launch; the
    ones from `replica` on what appeared after it. `consistent_before`: its last consistency point then. `isolated`:
    a target that came after its job's deadline, stopped. `configuration`: what was to be launched, setting by
    setting. `configuration_before`: the values, from before this run, of those that it changed; None: nothing to
    put back. `group`: the author's wave, where several are launched together as this one. `judged_from`: it is
    judged again since then. `commands`: inside of the target. `not_made`: checks that there could have been, and
    why they were not made. `console`: what was kept of its console, as keys of the run's files. `source_ips`: of the
    source machine, where the service says them. `first_ok`: the first look at which nothing was wrong with its target;
    `settled`: the look at which it had its verdict.
    """

    label: str
    position: int
    id: str | None = None
    name: str | None = None
    status: MachineStatus = MachineStatus.NOT_STARTED
    group: str = ""
    replica_before: str | None = None
    instance_before: str | None = None
    configuration: dict[str, str] | None = None
    configuration_before: dict[str, Value] | None = None
    previous_unknown: bool = False
    consistent_before: str | None = None
    replica: str | None = None
    replica_job: str | None = None
    replica_created: str | None = None
    first_seen: str | None = None
    oks: int = 0
    isolated: str | None = None
    target: TargetRecord | None = None
    checks: tuple[Check, ...] = ()
    findings: tuple[Finding, ...] = ()
    accepted: Accepted | None = None
    judged_from: str | None = None
    commands: tuple[GuestCommand, ...] = ()
    not_made: tuple[str, ...] = ()
    console: tuple[str, ...] = ()
    source_ips: tuple[str, ...] = ()
    first_ok: str | None = None
    settled: str | None = None

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {
            **data,
            "status": MachineStatus(data["status"]),
            "accepted": Accepted.from_json(data["accepted"]) if data.get("accepted") else None,
            "target": TargetRecord.from_json(data["target"]) if data.get("target") else None,
            "checks": tuple(Check.from_json(check) for check in data.get("checks", ())),
            "commands": tuple(GuestCommand.from_json(command) for command in data.get("commands", ())),
            "not_made": tuple(data.get("not_made", ())),
            "console": tuple(data.get("console", ())),
            "source_ips": tuple(data.get("source_ips", ())),
            "findings": _findings(data),
            "configuration_before": _values(data.get("configuration_before")),
        }

    @property
    def judged(self) -> bool:
        """Whether it has its final verdict."""
        return self.status is not MachineStatus.NOT_STARTED

    @property
    def level(self) -> Level | None:
        """How far its target was seen to be up; None: not even booted."""
        if any(check.of_application and check.passed for check in self.checks):
            return Level.APPLICATION
        booted = any(check.name == STATUS_CHECKS and check.passed for check in self.checks)
        return Level.BOOTED if booted else None

    @property
    def left_out(self) -> bool:
        """Whether it was judged before the launch: its wave goes on without it, or not at all."""
        return self.status in (MachineStatus.REFUSED, MachineStatus.POSTPONED, MachineStatus.ABORTED)


@dataclass(frozen=True)
class Proof(Record):
    """A machine's target was verified in a run of this plan. `source`: "ledger", "observed" for a launch that somebody
    made by hand, or the evidence file it came from.

    `configuration`: what was launched, setting by setting; None: not recorded. `signed`: who signed the test off;
    `rejected`: who did not, and why. Both are read from the sign-offs, not from the proof.
    """

    machine: str
    mode: Mode
    run: str
    instance: str | None
    at: str
    source: str = "ledger"
    configuration: dict[str, str] | None = None
    signed: tuple[str, ...] = ()
    rejected: dict[str, str] = field(default_factory=dict)

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "mode": Mode(data["mode"]), "signed": tuple(data.get("signed", ()))}


@dataclass(frozen=True)
class RolledBack(Record):
    """A machine's cutover was taken back: this target was stopped, and may be deleted by the next launch."""

    machine: str
    run: str
    instance: str
    at: str


def as_planned(plan: Plan) -> list[tuple[WaveRecord, list[MachineRecord]]]:
    """The records of a run that has not looked at anything yet."""
    return [
        (
            WaveRecord(number=number, name=wave.name),
            [
                MachineRecord(each.label, position, group=wave.author_name(each) if wave.groups else "")
                for position, each in enumerate(wave.machines)
            ],
        )
        for number, wave in enumerate(plan.waves, 1)
    ]


def whole(value: Any) -> Any:
    """DynamoDB's numbers as integers, everything else as it is: records hold no fractions."""
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {key: whole(each) for key, each in value.items()}
    return [whole(each) for each in value] if isinstance(value, list) else value


def _findings(data: dict[str, Any]) -> tuple[Finding, ...]:
    return tuple(Finding.from_json(finding) for finding in data.get("findings", ()))


def _values(given: dict[str, Any] | None) -> dict[str, Value] | None:
    """Values of settings: what is several is a tuple."""
    return given and {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def plain(value: Any) -> Any:
    """What a record holds as a JSON value."""
    if isinstance(value, Record | Finding):
        return value.to_json()
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return value
