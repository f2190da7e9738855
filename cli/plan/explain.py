"""A model's errors in words: pydantic says what failed and where, this says which rule it was and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from cli.plan.model import AuthorPlan
from cli.plan.problems import Path, Problem
from cli.plan.source import Source


def explain(error: ErrorDetails, source: Source) -> Problem:
    """The problem an error of AuthorPlan's validation stands for."""
    path: Path = error["loc"]
    seen = None
    if path[-1:] == ("[key]",) and path not in source.places:  # how pydantic marks the key of a pair
        path = path[:-1]
        seen = f"the key {path[-1]!r}"
    context: dict[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return source.problem(path, "this key is required", _add(path), seen="nothing")
        case "extra_forbidden":
            return _unknown(path, source)
        case "refused":
            rule, remedy, seen = context["rule"], context["remedy"], context["seen"] or seen
        case "string_type":
            rule, remedy = "text", _quote(error["input"], source.places[source.nearest(path)].seen)
        case "literal_error" | "enum":
            rule, remedy = _choice(str(error["input"]), context["expected"].replace("'", ""))
        case "bool_type":
            rule, remedy = "true or false", "write true or false, without quotes"
        case "int_type":
            rule, remedy = "a whole number", "write digits only, without quotes"
        case "greater_than_equal":
            rule, remedy = f"at least {context['ge']}", f"write {context['ge']} or more"
        case "less_than_equal":
            rule, remedy = f"at most {context['le']}", f"write {context['le']} or less"
        case "list_type":
            rule, remedy = "a list, even of one", "write `[one, two]`, or one line with `- ` for each"
        case "too_short":
            rule, remedy = "a list is not empty", "add to it, or remove the key"
        case "too_long":
            rule, remedy = f"at most {context['max_length']}", "remove some"
        case "model_type" | "dict_type" | "model_attributes_type":
            keys = ", ".join(_keys(path))
            rule = f"a mapping of: {keys}" if keys else "a mapping of keys to values"
            remedy = "write `key: value` below it, indented"
        case _:
            rule, remedy = error["msg"], "see docs/plan.md"
    return source.problem(source.nearest(path), rule, remedy, seen)


def _unknown(path: Path, source: Source) -> Problem:
    known = _keys(path[:-1])
    near = get_close_matches(str(path[-1]), known, n=1)
    remedy = f"write `{near[0]}`" if near else "remove it"
    return source.problem(path, f"the keys here are {', '.join(known)}", remedy, seen=f"the key {path[-1]!r}")


def _add(path: Path) -> str:
    field = next(fields for fields in _fields(path[:-1]) if path[-1] in fields)[str(path[-1])]
    example = f", as in `{path[-1]}: {field.examples[0]}`" if field.examples else ""
    return f"add it{example} ({field.description})"


def _choice(value: str, expected: str) -> tuple[str, str]:
    choices = expected.replace(" or ", ", ").split(", ")
    near = get_close_matches(value, choices, n=1)
    if len(choices) == 1:
        return f"only {expected} is known", f"write {expected}"
    return f"one of {expected}", f"write {near[0]}" if near else "choose one"


def _quote(value: Any, seen: str) -> str:
    return "write text" if isinstance(value, dict | list) else f'put it in quotes: "{seen}"'


def _keys(path: Path) -> list[str]:
    """The known keys of the mapping at `path`, those that must be there first."""
    keys = [(not field.is_required(), key) for fields in _fields(path) for key, field in fields.items()]
    return [key for _, key in sorted(keys, key=lambda known: known[0])]


def _fields(path: Path) -> Iterator[dict[str, FieldInfo]]:
    """The fields of the mapping at `path`, if it has known ones, by the names they have in a plan."""
    models: list[type[BaseModel]] = [AuthorPlan]
    for position, key in enumerate(path):
        if isinstance(key, str):
            listed = isinstance(next(iter(path[position + 1 :]), None), int)
            models = [
                below for model in models if key in (known := keys_of(model)) for below in _below(known[key], listed)
            ]
    for model in models:
        yield keys_of(model)


def keys_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by the names they have in a plan."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _below(field: FieldInfo, listed: bool) -> list[type[BaseModel]]:
    """The models that a key holds: those of a list's items, or those that stand by themselves."""
    found = list(_models(field.annotation))
    fitting = [model for model, in_list in found if in_list is listed]
    return fitting[:1] or [model for model, _ in found[:1]]


def _model(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation such as `list[Annotated[Machine, …]]`; the first one where there are several."""
    return next((model for model, _ in _models(annotation)), None)


def _models(annotation: Any, listed: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """Every model in an annotation, and whether it is one of a list's items."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, listed
    for part in get_args(annotation):
        yield from _models(part, listed or get_origin(annotation) is list)
