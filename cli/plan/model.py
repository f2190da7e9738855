"""The author's plan, as it is written: what its keys are called, what they hold, what they default to.

Plan, wave and machine carry overlays of the same classes. A key left out is unset, and its default applies only after
the overlays are laid over each other (compile.py).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import CoreSchema

from cli.plan.block import Block
from cli.plan.calendar import Schedule
from cli.plan.checks import Check
from cli.plan.fields import (
    IDS,
    Duration,
    InstanceType,
    Instant,
    Line,
    MachineId,
    Name,
    PrivateIp,
    Reason,
    Region,
    ReplacedInstance,
    SecurityGroup,
    Size,
    SourceTagKey,
    Subnet,
    TagKey,
    TagValue,
    Version,
    check_duration,
    refusal,
)
from cli.plan.night import Cutover
from cli.plan.tell import Tell
from cutover.plan import OnDifference, OnFailure

SELECTIONS = ("tagged", "in_mgn_wave")
"""Keys of a machine that stand for several, chosen when a run begins."""
MOST_TAGS = 45
"""EC2 allows 50 on an instance; the others are the migration service's and ours."""


class Readiness(Block):
    """When a machine may be launched, and how long that is waited for."""

    lag: Duration = Field(default="5m", description="The largest lag behind its source a machine may be launched with.")
    backlog: Size | None = Field(
        default=None,
        description="The largest backlog that a machine may be launched with. Left out: it may have none.",
        examples=["2GiB"],
    )
    deadline: Duration = Field(default="12h", description="How long the wave waits for its machines to be ready.")


class Waiver(Block):
    """A cutover without a verified test: who allowed it, and why."""

    by: Line = Field(description="Who allowed it.", examples=["lead@example.com"])
    reason: Reason = Field(description="Why, in a sentence.", examples=["rebuilt on Friday, tested by hand"])


class Replacement(Block):
    """A target that a launch may delete although it is live, kept or protected: which one, who allowed it, and why."""

    instance: ReplacedInstance = Field(
        description="The EC2 id of that target, or `none` where a cutover is recorded and its target is gone.",
        examples=["i-0a1b2c3d4e5f60718"],
    )
    by: Line = Field(description="Who allowed it.", examples=["lead@example.com"])
    reason: Reason = Field(description="Why, in a sentence.", examples=["cut over by mistake, nobody uses it"])


class AcceptedChanges(Block):
    """Changes of a launch configuration since the tested launch that a cutover may go on with."""

    fields: list[Line] = Field(
        min_length=1,
        description="The fields that changed, as the refusal names them.",
        examples=[["iamRole"]],
        json_schema_extra={"uniqueItems": True},
    )
    by: Line = Field(description="Who accepted them.", examples=["lead@example.com"])
    reason: Reason = Field(description="Why, in a sentence.", examples=["the role was renamed on Monday"])


class LaunchConfiguration(Block):
    """What the service is set to launch, compared with what the plan expects."""

    differences: OnDifference = Field(
        default=OnDifference.REFUSE,
        strict=False,
        description="Where it differs from `expect`: refuse the launch, or correct it before and launch then.",
    )


class GateOfTest(Block):
    """Which test a cutover asks for."""

    minimum_age: Duration = Field(default="7d", description="How long ago a machine's verified test must have been.")
    waiver: Waiver | None = Field(
        default=None, description="Lifts the gate: machines are cut over without a verified test."
    )


class Deadlines(Block):
    """How long targets may take, by their operating system. One that nobody knows is given the longer time."""

    linux: Duration = Field(description="Targets that run Linux.", examples=["25m"])
    windows: Duration = Field(description="Targets that run Windows.", examples=["60m"])


def _deadline(value: Any, one: ValidatorFunctionWrapHandler) -> Any:
    return Deadlines.model_validate(value) if isinstance(value, dict) else check_duration(value)


class Verify(Block):
    """How launched targets are proved."""

    job_deadline: Duration = Field(default="60m", description="How long the service's job may take.")
    deadline: Annotated[Duration | Deadlines, WrapValidator(_deadline)] = Field(
        default="20m",
        description="How long a target may take to pass its checks after the job: one time, or by operating system.",
    )
    ok_in_a_row: int = Field(
        default=1, ge=1, le=10, description="In how many looks in a row both EC2 status checks must be ok."
    )
    checks: list[Check] = Field(
        default_factory=list, description="Looks at the application on each target. A wave's are added to the plan's."
    )


