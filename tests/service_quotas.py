"""Service Quotas, which moto knows by name only: every quota is what a test says, and otherwise ample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

AMPLE = 10_000.0


@contextmanager
def service_quotas(client: Any, said: Mapping[str, float]) -> Iterator[None]:
    """`client`: of service-quotas; `said`: by quota code, read at each request."""

    def answer(params: dict[str, Any], **_: Any) -> Any:
        code = next((code for code in said if f'"{code}"' in str(params["body"])), "")
        return SimpleNamespace(status_code=200), {"Quota": {"Value": said.get(code, AMPLE)}}

    hook = "before-call.service-quotas"
    client.meta.events.register(hook, answer)
    try:
        yield
    finally:
        client.meta.events.unregister(hook, answer)
