"""The simulator's clock: real time, shifted and made faster; or moved only by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Starts at `start` and runs `speed` times as fast as the real one; speed 0 stands still until it is advanced."""

    def __init__(self, start: datetime, speed: float = 1.0, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self._start = start.astimezone(UTC)
        self._monotonic = monotonic
        self._began = monotonic()
        self._advanced = timedelta()

    def now(self) -> datetime:
        """The simulator's present, in UTC."""
        return self._start + self._advanced + timedelta(seconds=(self._monotonic() - self._began) * self.speed)

    def advance(self, seconds: float) -> None:
        """Move forward. A clock that ran backwards would undo what a client has already seen: ValueError."""
        if seconds < 0:
            raise ValueError(f"the clock was asked to go back by {-seconds} s; it only goes forward")
        self._advanced += timedelta(seconds=seconds)


def rfc3339(instant: datetime) -> str:
    """As CloudEndure writes it: `2020-05-30T18:53:03.123456+00:00`."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")
