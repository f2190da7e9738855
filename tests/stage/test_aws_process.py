"""The stage's processes: loopback only, and gone with the one that started them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stage.aws.emulator import ROOT, Emulator
from stage.aws.ports import PortInUse, find_free, held, is_free

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are observed through /proc")

BUSY = """
import time, urllib.request
def handler(event, context):
    time.sleep(300)
"""

PARENT = f"""
import io, json, sys, threading, time, zipfile
from pathlib import Path
from stage.aws.emulator import Emulator

aws = Emulator(log_dir=Path(sys.argv[1]))
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("busy.py", {BUSY!r})
aws.client("lambda").create_function(FunctionName="busy", Runtime="python3.13", Handler="busy.handler", Timeout=600,
    Role="arn:aws:iam::123456789012:role/r", Code={{"ZipFile": code.getvalue()}})
aws.client("lambda").invoke(FunctionName="busy", InvocationType="Event", Payload=b"{{}}")
print(aws.port, flush=True)
sys.stdin.readline()
aws.close()
"""


def processes(mark: str) -> dict[int, str]:
    """The command lines, by process id, of what runs with `mark` in its arguments or its environment."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes()
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in arguments + environment:
            found[int(entry.name)] = arguments.replace(b"\0", b" ").decode()
    return found


def sessions(leaders: list[int]) -> list[int]:
    """The processes of the sessions that `leaders` lead."""
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                members += [int(entry.name)] if os.getsid(int(entry.name)) in leaders else []
            except ProcessLookupError:
                continue
    return members


def listening(members: list[int]) -> set[str]:
    """The local addresses, as the kernel writes them, on which `members` listen."""
    inodes = set()
    for member in members:
        for descriptor in Path(f"/proc/{member}/fd").iterdir():
            try:
                target = str(descriptor.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target.removeprefix("socket:[").removesuffix("]"))
    addresses = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            open_to_all = fields[3] == "0A" or table.startswith("udp")
            if open_to_all and fields[9] in inodes:
                addresses.add(fields[1])
    return addresses


def wait_for(condition: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]  # callables only
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def started_parent(logs: Path) -> tuple[subprocess.Popen[str], int]:
    """A program that uses a stage on which a function is busy, and the stage's port."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(logs)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    return parent, int(parent.stdout.readline())


def worker_is_busy(port: int) -> bool:
    return any("_worker.py" in command for command in processes(f"AWS_ENDPOINT_URL=http://127.0.0.1:{port}").values())


@pytest.mark.parametrize("ending", ["close", "SIGINT", "SIGTERM", "SIGKILL"])
def test_nothing_is_left_behind(tmp_path: Path, ending: str) -> None:
    parent, port = started_parent(tmp_path)
    wait_for(lambda: worker_is_busy(port))
    scratch = {part for line in processes(str(tmp_path)).values() for part in line.split() if "cutover-stage-" in part}
    assert len(scratch) == 1
    assert parent.stdin is not None
    if ending == "close":
        parent.stdin.write("\n")
        parent.stdin.close()
    else:
        parent.send_signal(signal.Signals[ending])
    parent.wait(timeout=60)
    wait_for(lambda: not processes(str(tmp_path)) and not worker_is_busy(port))
    wait_for(lambda: not any(Path(directory).exists() for directory in scratch))
    wait_for(lambda: not processes(f"http://127.0.0.1:{port}"))


def test_everything_listens_on_the_loopback_interface_only(tmp_path: Path) -> None:
    with Emulator(log_dir=tmp_path) as aws:
        aws.client("s3").list_buckets()
        aws.client("ec2").describe_vpcs()
        addresses = listening(sessions([child.pid for child in aws._children]))
    loopback = "0100007F"
    assert addresses == {f"{loopback}:{aws.port:04X}", f"{loopback}:{aws.port + 1:04X}"}


def test_a_port_that_is_held_is_free_for_nobody_else() -> None:
    port = find_free()
    with held(port):
        assert not is_free(port)
        assert not is_free(port + 1)
    assert is_free(port)
    assert is_free(port + 1)


@pytest.mark.parametrize("taken", [0, 1])
def test_a_port_in_use_is_named(tmp_path: Path, taken: int) -> None:
    port = find_free()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + taken))
        other.listen()
        with pytest.raises(PortInUse, match=f"port {port + taken} of 127.0.0.1 is already in use"):
            Emulator(log_dir=tmp_path, port=port)
