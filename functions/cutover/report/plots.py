"""The report's plots, as SVG. Colours are classes of the page's style, so that they follow light, dark and print.

drawsvg escapes the text of elements and not the values of attributes: names stand in texts alone, never in attributes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import drawsvg
from markupsafe import Markup

from cutover.downtime import clock

WIDTH = 720
_LABEL = 150
_ROW = 24
_TOP = 26
_RIGHT = 16


@dataclass(frozen=True)
class Bar:
    """A span of a machine's timeline. `phase` is a class of the page's style; `open`: it has not come to its end."""

    phase: str
    begun: datetime
    done: datetime
    open: bool = False


def timeline(rows: Sequence[tuple[str, Sequence[Bar]]]) -> Markup:
    """A row for each machine, on one scale of time from the first instant to the last. At least one bar is given."""
    bars = [bar for _, some in rows for bar in some]
    begin, end = min(bar.begun for bar in bars), max(bar.done for bar in bars)
    span = max((end - begin).total_seconds(), 1.0)
    height = _TOP + _ROW * len(rows) + 8

    def x(at: datetime) -> float:
        return round(_LABEL + (WIDTH - _LABEL - _RIGHT) * (at - begin).total_seconds() / span, 1)

    drawing = _drawing(height, "Each machine's phases over time; the same in the table below.")
    _ticks(drawing, begin, span, height)
    for number, (name, some) in enumerate(rows):
        y = _TOP + _ROW * number
        drawing.append(_text(_short(name), _LABEL - 10, y + 15, "end"))
        for bar in some:
            left, width = x(bar.begun), max(x(bar.done) - x(bar.begun), 2.0)
            shape = drawsvg.Rectangle(left, y + 3, width, _ROW - 8, class_=f"bar {bar.phase}", rx=2)
            until = "still open" if bar.open else f"{bar.done:%H:%M:%S}"
            shape.append_title(f"{name}: {bar.phase}, {bar.begun:%H:%M:%S} to {until}")
            drawing.append(shape)
    return _svg(drawing)


def lag(series: Mapping[str, Sequence[tuple[datetime, int]]], limit: int | None) -> Markup:
    """A line for each machine: seconds of lag at each look, and the plan's limit as a line across."""
    points = [point for some in series.values() for point in some]
    begin, end = min(at for at, _ in points), max(at for at, _ in points)
    span = max((end - begin).total_seconds(), 1.0)
    top = max([seconds for _, seconds in points] + [limit or 0, 1]) * 1.1
    height, left, bottom = 240, 64, 24

    def xy(at: datetime, seconds: float) -> tuple[float, float]:
        x = left + (WIDTH - left - _RIGHT) * (at - begin).total_seconds() / span
        return round(x, 1), round(_TOP + (height - _TOP - bottom) * (1 - seconds / top), 1)

    drawing = _drawing(height, "Replication lag of the slowest machines at each look; the same in the table below.")
    for part in (0.0, 0.5, 1.0):
        _, y = xy(begin, top * part)
        drawing.append(drawsvg.Line(left, y, WIDTH - _RIGHT, y, class_="grid"))
        drawing.append(_text(clock(round(top * part)), left - 8, y + 4, "end", "axis"))
    drawing.append(_text(f"{begin:%H:%M:%S}", left, height - 6, "start", "axis"))
    drawing.append(_text(f"{end:%H:%M:%S}", WIDTH - _RIGHT, height - 6, "end", "axis"))
    if limit is not None:
        _, y = xy(begin, limit)
        drawing.append(drawsvg.Line(left, y, WIDTH - _RIGHT, y, class_="limit"))
        drawing.append(_text(f"limit {clock(limit)}", WIDTH - _RIGHT, y - 5, "end", "axis"))
    for number, (name, some) in enumerate(series.items()):
        flat = [each for at, seconds in some for each in xy(at, seconds)]
        style = f"line line{number % 8}"
        if len(some) == 1:
            shape: drawsvg.DrawingElement = drawsvg.Circle(flat[0], flat[1], 3.5, class_=f"dot dot{number % 8}")
        else:
            shape = drawsvg.Lines(*flat, class_=style)
        shape.append_title(name)
        drawing.append(shape)
    return _svg(drawing)


def downtime(seconds: int, planned: int) -> Markup:
    """Two bars: as planned, and as it was."""
    longest = max(seconds, planned, 1)
    drawing = _drawing(76, f"Downtime {clock(seconds)}, planned {clock(planned)}.")
    for number, (word, length, style) in enumerate(
        (("planned", planned, "planned"), ("actual", seconds, "over" if seconds > planned else "within"))
    ):
        y = 6 + 34 * number
        width = round(max((WIDTH - 90 - 100) * length / longest, 2.0), 1)
        drawing.append(_text(word, 80, y + 18, "end"))
        drawing.append(drawsvg.Rectangle(90, y, width, 26, class_=f"bar {style}", rx=3))
        drawing.append(_text(clock(length), 98 + width, y + 18, "start"))
    return _svg(drawing)


def _drawing(height: float, said: str) -> drawsvg.Drawing:
    """`said`: what it shows, of our own words alone."""
    drawing = drawsvg.Drawing(WIDTH, height, role="img", aria_label=said, class_="plot")
    drawing.append_title(said)
    return drawing


def _ticks(drawing: drawsvg.Drawing, begin: datetime, span: float, height: float) -> None:
    for part in range(5):
        x = round(_LABEL + (WIDTH - _LABEL - _RIGHT) * part / 4, 1)
        at = datetime.fromtimestamp(begin.timestamp() + span * part / 4, begin.tzinfo)
        drawing.append(drawsvg.Line(x, _TOP - 6, x, height - 6, class_="grid"))
        drawing.append(_text(f"{at:%H:%M:%S}", x, 14, ("start", "middle", "middle", "middle", "end")[part], "axis"))


def _text(words: str, x: float, y: float, anchor: str, style: str = "label") -> drawsvg.Text:
    return drawsvg.Text(words, None, x, y, text_anchor=anchor, class_=style)


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"


def _svg(drawing: drawsvg.Drawing) -> Markup:
    # As wide as the page lets it, so without a width of its own; its texts were escaped by drawsvg.
    return Markup(drawing.as_svg(header=""))
