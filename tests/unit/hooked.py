"""A server that plays whatever a step calls: a webhook, Lambda, SSM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Server(ThreadingHTTPServer):
    """Answers as told, whoever calls, and keeps what it was sent. Status 0: no answer.

    `by_path`: statuses of single paths. `heard`: called with the path, before it is answered.
    """

    daemon_threads = True
    status = 200
    answer = b"{}"
    heard: Callable[[str], None] | None = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.by_path: dict[str, int] = {}
        self.headers: dict[str, str] = {}
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def posted(self) -> list[str]:
        """The paths that were posted to, in order."""
        return [path for path, _, _ in self.got]


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.got.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        if server.heard is not None:
            server.heard(self.path)
        self.do_GET()

    def do_GET(self) -> None:
        server: Any = self.server
        status = server.by_path.get(self.path, server.status)
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in {"Content-Length": str(len(server.answer)), **server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(server.answer)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def hooked() -> Iterator[Server]:
    """One that serves."""
    with Server() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
