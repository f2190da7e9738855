"""An MGN that answers what a test tells it to: a real boto3 client, and answers that fit botocore's model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.validate import ParamValidator

from cutover.mgn import Mgn
from cutover.mgn_client import MgnClient

NOW = datetime(2026, 11, 28, 22, 0, 5, tzinfo=UTC)
DATE = "Sat, 28 Nov 2026 22:00:05 GMT"
OURS = datetime(2026, 1, 1, tzinfo=UTC)
Answer = Mapping[str, Any] | Exception | Callable[[dict[str, Any]], Any]


class Refusal(Exception):
    """An error as MGN answers it."""

    def __init__(self, code: str, status: int, message: str = "no", **members: Any) -> None:
        super().__init__(code)
        self.code, self.status, self.body = code, status, {"message": message, **members}


class FakeMgn:
    """`answers`: by operation, what is answered each time, or a list of what is answered one after the other.

    `asked`: (operation, body) of all requests, in their order.
    """

    def __init__(self, **answers: Answer | list[Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.date: str | None = DATE
        self._client = boto3.client(
            "mgn",
            "eu-central-1",
            aws_access_key_id="stage",
            aws_secret_access_key="stage",
            config=Config(retries={"total_max_attempts": 1}),
        )
        self._client.meta.events.register("before-send.mgn", self._answered)

    def service(self) -> Mgn:
        return Mgn("eu-central-1", clock=lambda: OURS, client=self.client())

    def client(self) -> MgnClient:
        return MgnClient("eu-central-1", lambda: OURS, looks=self._client, deeds=self._client)

    def asked_for(self, operation: str) -> list[dict[str, Any]]:
        """The bodies of the requests of an operation."""
        return [body for name, body in self.asked if name == operation]

    def operations(self) -> list[str]:
        return [name for name, _ in self.asked]

    def _answered(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.url.rsplit("/", 1)[1]
        body = json.loads(request.body or b"{}")
        self.asked.append((operation, body))
        answer: Any = self.answers.get(operation, {})
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer) and not isinstance(answer, Exception):
            answer = answer(body)
        if isinstance(answer, Refusal):
            return self._response(request, answer.status, answer.body, {"x-amzn-errortype": answer.code})
        if isinstance(answer, Exception):
            raise answer
        self._fits(operation, answer)
        return self._response(request, 200, answer, {})

    def _fits(self, operation: str, answer: Mapping[str, Any]) -> None:
        shape = self._client.meta.service_model.operation_model(operation).output_shape
        if shape is not None:
            known = {key: value for key, value in answer.items() if key != "unmodelled"}
            assert not set(known) - set(shape.members), f"{operation} answers with unknown members"
            report = ParamValidator().validate(_without_nulls(known), shape)
            assert not report.has_errors(), report.generate_report()

    def _response(self, request: Any, status: int, body: Any, headers: dict[str, str]) -> AWSResponse:
        raw = json.dumps(body).encode()
        dated = {"date": self.date} if self.date else {}
        given = HTTPHeaders.from_dict({**dated, **headers, "content-type": "application/json"})
        return AWSResponse(request.url, status, given, _Raw(raw))


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Any:
        yield self._content


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def server_id(number: int) -> str:
    return f"s-{number:017d}"


def job_id(number: int) -> str:
    return f"mgnjob-{number:017d}"


def instance_id(number: int) -> str:
    return f"i-{number:017x}"


def server(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A server that is ready for its first test; `changes` replace whole members."""
    given = {
        "sourceServerID": server_id(number),
        "arn": f"arn:aws:mgn:eu-central-1:123456789012:source-server/{server_id(number)}",
        "isArchived": False,
        "tags": {"Name": f"name-{number}", "Wave": "3"},
        "replicationType": "AGENT_BASED",
        "sourceProperties": {
            "identificationHints": {"hostname": f"web{number}", "fqdn": f"web{number}.example.com"},
            "disks": [{"deviceName": "/dev/sda", "bytes": 100}],
            "os": {"fullString": "Ubuntu 22.04"},
        },
        "dataReplicationInfo": continuous(),
        "lifeCycle": {"state": "READY_FOR_TEST", "lastSeenByServiceDateTime": "2026-11-28T21:59:50Z"},
    }
    return given | changes


def continuous(**changes: Any) -> dict[str, Any]:
    """A dataReplicationInfo that everything speaks for."""
    return {
        "dataReplicationState": "CONTINUOUS",
        "lagDuration": "PT0S",
        "lastSnapshotDateTime": "2026-11-28T21:50:00Z",
        "replicatedDisks": [
            {
                "deviceName": "/dev/sda",
                "totalStorageBytes": 100,
                "replicatedStorageBytes": 100,
                "rescannedStorageBytes": 0,
                "backloggedStorageBytes": 0,
            }
        ],
    } | changes


def job(number: int = 1, servers: tuple[int, ...] = (1,), **changes: Any) -> dict[str, Any]:
    """A test launch that was just asked for."""
    return {
        "jobID": job_id(number),
        "type": "LAUNCH",
        "initiatedBy": "START_TEST",
        "creationDateTime": "2026-11-28T22:00:00Z",
        "status": "PENDING",
        "participatingServers": [{"sourceServerID": server_id(each), "launchStatus": "PENDING"} for each in servers],
        "tags": {},
    } | changes
