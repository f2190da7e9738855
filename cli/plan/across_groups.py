"""Rules of waves that are launched together, over the plain data as those of across.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from cli.plan.across import Part
from cli.plan.explain import keys_of
from cli.plan.fields import seconds, size_in_bytes
from cli.plan.model import Rules
from cli.plan.problems import Problem
from cli.plan.source import Source

SHARED = ("readiness", "test_gate", "verify", "poll", "launch_configuration")
"""Rules that a launch has once: waves that share it share these."""


def problems(source: Source) -> Iterator[Problem]:
    """What is wrong with `launch_with`, and with the waves that it joins."""
    plan = Part((), source.data)
    together: list[Part] = []
    for wave in plan.parts("waves"):
        path, wanted = (*wave.path, "launch_with"), wave.data.get("launch_with")
        if not isinstance(wanted, str):
            together = [wave]
            continue
        names = [each.data.get("name") for each in together]
        if wanted not in names:
            rule = "a wave is launched with the one before it, or with one that this is launched with"
            before = " or ".join(f"`{name}`" for name in names if isinstance(name, str))
            remedy = f"write {before}, or move the wave" if before else "remove it: no wave stands before this one"
            yield source.problem(path, rule, remedy)
            together = [wave]
            continue
        first = together[0]
        together.append(wave)
        yield from _canaries(source, [first, wave] if len(together) == 2 else [wave])
        yield from _differences(source, plan, first, wave)


def _canaries(source: Source, waves: list[Part]) -> Iterator[Problem]:
    for wave in waves:
        if "canary" in wave.data:
            rule = "a canary is launched alone, and so not in a wave that is launched with another one"
            yield source.problem((*wave.path, "canary"), rule, "remove `canary`, or `launch_with`")


def _differences(source: Source, plan: Part, first: Part, wave: Part) -> Iterator[Problem]:
    rule = f"waves that are launched together have the same rules, and wave {first.data.get('name')!r} says %s"
    remedy = "write the same for both, best at the plan; or launch them one after the other"
    for block in SHARED:
        ours, theirs = ({**plan.at(block), **each.at(block)} for each in (wave, first))
        for key, field in keys_of(_model(block)).items():
            mine, other = (given.get(key, field.default) for given in (ours, theirs))
            if _meant(mine) != _meant(other):
                level = next((each for each in (wave, first) if key in each.at(block)), plan)
                said = rule % (f"{block}.{key}: {_shown(other)}")
                yield source.problem((*level.path, block, key), said, remedy, _shown(mine))
    mine, other = (each.data.get("on_failure", plan.data.get("on_failure")) for each in (wave, first))
    if mine != other:
        level = wave if "on_failure" in wave.data else first
        yield source.problem((*level.path, "on_failure"), rule % f"on_failure: {other}", remedy, _shown(mine))


def _model(block: str) -> type[BaseModel]:
    annotation: Any = Rules.model_fields[block].annotation
    model: type[BaseModel] = annotation
    return model


def _meant(value: Any) -> Any:
    """60m and 1h are the same, and so are 1024MiB and 1GiB."""
    for read in (seconds, size_in_bytes):
        try:
            return read(value)
        except (TypeError, ValueError):
            continue
    return value


def _shown(value: Any) -> str:
    return "nothing" if value is None else "a mapping" if isinstance(value, dict) else str(value)
