"""Faults between client and server: what a scenario says of them, and which, if any, befalls a request.

Counted, never random: the same requests meet the same faults.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from stage.simulator.distortion import Distortion
from stage.simulator.identity import Identity
from stage.simulator.terms import Duration, SignedDuration, Strict, one_or_more

EFFECTS = ("delay", "expire_sessions", "status", "drop", "answer", "clock", "body")
"""In the order in which several of them strike one request: an answer is changed before it is cut."""


class WrongClock(Strict):
    """A clock that is off by `skew` (`-3m`, `2h`): the one behind the Date header, or the one behind dates in bodies.

    The other of the two is right.
    """

    skew: SignedDuration
    shown: Literal["header", "bodies"] = Field(default="header", alias="in")


class Fault(Strict):
    """Something between client and server. `on`: `METHOD path`, the path below /api/latest, with * and ? as wildcards.

    Which of the matching requests: the nth, every nth, a `fraction` that looks random and is always the same, at most
    `times`, between `after` and `until` since the first login; all of them if nothing is said. What happens, one of:

    * `status`: an error with this status, and `message`
    * `drop`: the connection is closed without an answer
    * `body`: a 2xx answer of which only half the JSON comes (`half`), of which the connection is closed half-way
      (`torn`), or that has no body at all (`empty`)
    * `delay`: the answer is late, in real time
    * `expire_sessions`: all sessions are forgotten
    * `clock`: dates are off, see WrongClock
    * `answer`: fields are missing or changed in a 2xx answer, see Distortion

    With status, drop and body a request that changes something is not carried out, unless `accepted`: then the server
    does the work first, and only its answer is lost.
    """

    on: Annotated[str, Field(pattern=r"^(\*|[A-Z]+) \S+$")] = "* *"
    nth: Annotated[list[Annotated[int, Field(ge=1)]], BeforeValidator(one_or_more)] | None = None
    every: Annotated[int, Field(ge=1)] | None = None
    fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    times: Annotated[int, Field(ge=1)] | None = None
    after: Duration | None = None
    until: Duration | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    message: str | None = None
    drop: bool = False
    body: Literal["half", "torn", "empty"] | None = None
    delay: Duration | None = None
    expire_sessions: bool = False
    clock: WrongClock | None = None
    answer: Distortion | None = None
    accepted: bool = False

    @property
    def effect(self) -> str:
        """The one of EFFECTS that it has."""
        return next(name for name in EFFECTS if getattr(self, name))

    def keeps_from_work(self, method: str) -> bool:
        """Whether the server never hears of a request that this strikes. Reading is no work: its answer may be cut."""
        return not self.accepted and (self.effect in ("status", "drop") or (self.effect == "body" and method != "GET"))

    @model_validator(mode="after")
    def _one_effect(self) -> Self:
        if sum(bool(getattr(self, name)) for name in EFFECTS) != 1:
            raise ValueError(f"say exactly one of {', '.join(EFFECTS)}")
        if self.accepted and self.effect not in ("status", "drop", "body"):
            raise ValueError("accepted goes with status, drop or body: the work is done, the answer is lost")
        if self.message and not self.status:
            raise ValueError("message goes with status")
        if self.answer and not (self.answer.omit or self.answer.replace):
            raise ValueError("answer needs omit or set: what is changed in it")
        return self


class Faults:
    """The scenario's faults, with a count of matching requests and of strikes for each."""

    def __init__(self, faults: Sequence[Fault], identity: Identity) -> None:
        self._faults = list(faults)
        self._seen = [0] * len(faults)
        self._struck = [0] * len(faults)
        self._identity = identity

    def meet(self, names: Sequence[tuple[str, str]], since_login: timedelta) -> list[Fault]:
        """The faults that strike this request, in the order of EFFECTS. `names`: its methods and paths."""
        struck = [
            fault
            for number, fault in enumerate(self._faults)
            if _matches(fault, names, since_login) and self._strikes(number, fault)
        ]
        return sorted(struck, key=lambda fault: EFFECTS.index(fault.effect))

    @property
    def counts(self) -> dict[str, list[int]]:
        """What was counted so far."""
        return {"seen": self._seen, "struck": self._struck}

    def resume(self, counts: dict[str, list[int]]) -> None:
        """Go on from what an earlier simulator of this scenario counted."""
        self._seen, self._struck = list(counts["seen"]), list(counts["struck"])

    def _strikes(self, number: int, fault: Fault) -> bool:
        self._seen[number] += 1
        seen = self._seen[number]
        strikes = (
            (fault.nth is None or seen in fault.nth)
            and (fault.every is None or seen % fault.every == 0)
            and (fault.fraction is None or self._identity.fraction("fault", number, seen) < fault.fraction)
            and (fault.times is None or self._struck[number] < fault.times)
        )
        self._struck[number] += strikes
        return strikes


def _matches(fault: Fault, names: Sequence[tuple[str, str]], since_login: timedelta) -> bool:
    wanted_method, wanted_path = fault.on.split(" ")
    return (
        any(wanted_method in ("*", method) and fnmatchcase(path, wanted_path) for method, path in names)
        and (fault.after is None or since_login >= fault.after)
        and (fault.until is None or since_login < fault.until)
    )
