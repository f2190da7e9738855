"""Users who write orders into the application, one after the other on the simulator's clock, and what became of them.

An order is accepted by the site that users reach, by both where some still reach the old one, or refused. Consecutive
orders with the same fate are one span: a night is a handful of them, however long it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

SOURCE, TARGET = "source", "target"


@dataclass
class Span:
    """The orders from number `first` to `last`: accepted by these `sites`; by none: refused."""

    first: int
    last: int
    sites: tuple[str, ...]

    @property
    def orders(self) -> int:
        """How many they are."""
        return self.last - self.first + 1


@dataclass(frozen=True)
class Report:
    """What became of the orders. `lost`: accepted, and not in the data of the site where users are in the end.

    `served_twice`: accepted by both sites; while both sites served users, at least one is said. `downtime`: seconds in
    which users were served by nobody.
    """

    orders: int
    served_source: int
    served_target: int
    refused: int
    lost: int
    served_twice: int
    downtime: int

    def __str__(self) -> str:
        minutes, seconds = divmod(self.downtime, 60)
        return (
            f"{self.orders} orders, {self.lost} lost, {self.served_twice} served twice, "
            f"{self.refused} refused, downtime {minutes:02}:{seconds:02}"
        )

    def data(self) -> dict[str, int]:
        """For a file."""
        return asdict(self)


@dataclass
class Users:
    """They begin at an instant and write an order `every` so long: the first one so long after they began."""

    began: datetime
    every: timedelta
    seen: datetime
    spans: list[Span] = field(default_factory=list)
    down: timedelta = timedelta()
    both: timedelta = timedelta()

    def go_on(self, until: datetime, sites: Sequence[str]) -> None:
        """Write what is due up to then, with these sites accepting all the while."""
        if until <= self.seen:
            return
        if not sites:
            self.down += until - self.seen
        elif len(sites) > 1:
            self.both += until - self.seen
        before, now = (self.seen - self.began) // self.every, (until - self.began) // self.every
        self.seen = until
        if now > before:
            self._enter(Span(before + 1, now, tuple(sites)))

    def report(self, users_at: str, data_at: datetime | None) -> Report:
        """`users_at`: the site where users are; `data_at`: up to when the targets hold what the source accepted."""
        twice = self._count(lambda span: len(span.sites) > 1)
        lost = sum(self._lost(span, users_at, data_at) for span in self.spans)
        return Report(
            orders=sum(span.orders for span in self.spans),
            served_source=self._count(lambda span: SOURCE in span.sites),
            served_target=self._count(lambda span: TARGET in span.sites),
            refused=self._count(lambda span: not span.sites),
            lost=lost,
            served_twice=max(twice, 1 if self.both else 0),
            downtime=int(self.down.total_seconds()),
        )

    def data(self) -> dict[str, Any]:
        """For a file; `read` takes it back."""
        return {
            "began": self.began.isoformat(),
            "every": self.every.total_seconds(),
            "seen": self.seen.isoformat(),
            "spans": [[span.first, span.last, list(span.sites)] for span in self.spans],
            "down": self.down.total_seconds(),
            "both": self.both.total_seconds(),
        }

    @classmethod
    def read(cls, data: dict[str, Any]) -> Users:
        """From `data`."""
        return cls(
            datetime.fromisoformat(data["began"]),
            timedelta(seconds=data["every"]),
            datetime.fromisoformat(data["seen"]),
            [Span(first, last, tuple(sites)) for first, last, sites in data["spans"]],
            timedelta(seconds=data["down"]),
            timedelta(seconds=data["both"]),
        )

    def _enter(self, span: Span) -> None:
        if self.spans and self.spans[-1].sites == span.sites and self.spans[-1].last + 1 == span.first:
            self.spans[-1].last = span.last
        else:
            self.spans.append(span)

    def _count(self, which: Any) -> int:
        return sum(span.orders for span in self.spans if which(span))

    def _lost(self, span: Span, users_at: str, data_at: datetime | None) -> int:
        """Those of a span that the site where users are does not have: it accepted none, and its data is older."""
        if not span.sites or users_at in span.sites:
            return 0
        if users_at == SOURCE or data_at is None:
            return span.orders
        held = (data_at - self.began) // self.every
        return min(max(span.last - max(held, span.first - 1), 0), span.orders)
