"""How far a machine has come in its migration, as MGN remembers it: launched, taken back, finalized, archived."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stage.simulator.cloud import Template

TESTING, CUTTING_OVER, CUTOVER, DISCONNECTED = "TESTING", "CUTTING_OVER", "CUTOVER", "DISCONNECTED"
READY_FOR_TEST, READY_FOR_CUTOVER = "READY_FOR_TEST", "READY_FOR_CUTOVER"


@dataclass
class Launches:
    """The last test or the last cutover: when it was asked for and by which job, taken back, accepted."""

    initiated: datetime | None = None
    job: str | None = None
    reverted: datetime | None = None
    finalized: datetime | None = None


@dataclass
class Lifecycle:
    """`step`: the state that a call led to; None: as far as replication has come. `gone`: when replication was ended.

    `tags`: of the source server. `settings`: what the launch configuration says beyond the blueprint; `template`: the
    EC2 launch template that the rest of it is in, `written`: what it said when it was last looked at. `known_ready`,
    `known_stalled`: what is known to have been so before, None until it was looked at.
    """

    step: str | None = None
    test: Launches = field(default_factory=Launches)
    cutover: Launches = field(default_factory=Launches)
    gone: datetime | None = None
    archived: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    template: str | None = None
    written: Template | None = None
    known_ready: bool | None = None
    known_stalled: bool | None = None

    def launched(self, mode: str, at: datetime, job: str) -> None:
        """A launch was accepted; `mode` test or cutover."""
        if mode == "test":
            self.step, self.test = TESTING, Launches(at, job)
        else:
            self.step, self.cutover = CUTTING_OVER, Launches(at, job)

    def ready_for_test(self, at: datetime) -> None:
        """Back to before the test: what was launched last is taken back."""
        if self.step == CUTTING_OVER:
            self.cutover.reverted = at
        elif self.test.initiated:
            self.test.reverted = at
        self.step = READY_FOR_TEST

    def ready_for_cutover(self, at: datetime) -> None:
        """On from the test, which is accepted; or back from the cutover, which is taken back."""
        if self.step == CUTTING_OVER:
            self.cutover.reverted = at
        elif self.test.initiated:
            self.test.finalized = at
        self.step = READY_FOR_CUTOVER

    def finalized(self, at: datetime) -> None:
        """The cutover is accepted."""
        self.cutover.finalized = at
        self.step = CUTOVER

    def disconnected(self, at: datetime) -> None:
        """Replication ends, whatever was launched."""
        self.gone = at
        self.step = DISCONNECTED
