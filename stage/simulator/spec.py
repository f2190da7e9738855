"""What a scenario says of one machine: its replication, its life so far, what its launches and jobs come to."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from stage.simulator.blueprints import WRITABLE
from stage.simulator.distortion import Distortion
from stage.simulator.migration_spec import MgnServer
from stage.simulator.terms import Duration, Mode, Size, Strict, one_or_more, require


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
    """What becomes of a target some time after its launch. `vanished`: terminated, and its replica answers 404."""

    state: Literal["stopped", "terminated", "vanished"]
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
    `commands`: what becomes of SSM commands inside of it; `serves_after`: how long after it was made its application
    answers. `stale`: the launch falls back to data this much older than the launch. `keeps_previous`: the old target
    survives. The last four override what the blueprint asks for.
    """

    target: Literal["created", "missing", "conversion_failed"] = "created"
    late: Duration | None = None
    boot: Duration = timedelta(seconds=90)
    checks: Literal["ok", "impaired", "initializing"] = "ok"
    commands: Literal["ok", "fail"] = "ok"
    serves_after: Duration = timedelta()
    then: Ending | None = None
    stale: Duration | None = None
    keeps_previous: bool = False
    subnet: str | None = None
    security_groups: list[str] | None = None
    instance_type: str | None = None
    private_ip: str | None = None


class JobRule(When):
    """How a project's jobs go. The first rule that applies counts.

    `status`: the word at the end, whatever happened. `hangs`: the job stays STARTED in its conversions, for ever.
    `conversion`: how long they take otherwise, by default about a minute. `listed`: how long after it was accepted the
    job first shows among the project's jobs.
    """

    status: Literal["COMPLETED", "FAILED"] | None = None
    hangs: bool = False
    conversion: Duration | None = None
    listed: Duration | None = None
    log: Literal["normal", "duplicated", "out_of_order"] = "normal"
    answer: Distortion = Distortion()


class BlueprintChange(Strict):
    """Somebody changes a machine's blueprint in the console, `at` a time after the first login."""

    at: Duration
    fields: Annotated[dict[str, Any], Field(alias="set", min_length=1)]


class Machine(Strict):
    """A source machine. `subnet` and `security_groups` are names of the project's; by default its first ones.

    `licensed_since`: how long its agent has been installed, which is when its licence began to run.

    `tested`, `cut_over`: how long ago, at the start. `target`: whether the newest of those launches still has its
    target; that one may be `protected` against termination and carry `target_tags` that somebody gave it since.

    `blueprint`: fields that differ from the default blueprint, in CloudEndure's own words, but subnets and security
    groups may be named as in the project. `blueprint_changes`: what becomes of them later. `blueprint_ignores`: fields
    that a PATCH does not change, though it is answered with 200. `mgn`: what MGN alone shows of it.
    """

    os: str = "Linux"
    disks: dict[str, Size] = Field(default_factory=lambda: {"/dev/sda": 40 * 2**30})
    cores: Annotated[int, Field(ge=1)] = 2
    memory: Size = 8 * 2**30
    instance_type: str = "t3.medium"
    subnet: str | None = None
    security_groups: list[str] | None = None
    source_ip: str | None = None
    console_tags: list[str] = Field(default_factory=list)
    replication: Annotated[list[Phase], BeforeValidator(one_or_more), Field(min_length=1)] = Field(
        default_factory=lambda: [Phase()]
    )
    licensed_since: Duration | None = None
    tested: Duration | None = None
    cut_over: Duration | None = None
    target: bool = True
    protected: bool = False
    target_tags: dict[str, str] = Field(default_factory=dict)
    launch: Annotated[list[LaunchRule], BeforeValidator(one_or_more)] = Field(default_factory=list)
    blueprint: dict[str, Any] = Field(default_factory=dict)
    blueprint_changes: Annotated[list[BlueprintChange], BeforeValidator(one_or_more)] = Field(default_factory=list)
    blueprint_ignores: list[str] = Field(default_factory=list)
    answer: Distortion = Distortion()
    mgn: MgnServer = MgnServer()

    @model_validator(mode="after")
    def _phases_end(self) -> Self:
        if any(phase.lasts is None for phase in self.replication[:-1]):
            raise ValueError("replication: only the last phase may lack `for`")
        if self.replication[0].state is State.LAGGING and self.replication[0].behind is None:
            raise ValueError("replication: a machine that begins lagging needs `behind`")
        return self

    @model_validator(mode="after")
    def _blueprint_fields_exist(self) -> Self:
        later = [key for one in self.blueprint_changes for key in one.fields]
        require("blueprint field", [*self.blueprint, *later, *self.blueprint_ignores], sorted(WRITABLE))
        return self

    @model_validator(mode="after")
    def _has_such_a_past(self) -> Self:
        launches = [age for age in (self.tested, self.cut_over) if age is not None]
        if (self.protected or self.target_tags) and not (self.target and launches):
            raise ValueError("protected and target_tags need a target: say tested or cut_over, and not `target: false`")
        if self.licensed_since is not None and any(age > self.licensed_since for age in launches):
            raise ValueError("licensed_since: a machine cannot have been launched before its agent was installed")
        return self
