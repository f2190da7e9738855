"""A plan file, read: plain data, and where every value stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from cli.plan.compose import Composer, Place, Refused, Unreadable
from cli.plan.problems import InvalidPlan, Path, Problem, field_name

LARGEST = 2**20
"""Bytes of a plan file: some ten thousand machines."""


@dataclass
class Source:
    """A file that was read. `unread`: paths whose value is refused already, so that nothing more is said of them."""

    file: str
    data: dict[str, Any]
    places: dict[Path, Place]
    problems: list[Problem] = field(default_factory=list)
    unread: frozenset[Path] = frozenset()

    def nearest(self, path: Path) -> Path:
        """The longest beginning of `path` that stands in the file."""
        while path not in self.places:
            path = path[:-1]
        return path

    def line(self, path: Path) -> int:
        return self.places[self.nearest(path)].line

    def problem(self, path: Path, rule: str, remedy: str, seen: str | None = None) -> Problem:
        """A problem with the value at `path`; with a missing key, at the line of what should hold it."""
        place = self.places[self.nearest(path)]
        return Problem(self.file, place.line, place.column, field_name(path), seen or place.seen, rule, remedy)

    def is_unread(self, path: Path) -> bool:
        """Whether the value at `path`, or what holds it, is refused already."""
        return any(path[:length] in self.unread for length in range(len(path) + 1))


def read(path: FilePath) -> Source:
    """The file's data and places. InvalidPlan when it cannot be read to its end; lesser faults are in `problems`."""
    file = str(path)
    text = _text(path)
    composer = Composer(YAML(typ="safe", pure=True).parse(text))
    try:
        data = composer.compose()
    except Unreadable as error:
        place = error.place
        raise _invalid(file, place.line, place.seen, error.rule, error.remedy, place.column) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _invalid(
            file, line, f"the character {chr(error.character)!a}", "YAML is printable text", "remove it"
        ) from None
    except MarkedYAMLError as error:
        raise _syntax(file, error) from None
    except YAMLError as error:
        raise _invalid(file, 1, str(error), "the file is YAML 1.2", "correct it") from None
    if not isinstance(data, dict):
        seen = composer.places[()].seen if () in composer.places else "an empty file"
        remedy = "begin with `version: 1`; plans/minimal.yaml is a plan to start from"
        raise _invalid(file, 1, seen, "a plan is a mapping of keys to values", remedy)
    source = Source(file, data, composer.places, unread=frozenset(refused.path for refused in composer.refused))
    source.problems = [_problem(file, refused) for refused in composer.refused + composer.refused_keys]
    return source


def _text(path: FilePath) -> str:
    file = str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        seen = error.strerror or type(error).__name__
        raise _invalid(file, None, seen, "a plan is one YAML file", "give the path of a plan file") from None
    if len(content) > LARGEST:
        raise _invalid(file, None, "a larger file", f"a plan file has at most {LARGEST:,} bytes", "split the plan")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _invalid(
            file, line, f"the byte 0x{content[error.start]:02x}", "the file is UTF-8", "save it as UTF-8"
        ) from None


def _syntax(file: str, error: MarkedYAMLError) -> InvalidPlan:
    mark = error.problem_mark or error.context_mark
    seen = error.problem or "text that is no YAML"
    if error.context and error.context_mark:
        seen += f" {error.context} that begins on line {error.context_mark.line + 1}"
    remedy = "correct the line: indent with spaces, put a space after each colon, close quotes and brackets"
    return _invalid(
        file, mark.line + 1 if mark else 1, seen, "the file is YAML 1.2", remedy, mark.column + 1 if mark else 1
    )


def _invalid(file: str, line: int | None, seen: str, rule: str, remedy: str, column: int = 1) -> InvalidPlan:
    return InvalidPlan([Problem(file, line, None if line is None else column, "plan", seen, rule, remedy)])


def _problem(file: str, refused: Refused) -> Problem:
    place = refused.place
    return Problem(file, place.line, place.column, field_name(refused.path), place.seen, refused.rule, refused.remedy)
