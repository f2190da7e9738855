"""No test sees what another one left in this process: clients, and the level of the functions' log. Examples repeat."""

from __future__ import annotations

import gc
import logging

import pytest
from hypothesis import settings

from cutover import clients, store_files

settings.register_profile("suite", derandomize=True)  # the same examples for everybody: a red test is red again
settings.register_profile("search", derandomize=False)  # --hypothesis-profile search looks for others
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def _nothing_left_over() -> None:
    clients.client.cache_clear()
    clients.client_for_deeds.cache_clear()
    clients.table.cache_clear()
    store_files._PLANS.clear()
    logging.getLogger("cutover").setLevel(logging.NOTSET)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chaos-seed", type=int, default=None, help="carry out the nights of this seed alone")
    parser.addoption("--chaos-nights", type=int, default=200, help="how many nights of chaos to carry out")


def pytest_collection_finish() -> None:
    """What is imported stays: the collector need not walk it again and again, nearly a tenth of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
