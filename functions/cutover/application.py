"""Is the application there? What the plan has looked at on a target, and what became of the looks.

A look at a port or a page is made anew each time; a command inside the machine is sent, followed by its id, and sent
again after it failed, a few times at most. What has not passed is pending: an application may take its time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cutover.instants import instant
from cutover.plan import ApplicationCheck, Look, PlannedMachine
from cutover.records import APPLICATION, Check, GuestCommand

TRIES = 10
"""How often a command is sent at the most."""
LONGEST_PAUSE = 300
"""Seconds between a command that failed and the next try: half a minute at first, then twice as long each time."""
PREWARM = "prewarm"
NOT_YET = "not looked at: the target is not up yet"


@dataclass(frozen=True)
class Wanted:
    """The checks that are made on a target, and why others are not."""

    checks: tuple[ApplicationCheck, ...]
    not_made: tuple[str, ...]


def wanted(planned: PlannedMachine, os: str) -> Wanted:
    """What of the plan's checks is for a machine of this operating system; "": nobody knows which it has."""
    checks = tuple(each for each in planned.checks if each.os in ("", os))
    unclear = [each for each in planned.checks if each.os and not os]
    not_made = [f"{each.name}: nobody says whether this machine runs {each.os}" for each in unclear]
    if not checks:
        not_made.append("the application: the plan has no check of it for this machine")
    return Wanted(checks, tuple(not_made))


def expected(check: ApplicationCheck) -> str:
    """What it asks for, in words."""
    match check.look:
        case Look.TCP:
            return f"port {check.subject} takes a connection"
        case Look.HTTP:
            text = f" with {check.contains!r}" if check.contains else ""
            return f"{check.subject} answers {check.status}{text}"
        case Look.SSM:
            return f"document {check.subject} succeeds inside the machine"


def as_check(check: ApplicationCheck, passed: bool | None, seen: str) -> Check:
    """For the machine's record."""
    return Check(f"{APPLICATION}{check.name}", expected(check), seen, passed)


def dialled(check: ApplicationCheck, address: str) -> dict[str, Any]:
    """A look at a port or a page, as `probe` takes it."""
    if check.look is Look.TCP:
        return {"kind": "tcp", "host": address, "port": int(check.subject), "timeout": check.timeout}
    return {
        "kind": "http",
        "url": check.subject.replace("{ip}", address),
        "status": check.status,
        "contains": check.contains,
        "timeout": check.timeout,
    }


def under_way(name: str, commands: Sequence[GuestCommand]) -> GuestCommand:
    """The command of this check as it stands; a new one where none was sent."""
    return next((each for each in commands if each.name == name), GuestCommand(name))


def may_send(command: GuestCommand, now: datetime) -> bool:
    """Whether it is to be sent now: never sent, or failed a while ago, longer each time, and not too often yet."""
    if command.passed or command.command is not None or command.tries >= TRIES:
        return False
    pause = timedelta(seconds=min(30 * 2 ** (command.tries - 1), LONGEST_PAUSE)) if command.tries else timedelta(0)
    return command.sent is None or now - instant(command.sent) >= pause


def followed(command: GuestCommand, passed: bool | None, words: str, now: datetime, timeout: int) -> GuestCommand:
    """The command after a look at it. One that failed, or takes too long, is not followed any more."""
    if passed is None and command.sent and now - instant(command.sent) >= timedelta(seconds=timeout):
        passed, words = False, f"not done within {timeout} seconds: {words}"
    if passed is False:
        return command.but(command=None, words=f"{words} (try {command.tries})")
    return command.but(passed=bool(passed), words=words)


def with_command(commands: Sequence[GuestCommand], changed: GuestCommand) -> tuple[GuestCommand, ...]:
    """The commands with this one in its place."""
    return (*(each for each in commands if each.name != changed.name), changed)


# https://docs.aws.amazon.com/ebs/latest/userguide/initalize-volume.html: every block that is used is read once.
_READ_DISKS = (
    "for disk in $(lsblk -dnpo NAME,TYPE | awk '$2 == \"disk\" {print $1}'); do dd if=$disk of=/dev/null bs=1M; done"
)
_READ_FILES = (
    "Get-Volume | Where-Object DriveLetter | ForEach-Object {"
    ' Get-ChildItem "$($_.DriveLetter):\\" -Recurse -File -Force -ErrorAction SilentlyContinue | ForEach-Object {'
    " try { $s = [IO.File]::Open($_.FullName, 'Open', 'Read', 'ReadWrite'); $b = New-Object byte[] 1048576;"
    " while ($s.Read($b, 0, $b.Length) -gt 0) { }; $s.Close() } catch { } } }"
)
_TWO_DAYS = "172800"
_READERS: Mapping[str, tuple[str, str]] = {
    "linux": ("AWS-RunShellScript", _READ_DISKS),
    "windows": ("AWS-RunPowerShellScript", _READ_FILES),
}


def reader(os: str) -> tuple[str, dict[str, list[str]]] | None:
    """The document, with its parameters, that reads a machine's volumes through; None where nobody knows how."""
    if os not in _READERS:
        return None
    document, command = _READERS[os]
    return document, {"commands": [command], "executionTimeout": [_TWO_DAYS]}
