"""A scenario: the simulated world as a file describes it. Unknown keys are refused; errors name the field.

Five ideas, each its own: a machine's replication is a list of phases; its life so far is `tested` and `cut_over`;
what its launches come to is a list of launch rules; what a project's jobs look like is a list of job rules; what goes
wrong between client and server is a list of faults. A scenario may start from another (`base: demo.yaml`): mappings
are merged, everything else is replaced.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stage.simulator.spec import Duration, JobRule, LaunchRule, Machine, Strict, one_or_more, require


class ScenarioError(ValueError):
    """A scenario file that cannot be read; the message names file and fields, what was seen and what is allowed."""


class Fleet(Strict):
    """Many machines alike: `name` is a format with {n}, from 1 to `count`."""

    count: Annotated[int, Field(ge=1, le=20_000)]
    name: str
    machine: Machine = Machine()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        try:
            names = {self.name.format(n=1), self.name.format(n=2)}
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"name {self.name!r} is not a format of {{n}}, such as srv{{n:04}}") from error
        if len(names) < 2:
            raise ValueError(f"name {self.name!r} must contain {{n}}, such as srv{{n:04}}")
        return self


class Project(Strict):
    """One CloudEndure project and the network its targets are launched into."""

    region: str = "eu-central-1"
    vpc: str = "10.20.0.0/16"
    subnets: Annotated[dict[str, str], Field(min_length=1)]
    security_groups: Annotated[list[str], Field(min_length=1)]
    license_expired: bool = False
    machines: dict[str, Machine] = Field(default_factory=dict)
    fleet: Fleet | None = None
    jobs: Annotated[list[JobRule], BeforeValidator(one_or_more)] = Field(default_factory=list)

    def all_machines(self) -> dict[str, Machine]:
        """The fleet and the machines named singly, which win."""
        fleet = self.fleet
        bulk = {fleet.name.format(n=n): fleet.machine for n in range(1, fleet.count + 1)} if fleet else {}
        return bulk | self.machines

    @model_validator(mode="after")
    def _network_exists(self) -> Self:
        vpc = ip_network(self.vpc)
        for name, cidr in self.subnets.items():
            if not ip_network(cidr).subnet_of(vpc):  # type: ignore[arg-type]  # typeshed tells IPv4 from IPv6, we need not
                raise ValueError(f"subnets.{name}: {cidr} is not inside the VPC {vpc}")
        for name, machine in self.all_machines().items():
            places: list[Machine | LaunchRule] = [machine, *machine.launch]
            for place in places:
                require(f"machines.{name}: subnet", [place.subnet or ""] if place.subnet else [], list(self.subnets))
                require(f"machines.{name}: security group", place.security_groups or [], self.security_groups)
        return self


class Account(Strict):
    """Who may log in. Token and password are derived from the seed unless given.

    `redirect`: where POST /login under /api/latest sends the client with 307, e.g. `/api/v5/login`.
    """

    username: str = "operator@example.com"
    password: str | None = None
    token: Annotated[str, Field(pattern=r"^([A-Z0-9]{4}-){15}[A-Z0-9]{4}$")] | None = None
    licensed: bool = True
    session: Duration = timedelta(minutes=60)
    redirect: Annotated[str, Field(pattern=r"^(https?://|/)")] | None = None


class Fault(Strict):
    """Something between client and server. `on`: `METHOD path`, the path below /api/latest, with * and ? as wildcards.

    Which of the matching requests: the nth, every nth, a `fraction` that looks random and is always the same, at most
    `times`, between `after` and `until` since the start; all of them if nothing is said. What happens: an error
    `status`, the connection dropped without an answer, a `delay` in real time, or all sessions forgotten. With
    `accepted` the server does the work first, and only its answer is lost.
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
    delay: Duration | None = None
    expire_sessions: bool = False
    accepted: bool = False

    @model_validator(mode="after")
    def _one_effect(self) -> Self:
        effects = [self.status is not None, self.drop, self.delay is not None, self.expire_sessions]
        if sum(effects) != 1:
            raise ValueError("say exactly one of status, drop, delay, expire_sessions")
        if self.accepted and not (self.drop or self.status):
            raise ValueError("accepted goes with status or drop: the work is done, the answer is lost")
        return self


class Tempo(Strict):
    """When the simulated world starts and how much faster than ours it runs."""

    start: AwareDatetime | Literal["now"] = "now"
    speed: Annotated[float, Field(ge=0, le=100_000)] = 1.0

    def begin(self, now: datetime) -> datetime:
        """The first instant; `now` is the real one."""
        return now if self.start == "now" else self.start


class Scenario(Strict):
    """The whole simulated world."""

    seed: str = "cutover"
    clock: Tempo = Tempo()
    account: Account = Account()
    projects: Annotated[dict[str, Project], Field(min_length=1)]
    faults: list[Fault] = Field(default_factory=list)

    @classmethod
    def load(cls, path: Path | str) -> Scenario:
        """Read a YAML 1.2 file and those it starts from. ScenarioError says what to correct, and where."""
        return cls.parse(_read(Path(path), ()), where=str(path))

    @classmethod
    def parse(cls, data: object, *, where: str = "scenario") -> Scenario:
        """The same from what a YAML file would hold."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ScenarioError("\n".join([f"{where}: not a scenario", *map(_complaint, error.errors())])) from None


def _complaint(error: Any) -> str:
    where = ".".join(map(str, error["loc"])) or "(whole file)"
    seen = "" if isinstance(error["input"], (dict, list, BaseModel)) else f" (seen: {error['input']!r})"
    return f"  {where}: {error['msg'].removeprefix('Value error, ')}{seen}"


def _read(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    if path.resolve() in above:
        raise ScenarioError(f"{path}: `base` leads back to this file")
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise ScenarioError(f"{path}: a scenario is a mapping; seen {type(data).__name__}")
    base = data.pop("base", None)
    return _merge(_read(path.parent / str(base), (*above, path.resolve())), data) if base else data


def _merge(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if both else value
    return merged
