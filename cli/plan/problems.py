"""What is wrong with a plan file, and where."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""The keys and positions that lead from the top of the file to a value."""


@dataclass(frozen=True)
class Problem:
    """One fault. `line` and `column` count from 1; both are None where no line can be named, as for a missing file."""

    file: str
    line: int | None
    column: int | None
    field: str
    seen: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.field}: seen {self.seen}; rule: {self.rule}; do: {self.remedy}"


class InvalidPlan(Exception):
    """A plan file that cannot be used. `problems`: every fault found, in the order of the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def field_name(path: Path) -> str:
    """How a path is written in a message: `waves[0].tags["cost centre"]`; the file as a whole is `plan`."""
    text = ""
    for key in path:
        if isinstance(key, str) and re.fullmatch(r"[\w-]+", key, re.ASCII):
            text += f".{key}"
        else:
            text += f"[{key}]" if isinstance(key, int) else f'["{key}"]'
    return text.removeprefix(".") or "plan"
