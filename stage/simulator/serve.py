"""The simulator over HTTP, and what else the stage plays, on this machine only."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_TICK = 0.2


class _Handler(WSGIRequestHandler):
    """Leaves the Date header and the log to the application."""

    def send_response(self, code: int, message: str | None = None) -> None:
        self.send_response_only(code, message)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return


class Played(Protocol):
    """An application in which things happen on time."""

    def tick(self) -> None: ...

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]: ...


class Served(Played, Protocol):
    """A simulator, or one that waits for its EC2."""

    @property
    def token(self) -> str: ...


Application = TypeVar("Application", bound=Played)
Console = TypeVar("Console", bound=Served)


class ServedApplication(Generic[Application]):
    """An application that answers at `url` until it is closed."""

    def __init__(self, application: Application, port: int, name: str) -> None:
        self.application = application
        with socket.create_server((_HOST, port), backlog=128) as listener:
            self._server = make_server(
                _HOST, port, application, threaded=True, request_handler=_Handler, fd=listener.fileno()
            )
            self.url = f"http://{_HOST}:{listener.getsockname()[1]}"
        self._name, self._closing = name, Event()
        self._threads = [
            Thread(target=self._server.serve_forever, args=(0.05,), name=name, daemon=True),
            Thread(target=self._tick, name=f"{name}-clock", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop answering and stop the clock's ticker; safe to repeat."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._server.shutdown()
        for thread in self._threads:
            thread.join(timeout=10)
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _tick(self) -> None:
        """What happens in EC2 happens on time, even when nobody asks."""
        while not self._closing.wait(_TICK):
            try:
                self.application.tick()
            except Exception:  # one effect that went wrong must not stop time for the others
                logger.exception("an effect of the %s failed", self._name)


class ServedSimulator(ServedApplication[Console]):
    """A simulator; the API's base is `{url}/api/latest`."""

    def __init__(self, simulator: Console, port: int) -> None:
        self.simulator, self.token = simulator, simulator.token
        super().__init__(simulator, port, "simulator")


def serve(simulator: Console, port: int = 0) -> ServedSimulator[Console]:
    """Answer on 127.0.0.1, by default on a free port. OSError when the port is taken."""
    return ServedSimulator(simulator, port)
