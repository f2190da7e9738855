"""Invitations to decide: who may answer which question by which link or button.

A link carries a random id. The table holds its SHA-256 alone, so that whoever reads the table cannot answer by it.

    INVITATION#<sha256 of the id>   -    Invitation
    TAKEN#<sha256 of a signature>   -    a signed request that was taken: it is not taken again
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from dataclasses import dataclass

from cutover.records import Record

SIGN_OFF = "sign_off"
"""In place of a question's name: the test of the run is to be signed off."""
KEPT = 7 * 86400
"""Seconds after its deadline that an invitation still says what became of the question."""


@dataclass(frozen=True)
class Invitation(Record):
    """Who is asked what. `asked`: when the question was asked. `by`: as the plan calls whoever may answer; "" for a
    button that several see, which says itself who pressed it. `expires`: when the table forgets it, epoch seconds."""

    run: str
    question: str
    asked: str
    by: str
    expires: int


def digest(secret: str) -> str:
    """How an id or a signature is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def sealed(id_: str, saw: str) -> tuple[str, str]:
    """What stood on a page, as its form sends it back: base64, and a seal that only whoever has the link can make."""
    return b64encode(saw.encode()).decode(), _seal(id_, saw)


def opened(id_: str, saw: str, seal: str) -> str | None:
    """What stood on the page; None where it is not as it was sent."""
    try:
        text = b64decode(saw, validate=True).decode()
    except ValueError:
        return None
    return text if hmac.compare_digest(_seal(id_, text), seal) else None


def _seal(id_: str, saw: str) -> str:
    return hmac.new(id_.encode(), saw.encode(), hashlib.sha256).hexdigest()
