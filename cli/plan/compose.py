"""YAML events put together to plain data, by YAML 1.2's core schema and more strictly than a loader would.

ruamel.yaml parses. Refused here: duplicate keys, tags, empty values, and anchors and aliases (a reviewer reads every
value where it applies, overlays save the repetition, and nothing can expand).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from cli.plan.problems import Path

DEEPEST = 20
"""Levels of nesting; a plan needs eight."""

# The plain scalars of the core schema (YAML 1.2.2, chapter 10.3.2) that are not text.
_NULL = re.compile(r"(null|Null|NULL|~)?")
_BOOL = re.compile(r"(?P<true>true|True|TRUE)|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_INT_BY_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

# What escapes in double quotes can still smuggle in; a lone surrogate cannot even be encoded.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Place:
    """Where something stands, counted from 1, and how it reads there."""

    line: int
    column: int
    seen: str


@dataclass(frozen=True)
class Refused:
    """Something YAML allows and a plan does not."""

    path: Path
    place: Place
    rule: str
    remedy: str


class Unreadable(Exception):
    """A file of which no more can be read."""

    def __init__(self, place: Place, rule: str, remedy: str) -> None:
        super().__init__(rule)
        self.place, self.rule, self.remedy = place, rule, remedy


class Composer:
    """Composes one document. Afterwards: `places` of all values, what was `refused`, and `refused_keys` (left out)."""

    def __init__(self, events: Iterator[Event]) -> None:
        self.places: dict[Path, Place] = {}
        self.refused: list[Refused] = []
        self.refused_keys: list[Refused] = []
        self._events = events

    def compose(self) -> Any:
        """The document's value; None when there is no document. Recursive, to a depth of DEEPEST. Raises Unreadable."""
        documents: list[Any] = []
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if documents:
                    rule, remedy = "a plan file holds one document", "remove the `---`, or split the file"
                    raise Unreadable(_place(event, "a second document"), rule, remedy)
                if event.version not in (None, (1, 2)):
                    place = _place(event, "%YAML {}.{}".format(*event.version))
                    raise Unreadable(place, "the file is YAML 1.2", "remove the %YAML line")
                documents.append(self._value((), next(self._events)))
        return documents[0] if documents else None

    def _value(self, path: Path, event: Event, key: Event | None = None) -> Any:
        """The value that begins with `event`. Its place is that of its key, where it has one."""
        if len(path) > DEEPEST:
            place = _place(event, f"nesting {len(path)} deep")
            raise Unreadable(place, f"a plan nests at most {DEEPEST} deep", "write what docs/plan.md describes")
        if isinstance(event, MappingStartEvent):
            value: Any = self._mapping(path)
            seen = "a mapping" if value else "an empty mapping"
        elif isinstance(event, SequenceStartEvent):
            value = self._sequence(path)
            seen = "a list" if value else "an empty list"
        else:
            value = _scalar(event)
            seen = _shown(event)
        self.places[path] = place = _place(key or event, seen)
        if reason := _reason_to_refuse(event, value):
            self.refused.append(Refused(path, place, *reason))
        return value

    def _sequence(self, path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), SequenceEndEvent):
            items.append(self._value((*path, len(items)), event))
        return items

    def _mapping(self, path: Path) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        while not isinstance(event := next(self._events), MappingEndEvent):
            key = _scalar(event)
            if not isinstance(key, str):
                self._refuse_key(path, event, "a key is text", "put it in quotes, or correct it")
            elif key == "<<":
                self._refuse_key(path, event, "YAML 1.2 has no merge keys", "write the keys out, or use an overlay")
            elif reason := _reason_to_refuse(event, key):
                self._refuse_key(path, event, *reason)
            elif key in pairs:
                line = self.places[*path, key].line
                rule = f"a key stands once, and it is on line {line} already"
                self._refuse_key((*path, key), event, rule, "remove one of the two")
            else:
                pairs[key] = self._value((*path, key), next(self._events), event)
                continue
            self._skip(event)
            self._skip(next(self._events))
        return pairs

    def _refuse_key(self, path: Path, event: Event, rule: str, remedy: str) -> None:
        self.refused_keys.append(Refused(path, _place(event, f"the key {_shown(event)}"), rule, remedy))

    def _skip(self, event: Event) -> None:
        """Pass over the value that begins with `event`."""
        depth = 0
        while True:
            depth += isinstance(event, MappingStartEvent | SequenceStartEvent)
            depth -= isinstance(event, MappingEndEvent | SequenceEndEvent)
            if not depth:
                return
            event = next(self._events)


def _scalar(event: Event) -> str | int | float | bool | None:
    """A scalar's value; None for what is no scalar."""
    if not isinstance(event, ScalarEvent):
        return None
    text: str = event.value
    if event.style is not None:
        return text
    if _NULL.fullmatch(text):
        return None
    if boolean := _BOOL.fullmatch(text):
        return boolean["true"] is not None
    if _INT.fullmatch(text):
        return int(text)
    if _INT_BY_BASE.fullmatch(text):
        return int(text, base=0)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return float(text) if _FLOAT.fullmatch(text) else text


def _place(event: Event, seen: str) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1, seen)


def _shown(event: Event) -> str:
    """A value as a message shows it: text in quotes, everything else as it is written."""
    if isinstance(event, AliasEvent):
        return f"the alias *{event.anchor}"
    if not isinstance(event, ScalarEvent):
        return "that is no text"
    value = _scalar(event)
    text = repr(value) if isinstance(value, str) else str(event.value)
    return (text if len(text) <= 80 else f"{text[:77]}…") or "nothing"


def _reason_to_refuse(event: Event, value: Any) -> tuple[str, str] | None:
    """(rule, remedy) for a value that YAML allows and a plan does not."""
    if isinstance(event, AliasEvent):
        return "a plan has no anchors and aliases", "write the value out, or use an overlay"
    if isinstance(event, ScalarEvent | CollectionStartEvent):
        if event.anchor:
            return f"a plan has no anchors and aliases (&{event.anchor})", "remove the anchor"
        if event.tag:
            return f"a plan has no YAML tags ({event.tag})", "remove the tag; put text in quotes"
    if isinstance(value, str) and _NO_TEXT.search(value):
        return "text has no control characters and no halves of surrogate pairs", "write the characters themselves"
    if value is None:
        return "every key and every item has a value", "give it a value, or remove it"
    return None
