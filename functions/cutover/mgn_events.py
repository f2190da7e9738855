"""What MGN puts on the default bus, source `aws.mgn`, in our words.

    MGN Source Server Launch Result                    detail.state …_LAUNCH_SUCCEEDED | …_LAUNCH_FAILED, detail.job-id
    MGN Source Server Lifecycle State Change           detail.state READY_FOR_TEST, when it is reached first
    MGN Source Server Data Replication Stalled Change  detail.state STALLED | NOT_STALLED

One event for each server, its ARN in `resources`; best effort
(https://docs.aws.amazon.com/mgn/latest/ug/eventbridge-events.html). The published samples are sloppy ("*mgnjob-…*"),
and there are more kinds than are described: whatever names a server is news of it, and decides nothing but that
somebody looks.
"""

from __future__ import annotations

import re
from typing import Any

from cutover.waking import Heard

_SERVER = re.compile(r":source-server/([\w-]+)")


def heard(event: Any) -> Heard | None:
    """What it says; None for what names no server."""
    if not isinstance(event, dict):
        return None
    detail = event.get("detail")
    fields = {_plain(key): _bare(value) for key, value in detail.items()} if isinstance(detail, dict) else {}
    named = _SERVER.search(str(event.get("resources")))
    machine = named[1] if named else fields.get("sourceserverid")
    return Heard(machine, fields.get("jobid")) if machine else None


def _plain(key: Any) -> str:
    """`job-id` and `jobID` are the same."""
    return re.sub(r"[^a-z]", "", str(key).lower())


def _bare(value: Any) -> str | None:
    """Text without what surrounds it in the samples; None for what is no text, or none is left of."""
    return (value.strip("* ") or None) if isinstance(value, str) else None
