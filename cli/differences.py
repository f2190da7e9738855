"""What differs between two versions of a plan, field by field, for people to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cutover.plan import Plan


@dataclass(frozen=True)
class Difference:
    """One field. `before` or `after` is None where the field is not there: values are JSON text."""

    field: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.field}: {self.after}"
        if self.after is None:
            return f"- {self.field}: {self.before}"
        return f"~ {self.field}: {self.before} -> {self.after}"


def differences(before: Plan, after: Plan) -> list[Difference]:
    """All of them, by field; elements of lists are told apart by their names where they have some."""
    old, new = (dict(_flat(json.loads(plan.canonical()), "")) for plan in (before, after))
    changed = [field for field in sorted(old.keys() | new.keys()) if old.get(field) != new.get(field)]
    return [Difference(field, old.get(field), new.get(field)) for field in changed]


def _flat(value: Any, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _flat(each, f"{at}.{key}" if at else str(key))
    elif isinstance(value, list):
        names = [each.get("name") if isinstance(each, dict) else None for each in value]
        distinct = all(names) and len(set(map(str, names))) == len(names)
        for number, each in enumerate(value):
            yield from _flat(each, f"{at}[{names[number] if distinct else number}]")
    else:
        yield at, json.dumps(value)
