"""What every command does alike: read a plan, refuse, speak."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console

from cli.plan import InvalidPlan, load_plan
from cutover.plan import Plan


@dataclass
class Speech:
    """What a command has said so far to machines. `noted`: fields of its answer; `error`: what it refused."""

    as_json: bool = False
    said: list[str] = field(default_factory=list)
    noted: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


_SPEECH: ContextVar[Speech] = ContextVar("speech")


@contextmanager
def spoken(*, as_json: bool) -> Iterator[Speech]:
    """For one command: with `as_json` nothing is printed, and everything is kept for one object."""
    speech = Speech(as_json)
    token = _SPEECH.set(speech)
    try:
        yield speech
    finally:
        _SPEECH.reset(token)


def _speech() -> Speech:
    """The command's; outside of one, nobody's."""
    return _SPEECH.get(None) or Speech()


def note(**fields: Any) -> None:
    """Add fields to what machines are answered."""
    if _speech().as_json:
        _speech().noted.update(fields)


def load(path: Path, on: str | None = None) -> Plan:
    """The compiled plan; an invalid one ends the command with 2 and every error."""
    try:
        return load_plan(path, on)
    except InvalidPlan as error:
        note(problems=[str(problem) for problem in error.problems])
        if _speech().as_json:
            fail(f"{path} is not a valid plan", 2)
        for problem in error.problems:
            err().print(str(problem), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


def refuse(message: str) -> NoReturn:
    """Wrong use: say what and end with 2."""
    fail(message, 2)


def fail(message: str, code: int = 1) -> NoReturn:
    """Not done: say why and end with 1."""
    if _speech().as_json:
        _speech().error = message
    else:
        err().print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code) from None


def say(message: str) -> None:
    """A line of output, as it stands."""
    if _speech().as_json:
        _speech().said.append(message)
        return
    out().print(message, markup=False, highlight=False, soft_wrap=True)


def out() -> Console:
    """Standard output; while that is for machines, the other one."""
    return Console(stderr=_speech().as_json)


def err() -> Console:
    return Console(stderr=True)
