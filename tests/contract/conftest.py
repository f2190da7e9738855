"""Every contract test runs against each service that speaks CloudEndure's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from tests.contract.composed import composed
from tests.contract.simulated import simulated
from tests.contract.situation import Service, Situation

SERVICES: dict[str, Callable[[Situation], AbstractContextManager[Service]]] = {
    "composed": composed,
    "simulator": simulated,
}


@pytest.fixture(params=list(SERVICES))
def start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Service]]:
    """Starts the service in a situation, given as the fields of Situation."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ExitStack() as stack:
        yield lambda **situation: stack.enter_context(SERVICES[request.param](Situation(**situation)))
