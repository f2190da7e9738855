"""The files of a run's report, or why there are none: whoever closes a run goes on without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cutover.plan import Plan

TYPES = {"report.html": "text/html; charset=utf-8", "ips.csv": "text/csv; charset=utf-8"}


@dataclass(frozen=True)
class Reported:
    """`evidence`: the same, and what became of its report. `files`: by name. `error`: why there are none, if so."""

    evidence: dict[str, Any]
    files: dict[str, str]
    error: Exception | None = None


def reported(evidence: Mapping[str, Any], plan: Plan) -> Reported:
    """report.html and ips.csv of this evidence. It never raises: a run is closed whatever its page looks like."""
    try:
        # Imported where it is used: what it brings along is of no use to a function that ends nothing.
        from cutover.report import addresses, page

        as_run = json.dumps(json.loads(plan.canonical()), indent=2, ensure_ascii=False)
        files = {"report.html": page(evidence, as_run), "ips.csv": addresses(evidence)}
    except Exception as error:  # noqa: BLE001  # a page that cannot be drawn must never keep a run from closing
        why = f"{type(error).__name__}; the log has more"
        return Reported({**evidence, "report": why}, {}, error)
    return Reported({**evidence, "report": None}, files)
