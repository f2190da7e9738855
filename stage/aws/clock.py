"""The stage's time: the real one, or the simulator's, sampled and carried on between samples."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

SAMPLE_SECONDS = 1.0


class ClockUnknown(RuntimeError):
    """The simulator has not told its time yet. What depends on time must not act."""


def real_clock() -> datetime:
    return datetime.now(UTC)


def read_simulator(url: str) -> tuple[datetime, float]:
    """`GET {url}/_simulator/clock`, an object with `now` (RFC 3339) and `speed` (simulated per real second).

    Raises OSError when nobody answers, ValueError when the answer is something else.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url.rstrip('/')}/_simulator/clock", timeout=2) as answer:
        seen = json.load(answer)
    try:
        now = datetime.fromisoformat(seen["now"])
        speed = float(seen["speed"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{url}/_simulator/clock answered {seen!r}; expected now and speed") from error
    if now.tzinfo is None:
        raise ValueError(f"{url}/_simulator/clock answered {seen['now']!r}; expected a time with its offset")
    return now.astimezone(UTC), speed


class SimulatorClock:
    """Call it for the simulator's now. Between samples, and while the simulator is away, time goes on at its speed."""

    def __init__(
        self, read: Callable[[], tuple[datetime, float]], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._monotonic = monotonic
        self._sample: tuple[datetime, float, float] | None = None

    def __call__(self) -> datetime:
        if self._sample is None:
            raise ClockUnknown("the simulator's clock has not been read yet")
        now, speed, sampled_at = self._sample
        return now + timedelta(seconds=(self._monotonic() - sampled_at) * speed)

    def sample(self) -> None:
        """Read the simulator once; keep the last sample when it does not answer."""
        try:
            now, speed = self._read()
        except (OSError, ValueError):
            return
        self._sample = (now, speed, self._monotonic())

    def follow(self) -> None:
        """Sample now, and then from a daemon thread for as long as the process lives."""

        def loop() -> None:
            while True:
                time.sleep(SAMPLE_SECONDS)
                self.sample()

        self.sample()
        threading.Thread(target=loop, daemon=True, name="simulator-clock").start()


def stage_clock(simulator_url: str | None) -> Clock:
    """The real clock without a simulator, else the simulator's, followed."""
    if simulator_url is None:
        return real_clock
    clock = SimulatorClock(lambda: read_simulator(simulator_url))
    clock.follow()
    return clock
