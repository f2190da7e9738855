"""What a cutover remembers of its night: the records beside those of its waves, as frozen dataclasses.

    RUN#<run>   NIGHT            NightRecord: how far it is between closing the doors and opening them
                STEP#<part>#01   StepRecord: a step, done or undone
                QUESTION#<name>  QuestionRecord: what people were asked, and what they answered
                ORDER            Order: what an operator wants done now; gone once it is taken up
    CLOSED      <run>            Closed: a run whose users nobody serves, as it is watched for silence

Instants are RFC 3339 strings in UTC, durations whole seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cutover.records import Record


class Part(StrEnum):
    """The parts of a run, in the order of a night; those of the way back after them."""

    CHECK = "check"
    GO = "go"
    CHECK_AGAIN = "check_again"
    QUIESCE = "quiesce"
    ZERO_LOSS = "zero_loss"
    POWER_OFF = "power_off"
    WAVE = "wave"
    USERS = "users"
    SWITCH = "switch"
    PROBE = "probe"
    SOAK = "soak"
    COMMIT = "commit"
    HOLD = "hold"
    STOP_TARGETS = "stop_targets"
    UNDO_SWITCH = "undo_switch"
    POWER_ON = "power_on"
    OPEN_DOORS = "open_doors"
    END = "end"


class Holder(StrEnum):
    """Who serves users."""

    SOURCE = "source"
    NOBODY = "nobody"
    TARGET = "target"


@dataclass(frozen=True)
class Hold(Record):
    """A run that waits for a person. `part`: where it stands; `deadline`: then it ends Failed and changes nothing."""

    part: Part
    since: str
    deadline: str
    reason: str
    looks: int = 0
    told: bool = False

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "part": Part(data["part"])}


@dataclass(frozen=True)
class Back(Record):
    """The way back: who or what began it, and why. `automatic`: by the plan's rule, before the switch."""

    by: str
    reason: str
    at: str
    automatic: bool


@dataclass(frozen=True)
class NightRecord(Record):
    """How far a cutover is. `done`: by part, when it was done. `version` counts its writings.

    `closed`: users were shut out (the first step that takes something from them began); `quiesced`: the quiesce ended;
    `switching`: the first step of the switch began; `opened`: the outside probe saw the targets serve; `reopened`: the
    doors of the source are open again; `committed`. `progressed`: when a step or a part last came to its end, and at
    last the night.
    """

    version: int = 0
    holder: Holder = Holder.SOURCE
    since: str | None = None
    done: dict[str, str] = field(default_factory=dict)
    closed: str | None = None
    quiesced: str | None = None
    switching: str | None = None
    opened: str | None = None
    reopened: str | None = None
    committed: str | None = None
    progressed: str | None = None
    hold: Hold | None = None
    back: Back | None = None
    ending: str = ""
    looks: dict[str, int] = field(default_factory=dict)
    deadlines: dict[str, str] = field(default_factory=dict)
    stopped: tuple[str, ...] = ()

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {
            **data,
            "holder": Holder(data["holder"]),
            "hold": Hold.from_json(data["hold"]) if data.get("hold") else None,
            "back": Back.from_json(data["back"]) if data.get("back") else None,
            "stopped": tuple(data.get("stopped", ())),
        }

    @property
    def serving(self) -> dict[str, Any]:
        """Who holds production: {holder, since}."""
        return {"holder": self.holder.value, "since": self.since}


class StepState(StrEnum):
    """A step: begun → done | failed (→ again), and the same of its undoing; what was never begun is not undone.

    `again`, `undo_again`: somebody wants it tried again.
    """

    AGAIN = "again"
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"
    NOT_UNDONE = "not_undone"
    UNDO_AGAIN = "undo_again"


@dataclass(frozen=True)
class StepRecord(Record):
    """One step of the night. `token`: what the present deed is recognised by (an SSM command, when somebody was asked,
    "sent" for a call that was answered, None before it was sent). `seen`: what was seen last, in words."""

    part: Part
    number: int
    name: str
    state: StepState
    begun: str
    deadline: str
    token: str | None = None
    seen: str = ""
    looks: int = 0
    done: str | None = None
    undone: str | None = None

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "part": Part(data["part"]), "state": StepState(data["state"])}


@dataclass(frozen=True)
class QuestionRecord(Record):
    """What people are asked. `name`: go, users, commit; for a manual step `<part>-<number>`, `undo-<part>-<number>`.

    `answer`: "yes", "no", or None while nobody has answered; `closed`: decided, no answer counts any more. `via`: by
    command, link or Slack; `saw`: what stood before whoever answered, "" where that was the message.
    """

    name: str
    text: str
    by: tuple[str, ...]
    asked: str
    deadline: str
    answer: str | None = None
    answered_by: str = ""
    answered_at: str | None = None
    reason: str = ""
    closed: bool = False
    looks: int = 0
    via: str = ""
    saw: str = ""

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "by": tuple(data["by"])}


class Wish(StrEnum):
    """What an operator can want of a run."""

    RESUME = "resume"
    ROLLBACK = "rollback"
    VERIFY = "verify"
    ACCEPT = "accept"


@dataclass(frozen=True)
class Order(Record):
    """What an operator wants done. `machine`: for verify and accept. `data_stays`: for a rollback after users were
    admitted: whoever orders it knows that what they entered stays on the targets."""

    wish: Wish
    by: str
    reason: str
    at: str
    machine: str = ""
    data_stays: bool = False

    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "wish": Wish(data["wish"])}


@dataclass(frozen=True)
class Closed(Record):
    """A run whose users nobody serves, and what was seen of it: how far it is, since when, whether people were called
    for that. `standing` None: nobody has looked yet."""

    run: str
    standing: str | None = None
    since: str | None = None
    told: bool = False
