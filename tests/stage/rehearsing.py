"""Running the command as its user does, and looking at what it leaves behind."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CUTOVER = Path(sys.executable).with_name("cutover")


def cutover(
    *arguments: str | Path, timeout: float = 280, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command, to its end."""
    return subprocess.run(
        [str(CUTOVER), *map(str, arguments)],
        cwd=ROOT,
        env=clean_environment(**environment or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def clean_environment(**more: str) -> dict[str, str]:
    """Nothing of the developer's AWS set-up; lines long enough not to be folded."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLOUDENDURE_"))}
    return {**kept, "COLUMNS": "200", **more}


def await_port(port: int) -> None:
    """Until something listens on 127.0.0.1."""
    until = time.monotonic() + 60
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < until, f"nothing listens on port {port}"
        time.sleep(0.1)


def evidence(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "evidence.json").read_text()))


def statuses(seen: dict[str, Any]) -> dict[str, str]:
    return {machine["name"]: machine["status"] for wave in seen["waves"] for machine in wave["machines"]}


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that name this folder: those of a stage whose logs go there."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = each.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def files_that_say(folder: Path, text: str) -> list[Path]:
    """Files below the folder that contain the text."""
    return [each for each in folder.rglob("*") if each.is_file() and text.encode() in each.read_bytes()]
