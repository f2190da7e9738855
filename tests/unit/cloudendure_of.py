"""A CloudEndure service that exists in its answers only, and a client of it."""

from datetime import UTC, datetime
from typing import Any

import responses

from cutover.cloudendure import CloudEndure

HOST = "https://console.cloudendure.example"
BASE = f"{HOST}/api/latest"
TOKEN = "-".join(["A1B2"] * 16)
COOKIES = {"session": "session-cookie-of-the-operator", "XSRF-TOKEN": '"xsrf-value-of-the-session"'}
PROJECT = f"{BASE}/projects/p-1"
NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)


def log_in(service: responses.RequestsMock, base: str = BASE, **changes: Any) -> None:
    cookies = [("Set-Cookie", f"{name}={value}; Path=/") for name, value in COOKIES.items()]
    answer: dict[str, Any] = {"json": {"id": "u-1", "apiToken": TOKEN}, "headers": cookies, **changes}
    service.post(f"{base}/login", **answer)


def ready(service: responses.RequestsMock, **options: Any) -> CloudEndure:
    """A client of a service that logs it in and has one project."""
    log_in(service)
    service.get(f"{BASE}/projects", json={"items": [{"id": "p-1", "name": "Wave 12"}]})
    return CloudEndure(HOST, TOKEN, "Wave 12", **{"clock": lambda: NOW, **options})