class Poll(Block):
    """How often the service is looked at."""

    minimum: Duration = Field(default="30s", description="The shortest time between two looks.")
    maximum: Duration = Field(default="15m", description="The longest time between two looks. At least the minimum.")


class ExpectedTarget(Block):
    """What a target must look like. What is left out is not compared."""

    instance_type: InstanceType | None = Field(
        default=None, description="The EC2 instance type.", examples=["m5.large"]
    )
    subnet: Subnet | None = Field(
        default=None, description="The subnet's id, or its Name tag.", examples=["subnet-0a1b2c3d"]
    )
    security_groups: list[SecurityGroup] | None = Field(
        default=None,
        min_length=1,
        description="Exactly these security groups, by id or Name tag, in any order.",
        json_schema_extra={"uniqueItems": True},
    )
    private_ip: PrivateIp | None = Field(
        default=None, description="The private IPv4 address. Belongs to one machine in a mode.", examples=["10.0.1.15"]
    )
    public_ip: bool | None = Field(default=None, description="Whether the target has a public IPv4 address.")
    right_sizing: bool | None = Field(
        default=None, description="MGN: whether the instance type is chosen by the source's size at each launch."
    )
    boot_mode: Literal["LEGACY_BIOS", "UEFI", "USE_SOURCE"] | None = Field(
        default=None, description="MGN: how the target boots.", examples=["USE_SOURCE"]
    )
    copy_tags: bool | None = Field(
        default=None, description="MGN: whether the target is given the source server's tags."
    )
    copy_private_ip: bool | None = Field(
        default=None, description="MGN: whether the target has the source's private IPv4 address."
    )


class Expect(Block):
    """What targets must look like, for each mode."""

    test: ExpectedTarget = Field(default_factory=ExpectedTarget, description="Targets launched as a test.")
    cutover: ExpectedTarget = Field(default_factory=ExpectedTarget, description="Targets that take over.")


class SignOff(Block):
    """Who accepts a test before it counts for the cutover."""

    by: list[Line] = Field(
        min_length=1,
        description="Who signs every machine's test off, all of them.",
        examples=[["app@example.com"]],
        json_schema_extra={"uniqueItems": True},
    )
    until: Instant | None = Field(
        default=None, description="No sign-off is taken after it.", examples=["2030-06-12T16:00:00+02:00"]
    )


class Tests(Block):
    """What comes after a test."""

    sign_off: SignOff | None = Field(
        default=None, description="A test counts once its owners signed it off; without it, once it is verified."
    )
    ttl: Duration | None = Field(
        default=None,
        description="How long after a verified test its targets are cleaned up by themselves; without it, never.",
        examples=["6d"],
    )


Tags = Annotated[
    dict[TagKey, TagValue],
    Field(
        default_factory=dict,
        max_length=MOST_TAGS,
        description="Tags that every target is given.",
        json_schema_extra={"additionalProperties": False},
        examples=[{"application": "shop"}],
    ),
]


class Machine(Block):
    """A machine, or the machines of a selection, with what applies to it alone. Exactly one of `name`, `id`, `tagged`
    and `in_mgn_wave`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [key]} for key in ("name", "id", *SELECTIONS)],
            "dependentSchemas": {"at_most": {"anyOf": [{"required": [key]} for key in SELECTIONS]}},
        }
    )

    name: Line | None = Field(default=None, description="The source server's name, in any case.", examples=["web01"])
    id: MachineId | None = Field(default=None, description="The machine's id at the replication service.")
    tagged: dict[SourceTagKey, TagValue] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="MGN: all source servers with all of these tags, as they are when a run begins.",
        examples=[{"Wave": "3"}],
        json_schema_extra={"additionalProperties": False},
    )
    in_mgn_wave: Line | None = Field(
        default=None,
        description="MGN: all source servers in the MGN wave of this name, as it is when a run begins.",
        examples=["Wave 3"],
    )
    at_most: int | None = Field(
        default=None,
        ge=1,
        description="More machines than these, by `tagged` or `in_mgn_wave`, refuse the run. 200 where it is left out.",
        examples=[40],
    )
    expect: Expect = Field(default_factory=Expect, description="Laid over the wave's, key by key in each mode.")
    tags: Tags
    critical: bool = Field(default=False, description="The wave does not pass unless this machine is verified.")
    optional: bool = Field(default=False, description="The wave never fails, and never waits too long, for this one.")
    checks: list[Check] = Field(
        default_factory=list, description="Looks at the application on this target, added to those of its wave."
    )
    prewarm: bool = Field(
        default=False, description="Its volumes are read through inside of it, once it is up, by SSM."
    )
    replace: Replacement | None = Field(
        default=None, description="Lets a launch delete a target that is live, kept or protected."
    )
    accept_changes: AcceptedChanges | None = Field(
        default=None, description="Lets a cutover go on although the launch configuration changed since the test."
    )


def spelled_out(machine: Any) -> Any:
    """A machine written as text, as the mapping it stands for: an id when it is written like one, else a name."""
    if not isinstance(machine, str):
        return machine
    return {"id" if any(each.fullmatch(machine) for each in IDS.values()) else "name": machine}


def _machine(machine: Any) -> Any:
    if not isinstance(machine, str | dict):
        raise refusal(
            "a machine is a name, an id, or a mapping with one of them or with a selection",
            "write its name, in quotes if need be",
        )
    return spelled_out(machine)


class _OrText:
    """In the schema: a machine, or just its name or id."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        text = {
            "type": "string",
            "pattern": r"^\S(.*\S)?$",
            "maxLength": 256,
            "description": "The source's name, or its id.",
        }
        return {"anyOf": [text, handler(schema)]}


