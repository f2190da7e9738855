"""Lists in pages: `maxResults` of them from where `nextToken` says."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

from stage.simulator.mgn.errors import invalid
from stage.simulator.mgn.model import Json

_PAGE = 50
"""How many there are on a page of which nobody said how long it may be."""

One = TypeVar("One")


def page(asked: Json, found: Sequence[One], say: Callable[[One], Json]) -> Json:
    """`items` and, if there are more, `nextToken`. Refused for a token that no answer gave."""
    begins = _begins(asked.get("nextToken") or "")
    ends = begins + int(asked.get("maxResults") or _PAGE)
    token = base64.urlsafe_b64encode(f"page {ends}".encode()).decode() if ends < len(found) else None
    return {"items": [say(one) for one in found[begins:ends]], "nextToken": token}


def _begins(token: str) -> int:
    if not token:
        return 0
    try:
        word, number = base64.urlsafe_b64decode(token).decode().split(" ")
        begins = int(number) if word == "page" else -1
    except (binascii.Error, UnicodeDecodeError, ValueError):
        begins = -1
    if begins < 0:
        raise invalid("Invalid nextToken")
    return begins
