"""Which fault, if any, befalls a request. Counted, never random: the same requests meet the same faults."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase

from stage.simulator.identity import Identity
from stage.simulator.scenario import Fault


class Faults:
    """The scenario's faults, with a count of matching requests and of strikes for each."""

    def __init__(self, faults: Sequence[Fault], identity: Identity) -> None:
        self._faults = list(faults)
        self._seen = [0] * len(faults)
        self._struck = [0] * len(faults)
        self._identity = identity

    def meet(self, method: str, path: str, since_start: timedelta) -> list[Fault]:
        """The faults that strike this request, in the scenario's order. `path` is the one below the API's base."""
        return [
            fault
            for number, fault in enumerate(self._faults)
            if _matches(fault, method, path, since_start) and self._strikes(number, fault)
        ]

    def _strikes(self, number: int, fault: Fault) -> bool:
        self._seen[number] += 1
        seen = self._seen[number]
        strikes = (
            (fault.nth is None or seen in fault.nth)
            and (fault.every is None or seen % fault.every == 0)
            and (fault.fraction is None or self._identity.fraction("fault", number, seen) < fault.fraction)
            and (fault.times is None or self._struck[number] < fault.times)
        )
        self._struck[number] += strikes
        return strikes


def _matches(fault: Fault, method: str, path: str, since_start: timedelta) -> bool:
    wanted_method, wanted_path = fault.on.split(" ")
    return (
        wanted_method in ("*", method)
        and fnmatchcase(path, wanted_path)
        and (fault.after is None or since_start >= fault.after)
        and (fault.until is None or since_start < fault.until)
    )
