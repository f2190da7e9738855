"""The catalogue of messages: every sentence that people read, once for each language, as a Jinja2 template.

Which sentences are said is decided in Python, beside this file; how they read stands in en.toml and de.toml, under the
same keys. What was recorded (reasons, findings, names) is quoted as it was recorded, whatever the language.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

_HERE = Path(__file__).parent


class Language(StrEnum):
    """Languages that an audience can be spoken to in."""

    ENGLISH = "en"
    GERMAN = "de"


@dataclass(frozen=True)
class Say:
    """Speaks one language: `say("night.closed", since=…)` is the sentence of that key with these facts in it."""

    language: Language = Language.ENGLISH

    def __call__(self, key: str, /, **facts: Any) -> str:
        """KeyError for a key that the catalogue does not have, jinja2's UndefinedError for a fact it asks for."""
        return _template(self.language, key).render(**facts)

    def any_of(self, names: tuple[str, ...] | list[str]) -> str:
        """E.g. "a or b"."""
        return f" {self('word.or')} ".join(names)


ENGLISH = Say()


@functools.cache
def sentences(language: Language) -> Mapping[str, str]:
    """Every sentence of a language as its template, by its dotted key."""
    tables = tomllib.loads((_HERE / f"{language}.toml").read_text("utf-8"))
    return {f"{table}.{name}": text for table, entries in tables.items() for name, text in entries.items()}


@functools.cache
def _template(language: Language, key: str) -> Template:
    return _environment().from_string(sentences(language)[key])


@functools.cache
def _environment() -> Environment:
    # Plain text: whoever puts it into HTML or mrkdwn escapes it there.
    return Environment(undefined=StrictUndefined, autoescape=False)  # no HTML is made of it
