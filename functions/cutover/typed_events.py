"""Our own events: what they are called and what their details hold (docs/schemas/events/). Ids and states, no secrets.

Every detail has `version` (of its schema) and `id`: an event that is put twice has the same, for buses deliver at least
once.
"""

from __future__ import annotations

from typing import Any

from cutover.monitor import Untold, Watched, news_id
from cutover.plan import Plan

VERSION = 1
RUN_REQUESTED = "RunRequested"
"""What is put on the bus to start a run."""
REPLICATION_CHANGED = "Replication Changed"

Event = tuple[str, dict[str, Any]]
"""The detail type, and the detail."""


def replication_changed(plan: Plan, watched: Watched, untold: Untold) -> Event:
    """A machine's replication is elsewhere than was told before."""
    return REPLICATION_CHANGED, {
        "version": VERSION,
        "id": news_id(plan.name, watched, untold),
        "at": untold.at,
        "plan": plan.name,
        "service": plan.service,
        "project": plan.project,
        "region": plan.region,
        "machine": watched.machine,
        "name": watched.name,
        "news": untold.news.value,
        "reason": untold.reason,
    }
