"""What a contract test needs of any CloudEndure: a situation to start from, and a few things to look at and to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

START = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)
PROJECT = "Wave 12"
TOKEN = "-".join(["C0DE"] * 16)

WEB, DATABASE, RETIRED = "web1.example.com", "db1.example.com", "old1.example.com"
"""Caught up · caught up, tested nine days ago and its target still there · replication stopped."""


@dataclass(frozen=True)
class Fault:
    """Something goes wrong with the nth request `METHOD path`, * standing for any id.

    An error `status`, or the connection dropped, or all sessions forgotten. With `accepted` the work is done first.
    """

    on: str
    nth: int = 1
    status: int | None = None
    drop: bool = False
    expire_sessions: bool = False
    accepted: bool = False


@dataclass(frozen=True)
class Situation:
    """A project of three machines, and what is peculiar today. `moved`: logins are sent on to /api/v5 with a 307."""

    moved: bool = False
    licence_expired: bool = False
    fault: Fault | None = None


class Service(Protocol):
    """A CloudEndure in a situation."""

    url: str
    token: str

    def received(self, operation: str) -> int:
        """How many requests of an operation, e.g. `POST launchMachines`, reached it."""
        ...

    def launches(self) -> int:
        """How many launches it accepted."""
        ...

    def pass_time(self, seconds: int) -> None:
        """Let the service's clock go on."""
        ...
