"""The simulated service may speak on the default bus as AWS's own.

Upstream refuses a source that begins with `aws.` as AWS does: there, the services put their events by another way.
"""

from __future__ import annotations

from stage.aws.shim.patch import Anything, replace

SIMULATED = ("aws.mgn",)
"""Sources that the stage plays."""


def taken(put: Anything) -> Anything:
    """PutEvents, for which the sources that the stage plays are like any other."""

    def put_events(data: Anything, allow_aws_source: bool = False) -> Anything:
        ours = all(entry.get("Source") in SIMULATED for entry in data.get("Entries", ()))
        return put(data, allow_aws_source=allow_aws_source or ours)

    return put_events


def install() -> None:
    replace("services.eventbridge", "_put_events", taken)
