"""What a fault makes of an answer: replaced, cut, changed, misdated, or never sent."""

from __future__ import annotations

import json
import re
import socket
from datetime import datetime, timedelta
from typing import Any, NoReturn

from werkzeug import Request, Response
from werkzeug.http import http_date

from stage.simulator.clock import rfc3339
from stage.simulator.distortion import distorted
from stage.simulator.faults import Fault

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)")


def json_response(status: int, body: dict[str, Any] | None) -> Response:
    """An answer as the service writes it; None: without a body."""
    if body is None:
        return Response(status=status)
    return Response(json.dumps(body), status=status, content_type="application/json")


def unheard() -> Response:
    """What something in between says of a request that never arrived; a fault cuts it."""
    return json_response(200, {"message": "OK", "code": None})


def strike(fault: Fault, request: Request, response: Response, now: datetime) -> Response:
    """The answer after this fault. ConnectionResetError for one that is never sent."""
    good = 200 <= response.status_code < 300
    match fault.effect:
        case "status":
            return json_response(fault.status or 500, {"message": fault.message or f"Simulated {fault.status}"})
        case "drop":
            _hang_up(request)
        case "body" if good:
            _cut(response, fault.body or "half")
        case "clock" if fault.clock and fault.clock.shown == "header":
            response.headers["Date"] = http_date(now + fault.clock.skew)
        case "clock" if fault.clock and response.data:
            response.data = json.dumps(_misdated(json.loads(response.data), fault.clock.skew))
        case "answer" if good and fault.answer and response.data:
            response.data = json.dumps(distorted(json.loads(response.data), fault.answer))
    return response


def _cut(response: Response, how: str) -> None:
    whole = response.data
    response.data = b"" if how == "empty" else whole[: len(whole) // 2]
    if how == "torn":
        response.headers["Content-Length"] = str(len(whole))


def _misdated(value: Any, skew: timedelta) -> Any:
    """The same JSON with every date-time in it moved; dates inside a sentence stay."""
    if isinstance(value, dict):
        return {key: _misdated(one, skew) for key, one in value.items()}
    if isinstance(value, list):
        return [_misdated(one, skew) for one in value]
    if isinstance(value, str) and _DATE_TIME.fullmatch(value):
        moved = rfc3339(datetime.fromisoformat(value) + skew)
        return moved.replace("+00:00", "Z") if value.endswith("Z") else moved
    return value


def _hang_up(request: Request) -> NoReturn:
    """Close the connection without an answer; the server takes the exception for a client that has gone."""
    connection = request.environ.get("werkzeug.socket")
    if connection is not None:
        request.get_data()
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("the connection is dropped by a fault of the scenario")
