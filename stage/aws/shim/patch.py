"""Replacing a name in a module of MiniStack."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

# MiniStack publishes no types.
Anything = Any


def upstream(module: str) -> Anything:
    """Module `module` of MiniStack, imported; call it only after the environment is set, which MiniStack reads then."""
    return importlib.import_module(f"ministack.{module}")


def replace(module: str, name: str, make: Callable[[Anything], Anything]) -> None:
    """Put make(original) in the place of `name`; AttributeError when upstream no longer has it."""
    target = upstream(module)
    setattr(target, name, make(getattr(target, name)))


def replace_text(original: str, old: str, new: str) -> str:
    """`original` with its one occurrence of `old` replaced; ValueError when it is not there exactly once."""
    if original.count(old) != 1:
        raise ValueError(
            f"MiniStack's text changed: {old.strip().splitlines()[0]!r} occurs {original.count(old)} times"
        )
    return original.replace(old, new)
