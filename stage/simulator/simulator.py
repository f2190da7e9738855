"""The simulator as a WSGI application: base paths, sessions, faults, the clock, and what it counts."""

from __future__ import annotations

import json
import logging
import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING, NoReturn

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import http_date
from werkzeug.routing import Rule

from stage.simulator.answers import Json, user
from stage.simulator.api import Api
from stage.simulator.asked import ApiError, body
from stage.simulator.clock import Clock, rfc3339
from stage.simulator.cloud import Invented
from stage.simulator.faults import Faults
from stage.simulator.identity import Identity
from stage.simulator.populate import populate
from stage.simulator.routes import ROUTES
from stage.simulator.scenario import Fault, Scenario
from stage.simulator.sessions import Denied, Sessions
from stage.simulator.targets import Ec2

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from mypy_boto3_ec2 import EC2Client

logger = logging.getLogger(__name__)

_PATIENCE = 1.0
"""Real seconds that a request waits for EC2 to be caught up with before it is answered as of a little earlier."""


class Simulator:
    """A CloudEndure console with one account.

    `ec2`: a client of the EC2 that targets are made in, for the projects' region; without one instances are only named.
    `clock`: by default the scenario's. `sleep` is used for slow answers only.
    """

    def __init__(
        self,
        scenario: Scenario,
        ec2: EC2Client | None = None,
        clock: Clock | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        identity = Identity(scenario.seed)
        self.clock = clock or Clock(scenario.clock.begin(datetime.now(UTC)), scenario.clock.speed)
        if ec2 is not None:
            _same_region(scenario, ec2.meta.region_name)
        self.world = populate(scenario, self.clock, Ec2(ec2) if ec2 else Invented(identity))
        self.requests: Counter[str] = Counter()
        self._sessions = Sessions(scenario.account, identity)
        self._api = Api(self.world, self._sessions)
        self._faults = Faults(scenario.faults, identity)
        self._sleep = sleep
        self._lock = RLock()

    @property
    def token(self) -> str:
        """The API token that logs in."""
        return self._sessions.token

    @property
    def password(self) -> str:
        """The password of the account's user."""
        return self._sessions.password

    def advance(self, seconds: float = 0.0) -> None:
        """Move the clock and do everything that is due by then."""
        with self._lock:
            self.clock.advance(seconds)
            self.world.advance()

    def tick(self) -> None:
        """Do what is due now, for a while at most."""
        with self._lock:
            self.world.advance(_PATIENCE)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        response = self._respond(request)
        response.headers["Date"] = http_date(self.world.now)
        logger.info("%s %s %s", request.method, request.path, response.status_code)
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        path = "/" + request.path.strip("/")
        if path.startswith("/_simulator/"):
            return self._administer(request, path)
        base = re.match(r"/api/(latest|v\d+)(?=/)", path)
        if base is None:
            return _json(404, {"message": "Not found; the API is under /api/latest"})
        below = path[base.end() :]
        try:
            rule, ids = ROUTES.bind("", path_info=below, default_method=request.method).match(return_rule=True)
        except HTTPException as error:
            return _json(405 if isinstance(error, MethodNotAllowed) else 404, {"message": error.name})
        with self._lock:
            self.requests[_operation(request.method, rule)] += 1
            self.world.advance(_PATIENCE)
            struck = self._faults.meet(request.method, below, self.world.now - self.world.began)
        for fault in struck:
            if fault.delay:
                self._sleep(fault.delay.total_seconds())
            elif fault.expire_sessions:
                self._sessions.forget()
            elif not fault.accepted:
                return _strike(fault, request)
        response = self._answer(request, base[0], rule.endpoint, dict(ids))
        for fault in struck:
            if fault.accepted:
                return _strike(fault, request)
        return response

    def _answer(self, request: Request, base: str, operation: str, ids: dict[str, str]) -> Response:
        with self._lock:
            try:
                if operation == "login":
                    return self._login(request, base)
                cookie = request.cookies.get("session")
                self._sessions.check(cookie, request.headers.get("X-XSRF-TOKEN"), self.world.now)
                if operation == "logout":
                    self._sessions.logout(cookie)
                    return _json(204, None)
                return _json(*self._api.answer(operation, request, ids))
            except Denied as denied:
                return _json(denied.status, {"message": str(denied)})
            except ApiError as error:
                return _json(error.status, error.body)

    def _login(self, request: Request, base: str) -> Response:
        account = self._sessions.account
        if account.redirect and base == "/api/latest":
            target = account.redirect
            location = target if target.startswith("http") else request.host_url.rstrip("/") + target
            return Response(status=307, headers={"Location": location})
        session = self._sessions.login(body(request), self.world.now)
        response = _json(200, user(self.world, account, self.token))
        response.headers.add("Set-Cookie", f"session={session.cookie}; Path=/; HttpOnly")
        response.headers.add("Set-Cookie", f'XSRF-TOKEN="{session.xsrf}"; Path=/')
        return response

    def _administer(self, request: Request, path: str) -> Response:
        """The simulator's own controls: the clock and the counters. No session, no faults."""
        match request.method, path:
            case "POST", "/_simulator/clock":
                sent = request.get_json(force=True, silent=True)
                seconds = sent.get("advance_seconds") if isinstance(sent, dict) else None
                if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
                    return _json(422, {"message": "send {advance_seconds: a number of seconds, not negative}"})
                self.advance(seconds)
            case "GET", "/_simulator/clock":
                self.tick()
            case "GET", "/_simulator/requests":
                with self._lock:
                    return _json(200, {"requests": dict(self.requests), "launches": self.launches()})
            case _:
                return _json(404, {"message": "there are /_simulator/clock and /_simulator/requests"})
        return _json(200, {"now": rfc3339(self.world.now), "speed": self.clock.speed})

    def launches(self) -> dict[str, int]:
        """How many launches of each machine were accepted, by machine name; machines never launched are left out."""
        counted: Counter[str] = Counter()
        for project in self.world.projects.values():
            counted.update(
                {machine.name: machine.launches for machine in project.machines.values() if machine.launches}
            )
        return dict(counted)


def _same_region(scenario: Scenario, region: str) -> None:
    for name, project in scenario.projects.items():
        if project.region != region:
            raise ValueError(f"project {name} launches into {project.region}, but the EC2 client is for {region}")


def _operation(method: str, rule: Rule) -> str:
    """How requests are counted: `GET machines`, `GET machines/{id}`, `POST launchMachines`."""
    path = rule.rule.removeprefix("/projects/<project>/").strip("/")
    return f"{method} {re.sub('<.*?>', '{id}', path)}"


def _json(status: int, body: Json | None) -> Response:
    if body is None:
        return Response(status=status)
    return Response(json.dumps(body), status=status, content_type="application/json")


def _strike(fault: Fault, request: Request) -> Response:
    if fault.drop:
        _hang_up(request)
    return _json(fault.status or 500, {"message": fault.message or f"Simulated {fault.status}"})


def _hang_up(request: Request) -> NoReturn:
    """Close the connection without an answer; the server takes the exception for a client that has gone."""
    connection = request.environ.get("werkzeug.socket")
    if connection is not None:
        request.get_data()
        connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("the connection is dropped by a fault of the scenario")
