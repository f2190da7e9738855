"""The simulator as a WSGI application: base paths, sessions, faults, the clock, and what it counts."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING

from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.http import http_date
from werkzeug.routing import Rule

from stage.simulator import others
from stage.simulator.answers import user
from stage.simulator.api import Api
from stage.simulator.asked import ApiError, body
from stage.simulator.clock import Clock, rfc3339
from stage.simulator.cloud import Invented
from stage.simulator.faults import Fault, Faults
from stage.simulator.identity import Identity
from stage.simulator.memory import Memory
from stage.simulator.mgn import Mgn
from stage.simulator.mgn.events import Event, Sink
from stage.simulator.mgn.model import Call
from stage.simulator.populate import populate
from stage.simulator.routes import ROUTES
from stage.simulator.scenario import Scenario
from stage.simulator.sessions import Denied, Sessions
from stage.simulator.sources import Sources
from stage.simulator.strike import json_response, strike, unheard
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
    `clock`: by default the scenario's. `sleep` is used for slow answers only. `memory`: where a killed simulator left
    what it remembered, if one was, and this one keeps it: nothing is answered before it is there. `events`: who is told
    what MGN tells by itself; without anybody it is silent.
    """

    def __init__(
        self,
        scenario: Scenario,
        ec2: EC2Client | None = None,
        clock: Clock | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        memory: Memory | None = None,
        events: Sink | None = None,
    ) -> None:
        identity = Identity(scenario.seed)
        kept = memory.counters() if memory else None
        begin = kept["now"] if kept else scenario.clock.begin(datetime.now(UTC))
        self.clock = clock or Clock(begin, scenario.clock.speed)
        if ec2 is not None:
            _same_region(scenario, ec2.meta.region_name)
        cloud = Ec2(ec2) if ec2 else Invented(identity)
        self.requests: Counter[str] = Counter()
        self._sessions = Sessions(scenario.account, identity)
        self._faults = Faults(scenario.faults, identity)
        if memory and kept:
            self.world = memory.world(scenario, self.clock, cloud)
            self.requests.update(kept["requests"])
            self._faults.resume(kept["faults"])
        else:
            self.world = populate(scenario, self.clock, cloud)
        self._api = Api(self.world, self._sessions)
        self._mgn = Mgn(self.world, scenario.account.username)
        self._sleep, self._events = sleep, events
        self._lock = RLock()
        self._memory = memory
        self._kept_at = -1
        self._keep()

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
            told = self._news()
            self._keep(changed=bool(told))
        self._tell(told)

    def sources(self) -> Sources:
        """What the scenario's application runs on. ValueError when it has none."""
        if self.world.described.application is None:
            raise ValueError("the scenario has no application")
        return Sources(self.world, self.world.described.application, self._lock, partial(self._keep, True))

    def tick(self) -> None:
        """Do what is due now, for a while at most."""
        with self._lock:
            self.world.advance(_PATIENCE)
            told = self._news()
            self._keep(changed=bool(told))
        self._tell(told)

    def _news(self) -> list[Event]:
        """What MGN tells now, but for what a fault keeps from being heard."""
        if self._events is None:
            return []
        return [one for one in self._mgn.news() if not self._lost(one)]

    def _lost(self, event: Event) -> bool:
        struck = self._faults.meet([event.name], self.world.since_opened)
        return any(fault.effect in ("status", "drop") for fault in struck)

    def _tell(self, told: list[Event]) -> None:
        """Best effort, and while nobody is kept waiting: who hears it may ask at once."""
        if told and self._events is not None:
            try:
                self._events(told)
            except Exception:  # whatever the listener's trouble is, MGN's events are lost by it and nothing else
                logger.exception("%d events were lost", len(told))

    def _keep(self, changed: bool = False) -> None:
        """Have everything on disk; the world only if something was done in it, or a client `changed` it."""
        if self._memory:
            changed = changed or self._kept_at != self.world.done
            self._memory.keep(self.world, changed, requests=self.requests, faults=self._faults.counts)
            self._kept_at = self.world.done

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        response = self._respond(request)
        response.headers.setdefault("Date", http_date(self.world.now))
        logger.info("%s %s %s", request.method, request.path, response.status_code)
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        path = "/" + request.path.strip("/")
        if path.startswith("/_simulator/"):
            return self._administer(request, path)
        base = re.match(r"/api/(latest|v\d+)(?=/)", path)
        if base is None:
            call = self._mgn.hears(request)
            if call is None:
                return json_response(404, {"message": "Not found; CloudEndure's API is under /api/latest"})
            return self._call(request, call)
        below = path[base.end() :]
        try:
            rule, ids = ROUTES.bind("", path_info=below, default_method=request.method).match(return_rule=True)
        except HTTPException as error:
            return json_response(405 if isinstance(error, MethodNotAllowed) else 404, {"message": error.name})
        struck = self._arrives(_operation(request.method, rule), [(request.method, below)])
        if any(fault.keeps_from_work(request.method) for fault in struck):
            response = unheard()
        else:
            response = self._answer(request, base[0], rule.endpoint, dict(ids))
        for fault in struck:
            response = strike(fault, request, response, self.world.now)
        return response

    def _call(self, request: Request, call: Call) -> Response:
        """A request to MGN."""
        names = self._mgn.names(call)
        struck = self._arrives(call.name, names)
        if any(fault.keeps_from_work(names[0][0]) for fault in struck):
            response = unheard()
        else:
            with self._lock:
                response = self._mgn.answer(call)
                self._keep(changed=self._mgn.changes(call))
        for fault in struck:
            response = strike(self._mgn.fault(call, fault), request, response, self.world.now)
        return self._mgn.named(response)

    def _arrives(self, operation: str, names: Sequence[tuple[str, str]]) -> list[Fault]:
        """Count a request, do what is due by now, and see what befalls it; what makes it late does so here."""
        with self._lock:
            self.requests[operation] += 1
            self.world.advance(_PATIENCE)
            struck = self._faults.meet(names, self.world.since_opened)
            self._keep()
        for fault in struck:
            if fault.delay:
                self._sleep(fault.delay.total_seconds())
            elif fault.expire_sessions:
                self._sessions.forget()
        return struck

    def _answer(self, request: Request, base: str, operation: str, ids: dict[str, str]) -> Response:
        with self._lock:
            try:
                if operation == "login":
                    return self._login(request, base)
                cookie = request.cookies.get("session")
                self._sessions.check(cookie, request.headers.get("X-XSRF-TOKEN"), self.world.now)
                if operation == "logout":
                    self._sessions.logout(cookie)
                    return json_response(204, None)
                answer = self._api.answer(operation, request, ids)
                self._keep(changed=request.method != "GET")
                return json_response(*answer)
            except Denied as denied:
                return json_response(denied.status, {"message": str(denied)})
            except ApiError as error:
                return json_response(error.status, error.body)

    def _login(self, request: Request, base: str) -> Response:
        account = self._sessions.account
        if account.redirect and base == "/api/latest":
            target = account.redirect
            location = target if target.startswith("http") else request.host_url.rstrip("/") + target
            return Response(status=307, headers={"Location": location})
        session = self._sessions.login(body(request), self.world.now)
        others.come_in(self.world)
        response = json_response(200, user(self.world, account, self.token))
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
                    return json_response(422, {"message": "send {advance_seconds: a number of seconds, not negative}"})
                self.advance(seconds)
            case "GET", "/_simulator/clock":
                self.tick()
            case "GET", "/_simulator/requests":
                with self._lock:
                    return json_response(200, {"requests": dict(self.requests), "launches": self.launches()})
            case _:
                return json_response(404, {"message": "there are /_simulator/clock and /_simulator/requests"})
        return json_response(200, {"now": rfc3339(self.world.now), "speed": self.clock.speed})

    def launches(self) -> dict[str, int]:
        """How many launches of each machine were accepted from clients, by machine name; without those never launched.

        What other people launched in the console is not counted.
        """
        counted: Counter[str] = Counter()
        for project in self.world.projects.values():
            for job in project.jobs:
                if job.mode and job.user == self._sessions.account.username and job.created >= self.world.began:
                    counted.update(one.name for one in job.participants.values())
        return dict(counted)


def _same_region(scenario: Scenario, region: str) -> None:
    for name, project in scenario.projects.items():
        if project.region != region:
            raise ValueError(f"project {name} launches into {project.region}, but the EC2 client is for {region}")


def _operation(method: str, rule: Rule) -> str:
    """How requests are counted: `GET machines`, `GET machines/{id}`, `POST launchMachines`."""
    path = rule.rule.removeprefix("/projects/<project>/").strip("/")
    return f"{method} {re.sub('<.*?>', '{id}', path)}"
