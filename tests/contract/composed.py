"""A CloudEndure put together from the published API alone, in process: as little as the contract tests need.

Written from the contract document and from nothing else, above all not from our client.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import responses

from tests.contract.situation import DATABASE, PROJECT, RETIRED, START, TOKEN, WEB, Situation

Answer = tuple[int, Any]
PROJECT_ID = "6b2d1f0e-8f53-4a2e-9c54-000000000012"
JOB_LASTS = timedelta(minutes=10)
GIB = 2**30


class Composed:
    """One account with one project, whose jobs take ten minutes."""

    url = "https://console.cloudendure.example"
    token = TOKEN

    def __init__(self, situation: Situation) -> None:
        self.now = START
        self._situation = situation
        self._sessions: dict[str, str] = {}
        self._logins = 0
        self._requests: Counter[str] = Counter()
        self._met = 0
        self._jobs: list[dict[str, Any]] = []
        self._replicas = {"r-db": {"id": "r-db", "machine": "m-db", "machineCloudId": "i-0db", "jobId": "j-0"}}
        self._machines: dict[str, dict[str, Any]] = {
            "m-web": _machine("m-web", WEB),
            "m-db": _machine("m-db", DATABASE, replica="r-db"),
            "m-old": _machine("m-old", RETIRED, replicationStatus="STOPPED"),
        }
        self._blueprints = {f"b-{each}": _blueprint(each) for each in self._machines}
        self._machines["m-db"]["lifeCycle"] = {"lastTestLaunchDateTime": _text(START - timedelta(days=9))}

    def received(self, operation: str) -> int:
        return self._requests[operation]

    def launches(self) -> int:
        return len(self._jobs)

    def pass_time(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        for job in self._jobs:
            if job["status"] != "COMPLETED" and self.now - job["created"] >= JOB_LASTS:
                self._complete(job)

    def __call__(self, request: requests.PreparedRequest) -> tuple[int, list[tuple[str, str]], str | Exception]:
        """Answer one request; what `responses` calls."""
        match = re.fullmatch(r"/api/(latest|v5)(/.*)", urlsplit(str(request.url)).path)
        if match is None:
            return 404, [], ""
        base, path = match.groups()
        self._requests[f"{request.method} {_operation(path)}"] += 1
        fault = self._struck(f"{request.method} {path}")
        if fault and fault.expire_sessions:
            self._sessions.clear()
        if fault and not fault.accepted and not fault.expire_sessions:
            return self._strike(fault.status)
        headers = [("Date", format_datetime(self.now, usegmt=True)), ("Content-Type", "application/json")]
        if path == "/login":
            status, body, more = self._login(request, base)
            headers += more
        else:
            status, body = self._answer(request, path)
        if fault and fault.accepted:
            return self._strike(fault.status)
        return status, headers, "" if status == 204 else json.dumps(body)

    def _struck(self, operation: str) -> Any:  # a Fault or None
        fault = self._situation.fault
        if fault is None or not fnmatchcase(operation, fault.on):
            return None
        self._met += 1
        return fault if self._met == fault.nth else None

    @staticmethod
    def _strike(status: int | None) -> tuple[int, list[tuple[str, str]], str | Exception]:
        return (status, [], "") if status else (0, [], requests.ConnectionError("Connection aborted."))

    def _login(self, request: requests.PreparedRequest, base: str) -> tuple[int, Any, list[tuple[str, str]]]:
        if self._situation.moved and base == "latest":
            return 307, None, [("Location", "https://eu.cloudendure.example/api/v5/login")]
        if _sent(request).get("userApiToken") != self.token:
            return 401, {"message": "Invalid credentials"}, []
        self._logins += 1
        session, xsrf = f"session-number-{self._logins}", f"xsrf-of-session-{self._logins}"
        self._sessions[session] = xsrf
        cookies = [("Set-Cookie", f"session={session}; Path=/"), ("Set-Cookie", f'XSRF-TOKEN="{xsrf}"; Path=/')]
        return 200, {"id": "u-1", "username": "operator@example.com", "apiToken": self.token}, cookies

    def _answer(self, request: requests.PreparedRequest, path: str) -> Answer:
        cookies = dict(re.findall(r"([^=;\s]+)=([^;]*)", request.headers.get("Cookie", "")))
        xsrf = self._sessions.get(cookies.get("session", ""))
        if xsrf is None:
            return 401, {"message": "Not logged in"}
        if request.headers.get("X-XSRF-TOKEN") != xsrf:
            return 403, {"message": None}
        query = parse_qs(urlsplit(str(request.url)).query)
        project = f"/projects/{PROJECT_ID}"
        if path == "/projects":
            return 200, _page(query, [{"id": PROJECT_ID, "name": PROJECT, "type": "MIGRATION"}])
        if path == "/licenses":
            ended = _text(START + timedelta(days=200))
            own = {"id": "l-1", "type": "MIGRATION", "durationFromStartOfUse": "P90D", "expirationDateTime": ended}
            return 200, _page(query, [{"id": "l-0", "type": "DR"}, own])
        if path == project:
            own_ids = {"licensesIDs": ["l-1"], "replicationConfiguration": "c-1"}
            return 200, {"id": PROJECT_ID, "name": PROJECT, "type": "MIGRATION", **own_ids}
        if path == f"{project}/replicationConfigurations":
            key = "arn:aws:kms:eu-central-1:123456789012:key/k-1"
            other = {"id": "c-0", "subnetId": "subnet-0other"}
            active: dict[str, Any] = {
                "id": "c-1",
                "subnetId": "subnet-0staging",
                "volumeEncryptionKey": key,
                "usePrivateIp": True,
            }
            more = {"replicatorSecurityGroupIDs": ["sg-0replicators"], "converterType": "Default"}
            return 200, _page(query, [other, active | more])
        if path == f"{project}/replicas" and request.method == "DELETE":
            return self._clean_up(_sent(request)["replicaIDs"])
        if path == f"{project}/machines" and request.method == "DELETE":
            return self._remove(_sent(request)["machineIDs"])
        if path == f"{project}/machines":
            everything = query.get("all") == ["true"]
            chosen = [one for one in self._machines.values() if everything or one["replicationStatus"] == "STARTED"]
            return 200, _page(query, chosen)
        if path == f"{project}/jobs":
            return 200, _page(query, [self._job(job) for job in self._jobs])
        if path == f"{project}/blueprints":
            return 200, _page(query, list(self._blueprints.values()))
        if path == f"{project}/launchMachines" and request.method == "POST":
            return self._launch(_sent(request))
        kind, _, wanted = path.removeprefix(f"{project}/").partition("/")
        if kind == "jobs" and wanted in [job["id"] for job in self._jobs]:
            return 200, next(self._job(job) for job in self._jobs if job["id"] == wanted)
        if kind == "replicas" and wanted in self._replicas:
            return 200, self._replicas[wanted]
        if kind == "blueprints" and wanted in self._blueprints:
            if request.method == "PATCH":
                return self._change(self._blueprints[wanted], _sent(request))
            return 200, self._blueprints[wanted]
        return 404, {"message": f"Not found: {path}"}

    @staticmethod
    def _change(blueprint: dict[str, Any], sent: dict[str, Any]) -> Answer:
        """Each field that is given is replaced as a whole; what is read-only is passed over."""
        if sent.get("privateIPAction") == "CUSTOM_IP" and not sent.get("privateIPs"):
            return 422, {"message": "Invalid blueprint: a custom IP needs an address"}
        blueprint.update({key: value for key, value in sent.items() if key not in ("id", "machineId", "region")})
        return 200, blueprint

    def _launch(self, sent: dict[str, Any]) -> Answer:
        if self._situation.licence_expired:
            return 402, {"message": "Project license has expired"}
        if any(job["status"] != "COMPLETED" for job in self._jobs):
            return 400, {"message": "Another job is already running in this project"}
        number = len(self._jobs) + 1
        job = {
            "id": f"j-{number}",
            "type": f"{sent['launchType']}_LAUNCH",
            "status": "PENDING",
            "created": self.now,
            "participatingMachines": [item["machineId"] for item in sent["items"]],
        }
        self._jobs.append(job)
        return 202, self._job(job)

    def _clean_up(self, replicas: list[str]) -> Answer:
        if any(job["status"] != "COMPLETED" for job in self._jobs):
            return 400, {"message": "Another job is already running in this project"}
        if not set(replicas) <= set(self._replicas):
            return 404, {"message": "Not found"}
        machines = [self._replicas[each]["machine"] for each in replicas]
        job = {"id": f"j-{len(self._jobs) + 1}", "type": "CLEANUP", "status": "PENDING", "created": self.now}
        self._jobs.append({**job, "participatingMachines": machines})
        return 202, self._job(self._jobs[-1])

    def _remove(self, machines: list[str]) -> Answer:
        if not set(machines) <= set(self._machines):
            return 404, {"message": "Not found"}
        for each in machines:
            self._replicas.pop(self._machines.pop(each).get("replica", ""), None)
        return 204, None

    def _complete(self, job: dict[str, Any]) -> None:
        job["status"] = "COMPLETED"
        if job["type"] == "CLEANUP":
            for machine_id in job["participatingMachines"]:
                self._replicas.pop(self._machines[machine_id].pop("replica", ""), None)
            return
        word = "lastTestLaunchDateTime" if job["type"] == "TEST_LAUNCH" else "lastCutoverDateTime"
        for machine_id in job["participatingMachines"]:
            machine = self._machines[machine_id]
            self._replicas.pop(machine.get("replica", ""), None)
            machine["replica"] = f"r-{machine_id}-{job['id']}"
            machine.setdefault("lifeCycle", {})[word] = _text(self.now)
            instance = f"i-0{machine_id}{job['id']}"
            self._replicas[machine["replica"]] = {
                "id": machine["replica"],
                "machine": machine_id,
                "machineCloudId": instance,
                "jobId": job["id"],
            }

    def _job(self, job: dict[str, Any]) -> dict[str, Any]:
        log = [{"logDateTime": _text(job["created"]), "message": "Job started"}]
        answer = {**job, "creationDateTime": _text(job["created"]), "log": log}
        del answer["created"]
        if job["status"] == "COMPLETED":
            ended = _text(job["created"] + JOB_LASTS)
            answer |= {"endDateTime": ended, "log": [*log, {"logDateTime": ended, "message": "Job finished"}]}
        return answer


@contextmanager
def composed(situation: Situation) -> Iterator[Composed]:
    """The service, answering every request made with `requests` in this process."""
    service = Composed(situation)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            url = re.compile(r"https://\w+\.cloudendure\.example/.*")
            mock.add_callback(method, url, service)  # type: ignore[arg-type]  # headers as pairs: two cookies need it
        yield service


def _machine(machine_id: str, name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": machine_id,
        "isAgentInstalled": True,
        "replicationStatus": "STARTED",
        "license": {"licenseId": "l-1", "startOfUseDateTime": _text(START - timedelta(days=30))},
        "sourceProperties": {"name": name, "disks": [{"name": "/dev/sda", "isProtected": True, "size": 40 * GIB}]},
        "replicationInfo": {
            "totalStorageBytes": 40 * GIB,
            "replicatedStorageBytes": 40 * GIB,
            "backloggedStorageBytes": 0,
            "lastConsistencyDateTime": _text(START - timedelta(seconds=30)),
        },
        **changes,
    }


def _blueprint(machine_id: str) -> dict[str, Any]:
    """Empty fields are left out here and there, as the service does."""
    return {
        "id": f"b-{machine_id}",
        "machineId": machine_id,
        "region": "5d6c0f8e-0000-4000-8000-000000000001",
        "instanceType": "t3.large",
        "subnetIDs": ["subnet-0a"],
        "securityGroupIDs": ["sg-0a"],
        "privateIPAction": "CREATE_NEW",
        "publicIPAction": "DONT_ALLOCATE",
        "staticIpAction": "DONT_CREATE",
        "tenancy": "SHARED",
        "runAfterLaunch": True,
        "tags": [{"key": "tier", "value": "one"}, {"key": "owner", "value": "lead@example.com"}],
        "disks": [{"name": "/dev/sda", "type": "SSD"}, {"name": "/dev/sdb", "type": "GP3"}],
    }


def _page(query: dict[str, list[str]], items: list[dict[str, Any]]) -> dict[str, Any]:
    offset, limit = int(query.get("offset", ["0"])[0]), int(query.get("limit", ["1500"])[0])
    return {"items": items[offset : offset + limit]}


def _operation(path: str) -> str:
    below = path.removeprefix(f"/projects/{PROJECT_ID}").strip("/")
    kind, _, wanted = below.partition("/")
    return f"{kind}/{{id}}" if wanted else kind


def _sent(request: requests.PreparedRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.body or "{}")
    return found


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="microseconds")
