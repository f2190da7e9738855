"""One stage at a time: it keeps to a clock, and several of them would starve each other."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.xdist_group("stage"))


@pytest.fixture(scope="package", autouse=True)
def _may_be_interrupted() -> None:
    """A shell has what it starts in the background ignore SIGINT, and so would every process started from here."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
