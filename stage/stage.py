"""The whole local stand-in, up and down: AWS, its EC2, the replication service, and the template deployed into them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stage.aws.emulator import Emulator, StageFailed
from stage.aws.ports import HOST, find_free, held, is_free
from stage.outside import Outside, Targets
from stage.outside.users import Report
from stage.simulator import Memory, Scenario, ServedApplication, ServedSimulator, Simulator, serve
from stage.simulator.around import Person
from stage.simulator.mgn.events import to_bus
from stage.state_dir import StateDir

ROOT = Path(__file__).parents[1]
DEFAULT_SCENARIO = ROOT / "plans" / "scenarios" / "demo.yaml"

VARIABLES = (
    *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2", "AWS_ENDPOINT_URL_MGN", "AWS_REGION", "AWS_DEFAULT_REGION"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
)
"""With these a command speaks to a stage instead of AWS."""


@dataclass(frozen=True)
class Service:
    """A CloudEndure-compatible service elsewhere: its URL and the token it accepts."""

    url: str
    token: str

    def __repr__(self) -> str:
        return f"Service({self.url!r})"


class Stage:
    """Brings everything up on entry and leaves nothing running on exit.

    `plays`: the scenario to simulate, at its own speed, or a service elsewhere, in real time. Fails as StageFailed or
    PortInUse. `logs`: where the emulator writes what it and the functions say. `state`: a directory in which all but
    secrets is kept while the stage runs, and from which it goes on, killed or not; StateRefused when it cannot.
    """

    def __init__(
        self, plays: Scenario | Service, *, region: str, port: int, logs: Path, state: Path | None = None
    ) -> None:
        self._plays, self._region, self._port, self._logs = plays, region, port, logs
        self._dir = StateDir(state, world=_world(plays), region=region) if state else None
        self.continues = False
        """Whether it goes on from a state."""
        self._up = ExitStack()
        self.simulator: ServedSimulator[Simulator] | None = None
        self.outside: ServedApplication[Outside] | None = None
        self.aws: Emulator
        self.url: str

    def __enter__(self) -> Self:
        with ExitStack() as up:
            if self._dir is not None:
                self.continues = up.enter_context(self._dir).kept
            template = _synthesized()
            token = self._raise(up, self._plays)
            outputs = self.aws.deploy(template, {"CloudEndureUrl": self.url, "Simulated": "true"})
            secrets = self.aws.client("secretsmanager")
            secrets.put_secret_value(SecretId=outputs["CloudEndureSecretArn"], SecretString=token)
            if self._dir is not None:
                self._dir.note(up=True)
            self._up = up.pop_all()
        return self

    def _raise(self, up: ExitStack, plays: Scenario | Service) -> str:
        """AWS and the service, each of which must know where the other is; the service's token."""
        if isinstance(plays, Service):
            self.aws = up.enter_context(self._emulator())
            self.url = plays.url
            return plays.token
        console = self._same_port("console") or find_free()
        clock_url, proxy_url = f"http://{HOST}:{console}", f"http://{HOST}:{console + 1}"
        outside = {"proxy_url": proxy_url} if plays.application else {}
        with held(console):  # AWS takes its time to come up, and others look for ports meanwhile
            self.aws = up.enter_context(
                self._emulator(wait_scale=1 / plays.clock.speed, clock_url=clock_url, **outside)
            )
            memory = Memory(self._dir.simulator) if self._dir else None
            told = to_bus(self.aws.client("events"))
            simulator = Simulator(plays, self.aws.client("ec2"), memory=memory, events=told)
        self.simulator = up.enter_context(serve(simulator, console))
        self.url = self.simulator.url
        if plays.application:
            kept = self._dir.outside if self._dir else None
            around = Outside(plays, simulator.sources(), Targets(self.aws.client("ec2")), memory=kept)
            self.outside = up.enter_context(ServedApplication(around, console + 1, "outside"))
        if self._dir:
            self._dir.note(console=console)
        return self.simulator.token

    def _emulator(self, **more: Any) -> Emulator:
        emulator = Emulator(
            port=self._port or self._same_port("aws"),
            region=self._region,
            log_dir=self._logs,
            state=self._dir.aws if self._dir else None,
            inherited=(self._dir.lock,) if self._dir else (),
            **more,
        )
        if self._dir:
            self._dir.note(aws=emulator.port)
        return emulator

    def _same_port(self, name: str) -> int:
        """The port used before, so that what is kept need not change; 0, any, when there is none or it is taken."""
        port = self._dir.port(name) if self._dir else 0
        return port if port and is_free(port) and is_free(port + 1) else 0

    def client(self, service: str) -> Any:
        """A boto3 client of the stage's AWS."""
        return self.aws.client(service)

    def advance(self, seconds: float) -> bool:
        """Move the simulated service's clock on; a service elsewhere has its own time. Whether it was moved."""
        if self.simulator is None:
            return False
        self.simulator.simulator.advance(seconds)
        return True

    @property
    def variables(self) -> str:
        """The usual AWS variables, as a shell takes them, with which commands speak to this stage."""
        given = self.aws.environment
        return " ".join(f"{name}={given[name]}" for name in VARIABLES if name in given)

    def now(self) -> datetime:
        """The present of the simulated service; of a service elsewhere, ours."""
        return self.simulator.simulator.clock.now() if self.simulator else datetime.now(UTC)

    @property
    def people(self) -> Sequence[Person]:
        """Who answers what is asked: those of the scenario."""
        return self._plays.people if isinstance(self._plays, Scenario) else ()

    def users_begin(self, count: str) -> None:
        """Have the application's users begin anew, if there is an application, to be counted under a name."""
        if self.outside is not None:
            self.outside.application.begin(count)

    def users_end(self, count: str) -> Report | None:
        """What became of what they wrote meanwhile."""
        return self.outside.application.end(count) if self.outside else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._up.close()


def _world(plays: Scenario | Service) -> str:
    """What is simulated, without its secrets; or whose service it is."""
    if isinstance(plays, Service):
        return plays.url
    return plays.model_dump_json(exclude={"account": {"token", "password"}})


def _synthesized() -> Path:
    """The cloud assembly, synthesized in a process of its own if anything it is made from has changed."""
    done = subprocess.run([sys.executable, "-m", "infra.synth"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StageFailed(f"the template could not be synthesized:\n{done.stderr.strip()}")
    return Path(done.stdout.strip())
