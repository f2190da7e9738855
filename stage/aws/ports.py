"""Two adjacent ports of the loopback interface: N for AWS, N+1 for EC2."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

HOST = "127.0.0.1"


class PortInUse(RuntimeError):
    """A port the stage was told to use is taken; the message names it."""


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def require_free(port: int) -> None:
    """Raise PortInUse unless `port` and its neighbour can be bound."""
    for number in (port, port + 1):
        if not is_free(number):
            raise PortInUse(
                f"port {number} of {HOST} is already in use, and the stage needs {port} and {port + 1}; end the "
                f"program that holds it (`lsof -i :{number}` names it; perhaps another stage) or choose another port"
            )


def find_free() -> int:
    """A port N with N and N+1 free. Below the range given to outgoing connections, so that N+1 stays free."""
    for _ in range(200):
        port = random.randrange(20_000, 32_000, 2)
        if is_free(port) and is_free(port + 1):
            return port
    raise PortInUse(f"no two adjacent free ports between 20000 and 32000 of {HOST}; end programs that listen there")


@contextmanager
def held(port: int) -> Iterator[None]:
    """Nobody else finds `port` and its neighbour free until whoever they are for is about to listen.

    A port that somebody has let go just now cannot be held; it is listened on in time, or the stage says it is taken.
    """
    with ExitStack() as holds:
        for number in (port, port + 1):
            hold = holds.enter_context(socket.socket())
            with suppress(OSError):
                hold.bind((HOST, number))
        yield
