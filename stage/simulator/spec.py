"""What a scenario says of one machine: its replication, its life so far, what its launches and jobs come to."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from stage.simulator.blueprints import WRITABLE

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_SIZES = {"MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and re.fullmatch(r"(\d+[smhd])+", value):
        return sum(
            (timedelta(**{_UNITS[unit]: int(n)}) for n, unit in re.findall(r"(\d+)([smhd])", value)), timedelta()
        )
    raise ValueError("not a duration; write for example 90s, 5m, 2h30m or 9d")


def _size(value: object) -> object:
    match = re.fullmatch(r"(\d+) ?(MiB|GiB|TiB)", value) if isinstance(value, str) else None
    if not match:
        raise ValueError("not a size; write for example 512MiB, 40GiB or 2TiB")
    return int(match[1]) * _SIZES[match[2]]


def one_or_more(value: object) -> object:
    """A single thing where a list is meant."""
    return value if isinstance(value, (list, tuple)) else [value]


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Size = Annotated[int, BeforeValidator(_size)]
Mode = Literal["test", "cutover"]


class Strict(BaseModel):
    """Nothing unknown, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class State(StrEnum):
    """What a machine's replication is doing during one phase."""

    CONTINUOUS = "continuous"
    LAGGING = "lagging"
    STALLED = "stalled"
    DISCONNECTED = "disconnected"
    RESCAN = "rescan"
    INITIATING = "initiating"
    INITIAL_SYNC = "initial_sync"
    PAUSED = "paused"
    STOPPED = "stopped"
    AGENT_MISSING = "agent_missing"


Step = Literal[
    "WAITING_TO_INITIATE_REPLICATION",
    "CREATING_FIREWALL_RULES",
    "CREATING_REPLICATION_SERVER",
    "BOOTING_REPLICATION_SERVER",
    "RESOLVING_MANAGEMENT_SERVER_ADDRESS",
    "AUTHENTICATING_WITH_MANAGEMENT_SERVER",
    "DOWNLOADING_REPLICATION_SOFTWARE",
    "CREATING_REPLICATION_DISKS",
    "ATTACHING_REPLICATION_DISKS",
    "PAIRING_REPLICATION_SERVER_WITH_AGENT",
    "ESTABLISHING_AGENT_REPLICATOR_COMMUNICATION",
]


class Phase(Strict):
    """One stretch of a machine's replication. Without `for` it never ends; after the last one comes `continuous`.

    `behind`: the age of the last consistency point when the phase begins (by default what the phase before left);
    a lagging machine with `for` closes that gap evenly, one without keeps it. `progress`: percent already synced.
    `step`: where an initiation stands still; `failed`: the message it failed with there.
    """

    state: State = State.CONTINUOUS
    lasts: Duration | None = Field(default=None, alias="for")
    behind: Duration | None = None
    progress: Annotated[int, Field(ge=0, le=100)] = 0
    step: Step | None = None
    failed: str | None = None

    @model_validator(mode="after")
    def _only_what_applies(self) -> Self:
        consistent = self.state not in (State.CONTINUOUS, State.INITIATING, State.INITIAL_SYNC)
        applies = {"behind": consistent, "progress": self.state == State.INITIAL_SYNC}
        applies |= dict.fromkeys(("step", "failed"), self.state == State.INITIATING)
        wrong = [name for name, fits in applies.items() if name in self.model_fields_set and not fits]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} has no meaning while {self.state.value}")
        if self.failed and not self.step:
            raise ValueError("failed needs step: the step that failed")
        return self


class Ending(Strict):
    """What becomes of a target some time after its launch."""

    state: Literal["stopped", "terminated"]
    after: Duration


class When(Strict):
    """Which launches a rule is for: all, those of one mode, the nth of this machine (or of this project's jobs)."""

    mode: Mode | None = None
    number: Annotated[int, Field(ge=1)] | None = None

    def applies(self, mode: str | None, number: int) -> bool:
        """`mode` is None for a job that launches nothing."""
        return self.mode in (None, mode) and self.number in (None, number)


class LaunchRule(When):
    """What comes of launching one machine. The first rule that applies counts; without one, all is well.

    `late`: how long after the job's end the target appears. `boot`: how long its status checks say `initializing`.
    `stale`: the launch falls back to data this much older than the launch. `keeps_previous`: the old target survives.
    The last four override what the blueprint asks for.
    """

    target: Literal["created", "missing", "conversion_failed"] = "created"
    late: Duration | None = None
    boot: Duration = timedelta(seconds=90)
    checks: Literal["ok", "impaired", "initializing"] = "ok"
    then: Ending | None = None
    stale: Duration | None = None
    keeps_previous: bool = False
    subnet: str | None = None
    security_groups: list[str] | None = None
    instance_type: str | None = None
    private_ip: str | None = None


class Distortion(Strict):
    """Changes to an answer about one thing: dotted paths to leave out, or to set to any value, null included."""

    omit: list[str] = []
    replace: dict[str, Any] = Field(default={}, alias="set")


class JobRule(When):
    """How a project's jobs go. The first rule that applies counts.

    `status`: the word at the end, whatever happened. `hangs`: the job stays STARTED in its conversions, for ever.
    """

    status: Literal["COMPLETED", "FAILED"] | None = None
    hangs: bool = False
    log: Literal["normal", "duplicated", "out_of_order"] = "normal"
    answer: Distortion = Distortion()


class Machine(Strict):
    """A source machine. `subnet` and `security_groups` are names of the project's; by default its first ones.

    `tested`, `cut_over`: how long ago, at the start. `target`: whether the newest of those launches still has its
    target. `blueprint`: fields that differ from the default blueprint, in CloudEndure's own words.
    """

    os: str = "Linux"
    disks: dict[str, Size] = {"/dev/sda": 40 * 2**30}
    cores: Annotated[int, Field(ge=1)] = 2
    memory: Size = 8 * 2**30
    instance_type: str = "t3.medium"
    subnet: str | None = None
    security_groups: list[str] | None = None
    source_ip: str | None = None
    console_tags: list[str] = []
    replication: Annotated[list[Phase], BeforeValidator(one_or_more), Field(min_length=1)] = [Phase()]
    tested: Duration | None = None
    cut_over: Duration | None = None
    target: bool = True
    launch: Annotated[list[LaunchRule], BeforeValidator(one_or_more)] = []
    blueprint: dict[str, Any] = {}
    answer: Distortion = Distortion()

    @model_validator(mode="after")
    def _phases_end(self) -> Self:
        if any(phase.lasts is None for phase in self.replication[:-1]):
            raise ValueError("replication: only the last phase may lack `for`")
        if self.replication[0].state is State.LAGGING and self.replication[0].behind is None:
            raise ValueError("replication: a machine that begins lagging needs `behind`")
        for key in self.blueprint:
            require("blueprint field", [key], sorted(WRITABLE))
        return self


def require(what: str, named: list[str], allowed: list[str]) -> None:
    """ValueError for a name that is not among those allowed."""
    for name in named:
        if name not in allowed:
            raise ValueError(f"{what} {name!r} is unknown; there are: {', '.join(allowed)}")
