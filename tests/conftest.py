"""No test sees what another one left in this process: clients, and the level of the functions' log."""

from __future__ import annotations

import logging

import pytest

from cutover import clients, store_files


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
