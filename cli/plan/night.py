"""The night around a cutover's launches, as it is written: who is asked, what is closed, proved, switched and undone.

Nothing of it is silently absent: a cutover without steps, or without a question, says `none` and why. What belongs
together in a step is told by across_night.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, WrapValidator

from cli.plan.block import Block
from cli.plan.fields import (
    Address,
    Document,
    Duration,
    FunctionName,
    Instruction,
    Line,
    Name,
    Node,
    Reason,
    SecretName,
    Url,
    json_values,
    refusal,
)
from cutover.planned_night import OnStepFailure

DOES = ("ssm", "lambda", "webhook", "manual")
"""Kinds of steps that change something: they say how they are undone."""
LOOKS = ("tcp", "http")
PARTS = ("quiesce", "power_off", "switch")
"""The parts of the night that have steps."""

TOGETHER = {
    "nodes": ("ssm",),
    "parameters": ("ssm",),
    "payload": ("lambda",),
    "body": ("webhook",),
    "secret": ("webhook",),
    "status": ("http",),
    "contains": ("http",),
    "closed": ("tcp", "http"),
    "who": ("manual",),
}
"""Keys that say more about a kind, and about no other one."""
NEEDS = {"ssm": "nodes", "manual": "who"}
"""Kinds that are nothing without another key."""


def _kinds(*kinds: str, keys: tuple[str, ...]) -> ConfigDict:
    """In the schema: exactly one of these kinds, each with the keys that belong to it."""
    together: dict[str, list[str]] = {
        key: list(belongs) for key, belongs in TOGETHER.items() if key in keys and len(belongs) == 1
    }
    together |= {kind: [key] for kind, key in NEEDS.items() if kind in kinds}
    extra: dict[str, Any] = {"oneOf": [{"required": [kind]} for kind in kinds]}
    if together:
        extra["dependentRequired"] = together
    return ConfigDict(json_schema_extra=extra)


Json = Annotated[dict[str, Any], BeforeValidator(json_values)]
_LOOK_KEYS = ("status", "contains")
_ACTION_KEYS = tuple(TOGETHER)


class Probe(Block):
    """One look from outside. Exactly one of `tcp` and `http`."""

    model_config = _kinds(*LOOKS, keys=_LOOK_KEYS)

    tcp: Address | None = Field(
        default=None, description="host:port takes a connection.", examples=["db01.example.com:5432"]
    )
    http: Url | None = Field(
        default=None, description="A page answers, without a redirect.", examples=["https://shop.example.com/health"]
    )
    status: int = Field(default=200, ge=100, le=599, description="`http`: the status of its answer.")
    contains: Line | None = Field(default=None, description="`http`: a text of its answer's body.", examples=["ready"])


class Proof(Probe):
    """One look that a step has done what it should. Exactly one of `tcp`, `http` and `agents_silent`."""

    model_config = _kinds(*LOOKS, "agents_silent", keys=_LOOK_KEYS)

    closed: bool = Field(default=False, description="`tcp`, `http`: nothing answers there any more.")
    agents_silent: Literal[True] | None = Field(
        default=None,
        description="The replication service hears of no source of the plan any more: they are off.",
        examples=[True],
    )


class Action(Probe):
    """One thing to do, or to look at until it is so. Exactly one kind."""

    model_config = _kinds(*DOES, *LOOKS, keys=_ACTION_KEYS)

    closed: bool = Field(default=False, description="`tcp`, `http`: nothing answers there any more.")
    ssm: Document | None = Field(
        default=None, description="The SSM document that is run on `nodes`.", examples=["AWS-RunShellScript"]
    )
    nodes: list[Node] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="`ssm`: the ids of the instances and managed nodes it is run on. Required with it.",
        examples=[["mi-0a1b2c3d4e5f60718"]],
        json_schema_extra={"uniqueItems": True},
    )
    parameters: dict[Line, list[str]] | None = Field(
        default=None,
        description="`ssm`: the document's parameters, each a list of texts.",
        examples=[{"commands": ["systemctl stop shop"]}],
    )
    lambda_: FunctionName | None = Field(
        default=None,
        alias="lambda",
        description="The Lambda function that is invoked: its name, which begins with `cutover-`, or its ARN.",
        examples=["cutover-dns-switch"],
    )
    payload: Json | None = Field(
        default=None, description="`lambda`: what it is given.", examples=[{"shop.example.com": "aws"}]
    )
    webhook: Url | None = Field(
        default=None, description="The URL that is posted to.", examples=["https://lb.example.com/drain"]
    )
    body: Json | None = Field(default=None, description="`webhook`: the JSON it is sent.", examples=[{"pool": "shop"}])
    secret: SecretName | None = Field(
        default=None,
        description="`webhook`: the name, `cutover/…`, of the secret in Secrets Manager that is sent as bearer token.",
        examples=["cutover/lb"],
    )
    manual: Instruction | None = Field(
        default=None, description="What a person does, in words.", examples=["power off, disable autostart"]
    )
    who: Line | None = Field(
        default=None,
        description="`manual`: who does it, and says so. Required with it.",
        examples=["network@example.com"],
    )


class Undo(Action):
    """How a step is undone on the way back: an action, or `none` and why there is none."""

    model_config = _kinds(*DOES, *LOOKS, "none", keys=_ACTION_KEYS)

    none: Reason | None = Field(
        default=None,
        description="Why there is nothing to undo, in a sentence.",
        examples=["the page is gone with the source"],
    )


class Step(Action):
    """A step of the night: an action with its name, how it is proved, how it is undone, and what a failure means."""

    model_config = _kinds(*DOES, *LOOKS, keys=_ACTION_KEYS)

    name: Name = Field(description="What the step is called, once in a plan.", examples=["stop-web"])
    timeout: Duration = Field(
        default="10m", description="How long it may take with its proof, and its undoing with its own."
    )
    proof: list[Proof] | None = Field(
        default=None, min_length=1, description="Looked at until all hold; only then is the step done."
    )
    undo: Undo | None = Field(
        default=None,
        description="How it is undone on the way back. Required of a step that changes something.",
        examples=[{"ssm": "start-web", "nodes": ["mi-0a1b2c3d4e5f60718"]}],
    )
    undo_proof: list[Proof] | None = Field(
        default=None, min_length=1, description="Looked at until all hold; only then is it undone."
    )
    on_failure: OnStepFailure = Field(
        default=OnStepFailure.UNDO,
        strict=False,
        description="When it fails: undo what was done and open the doors again, hold for a person, or continue.",
    )


class NoSteps(Block):
    """Why the plan has none of these."""

    none: Reason = Field(description="Why there are none, in a sentence.", examples=["the application is read only"])


_STEPS: TypeAdapter[list[Step]] = TypeAdapter(list[Step])
_PROBES: TypeAdapter[list[Probe]] = TypeAdapter(list[Probe])


def _listed(items: TypeAdapter[Any]) -> WrapValidator:
    """A list of these, or `none` and why."""

    def check(value: Any, _: Any) -> Any:
        if isinstance(value, dict):
            return NoSteps.model_validate(value)
        if not isinstance(value, list) or not value:
            raise refusal("a list of them, or `none` and why", "write one with `- ` for each, or `{none: the reason}`")
        return items.validate_python(value)

    return WrapValidator(check)


Steps = Annotated[Annotated[list[Step], Field(min_length=1)] | NoSteps, _listed(_STEPS)]
Probes = Annotated[Annotated[list[Probe], Field(min_length=1)] | NoSteps, _listed(_PROBES)]


class Approval(Block):
    """A question that people answer. `by` and `timeout`, or `none` and why nobody is asked."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["by", "timeout"]},
                {"required": ["none"], "maxProperties": 1},
            ]
        }
    )

    by: list[Line] | None = Field(
        default=None,
        min_length=1,
        description="Who may answer.",
        examples=[["lead@example.com"]],
        json_schema_extra={"uniqueItems": True},
    )
    timeout: Duration | None = Field(default=None, description="How long an answer is waited for.", examples=["30m"])
    author_may: bool = Field(
        default=False, description="Whether the plan's `author` may answer, too: by default somebody else decides."
    )
    none: Reason | None = Field(
        default=None, description="Why nobody is asked, in a sentence.", examples=["decided on Friday by the board"]
    )


