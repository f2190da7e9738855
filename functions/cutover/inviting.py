"""Letting people answer: random ids for links and buttons."""

from __future__ import annotations

import secrets
from datetime import datetime

from cutover.instants import instant
from cutover.invitations import KEPT, Invitation
from cutover.store import Store

BYTES = 32


def invite(store: Store, run_id: str, question: str, by: str, now: datetime) -> str | None:
    """A new id by which `by` may answer ("" for whoever says who they are); None where it is not asked any more. It is
    kept as a digest alone. `now`: by our own clock."""
    asked = store.question(run_id, question)
    if asked is None or asked.answer is not None or asked.closed:
        return None
    return given(store, Invitation(run_id, question, asked.asked, by, lasting(asked.deadline, now)))


def lasting(deadline: str, now: datetime) -> int:
    """Until when an invitation is kept, epoch seconds: a while after its deadline, which is on the service's clock. An
    answer that comes late is refused by the question's own deadline."""
    return int(max(instant(deadline), now).timestamp()) + KEPT


def given(store: Store, invitation: Invitation) -> str:
    """A new id for this invitation."""
    id_ = secrets.token_urlsafe(BYTES)
    store.invite(id_, invitation)
    return id_
