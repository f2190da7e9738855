"""The commands that messages, sheet and refusals give to copy: quoted for a shell, with YOU and WHY to fill in."""

from __future__ import annotations

import shlex

YOU, WHY = "--by YOU", "--reason WHY"


def approve(run: str, question: str, by: str, *, no: bool = False) -> str:
    """Answer a question of the run, by its name."""
    return _line("approve", run, question, "--by", by) + (f" --no {WHY}" if no else "")


def done(run: str, step: str, by: str, *, failed: bool = False) -> str:
    """Say that a step is done by hand, or cannot be."""
    return _line("done", run, step, "--by", by) + (f" --failed {WHY}" if failed else "")


def judge(wish: str, run: str, machine: str = "MACHINE") -> str:
    """`verify` or `accept` a machine."""
    return f"{_line(wish, run, machine)} {YOU} {WHY}"


def resume(run: str) -> str:
    """Have a run that holds go on."""
    return f"{_line('resume', run)} {YOU} {WHY}"


def rollback(run: str, *, data_stays: bool = False) -> str:
    """Have a run go back to the source; `data_stays`: users may have entered something on the targets."""
    return f"{_line('rollback', run, *(['--data-stays'] if data_stays else []))} {YOU} {WHY}"


def abort(run: str) -> str:
    """End a run."""
    return f"{_line('abort', run)} {YOU} {WHY}"


def takeover(run: str) -> str:
    """Print the sheet to go on by hand by."""
    return _line("takeover", run)


def _line(*words: str) -> str:
    return shlex.join(["cutover", *words])
