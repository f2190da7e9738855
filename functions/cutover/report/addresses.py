"""ips.csv: the addresses of every machine before and after, for whoever keeps the firewalls and the DNS."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

COLUMNS = (
    "wave",
    "name",
    "id",
    "status",
    "source_ips",
    "instance_id",
    "private_ips",
    "public_ips",
    "type",
    "subnet_id",
    "replaced",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula: https://owasp.org/www-community/attacks/CSV_Injection."""


def addresses(evidence: Mapping[str, Any]) -> str:
    """CSV by RFC 4180 with a header: a row for each machine, several addresses separated by spaces. What a spreadsheet
    would calculate is led by an apostrophe."""
    into = io.StringIO()
    rows = csv.writer(into)
    rows.writerow(COLUMNS)
    for wave in evidence["waves"]:
        for machine in wave["machines"]:
            rows.writerow(map(_inert, _row(wave["name"], machine)))
    return into.getvalue()


def _row(wave: str, machine: Mapping[str, Any]) -> list[str]:
    target = machine["target"] or {}
    return [
        machine["group"] or wave,
        machine["name"],
        machine["id"] or "",
        machine["status"],
        " ".join(machine.get("source_ips", ())),
        target.get("instance_id") or "",
        " ".join(target.get("private_ips", ())),
        " ".join(target.get("public_ips", ())),
        target.get("type") or "",
        target.get("subnet_id") or "",
        machine["replaces"] or target.get("replaced") or "",
    ]


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
