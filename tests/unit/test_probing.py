"""Looking at a host: real connections to small servers of this process."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
from werkzeug import Request, Response
from werkzeug.serving import BaseWSGIServer, make_server

import probe
from cutover.probing import BODY, look
from tests.statemachines.interpreter import Context


@pytest.fixture(scope="module")
def server() -> Iterator[BaseWSGIServer]:
    @Request.application
    def answer(request: Request) -> Response:
        match request.path:
            case "/elsewhere":
                return Response(status=302, headers={"Location": "/health"})
            case "/long":
                return Response(b"x" * BODY + b"ready")
            case "/broken":
                return Response("not today", 503)
        return Response("all is ready")

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def nobody() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def page(server: BaseWSGIServer, path: str, **more: Any) -> dict[str, Any]:
    return {"kind": "http", "url": f"http://127.0.0.1:{server.port}{path}", "timeout": 5, **more}


def port(number: int, **more: Any) -> dict[str, Any]:
    return {"kind": "tcp", "host": "127.0.0.1", "port": number, "timeout": 5, **more}


def test_a_port_that_takes_a_connection_passes(server: BaseWSGIServer, nobody: int) -> None:
    assert look(port(server.port)).passed
    assert not look(port(nobody)).passed
    assert "does not answer" in look(port(nobody)).words


def test_closed_is_the_other_way_round(server: BaseWSGIServer, nobody: int) -> None:
    assert look(port(nobody, closed=True)).passed
    assert not look(port(server.port, closed=True)).passed
    assert not look(page(server, "/health", closed=True)).passed
    assert look(page(server, "/broken", closed=True)).passed


@pytest.mark.parametrize(
    ("path", "more", "passed"),
    [
        ("/health", {}, True),
        ("/health", {"contains": "ready"}, True),
        ("/health", {"contains": "steady"}, False),
        ("/broken", {}, False),
        ("/broken", {"status": 503}, True),
        ("/elsewhere", {}, False),
        ("/elsewhere", {"status": 302}, True),
        ("/long", {"contains": "ready"}, False),
    ],
)
def test_a_page_is_what_was_asked_for_or_not(
    server: BaseWSGIServer, path: str, more: dict[str, Any], passed: bool
) -> None:
    assert look(page(server, path, **more)).passed is passed


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/a", "file:///etc/passwd", "http://"])
def test_nothing_but_http_is_opened(url: str) -> None:
    seen = look({"kind": "http", "url": url})
    assert not seen.passed
    assert "cannot be looked at" in seen.words


def test_no_secret_of_a_url_is_told(nobody: int) -> None:
    seen = look({"kind": "http", "url": f"http://user:hidden@127.0.0.1:{nobody}/a?token=hidden", "timeout": 2})
    assert "hidden" not in seen.words


def test_the_probe_answers_for_each_and_never_fails(server: BaseWSGIServer, nobody: int) -> None:
    checks: list[Any] = [port(server.port), port(nobody), page(server, "/health"), {"kind": "ping"}, {}, "x"]
    answer = probe.handler({"checks": checks}, Context())  # type: ignore[arg-type]  # what it is given of it
    assert [each["passed"] for each in answer["results"]] == [True, False, True, None, None, None]
    assert "cannot be looked at" in answer["results"][3]["seen"]


def test_the_probe_tells_what_it_has_when_its_time_is_over(server: BaseWSGIServer, monkeypatch: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # takes the connection and says nothing
        monkeypatch.setattr(probe, "SECONDS", 1)
        slow = {"kind": "http", "url": f"http://127.0.0.1:{deaf.getsockname()[1]}/", "timeout": 3}
        answer = probe.handler({"checks": [slow, port(server.port)]}, Context())  # type: ignore[arg-type]  # likewise
    assert [each["passed"] for each in answer["results"]] == [None, True]
    assert answer["results"][0]["seen"] == "not within 1 seconds"


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize(
    "check",
    [
        {"kind": "tcp", "host": "nobody.invalid", "port": 443},
        {"kind": "http", "url": "http://nobody.invalid/health"},
        {"kind": "http", "url": "ftp://127.0.0.1/health"},
    ],
)
def test_what_cannot_even_be_looked_for_is_neither_open_nor_closed(
    check: dict[str, Any], closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if "nobody" in str(check):
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
    seen = look({**check, "closed": closed})
    assert not seen.passed
    assert "cannot be looked at" in seen.words
