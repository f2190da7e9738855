"""No test sees what another one left in this process: clients, and the level of the functions' log."""

from __future__ import annotations

import logging

import pytest

from cutover import clients


@pytest.fixture(autouse=True)
def _nothing_left_over() -> None:
    clients.client.cache_clear()
    clients.table.cache_clear()
    logging.getLogger("cutover").setLevel(logging.NOTSET)
