"""Rules of the night that span several keys, over the plain data as those of across.py."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cli.plan.across import Part
from cli.plan.fields import seconds
from cli.plan.night import DOES, LOOKS, NEEDS, PARTS, TOGETHER
from cli.plan.problems import Path, Problem
from cli.plan.source import Source

_HERE = re.compile(r"http://(localhost|127\.0\.0\.1)([:/]|$)")
"""A URL of this machine, where a rehearsal's services are."""
_APPROVALS = ("go", "users", "commit")


def problems(source: Source) -> Iterator[Problem]:
    """What single keys of `cutover` cannot show."""
    plan = Part((), source.data)
    if "cutover" not in plan.data:
        yield from _scheduled(source, plan)
        return
    night = Part(("cutover",), plan.at("cutover"))
    yield from _times(source, night)
    for name in _APPROVALS:
        approval = night.at("approvals").get(name)
        if isinstance(approval, dict):
            yield from _approval(source, Part((*night.path, "approvals", name), approval))
            yield from _author(source, plan.data.get("author"), Part((*night.path, "approvals", name), approval))
    yield from _names(source, night)
    for part in PARTS:
        for step in night.blocks(part):
            yield from _step(source, step)
    for probe in night.blocks("probe"):
        yield from _action(source, probe, LOOKS)
    shuts = any(isinstance(night.data.get(part), list) for part in ("quiesce", "power_off", "switch"))
    if shuts and isinstance(night.data.get("probe"), dict):
        rule = "a cutover that shuts its users out looks from outside whether they are served again"
        remedy = "write how users reach the application, such as `- http: https://shop.example.com/health`"
        yield source.problem((*night.path, "probe"), rule, remedy)


def _scheduled(source: Source, plan: Part) -> Iterator[Problem]:
    if "cutover" in plan.at("schedule"):
        rule = "a cutover says in `cutover` what it does around its launches; a plan without it can only be tested"
        yield source.problem(("schedule", "cutover"), rule, "add `cutover`, or take this instant out")


def _times(source: Source, night: Part) -> Iterator[Problem]:
    try:
        window, estimate, reserve = (seconds(night.data[key]) for key in ("window", "estimate", "reserve"))
    except (KeyError, TypeError, ValueError):
        return
    if estimate + reserve > window:
        seen = f"{night.data['window']}, with an estimate of {night.data['estimate']}"
        rule = (
            f"estimate and reserve ({night.data['reserve']}) fit into the window: else it is too late before it begins"
        )
        yield source.problem((*night.path, "window"), rule, "widen the window, or plan less", seen)


def _approval(source: Source, approval: Part) -> Iterator[Problem]:
    given = approval.data
    if "none" in given:
        for key in ("by", "timeout", "on_silence", "author_may"):
            if key in given:
                rule = "where nobody is asked, nothing is said of an answer"
                yield source.problem((*approval.path, key), rule, "remove it, or remove `none`", f"the key {key!r}")
        return
    missing = [key for key in ("by", "timeout") if key not in given]
    if missing:
        rule = "a question has who answers it, in `by`, and how long they have, in `timeout`; or `none` and why"
        example = "{by: [lead@example.com], timeout: 30m}"
        seen = f"no {' and no '.join(missing)}"
        yield source.problem(approval.path, rule, f"write it like `{approval.path[-1]}: {example}`", seen)
    yield from _twice(source, approval, "by")


def _author(source: Source, author: object, approval: Part) -> Iterator[Problem]:
    """Who wrote a plan does not say yes to it, unless the plan says so where everybody reads it."""
    by = approval.data.get("by")
    if isinstance(by, list) and author in by and approval.data.get("author_may") is not True:
        rule = "somebody other than the plan's author answers"
        remedy = "take them out, or write `author_may: true` beside it"
        yield source.problem((*approval.path, "by", by.index(author)), rule, remedy)


def _twice(source: Source, part: Part, key: str) -> Iterator[Problem]:
    given = part.data.get(key)
    items = given if isinstance(given, list) else []
    for position, item in enumerate(items):
        if isinstance(item, str) and item in items[:position]:
            yield source.problem((*part.path, key, position), "each stands once in the list", "remove one of the two")


def _names(source: Source, night: Part) -> Iterator[Problem]:
    first: dict[str, Path] = {}
    for step in (step for part in PARTS for step in night.blocks(part)):
        name, path = step.data.get("name"), (*step.path, "name")
        if isinstance(name, str) and first.setdefault(name, path) != path:
            rule = f"a step's name stands once in a plan, and it is on line {source.line(first[name])}"
            yield source.problem(path, rule, "rename one of the two")


def _step(source: Source, step: Part) -> Iterator[Problem]:
    yield from _action(source, step, (*DOES, *LOOKS))
    for key in ("proof", "undo_proof"):
        for look in step.blocks(key):
            yield from _action(source, look, (*LOOKS, "agents_silent"))
    does = [kind for kind in DOES if kind in step.data]
    looks = [kind for kind in LOOKS if kind in step.data]
    undo = step.data.get("undo")
    if isinstance(undo, dict):
        yield from _action(source, Part((*step.path, "undo"), undo), (*DOES, *LOOKS, "none"))
    if does and "undo" not in step.data:
        rule = "a step that changes something says how it is undone: the way back undoes it in reverse"
        yield source.problem(step.path, rule, "add `undo`, or `undo: {none: the reason}`", f"{does[0]} without undo")
    if looks and not does and "undo" in step.data:
        rule = "a step that only looks changes nothing, and has nothing to undo"
        yield source.problem((*step.path, "undo"), rule, "remove it")
    if "undo_proof" in step.data and (not isinstance(undo, dict) or "none" in undo):
        rule = "what is not undone is not proved undone"
        yield source.problem((*step.path, "undo_proof"), rule, "remove it, or write how the step is undone")


def _action(source: Source, action: Part, kinds: tuple[str, ...]) -> Iterator[Problem]:
    """Exactly one kind, with the keys that belong to it."""
    given = [kind for kind in kinds if kind in action.data]
    if len(given) != 1:
        seen = " and ".join(given) or f"none of {', '.join(kinds)}"
        remedy = "write each as one of its own" if given else f"add one of {', '.join(kinds)}"
        yield source.problem(action.path, f"exactly one of {', '.join(kinds)}", remedy, seen)
        return
    (kind,) = given
    for key, belongs in TOGETHER.items():
        if key in action.data and kind not in belongs and not set(belongs).isdisjoint(kinds):
            rule = f"{key} belongs to {' and '.join(belongs)}"
            yield source.problem((*action.path, key), rule, "remove it", f"the key {key!r} beside {kind}")
    needed = NEEDS.get(kind)
    if needed and needed not in action.data:
        what = {"nodes": "on which nodes it is run", "who": "who does it"}[needed]
        yield source.problem(action.path, f"{kind} says {what}", f"add `{needed}`", f"{kind} without {needed}")
    yield from _twice(source, action, "nodes")
    url = action.data.get("webhook")
    if "secret" in action.data and isinstance(url, str) and url.startswith("http://") and not _HERE.match(url):
        rule = "a secret is sent over https only, where nobody on the way can read it"
        yield source.problem((*action.path, "webhook"), rule, "write https, or remove `secret`")
