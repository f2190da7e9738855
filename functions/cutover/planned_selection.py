"""A selection: machines that a plan chooses by what the service says of them, when a run begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Selection:
    """All machines with these tags, or in this group of the service's. More than `at_most` are too many."""

    tagged: dict[str, str] = field(default_factory=dict)
    group: str | None = None
    at_most: int = 200

    def __str__(self) -> str:
        """How it is called where a machine's name stands elsewhere."""
        if self.group is not None:
            return f"wave {self.group}"
        return " ".join(["tagged", *(f"{key}={value}" for key, value in sorted(self.tagged.items()))])

    def chooses(self, tags: Mapping[str, str], group: str | None) -> bool:
        """Whether a machine with these tags, in this group, is meant; upper and lower case are different."""
        if self.group is not None:
            return group == self.group
        return all(tags.get(key) == value for key, value in self.tagged.items())
