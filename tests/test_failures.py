"""The table of failures seen elsewhere: every test that it names exists, and no failure stands in it twice."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FAILURES = (ROOT / "docs" / "failures.md").read_text()
HEADER = "| what went wrong elsewhere | what happens here | the test that holds it |"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in FAILURES.splitlines()
    if line.startswith("|") and line != HEADER and not line.startswith("|---")
]
NAMED = re.compile(r"^`(tests/[\w/]+\.py)::(test_\w+)`$")


def test_the_table_is_filled_and_no_failure_stands_in_it_twice() -> None:
    assert len(ROWS) > 40
    assert all(len(row) == 3 and all(row) for row in ROWS), "three cells, none empty"
    for column in (0, 2):
        twice = [cell for cell, times in Counter(row[column] for row in ROWS).items() if times > 1]
        assert twice == [], "a failure and its test stand there once"


@pytest.mark.parametrize("named", [row[2] for row in ROWS])
def test_the_test_that_holds_a_failure_exists(named: str) -> None:
    match = NAMED.match(named)

    assert match, f"path::name in backticks, not {named}"
    path = ROOT / match[1]
    assert path.exists(), match[1]
    tests = {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}
    assert match[2] in tests


def test_every_test_made_for_this_table_is_in_it() -> None:
    path = "tests/statemachines/test_failures_seen_elsewhere.py"
    made = {
        node.name
        for node in ast.parse((ROOT / path).read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }

    assert made == {match[2] for row in ROWS if (match := NAMED.match(row[2])) and match[1] == path}


def test_it_says_what_does_not_apply_and_why() -> None:
    last = FAILURES.split("\n## ")[-1]

    assert last.startswith("What does not apply, or not yet\n")
    assert all(re.search(r"\*\* ?[^*]*?\b(?:Not yet|Not here): ", part) for part in last.split("\n* ")[1:])
