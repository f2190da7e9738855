"""The table's stream: its records as Lambda hands them over, read into changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from cutover.changes import Change
from cutover.records import whole


def changes(records: Iterable[dict[str, Any]]) -> list[Change]:
    """What each record of a `Records` list says, in its order."""
    return [_change(record) for record in records]


def _change(record: dict[str, Any]) -> Change:
    said = record["dynamodb"]
    keys = _plain(said["Keys"])
    old, new = (said.get(name) for name in ("OldImage", "NewImage"))
    return Change(record["eventID"], keys["pk"], keys["sk"], _plain(old) if old else None, _plain(new) if new else None)


def _plain(image: dict[str, Any]) -> dict[str, Any]:
    read = TypeDeserializer().deserialize
    return {name: whole(read(value)) for name, value in image.items()}
