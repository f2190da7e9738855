"""Changes to an answer: what is left out of it, what is set to something else."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from stage.simulator.terms import Strict


class Distortion(Strict):
    """Dotted paths to leave out, or to set to any value, null included.

    `*` is every item of a list (or every value of an object), a number is one item: `items.*.replicationInfo`. A list
    or an item that is not there is passed over; an object that is not there is made, for what is set only.
    """

    omit: list[str] = Field(default_factory=list)
    replace: dict[str, Any] = Field(default_factory=dict, alias="set")


def distorted(answer: dict[str, Any], distortion: Distortion) -> dict[str, Any]:
    """The answer with these changes; the one given stays as it is."""
    if not distortion.omit and not distortion.replace:
        return answer
    answer = copy.deepcopy(answer)
    for path in distortion.omit:
        for holder, key in _places(answer, path.split("."), make=False):
            del holder[key]
    for path, value in distortion.replace.items():
        for holder, key in _places(answer, path.split("."), make=True):
            holder[key] = copy.deepcopy(value)
    return answer


def _places(holder: Any, steps: list[str], *, make: bool) -> Iterator[tuple[Any, Any]]:
    """Where a path leads: each holder with the key or index in it. Later items first, so that one may be deleted."""
    first, *rest = steps
    keys: list[Any] = []
    if isinstance(holder, list):
        keys = [n for n in reversed(range(len(holder))) if first in ("*", str(n))]
    elif isinstance(holder, dict):
        keys = list(holder) if first == "*" else [first] if make or first in holder else []
    for key in keys:
        if not rest:
            yield holder, key
        elif isinstance(holder, list) or key in holder:
            yield from _places(holder[key], rest, make=make)
        elif "*" not in rest and not rest[0].isdecimal():
            yield from _places(holder.setdefault(key, {}), rest, make=make)
