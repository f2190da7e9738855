"""What a compiled plan says of the night: the steps around the launches, who is asked, how long anything may take."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FUNCTIONS = "cutover-"
"""How the names begin of functions that a step may invoke; docs/deploy.md says it, the deployed rights hold it."""
NODE_TAG, NODE_ALLOWED = "cutover:commands", "allowed"
"""The tag that instances and managed nodes carry on which a step may run documents: their owner's leave."""
SECRETS = "cutover/"
"""How the names begin of secrets that a webhook may be sent."""


class OnSilence(StrEnum):
    """What a question that nobody answered in time makes of the run. Silence is never a yes."""

    POSTPONE = "postpone"
    GO_BACK = "go_back"
    HOLD = "hold"
    END = "end"


class OnStepFailure(StrEnum):
    """The rule when a step fails: undo what was done and open the doors again, hold for a person, or go on."""

    UNDO = "undo"
    HOLD = "hold"
    CONTINUE = "continue"


class Deed(StrEnum):
    """The kinds of what a step does or looks at. The last four change nothing."""

    SSM = "ssm"
    LAMBDA = "lambda"
    WEBHOOK = "webhook"
    MANUAL = "manual"
    TCP = "tcp"
    HTTP = "http"
    AGENTS_SILENT = "agents_silent"


@dataclass(frozen=True)
class Action:
    """One thing to do or to look at.

    `subject`: ssm: the document's name; lambda: the function's name or ARN; webhook, http: the URL; tcp: `host:port`;
    manual: what is to be done, in words; agents_silent: "" (the service has not heard of any source of the plan for two
    minutes). `arguments`: ssm: parameter → list of texts; lambda: the payload; webhook: the JSON body.
    `nodes`: ssm: instance or managed-node ids. `who`: manual: who does it. `status`: http: the answer's status.
    `contains`: http: a text of the answer's body. `closed`: tcp, http: nothing may answer there. `secret`: webhook: the
    name of the secret that is sent as bearer token.
    """

    deed: Deed
    subject: str
    arguments: dict[str, Any] = field(default_factory=dict)
    nodes: tuple[str, ...] = ()
    who: str = ""
    status: int = 200
    contains: str = ""
    closed: bool = False
    secret: str = ""


@dataclass(frozen=True)
class PlannedStep:
    """One step of the night: what is done, how it is proved, how it is undone. `timeout` in seconds, for each of both.

    `proof` and `undo_proof` are looked at until all of them hold, within the same timeout. `no_undo`: why a step that
    changes something is not undone.
    """

    name: str
    do: Action
    timeout: int
    proof: tuple[Action, ...] = ()
    undo: Action | None = None
    undo_proof: tuple[Action, ...] = ()
    on_failure: OnStepFailure = OnStepFailure.UNDO
    no_undo: str = ""


@dataclass(frozen=True)
class Approval:
    """A question that people answer; `timeout` in seconds. `none`: why nobody is asked, and then the rest is empty.

    `author_may`: the plan's author may answer it, too.
    """

    by: tuple[str, ...] = ()
    timeout: int = 0
    on_silence: OnSilence = OnSilence.HOLD
    none: str = ""
    author_may: bool = False


@dataclass(frozen=True)
class Night:
    """What a cutover does around its launches. Durations in whole seconds.

    `window`: from the run's start; `reserve`: for the way back, so that the doors close at the latest at the window's
    end less `estimate` less `reserve`. `no_…`: why the plan has no such steps. `probe`: how users reach the
    application, looked at from outside after the switch. `hold`: how long a hold lasts at the most; `silent`: so long
    without progress while nobody holds production calls a person.
    """

    window: int
    estimate: int
    reserve: int
    go: Approval
    users: Approval
    commit: Approval
    quiesce: tuple[PlannedStep, ...] = ()
    no_quiesce: str = ""
    zero_loss_wait: int = 1800
    power_off: tuple[PlannedStep, ...] = ()
    no_power_off: str = ""
    switch: tuple[PlannedStep, ...] = ()
    no_switch: str = ""
    probe: tuple[Action, ...] = ()
    no_probe: str = ""
    soak: int = 0
    hold: int = 12 * 3600
    silent: int = 900


def read_night(data: dict[str, Any]) -> Night:
    """From the compiled plan's JSON."""
    return Night(
        **{
            **data,
            **{name: _approval(data[name]) for name in ("go", "users", "commit")},
            **{name: tuple(_step(each) for each in data[name]) for name in ("quiesce", "power_off", "switch")},
            "probe": tuple(_action(each) for each in data["probe"]),
        }
    )


def _approval(data: dict[str, Any]) -> Approval:
    return Approval(**{**data, "by": tuple(data["by"]), "on_silence": OnSilence(data["on_silence"])})


def _step(data: dict[str, Any]) -> PlannedStep:
    return PlannedStep(
        **{
            **data,
            "do": _action(data["do"]),
            "undo": _action(data["undo"]) if data["undo"] else None,
            "proof": tuple(_action(each) for each in data["proof"]),
            "undo_proof": tuple(_action(each) for each in data["undo_proof"]),
            "on_failure": OnStepFailure(data["on_failure"]),
        }
    )


def _action(data: dict[str, Any]) -> Action:
    return Action(**{**data, "deed": Deed(data["deed"]), "nodes": tuple(data["nodes"])})