class Go(Approval):
    """Before anything is closed: may it begin?"""

    on_silence: Literal["postpone"] = Field(
        default="postpone", description="Nobody answered in time: nothing is touched, the run ends Postponed."
    )


class Users(Approval):
    """When every target is judged: may users be moved to them?"""

    on_silence: Literal["hold", "go_back"] = Field(
        default="hold", description="Nobody answered in time: hold for a person, or go back to the sources."
    )


class Commit(Approval):
    """After the soak: is the targets' data the truth from now on?"""

    on_silence: Literal["hold", "end"] = Field(
        default="hold", description="Nobody answered in time: hold for a person, or end without committing."
    )


class Approvals(Block):
    """Who decides what. Silence is never a yes."""

    go: Go = Field(description="Before anything is closed.", examples=["{by: [lead@example.com], timeout: 30m}"])
    users: Users = Field(
        description="Before users are moved to the targets.", examples=["{by: [app@example.com], timeout: 45m}"]
    )
    commit: Commit = Field(
        description="Before the way back is closed.", examples=["{by: [lead@example.com], timeout: 12h}"]
    )


class ZeroLoss(Block):
    """Proof that everything written before the quiesce ended has arrived."""

    max_wait: Duration = Field(
        default="30m", description="How long it is waited for after the quiesce. Then the doors are opened again."
    )


class Cutover(Block):
    """What a cutover does around its launches. A plan without it can only be tested."""

    window: Duration = Field(
        description="How long the night may last, from the run's start or from the time that it was scheduled for.",
        examples=["6h"],
    )
    estimate: Duration = Field(
        description="How long users will be without the application, as they were told.", examples=["2h30m"]
    )
    reserve: Duration = Field(
        description="Kept for the way back: the doors close no later than window less estimate less reserve.",
        examples=["90m"],
    )
    approvals: Approvals = Field(
        description="Who is asked, and what silence means.", examples=["{go: …, users: …, commit: …}"]
    )
    quiesce: Steps = Field(
        description="Shuts users out and stops what writes, in this order; undone in reverse.",
        examples=["{none: the application is read only}"],
    )
    zero_loss: ZeroLoss = Field(
        default_factory=ZeroLoss, description="Proof that everything written before the quiesce ended has arrived."
    )
    power_off: Steps = Field(
        description="Turns the sources off, and proves it.", examples=["{none: sources stay up behind the firewall}"]
    )
    switch: Steps = Field(
        description="Leads users to the targets: DNS, load balancer, routes.",
        examples=["{none: the addresses stay the same}"],
    )
    probe: Probes = Field(
        description="How users reach the application, looked at from outside after the switch.",
        examples=["[{http: https://shop.example.com/health}]"],
    )
    soak: Duration | None = Field(
        default=None, description="How long users work on the targets before `commit` is asked.", examples=["72h"]
    )
    hold: Duration = Field(default="12h", description="How long a hold waits for a person. Then the run ends Failed.")
    silent: Duration = Field(
        default="15m", description="So long without progress while nobody holds production calls a person."
    )
