"""EC2's memory: an idempotency token makes instances once, and what was made outlives the process.

moto takes RunInstances' ClientToken and makes another instance all the same; AWS answers with the first one's
(https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html). Its backends are pickled whole after every
request that is no question, before the answer leaves: an id that anybody has seen exists for good.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qs

from moto.ec2.models import ec2_backends
from werkzeug.wrappers import Request, Response

from stage.whole import write_whole

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]

QUESTIONS = ("Describe", "Get")


class Memory:
    """`path`: the file in which everything is kept, read now if it is there. `also`: what else EC2's answers depend on.

    Without a path only the tokens are remembered, for as long as the process lives.
    """

    def __init__(self, path: Path | None, *also: dict[str, str]) -> None:
        self._path = path
        self._answers: dict[str, bytes] = {}
        """RunInstances' answers by client token."""
        self._known: tuple[dict[str, Any], ...] = (self._answers, *also)
        self._lock = Lock()
        if path is not None and path.exists():
            backends, known = pickle.loads(path.read_bytes())
            for (account, region), backend in backends.items():
                ec2_backends[account][region] = backend
            for mine, kept in zip(self._known, known, strict=True):
                mine.update(kept)

    def around(self, ec2: WSGI) -> WSGI:
        """`ec2`, one change at a time."""

        def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            request = Request(environ)
            if request.method == "GET":
                return ec2(environ, start_response)
            body = request.get_data()
            environ["wsgi.input"] = io.BytesIO(body)
            sent = parse_qs(body.decode(errors="replace"))
            action, token = sent.get("Action", [""])[0], sent.get("ClientToken", [""])[0]
            if action.startswith(QUESTIONS):
                return ec2(environ, start_response)
            with self._lock:
                if action == "RunInstances" and token in self._answers:
                    return Response(self._answers[token], content_type="text/xml")(environ, start_response)
                response = Response.from_app(ec2, environ, buffered=True)
                if action == "RunInstances" and token and response.status_code == 200:
                    self._answers[token] = response.get_data()
                self._keep()
            return response(environ, start_response)

        return application

    def _keep(self) -> None:
        if self._path is not None:
            backends = {
                (account, region): backend
                for account, regions in ec2_backends.items()
                for region, backend in regions.items()
            }
            write_whole(self._path, pickle.dumps((backends, self._known), pickle.HIGHEST_PROTOCOL))
