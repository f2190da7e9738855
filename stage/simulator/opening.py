"""A simulator whose EC2 may come up after it: until then it answers 503, as a service that is starting does."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from threading import Lock
from typing import TYPE_CHECKING

from werkzeug import Response

from stage.simulator.cloud import Ec2Away, Ec2Refused

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from stage.simulator.simulator import Simulator

logger = logging.getLogger(__name__)


class Opening:
    """Makes the simulator at the first request that finds EC2 answering, and is that simulator from then on."""

    def __init__(self, make: Callable[[], Simulator], token: str) -> None:
        self._make = make
        self._made: Simulator | None = None
        self._lock = Lock()
        self.token = token

    def tick(self) -> None:
        """Do what is due, once there is anything."""
        if self._made is not None:
            self._made.tick()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            if self._made is None:
                try:
                    self._made = self._make()
                except (Ec2Away, Ec2Refused) as error:
                    logger.info("not open yet: %s", error)
                    body = json.dumps({"message": f"EC2 does not answer yet: {error}"})
                    return Response(body, 503, content_type="application/json")(environ, start_response)
        return self._made(environ, start_response)
