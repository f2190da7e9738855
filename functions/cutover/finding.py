"""Why something was refused or failed, in words a person can act on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """An error decides a machine's status; a warning is told and decides nothing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One reason. `field` names what was looked at, `seen` what it was, `rule` what it must be, `remedy` what to do."""

    field: str
    seen: str
    rule: str
    remedy: str
    severity: Severity = Severity.ERROR

    def to_json(self) -> dict[str, Any]:
        """{field, seen, rule, remedy, severity}: all strings."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Finding:
        return cls(**{**data, "severity": Severity(data.get("severity", Severity.ERROR))})

    def __str__(self) -> str:
        return f"{self.field}: seen {self.seen}; rule: {self.rule}; do: {self.remedy}"


def warning(field: str, seen: str, rule: str, remedy: str) -> Finding:
    """A finding that is told and decides nothing."""
    return Finding(field, seen, rule, remedy, Severity.WARNING)
