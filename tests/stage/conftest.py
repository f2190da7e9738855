"""Two stages at a time, each on a worker of its own: they mostly wait for their clocks; a third would starve them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

HARD = ("test_aws_", "test_chaos", "test_kept_up", "test_killed")
"""What is done to a stage; the other group is what a user does with one. Each takes about as long as the other."""


def group(module: Path) -> str:
    """The worker that a module's tests share."""
    return "stage" if module.name.startswith(HARD) else "rehearsal"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group(group(item.path)))


@pytest.fixture(scope="package", autouse=True)
def _may_be_interrupted() -> None:
    """A shell has what it starts in the background ignore SIGINT, and so would every process started from here."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _on_one_worker(request: pytest.FixtureRequest) -> None:
    """xdist tells a group by what it appends to a test's id; where pytest does not let it, each worker has a stage."""
    grouped = request.node.nodeid.endswith(f"@{group(request.path)}")
    assert grouped or "PYTEST_XDIST_WORKER" not in os.environ, (
        "this pytest ignores xdist's groups, or --dist loadgroup is missing: see the Makefile and requirements.in"
    )
