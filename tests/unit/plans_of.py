"""Text of plans to test with."""

from __future__ import annotations

NO = "{none: one two three}"
NIGHT = (
    f"cutover: {{window: 3h, estimate: 1h, reserve: 1h, approvals: {{go: {NO}, users: {NO}, commit: {NO}}},"
    f" quiesce: {NO}, power_off: {NO}, switch: {NO}, probe: {NO}}}\n"
)
"""The least night there can be, on one line: nobody is asked, and nothing is done."""
