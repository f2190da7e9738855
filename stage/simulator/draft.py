"""A scenario while things are being made to go wrong in it: its data, as a file would hold it, changed in place."""

from __future__ import annotations

import copy
from datetime import timedelta
from random import Random
from typing import Any

from stage.simulator.scenario import Scenario

Json = dict[str, Any]


class Draft:
    """Takes faults, rules and changes."""

    def __init__(self, scenario: Scenario) -> None:
        self.data: Json = copy.deepcopy(scenario.data())
        self._scenario = scenario
        self._machines = [
            (project, name) for project, described in scenario.projects.items() for name in described.all_machines()
        ]

    def fault(self, on: str, **fault: Any) -> None:
        """One more fault, after those there are."""
        self.data.setdefault("faults", []).append({"on": on, **fault})

    def project(self, rng: Random) -> Json:
        """Any project's data."""
        found: Json = self.data["projects"][rng.choice(list(self.data["projects"]))]
        return found

    def pick(self, rng: Random) -> tuple[Json, str]:
        """Any machine: its project's data and its name."""
        project, name = rng.choice(self._machines)
        return self.data["projects"][project], name

    def machine(self, rng: Random) -> Json:
        """Any machine's own data; one of a fleet is named singly for it."""
        project, name = self.pick(rng)
        machines = project.setdefault("machines", {})
        if name not in machines:
            machines[name] = copy.deepcopy(project["fleet"].get("machine", {}))
        found: Json = machines[name]
        return found

    def targeted(self, rng: Random) -> Json | None:
        """Any machine's data that has a target at the start; None if no machine has."""
        every, self._machines = self._machines, [one for one in self._machines if self._has_target(*one)]
        try:
            return self.machine(rng) if self._machines else None
        finally:
            self._machines = every

    def launch(self, rng: Random, **rule: Any) -> None:
        """What comes of any machine's launches, on top of what its first rule says of all of them."""
        machine = self.machine(rng)
        rules: list[Json] = machine.get("launch", [])
        general = rules[0] if rules and not {"mode", "number"} & rules[0].keys() else {}
        machine["launch"] = [general | rule, *rules]

    def jobs(self, rng: Random, **rule: Any) -> None:
        """How any project's jobs go, before the rules there are."""
        project = self.project(rng)
        project["jobs"] = [rule, *project.get("jobs", [])]

    def longest_past(self) -> timedelta:
        """How long ago the oldest launch is that any machine has behind it."""
        machines = [one for project in self._scenario.projects.values() for one in project.all_machines().values()]
        ages = [age for one in machines for age in (one.tested, one.cut_over) if age is not None]
        return max(ages, default=timedelta())

    def _has_target(self, project: str, name: str) -> bool:
        machine = self._scenario.projects[project].all_machines()[name]
        return machine.target and (machine.tested is not None or machine.cut_over is not None)
