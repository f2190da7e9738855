"""What every command does alike: read a plan, refuse, speak."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console

from cli.plan import InvalidPlan, load_plan
from cutover.plan import Plan


def load(path: Path, on: str | None = None) -> Plan:
    """The compiled plan; an invalid one ends the command with 2 and every error."""
    try:
        return load_plan(path, on)
    except InvalidPlan as error:
        for problem in error.problems:
            err().print(str(problem), markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None


def refuse(message: str) -> NoReturn:
    """Wrong use: say what and end with 2."""
    fail(message, 2)


def fail(message: str, code: int = 1) -> NoReturn:
    """Not done: say why and end with 1."""
    err().print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code) from None


def say(message: str) -> None:
    """A line of output, as it stands."""
    out().print(message, markup=False, highlight=False, soft_wrap=True)


def out() -> Console:
    return Console()


def err() -> Console:
    return Console(stderr=True)
