"""The simulator of the stage, put into a contract test's situation and served over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stage.simulator import Scenario, ServedSimulator, Simulator, serve
from tests.contract.situation import DATABASE, PROJECT, RETIRED, START, TOKEN, WEB, Fault, Situation

TAGGED = {"tags": [{"key": "tier", "value": "one"}, {"key": "owner", "value": "lead@example.com"}]}
DISKS = {"/dev/sda": "20GiB", "/dev/sdb": "20GiB"}


class Simulated:
    """A served simulator whose clock moves by hand only."""

    def __init__(self, served: ServedSimulator[Simulator]) -> None:
        self.url, self.token = served.url, served.token
        self._simulator = served.simulator

    def received(self, operation: str) -> int:
        return self._simulator.requests[operation]

    def launches(self) -> int:
        return sum(self._simulator.launches().values())

    def pass_time(self, seconds: int) -> None:
        self._simulator.advance(seconds)


@contextmanager
def simulated(situation: Situation) -> Iterator[Simulated]:
    """The simulator, until the test is over."""
    project: dict[str, Any] = {
        "subnets": {"app": "10.20.1.0/24"},
        "security_groups": ["servers"],
        "license_expired": situation.licence_expired,
        "machines": {
            WEB: {"blueprint": TAGGED, "disks": DISKS},
            DATABASE: {"tested": "9d"},
            RETIRED: {"replication": {"state": "stopped"}},
        },
    }
    described: dict[str, Any] = {
        "clock": {"start": START, "speed": 0},
        "account": {"token": TOKEN, "redirect": "/api/v5/login" if situation.moved else None},
        "projects": {PROJECT: project},
        "faults": [_fault(situation.fault)] if situation.fault else [],
    }
    with serve(Simulator(Scenario.parse(described))) as served:
        yield Simulated(served)


def _fault(fault: Fault) -> dict[str, Any]:
    asked = {"on": fault.on, "nth": fault.nth, "status": fault.status, "drop": fault.drop}
    asked |= {"expire_sessions": fault.expire_sessions, "accepted": fault.accepted}
    return {key: value for key, value in asked.items() if value not in (None, False)}
