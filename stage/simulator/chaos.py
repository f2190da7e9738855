"""Chaos by seed: a scenario in which a handful of things go wrong, the same ones for the same seed everywhere.

drawn = draw(17, Scenario.load("plans/scenarios/demo.yaml"))
drawn.troubles          # ("half answers", "target vanished")
drawn.scenario.text()   # a scenario file that replays it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from stage.simulator.draft import Draft
from stage.simulator.scenario import Scenario
from stage.simulator.troubles import TROUBLES


@dataclass(frozen=True)
class Drawn:
    """What a seed makes of a scenario, and the names of what goes wrong in it."""

    seed: int
    scenario: Scenario
    troubles: tuple[str, ...]

    def __str__(self) -> str:
        return f"chaos {self.seed}: {', '.join(self.troubles) or 'nothing goes wrong'}"


def draw(seed: int, scenario: Scenario | Mapping[str, Any]) -> Drawn:
    """Draw what goes wrong.

    Each trouble has a generator of its own, so that the seeds keep their other troubles when one is added or removed.
    """
    base = scenario if isinstance(scenario, Scenario) else Scenario.parse(scenario)
    draft = Draft(base)
    troubles = []
    for trouble in TROUBLES:
        rng = Random(f"{seed} {trouble.name}")  # seeded by text it is the same in every process; no secret
        if rng.random() < trouble.chance and trouble.draw(draft, rng) is not False:
            troubles.append(trouble.name)
    draft.data["seed"] = f"{base.seed}, chaos {seed}"
    return Drawn(seed, Scenario.parse(draft.data, where=f"chaos {seed}"), tuple(troubles))


def chaos(seed: int, scenario: Scenario | Mapping[str, Any]) -> Scenario:
    """The scenario drawn."""
    return draw(seed, scenario).scenario
