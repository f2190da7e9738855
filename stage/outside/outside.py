"""The outside as a WSGI application: the users' address, the hooks, and what answers at other hosts."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from werkzeug import Request, Response
from werkzeug.http import http_date

from stage.outside.targets import Seen, Targets
from stage.outside.users import SOURCE, TARGET, Report, Users
from stage.simulator.around import Host
from stage.simulator.faults import Faults
from stage.simulator.identity import Identity
from stage.simulator.scenario import Scenario
from stage.simulator.sources import Sources
from stage.simulator.strike import json_response, strike
from stage.whole import write_whole

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)

SITES = (SOURCE, TARGET)


class Unhooked(Exception):
    """A hook that was called wrongly: the status, and what to say."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Switch:
    """Which site users are led to; `since` when, after which site. None: it was always so."""

    to: str = SOURCE
    since: datetime | None = None


class Outside:
    """`scenario` has the application; `targets`: EC2, or None where targets are names only and always run.

    `memory`: the file that keeps everything but what the simulator keeps; nothing is answered before it is there.
    """

    def __init__(
        self,
        scenario: Scenario,
        sources: Sources,
        targets: Targets | None = None,
        *,
        memory: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if scenario.application is None:
            raise ValueError("the scenario has no application")
        self._of, self._hosts = scenario.application, scenario.hosts
        self._sources, self._ec2, self._memory, self._sleep = sources, targets, memory, sleep
        self._lock = RLock()
        self._faults = Faults(self._of.faults, Identity(scenario.seed))
        self._switch = Switch()
        self._target_open = True
        self._ran = False
        """Whether all targets ran at the last look."""
        now = sources.now()
        self._began = now
        self._users = Users(now, self._of.every, now)
        self._ended: dict[str, Report] = {}
        if memory is not None and memory.exists():
            self._read(json.loads(memory.read_bytes()))
        self._keep()

    # Users

    def begin(self, name: str) -> None:
        """Users begin now, for the count of this name; orders before are in no count that has not ended."""
        with self._lock:
            now = self._sources.now()
            self._users = Users(now, self._of.every, now)
            self._ended.pop(name, None)
            self._keep()

    def end(self, name: str) -> Report:
        """What became of the orders of a count that ends now; of one that had ended, what became of them by then."""
        with self._lock:
            if name not in self._ended:
                self._ended[name] = self.report()
                self._keep()
            return self._ended[name]

    def tick(self) -> None:
        """Have users write what is due."""
        with self._lock:
            self._go_on(self._sources.now())

    def report(self) -> Report:
        """What became of the orders so far."""
        with self._lock:
            self._go_on(self._sources.now())
            launched = self._sources.launched()
            data_at = min((each.data_at for each in launched), default=None)
            return self._users.report(self._switch.to, data_at)

    def _go_on(self, now: datetime) -> None:
        """Users write up to `now`, as everything stands; what changes is changed after this.

        A target counts as running between two looks that both say so.
        """
        before, spans = self._ran, len(self._users.spans)
        self._ran = self._targets_run() if TARGET in self._reached(self._users.seen) else False
        serving = {SOURCE: self._source_serves(), TARGET: self._target_open and before and self._ran}
        led = self._switch.since + self._of.ttl if self._switch.since else now
        for until in sorted({min(max(led, self._users.seen), now), now}):
            reached = self._reached(self._users.seen)
            self._users.go_on(until, [site for site in SITES if site in reached and serving[site]])
        if len(self._users.spans) != spans:
            self._keep()

    def _reached(self, at: datetime) -> tuple[str, ...]:
        """Where users are led: for a while after a switch some still know the old address."""
        since = self._switch.since
        return SITES if since is not None and at < since + self._of.ttl else (self._switch.to,)

    def _source_serves(self) -> bool:
        return not self._sources.quiet() and not self._sources.off()

    def _targets_run(self) -> bool:
        """Whether every machine of the application has a target, and EC2 runs it."""
        launched = self._sources.launched()
        if len(launched) < len(self._sources.names()):
            return False
        seen = self._look()
        return self._ec2 is None or all(seen.get(each.instance, Seen(False)).running for each in launched)

    def _look(self, *, fresh: bool = False) -> dict[str, Seen]:
        launched = [each.instance for each in self._sources.launched()]
        return self._ec2.look(launched, fresh=fresh) if self._ec2 else {}

    # Requests

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        host = environ.get("HTTP_HOST", "").lower()
        try:
            response = self._respond(request, *_name_and_port(host))
        except Unhooked as error:
            response = json_response(error.status, {"message": str(error)})
        response.headers["Date"] = http_date(self._sources.now())
        logger.info("%s %s%s %s", request.method, host, request.path, response.status_code)
        return response(environ, start_response)

    def _respond(self, request: Request, host: str, port: int) -> Response:
        if host in ("127.0.0.1", "localhost") and request.path == "/_outside/users":
            return json_response(200, self.report().data())
        if host == self._of.host:
            return self._users_address(connects=request.method == "CONNECT")
        if host == self._of.control:
            return Response() if request.method == "CONNECT" else self._hook(request)
        return self._other(request, host, port)

    def _users_address(self, *, connects: bool) -> Response:
        with self._lock:
            self._go_on(self._sources.now())
            site = self._switch.to
            self._look(fresh=site == TARGET)
            serves = self._source_serves() if site == SOURCE else self._target_open and self._targets_run()
        if connects:
            return Response(status=200 if serves else 503)
        return json_response(200 if serves else 503, {"site": site, "serves": serves})

    def _other(self, request: Request, host: str, port: int) -> Response:
        """A host of the scenario's, or the target of a machine, by its address."""
        described, exists, up = self._hosts.get(host), host in self._hosts, True
        if host in self._sources.names():
            exists = False  # such an entry is its target's
        with self._lock:
            looked = self._look(fresh=True)
            for each in self._sources.launched():
                seen = looked.get(each.instance)
                if seen and host in seen.addresses:
                    up = seen.running and self._sources.now() >= each.serves_from
                    described, exists = self._hosts.get(each.machine), True
        if not exists:
            return json_response(404 if request.method == "CONNECT" else 502, {"message": f"nobody plays {host}"})
        if not up:
            return json_response(503, {"message": f"{host} does not run"})
        if request.method == "CONNECT":
            return Response(status=200 if described is None or port in described.tcp else 503)
        status = _answer(described, request.path)
        return json_response(status, {"host": host, "path": request.path})

    def _hook(self, request: Request) -> Response:
        now = self._sources.now()
        with self._lock:
            struck = self._faults.meet([(request.method, request.path)], now - self._began)
        for fault in struck:
            if fault.delay:
                self._sleep(fault.delay.total_seconds())
        if any(fault.keeps_from_work(request.method) for fault in struck):
            response = json_response(200, {})
        else:
            response = self._hooked(request)
        for fault in struck:
            response = strike(fault, request, response, now)
        return response

    def _hooked(self, request: Request) -> Response:
        match request.method, request.path.strip("/").split("/"):
            case "POST", ["doors", "close" | "open" as way]:
                self._doors(_one_of(request, "site", SOURCE), opened=way == "open")
            case "POST", ["power", machine, "on" | "off" as way]:
                with self._changing():
                    self._sources.power(self._known(machine), on=way == "on")
            case "POST", ["power", "on" | "off" as way]:
                with self._changing():
                    for machine in self._sources.names():
                        self._sources.power(machine, on=way == "on")
            case "GET", ["power", *machines] if len(machines) < 2:
                off = {self._known(each) for each in machines or self._sources.names()} & set(self._sources.off())
                return json_response(503 if off else 200, {"off": sorted(off)})
            case "POST", ["switch"]:
                self._switch_to(_one_of(request, "to"))
            case "GET", ["state"]:
                pass
            case _:
                raise Unhooked(404, "there are /doors, /power, /switch and /state; see stage.outside")
        return json_response(200, self._state())

    def _doors(self, site: str, *, opened: bool) -> None:
        with self._changing():
            if site == SOURCE:
                self._sources.write(on=opened)
            else:
                self._target_open = opened

    def _switch_to(self, site: str) -> None:
        with self._changing() as now:
            if site != self._switch.to:
                self._ran = self._targets_run()
                self._switch = Switch(site, now)

    @contextmanager
    def _changing(self) -> Iterator[datetime]:
        """Users have written up to now as it was, and that is on disk; what is changed then is there before anybody
        hears of it."""
        with self._lock:
            now = self._sources.now()
            self._look(fresh=True)
            self._go_on(now)
            self._keep()
            yield now
            self._keep()

    def _known(self, machine: str) -> str:
        names = self._sources.names()
        if machine not in names:
            raise Unhooked(404, f"there is no machine {machine} at the source; there are: {', '.join(names)}")
        return machine

    def _state(self) -> dict[str, Any]:
        with self._lock:
            off = self._sources.off()
            return {
                "users": self._switch.to,
                "doors": {SOURCE: not self._sources.quiet(), TARGET: self._target_open},
                "power": {name: name not in off for name in self._sources.names()},
            }

    # Memory

    def _keep(self) -> None:
        if self._memory is None:
            return
        since = self._switch.since
        data = {
            "began": self._began.isoformat(),
            "switch": {"to": self._switch.to, "since": since.isoformat() if since else None},
            "target_open": self._target_open,
            "ran": self._ran,
            "faults": self._faults.counts,
            "users": self._users.data(),
            "ended": {name: report.data() for name, report in self._ended.items()},
        }
        write_whole(self._memory, json.dumps(data).encode())

    def _read(self, data: dict[str, Any]) -> None:
        since = data["switch"]["since"]
        self._began = datetime.fromisoformat(data["began"])
        self._switch = Switch(data["switch"]["to"], datetime.fromisoformat(since) if since else None)
        self._target_open, self._ran = data["target_open"], data["ran"]
        self._faults.resume(data["faults"])
        self._users = Users.read(data["users"])
        self._ended = {name: Report(**report) for name, report in data["ended"].items()}


def _answer(described: Host | None, path: str) -> int:
    return 200 if described is None else described.http.get(path, 404)


def _one_of(request: Request, key: str, default: str | None = None) -> str:
    """The site that a hook's body names."""
    sent = request.get_json(force=True, silent=True) if request.get_data() else {}
    site = sent.get(key, default) if isinstance(sent, dict) else None
    if site not in SITES:
        raise Unhooked(422, f"send {{{key}: source or target}}")
    return str(site)


def _name_and_port(host: str) -> tuple[str, int]:
    name, _, port = host.partition(":")
    return name, int(port) if port.isdigit() else 80
