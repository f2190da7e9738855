"""Our events on our bus: what happened, typed, with the message people will read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover import clients
from cutover.errors import MessageNotSent

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "cutover"
RUN_NEWS = "RunNews"
MOST = 10
"""Events in one request; details are far from its limit of 256 KiB."""


class Bus:
    """Puts events on one bus."""

    def __init__(self, name: str, client: EventBridgeClient | None = None) -> None:
        self._name = name
        self._client = client or clients.client("events")

    def put(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Put one event; MessageNotSent unless the bus says it has it."""
        self.put_all([(detail_type, detail)])

    def put_all(self, events: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Put events, each a detail type and its detail; MessageNotSent unless the bus says it has all of them."""
        for begin in range(0, len(events), MOST):
            self._put(events[begin : begin + MOST])

    def _put(self, events: Sequence[tuple[str, dict[str, Any]]]) -> None:
        entries = [
            {"Source": SOURCE, "DetailType": kind, "Detail": json.dumps(detail), "EventBusName": self._name}
            for kind, detail in events
        ]
        try:
            answer = self._client.put_events(Entries=entries)  # type: ignore[arg-type]  # plain dicts are the entries
        except (BotoCoreError, ClientError) as error:
            raise MessageNotSent(f"{events[0][0]} was not put on the bus: {error}") from error
        for (kind, _), failed in zip(events, answer["Entries"], strict=True):
            if failed.get("ErrorCode"):
                raise MessageNotSent(f"{kind} was refused: {failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")
