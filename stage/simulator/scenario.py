"""A scenario: the simulated world as a file describes it. Unknown keys are refused; errors name the field.

Five ideas, each its own: a machine's replication is a list of phases; its life so far is `tested` and `cut_over`;
what its launches come to is a list of launch rules; what a project's jobs look like is a list of job rules; what goes
wrong between client and server is a list of faults. What is around the service is in three more: the `application`
that users write into, what answers at other `hosts`, and what the `people` say who are asked. A scenario may start
from another (`base: demo.yaml`): mappings are merged, everything else is replaced.

Ages (`tested: 9d`) count back from the start of the simulated world. What happens later, such as phases of replication
and what other people do, counts from the first login: however long a stage takes to come up, its client sees it all.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, ValidationError, model_validator

from stage.simulator import files
from stage.simulator.around import Application, Host, HostName, Person, check_around
from stage.simulator.faults import Fault
from stage.simulator.migration_spec import MgnAccount
from stage.simulator.spec import JobRule, LaunchRule, Machine
from stage.simulator.terms import Duration, Mode, ScenarioError, SignedDuration, Strict, one_or_more, require


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


class ConsoleLaunch(Strict):
    """Somebody else launches machines in the console, `at` a time after the first login; refused while it is busy."""

    at: Duration
    launch: Annotated[list[str], BeforeValidator(one_or_more), Field(min_length=1)]
    mode: Mode = "test"
    by: str = "engineer@example.com"


class Replication(Strict):
    """How a project replicates: its replication configuration, and whether staging has a way out of the VPC.

    `replicator_security_groups` are names of the project's. Without `staging_routed` the staging subnet has a route
    table of its own that leads nowhere else.
    """

    volume_encryption_key: Annotated[str, Field(pattern=r"^arn:")] | None = None
    use_private_ip: bool = False
    replicator_security_groups: list[str] = Field(default_factory=list)
    staging_routed: bool = True


class Project(Strict):
    """One CloudEndure project and the network its targets are launched into. The first one is MGN's, too.

    `busy_status`: how a launch or a clean-up is refused while a job is running; public clients have seen each of them.
    """

    region: str = "eu-central-1"
    vpc: str = "10.20.0.0/16"
    subnets: Annotated[dict[str, str], Field(min_length=1)]
    security_groups: Annotated[list[str], Field(min_length=1)]
    license_expired: bool = False
    busy_status: Literal[400, 404, 409] = 400
    replication: Replication = Replication()
    machines: dict[str, Machine] = Field(default_factory=dict)
    fleet: Fleet | None = None
    jobs: Annotated[list[JobRule], BeforeValidator(one_or_more)] = Field(default_factory=list)
    mgn: MgnAccount = MgnAccount()
    console: Annotated[list[ConsoleLaunch], BeforeValidator(one_or_more)] = Field(default_factory=list)

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
        replicators = self.replication.replicator_security_groups
        require("replication: security group", replicators, self.security_groups)
        return self

    @model_validator(mode="after")
    def _console_knows_its_machines(self) -> Self:
        for one in self.console:
            require("console: machine", one.launch, list(self.all_machines()))
        return self


class License(Strict):
    """The account's licence: how long after the start it `expires` (`-2d`: before it). From then on a launch is 402."""

    expires: SignedDuration | None = None


class Account(Strict):
    """Who may log in. Token and password are derived from the seed unless given. `licensed`: false refuses the login.

    `redirect`: where POST /login under /api/latest sends the client with 307, e.g. `/api/v5/login`.
    """

    username: str = "operator@example.com"
    password: str | None = None
    token: Annotated[str, Field(pattern=r"^([A-Z0-9]{4}-){15}[A-Z0-9]{4}$")] | None = None
    licensed: bool = True
    license: License = License()
    session: Duration = timedelta(minutes=60)
    redirect: Annotated[str, Field(pattern=r"^(https?://|/)")] | None = None


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
    application: Application | None = None
    hosts: dict[HostName, Host] = Field(default_factory=dict)
    people: list[Person] = Field(default_factory=list)

    @model_validator(mode="after")
    def _application_runs_on_something(self) -> Self:
        check_around(self.application, {name: list(one.all_machines()) for name, one in self.projects.items()})
        return self

    @classmethod
    def load(cls, path: Path | str) -> Scenario:
        """Read a YAML 1.2 file and those it starts from. ScenarioError says what to correct, and where."""
        return cls.parse(files.read(Path(path)), where=str(path))

    @classmethod
    def parse(cls, data: object, *, where: str = "scenario") -> Scenario:
        """The same from what a YAML file would hold."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ScenarioError("\n".join([f"{where}: not a scenario", *map(_complaint, error.errors())])) from None

    def data(self) -> dict[str, Any]:
        """What a file that says only what this scenario was told would hold; `parse` takes it back."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def text(self, *comments: str) -> str:
        """Such a file, comments first; token and password are left out, whoever reads it derives them from the seed."""
        data = self.data()
        for secret in ("token", "password"):
            data.get("account", {}).pop(secret, None)
        return files.text(data, *comments)


def _complaint(error: Any) -> str:
    where = ".".join(map(str, error["loc"])) or "(whole file)"
    seen = "" if isinstance(error["input"], (dict, list, BaseModel)) else f" (seen: {error['input']!r})"
    return f"  {where}: {error['msg'].removeprefix('Value error, ')}{seen}"
