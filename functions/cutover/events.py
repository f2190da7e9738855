"""Our events on our bus: what happened, typed, with the message people will read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover import clients
from cutover.errors import MessageNotSent

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "cutover"
RUN_NEWS = "RunNews"


class Bus:
    """Puts events on one bus."""

    def __init__(self, name: str, client: EventBridgeClient | None = None) -> None:
        self._name = name
        self._client = client or clients.client("events")

    def put(self, detail_type: str, detail: dict[str, Any]) -> None:
        """Put one event; MessageNotSent unless the bus says it has it."""
        entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail), "EventBusName": self._name}
        try:
            answer = self._client.put_events(Entries=[entry])  # type: ignore[list-item]  # a plain dict is the entry
        except (BotoCoreError, ClientError) as error:
            raise MessageNotSent(f"{detail_type} was not put on the bus: {error}") from error
        if answer["FailedEntryCount"]:
            failed = answer["Entries"][0]
            raise MessageNotSent(f"{detail_type} was refused: {failed.get('ErrorCode')}: {failed.get('ErrorMessage')}")