class Rules(Block):
    """What may stand at the plan and at a wave; the wave's is laid over the plan's, key by key."""

    readiness: Readiness = Field(default_factory=Readiness, description="When a machine may be launched.")
    test_gate: GateOfTest = Field(default_factory=GateOfTest, description="Which test a cutover asks for.")
    verify: Verify = Field(default_factory=Verify, description="How launched targets are proved.")
    poll: Poll = Field(default_factory=Poll, description="How often the service is looked at.")
    launch_configuration: LaunchConfiguration = Field(
        default_factory=LaunchConfiguration, description="What the service is set to launch, compared with `expect`."
    )
    expect: Expect = Field(default_factory=Expect, description="What targets must look like, for each mode.")
    tags: Tags


class Wave(Rules):
    """Machines launched together."""

    name: Name = Field(description="The wave's name, once in a plan.", examples=["db"])
    machines: list[Annotated[Machine, BeforeValidator(_machine), _OrText()]] = Field(
        min_length=1, description="The machines: names, ids, or mappings.", examples=[["db01", "db02"]]
    )
    launch_with: Name | None = Field(
        default=None,
        description="The wave before, with which this one is launched; its targets are judged once those have passed.",
        examples=["db"],
    )
    on_failure: OnFailure | None = Field(
        default=None, strict=False, description="This wave's rule, in place of the plan's."
    )
    at_least: int | None = Field(
        default=None, ge=1, description="How many machines must be verified; without it, all that are not optional."
    )
    canary: Line | None = Field(
        default=None,
        description="The machine, as listed, that goes ahead alone; the others follow once it is verified.",
        examples=["web01"],
    )


class AuthorPlan(Rules):
    """Which machines are moved, in which waves, when, and under which rules."""

    model_config = ConfigDict(
        title="Cutover plan",
        json_schema_extra={
            "if": {"properties": {"service": {"const": "cloudendure"}}},
            "then": {"required": ["project"]},
        },
    )

    version: Version = Field(description="The version of this format: 1.", examples=[1])
    name: Name = Field(description="The plan's name; runs are named after it.", examples=["shop"])
    author: Line | None = Field(
        default=None,
        description="Who wrote it, as `by` would call them: they do not answer its approvals. Left out: nobody.",
        examples=["architect@example.com"],
    )
    service: Literal["cloudendure", "mgn"] = Field(
        description="The replication service: CloudEndure Migration, or AWS Application Migration Service.",
        examples=["cloudendure"],
    )
    project: Line | None = Field(
        default=None,
        description="CloudEndure: the project that holds the machines. MGN has none: a name for messages alone.",
        examples=["Shop"],
    )
    region: Region = Field(description="The AWS region of the targets.", examples=["eu-central-1"])
    on_failure: OnFailure = Field(
        strict=False,
        description="When a machine fails after its launch: hold the plan, stop after the wave, or continue.",
        examples=["stop"],
    )
    schedule: Schedule = Field(default_factory=Schedule, description="When runs start by themselves.")
    cutover: Cutover | None = Field(
        default=None, description="What a cutover does around its launches. A plan without it can only be tested."
    )
    tests: Tests = Field(default_factory=Tests, description="What comes after a test.")
    tell: Tell = Field(default_factory=Tell, description="Who is told of its runs, by which ways, in which language.")
    waves: list[Wave] = Field(min_length=1, description="The waves, in the order they run in.")
