"""The commands that people are given to copy: each is one that the command line takes as it stands."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
import typer

from cli.main import app
from cutover import commands

RUN, ANN = "demo-cutover-20261128T210000Z", "Ann O'Neill"
EVERY = [
    commands.approve(RUN, "go", ANN),
    commands.approve(RUN, "users", "lead@example.com", no=True),
    commands.done(RUN, "power_off-1", ANN),
    commands.done(RUN, "the doors", ANN, failed=True),
    commands.judge("verify", RUN),
    commands.judge("accept", RUN, "db 01"),
    commands.resume(RUN),
    commands.rollback(RUN),
    commands.rollback(RUN, data_stays=True),
    commands.abort(RUN),
    commands.takeover(RUN),
]


@pytest.mark.parametrize("line", EVERY)
def test_a_command_is_taken_as_it_stands(line: str) -> None:
    program, name, *words = shlex.split(line)
    root: Any = typer.main.get_command(app)
    given = root.commands[name].make_context(name, words).params
    assert program == "cutover"
    assert given["run"] == RUN


def test_what_a_shell_would_read_otherwise_is_quoted() -> None:
    assert shlex.split(EVERY[0])[-1] == ANN
    assert shlex.split(EVERY[5])[3] == "db 01"


def test_what_is_left_to_fill_in_is_in_capitals() -> None:
    assert commands.rollback("r", data_stays=True) == "cutover rollback r --data-stays --by YOU --reason WHY"
    assert commands.approve("r", "go", "lead", no=True) == "cutover approve r go --by lead --no --reason WHY"
    assert commands.judge("verify", "r") == "cutover verify r MACHINE --by YOU --reason WHY"
