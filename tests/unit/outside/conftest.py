"""The outside of a small project in process, its clock moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from stage.outside import Outside
from stage.outside.targets import Seen
from stage.simulator import Clock, Scenario, Simulator

START = datetime(2026, 12, 5, 22, 0, tzinfo=UTC)
PROJECT = {"subnets": {"db": "10.20.1.0/24"}, "security_groups": ["db"], "machines": {"db01": {}, "web01": {}}}


class Ec2:
    """What EC2 says of the targets: they run, but for those named."""

    def __init__(self) -> None:
        self.stopped: set[str] = set()

    def look(self, instances: list[str], *, fresh: bool = False) -> dict[str, Seen]:
        return {each: Seen(each not in self.stopped, (f"10.20.1.{10 + n}",)) for n, each in enumerate(instances)}


@dataclass
class World:
    """A simulator, the outside beside it, and a program that speaks to both."""

    simulator: Simulator
    outside: Outside
    ec2: Ec2

    def advance(self, seconds: float, step: float = 10.0) -> None:
        """As the stage does it: time goes on in small steps, and everybody is told."""
        while seconds > 0:
            self.simulator.advance(min(step, seconds))
            self.outside.tick()
            seconds -= step

    def ask(self, method: str, url: str, **more: Any) -> TestResponse:
        host, _, path = url.partition("/")
        return Client(self.outside).open(f"/{path}", method=method, base_url=f"http://{host}/", **more)

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.ask("POST", f"control.shop.example{path}", json=body)

    def state(self) -> Any:
        return self.ask("GET", "control.shop.example/state").json

    def health(self) -> int:
        return self.ask("GET", "shop.example/health").status_code

    def launch(self, *names: str, mode: str = "cutover") -> None:
        """All of them, to the job's end."""
        world = self.simulator.world
        (project,) = world.projects.values()
        ids = [one.id for one in project.machines.values() if not names or one.name in names]
        world.launch(project, mode, ids, "operator@example.com")
        self.advance(1200)


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., World]:
    """Keywords change the application; `scenario` the rest; each call of one test is a start after a kill if `kept`."""

    def make(scenario: Any = None, kept: World | None = None, memory: bool = False, **application: Any) -> World:
        told = {"seed": "tests", "projects": {"Demo": PROJECT}, "application": application} | (scenario or {})
        described = Scenario.parse(told)
        simulator = kept.simulator if kept else Simulator(described, clock=Clock(START, 0))
        ec2 = kept.ec2 if kept else Ec2()
        file = tmp_path / "outside" if memory or kept else None
        outside = Outside(described, simulator.sources(), ec2, memory=file)  # type: ignore[arg-type]  # what it needs of EC2
        return World(simulator, outside, ec2)

    return make
