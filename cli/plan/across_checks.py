"""Rules of checks of the application that single keys cannot show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cli.plan.across import Part
from cli.plan.checks import KINDS, LONGEST_LOOK, SYSTEMS, TOGETHER
from cli.plan.fields import seconds
from cli.plan.problems import Path, Problem
from cli.plan.source import Source


def problems(source: Source) -> Iterator[Problem]:
    """Of every check, wherever it stands: its kind, its keys, its time, its name, and the machines it is for."""
    plan = Part((), source.data)
    waves = [(wave, list(wave.parts("machines"))) for wave in plan.parts("waves")]
    everyone = [machine for _, machines in waves for machine in machines]
    yield from _checks(source, _verify(plan), everyone)
    told: set[Path] = set()
    for wave, machines in waves:
        yield from _checks(source, _verify(wave), machines)
        for machine in machines:
            yield from _checks(source, machine, [machine])
            for problem_path, line, name in _same_names(source, (_verify(plan), _verify(wave), machine), machine):
                if problem_path not in told:
                    told.add(problem_path)
                    rule = f"a machine's checks have different names, and one on line {line} is {name!r} too"
                    yield source.problem(problem_path, rule, "give one of them another `name`, or remove it")


def _verify(part: Part) -> Part:
    return Part((*part.path, "verify"), part.at("verify"))


def _checks(source: Source, holder: Part, machines: Sequence[Part]) -> Iterator[Problem]:
    known = {label for machine in machines for label in machine.labels()}
    for check in holder.blocks("checks"):
        yield from _kind(source, check)
        yield from _time(source, check)
        named = check.data.get("for")
        for position, label in enumerate(named if isinstance(named, list) else []):
            if isinstance(label, str) and label.casefold() not in known:
                listed = "; ".join(text for machine in machines[:5] for text in machine.labels().values())
                rule = "a check is for machines that are listed below where it stands"
                yield source.problem((*check.path, "for", position), rule, f"name one of: {listed}")


def _kind(source: Source, check: Part) -> Iterator[Problem]:
    kinds = [kind for kind in KINDS if kind in check.data]
    if len(kinds) != 1:
        seen = " and ".join(kinds) or "none of them"
        yield source.problem(check.path, "a check has one of tcp, http and ssm", "write one of them", seen)
        return
    for key, belongs in TOGETHER.items():
        if key in check.data and belongs != kinds[0]:
            rule = f"`{key}` belongs to `{belongs}`"
            yield source.problem((*check.path, key), rule, f"remove it, or write `{belongs}` in place of `{kinds[0]}`")


def _time(source: Source, check: Part) -> Iterator[Problem]:
    try:
        length = seconds(check.data["timeout"])
    except (KeyError, TypeError, ValueError):
        return
    if length > LONGEST_LOOK and "ssm" not in check.data:
        rule = f"a look takes at most {LONGEST_LOOK}s: it is repeated until `verify.deadline`"
        yield source.problem((*check.path, "timeout"), rule, "write a shorter one, or leave it out")


def _same_names(source: Source, holders: Sequence[Part], machine: Part) -> Iterator[tuple[Path, int, str]]:
    """Checks of one machine that evidence could not tell apart; those for different systems never meet."""
    seen: list[tuple[str, str, Path]] = []
    for check in (each for holder in holders for each in holder.blocks("checks")):
        kind, whom = next((each for each in KINDS if each in check.data), None), check.data.get("for")
        mine = {*machine.labels()} or {""}  # a selection has no label, and only checks for everyone
        listed = {str(each).casefold() for each in whom} if isinstance(whom, list) else mine
        if kind is None or not listed & mine:
            continue
        name = str(check.data.get("name") or f"{kind} {check.data[kind]}")
        system = whom if whom in SYSTEMS else ""
        for other, other_system, path in seen:
            if other == name and (not system or not other_system or system == other_system):
                yield check.path, source.line(path), name
                break
        seen.append((name, str(system), check.path))
