"""The application's targets as EC2 has them: which run, and at which address."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

_FRESH = 0.5
"""Real seconds for which what was seen is not asked for again."""


@dataclass(frozen=True)
class Seen:
    """One instance."""

    running: bool
    addresses: tuple[str, ...] = ()


class Targets:
    """`ec2`: the stage's client. What it says when EC2 gives no answer is what it said before."""

    def __init__(self, ec2: Any, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ec2, self._monotonic = ec2, monotonic
        self._asked: tuple[str, ...] = ()
        self._until = 0.0
        self._seen: dict[str, Seen] = {}

    def look(self, instances: Sequence[str], *, fresh: bool = False) -> dict[str, Seen]:
        """By instance id; one that EC2 does not know is missing. `fresh`: ask now."""
        asked = tuple(sorted(instances))
        if not asked:
            return {}
        if fresh or asked != self._asked or self._monotonic() >= self._until:
            try:
                self._seen = self._ask(asked)
            except (BotoCoreError, ClientError):
                return self._seen
            self._asked, self._until = asked, self._monotonic() + _FRESH
        return self._seen

    def _ask(self, instances: Sequence[str]) -> dict[str, Seen]:
        found: dict[str, Seen] = {}
        wanted = [{"Name": "instance-id", "Values": list(instances)}]
        for page in self._ec2.get_paginator("describe_instances").paginate(Filters=wanted):
            for reservation in page["Reservations"]:
                for one in reservation["Instances"]:
                    addresses = [one.get("PrivateIpAddress"), one.get("PublicIpAddress")]
                    running = one["State"]["Name"] == "running"
                    found[one["InstanceId"]] = Seen(running, tuple(each for each in addresses if each))
        return found
