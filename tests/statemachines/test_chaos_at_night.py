"""Chaos in whole nights: doors closed and opened by hooks that may fail, people who say yes, no or nothing.

pytest tests/statemachines/test_chaos_at_night.py --chaos-seed 17    # one night again
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from cutover.night_records import Holder, Wish
from cutover.plan import Mode
from cutover.records import Outcome
from tests.statemachines.chaos import TROUBLES, Story, a_story
from tests.statemachines.invariants import broken
from tests.statemachines.test_whole_night import FORWARD, People, the_night
from tests.unit.hooked import Server, hooked

SEEDS = range(30)
ON_MGN = range(1012, 1024)
"""Other nights, and fewer, for all but the adapter is the same there; more than half of them come to a launch."""
HARMLESS = [each for each in TROUBLES if each != "other plan"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each seed, or for the one that was asked for."""
    if "night_seed" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--chaos-seed")
        metafunc.parametrize("night_seed", [chosen] if chosen is not None else [*SEEDS, *ON_MGN])


def test_no_invariant_is_broken_behind_closed_doors(night_seed: int) -> None:
    service = "mgn" if night_seed in ON_MGN else "cloudendure"
    drawn = Random(night_seed)
    answers = {name: drawn.choices(["yes", "no", ""], [8, 1, 1])[0] for name in ("go", "users", "commit")}
    orders = [(lambda night: night.hold is not None, wish) for wish in drawn.sample([Wish.RESUME, Wish.ROLLBACK], 2)]
    troubles = {drawn.randint(1, 60): drawn.choice(HARMLESS) for _ in range(drawn.randint(0, 3))}
    people = People(answers, orders if drawn.random() < 0.7 else [], None)
    failing = drawn.sample([*FORWARD, *(f"/un{each[1:]}" for each in FORWARD)], drawn.choice([0, 0, 1, 2]))
    with hooked() as hooks:
        hooks.by_path |= dict.fromkeys(failing, 500)
        around = the_night(hooks.url)
        with a_story(night_seed, Mode.CUTOVER, troubles, around, people.while_waiting, service) as story:
            people.night = story.night
            story.carry_out()
            found = [*broken(story), *doors(story, hooks, people)]
            assert found == [], f"answers {answers}, failing {failing}\n" + "\n".join(story.happened)


def doors(story: Story, hooks: Server, people: People) -> Iterator[str]:
    """Who holds production is what was done last; nothing is undone that was not begun, nothing twice by itself."""
    run = next(each for each in story.all_runs() if each.plan == story.plan.name)
    night, posted = story.night.store.night(run.id), hooks.posted
    forward = [each for each in posted if not each.startswith("/un")]
    resumed = not any(wish is Wish.RESUME for _, wish in people.orders)
    if len(set(forward)) != len(forward) and not resumed:
        yield f"done twice, and nobody has asked for it: {posted}"
    for each in posted:
        if each.startswith("/un") and f"/{each[3:]}" not in forward:
            yield f"{each} undoes what was never begun: {posted}"
    if not posted and night.holder is not Holder.SOURCE:
        yield f"nothing was called and production is {night.holder}"
    if run.outcome is Outcome.ROLLED_BACK and (night.holder is not Holder.SOURCE or not night.reopened):
        yield f"rolled back, and production is {night.holder}"
    if run.outcome is Outcome.CUT_OVER and (night.holder is not Holder.TARGET or "/dns" not in posted):
        yield f"cut over, and production is {night.holder}"
    if night.holder is Holder.NOBODY:
        if run.outcome is not Outcome.FAILED:
            yield f"{run.outcome}, and nobody serves users"
        last = [each for each in story.news() if each["run"] == run.id and each["news"] in ("ended", "died")][-1]
        if "NOBODY" not in last["text"]:
            yield f"nobody serves users, and the last word does not say so: {last['text']}"
    if night.reopened:
        running = {each for each, state in story.instances().items() if state == "running"}
        machines = [machine for one, machine in story.records() if one.id == run.id]
        targets = {each.target.instance_id for each in machines if each.target and each.target.instance_id}
        if targets & running:
            yield f"source and target serve together: {sorted(targets & running)}"
        backwards = [f"/{each[3:]}" for each in posted if each.startswith("/un")]
        if missing := set(forward) - set(backwards):
            yield f"the source serves users again, and {sorted(missing)} was never undone: {posted}"
        if backwards != sorted(backwards, key=FORWARD.index, reverse=True):
            yield f"not undone in reverse: {posted}"
