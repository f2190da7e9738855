"""What a request asks for: its JSON body, its paging; and what to say when it cannot be understood."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from werkzeug import Request

from stage.simulator.answers import Json, known

_PAGE = 1500


class ApiError(Exception):
    """An answer that is an error: `{"message", "code"}` with this status."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = known(message=message, code=code)


def body(request: Request) -> Json:
    """The JSON object sent, whatever the Content-Type says."""
    sent = request.get_json(force=True, silent=True)
    if not isinstance(sent, dict):
        raise ApiError(422, "The request body must be a JSON object")
    return sent


def objects(request: Request, key: str) -> list[Json]:
    """A list of objects in the body."""
    items = body(request).get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ApiError(422, f"{key} must be a list of objects")
    return items


def strings(request: Request, key: str) -> list[str]:
    """A list of ids in the body."""
    items = body(request).get(key)
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ApiError(422, f"{key} must be a list of ids")
    return items


def window(request: Request) -> slice:
    """`offset` and `limit` of a list."""
    try:
        offset, limit = int(request.args.get("offset", 0)), int(request.args.get("limit", _PAGE))
    except ValueError as error:
        raise ApiError(422, "offset and limit must be integers") from error
    if offset < 0 or not 0 <= limit <= _PAGE:
        raise ApiError(422, f"offset must not be negative, limit must be between 0 and {_PAGE}")
    return slice(offset, offset + limit)


def page(request: Request, items: Sequence[Json]) -> Json:
    """The part of a list that was asked for, as the service wraps it."""
    return {"items": list(items[window(request)])}


def by_id(items: Sequence[Json], id: str) -> Json:
    """The item with this id; 404 without one."""
    for item in items:
        if item["id"] == id:
            return item
    raise ApiError(404, f"Not found: {id}")


def instant(request: Request, name: str) -> datetime | None:
    """A date-time in the query; a plus sign sent bare arrives as a space."""
    text = request.args.get(name)
    try:
        return datetime.fromisoformat(text.replace(" ", "+")) if text else None
    except ValueError as error:
        raise ApiError(422, f"{name} must be an RFC 3339 date-time") from error
