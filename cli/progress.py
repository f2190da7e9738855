"""How far a rehearsal of several modes came: what the same command needs to know after a kill.

One file beside the stage's state. For each mode that was begun it names the run that was the latest *before*: any later
one is this rehearsal's own, and is gone on with, or reported and not repeated where it has ended well. When the
rehearsal has ended the file goes, and the same command is a new rehearsal in the same world.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from cutover.plan import Mode, Plan


class Progress:
    """`path`: the file; None keeps nothing, for a stage that is not kept either."""

    def __init__(self, path: Path | None, plan: Plan, modes: Sequence[Mode]) -> None:
        self._path = path
        self._of = {"sha256": plan.sha256, "modes": [mode.value for mode in modes]}
        self._before: dict[str, str | None] = {}
        if path is not None and path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["of"] == self._of:
                self._before = kept["before"]

    def begun(self, mode: Mode) -> bool:
        """Whether this rehearsal came to the mode."""
        return mode.value in self._before

    def begin(self, mode: Mode, latest: str | None) -> str | None:
        """Note the latest run before the mode's own, unless that was done; give it back."""
        if not self.begun(mode):
            self._before[mode.value] = latest
            if self._path is not None:
                fresh = self._path.with_suffix(".new")
                fresh.write_text(json.dumps({"of": self._of, "before": self._before}), encoding="utf-8")
                fresh.replace(self._path)
        return self._before[mode.value]

    def end(self) -> None:
        """The rehearsal has ended, one way or the other."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
