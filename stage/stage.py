"""The whole local stand-in, up and down: AWS, its EC2, the replication service, and the template deployed into them."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stage.aws.emulator import Emulator, StageFailed
from stage.aws.ports import find_free
from stage.simulator import Scenario, ServedSimulator, Simulator, serve

ROOT = Path(__file__).parents[1]
DEFAULT_SCENARIO = ROOT / "plans" / "scenarios" / "demo.yaml"


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
    PortInUse. `logs`: where the emulator writes what it and the functions say.
    """

    def __init__(self, plays: Scenario | Service, *, region: str, port: int, logs: Path) -> None:
        self._plays, self._region, self._port, self._logs = plays, region, port, logs
        self._up = ExitStack()
        self.simulator: ServedSimulator[Simulator] | None = None
        self.aws: Emulator
        self.url: str

    def __enter__(self) -> Self:
        with ExitStack() as up:
            template = _synthesized()
            token = self._raise(up, self._plays)
            outputs = self.aws.deploy(template, {"CloudEndureUrl": self.url, "Simulated": "true"})
            secrets = self.aws.client("secretsmanager")
            secrets.put_secret_value(SecretId=outputs["CloudEndureSecretArn"], SecretString=token)
            self._up = up.pop_all()
        return self

    def _raise(self, up: ExitStack, plays: Scenario | Service) -> str:
        """AWS and the service, each of which must know where the other is; the service's token."""
        if isinstance(plays, Service):
            self.aws = up.enter_context(Emulator(port=self._port, region=self._region, log_dir=self._logs))
            self.url = plays.url
            return plays.token
        console = find_free()
        self.aws = up.enter_context(
            Emulator(
                port=self._port,
                region=self._region,
                wait_scale=1 / plays.clock.speed,
                clock_url=f"http://127.0.0.1:{console}",
                log_dir=self._logs,
            )
        )
        self.simulator = up.enter_context(serve(Simulator(plays, ec2=self.aws.client("ec2")), console))
        self.url = self.simulator.url
        return self.simulator.token

    def client(self, service: str) -> Any:
        """A boto3 client of the stage's AWS."""
        return self.aws.client(service)

    def advance(self, seconds: float) -> bool:
        """Move the simulated service's clock on; a service elsewhere has its own time. Whether it was moved."""
        if self.simulator is None:
            return False
        self.simulator.simulator.advance(seconds)
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._up.close()


def _synthesized() -> Path:
    """The cloud assembly, synthesized in a process of its own if anything it is made from has changed."""
    done = subprocess.run([sys.executable, "-m", "infra.synth"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StageFailed(f"the template could not be synthesized:\n{done.stderr.strip()}")
    return Path(done.stdout.strip())
