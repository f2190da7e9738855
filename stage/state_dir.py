"""The directory in which a stage keeps its state: who uses it, which world is in it, and where its ports are.

stage.json   the format, the world, the region, the ports, and whether the stage was ever up
lock         held by every process of the stage; nobody else may write here until the last of them has ended
aws/         the services, a file each, and EC2
simulator/   the world, its time and what was counted
outside      the application's users, and where they are led
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stage.whole import write_whole

FORMAT = 3
"""To be raised with every change after which an older state cannot be read."""

PATIENCE = 5.0
"""Seconds for the processes of a stage that was killed to notice it."""


class StateRefused(Exception):
    """When the directory cannot be used; the message says what was seen and what to do."""


class StateDir:
    """Use it as a context manager: the directory is this stage's alone meanwhile. Raises StateRefused.

    `world`: what the state belongs to, in a form that holds no secret; two stages with the same are the same.
    """

    def __init__(self, directory: Path, *, world: str, region: str) -> None:
        self._directory = directory.resolve()
        self._wanted = {
            "format": FORMAT,
            "made with": f"python {sys.version_info.major}.{sys.version_info.minor}, "
            f"ministack {version('ministack')}, moto {version('moto')}",
            "scenario": hashlib.sha256(world.encode()).hexdigest()[:16],
            "region": region,
        }
        self._seen: dict[str, Any] = {}
        self.lock = -1
        """The lock's descriptor, for every process of the stage to inherit."""

    @property
    def aws(self) -> Path:
        """Where the emulator and EC2 keep theirs."""
        return self._directory / "aws"

    @property
    def simulator(self) -> Path:
        """Where the simulator keeps its own."""
        return self._directory / "simulator"

    @property
    def outside(self) -> Path:
        """The file in which the outside keeps its own."""
        return self._directory / "outside"

    @property
    def kept(self) -> bool:
        """Whether a stage that was up is in it."""
        return bool(self._seen.get("up"))

    def port(self, name: str) -> int:
        """The port that was used under this name; 0 when none was."""
        return int(self._seen.get(name, 0))

    def note(self, **more: object) -> None:
        """Write down more about this stage: its ports, and that it was `up`."""
        self._seen |= self._wanted | more
        write_whole(self._directory / "stage.json", json.dumps(self._seen, indent=2).encode())

    def __enter__(self) -> Self:
        if self._directory.exists() and not self._directory.is_dir():
            raise StateRefused(f"{self._directory} is a file; name a directory with --state")
        self._directory.mkdir(parents=True, exist_ok=True)
        present = {each.name for each in self._directory.iterdir()}
        if present - {"lock"} and not (self._directory / "stage.json").exists():
            raise StateRefused(f"{self._directory} holds something else; name a new or an empty directory with --state")
        self.lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take()
            self._look()
        except BaseException:
            os.close(self.lock)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.lock)

    def _take(self) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > until:
                    raise StateRefused(
                        f"{self._directory} is in use by another stage; wait for it to end, or name another directory"
                    ) from None
                time.sleep(0.05)

    def _look(self) -> None:
        """Refuse another stage's state; remove that of a stage that was killed before anything could happen on it."""
        path = self._directory / "stage.json"
        if path.exists():
            try:
                self._seen = json.loads(path.read_bytes())
            except ValueError as error:
                raise StateRefused(f"{path} cannot be read ({error}); remove {self._directory} to start anew") from None
        for name, wanted in self._wanted.items():
            if self._seen and self._seen.get(name) != wanted:
                raise StateRefused(
                    f"{self._directory} keeps a stage of another {name}: seen {self._seen.get(name)!r}, "
                    f"wanted {wanted!r}; name another directory with --state, or remove this one to start anew"
                )
        if not self.kept:
            for kept in (self.aws, self.simulator):
                shutil.rmtree(kept, ignore_errors=True)
            self.outside.unlink(missing_ok=True)
        self.note()
