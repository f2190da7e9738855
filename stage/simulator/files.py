"""Scenario files: read with what they start from, and written so that a person can read and replay them."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stage.simulator.terms import ScenarioError


def read(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A YAML 1.2 file merged over its `base`: mappings are merged, everything else is replaced."""
    if path.resolve() in above:
        raise ScenarioError(f"{path}: `base` leads back to this file")
    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise ScenarioError(f"{path}: cannot be read: {error}") from error
    if not isinstance(data, dict):
        raise ScenarioError(f"{path}: a scenario is a mapping; seen {type(data).__name__}")
    base = data.pop("base", None)
    return _merge(read(path.parent / str(base), (*above, path.resolve())), data) if base else data


def _merge(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = _merge(base[key], value) if both else value
    return merged


def text(data: dict[str, Any], *comments: str) -> str:
    """What a scenario file with this content looks like, comments first: small things on one line."""
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 160
    written = StringIO()
    yaml.dump(data, written)
    return "".join(f"# {line}\n" for line in comments) + written.getvalue()
