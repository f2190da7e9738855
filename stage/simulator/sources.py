"""What happens at the source: its application stops writing, its machines are switched off and on again.

A machine that is off sends nothing: what the service knows of it stays as it was. One whose application is quiet sends
what was written until then, and from the next consistency point on nothing is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from stage.simulator.around import Application
from stage.simulator.spec import Phase, State
from stage.simulator.state import Machine
from stage.simulator.world import World

_CATCHES_UP = timedelta(minutes=2)


@dataclass(frozen=True)
class Launched:
    """A machine's target. `data_at`: up to when it holds what was written at the source; `serves_from`: when its
    application answers."""

    machine: str
    instance: str
    created: datetime
    data_at: datetime
    serves_from: datetime


class Sources:
    """The machines of the application, in the simulated world. `held` keeps everybody else out of it meanwhile.

    `changed` has the change on disk before anybody hears of it.
    """

    def __init__(
        self,
        world: World,
        application: Application,
        held: AbstractContextManager[object],
        changed: Callable[[], None],
    ) -> None:
        self._world, self._held, self._changed = world, held, changed
        wanted = application.project or next(iter(world.described.projects))
        self._project = next(one for one in world.projects.values() if one.name == wanted)
        self._only = application.machines

    def now(self) -> datetime:
        """The simulator's present."""
        return self._world.clock.now()

    def names(self) -> list[str]:
        """The application's machines."""
        return [one.name for one in self._machines()]

    def off(self) -> list[str]:
        """Those that are switched off."""
        with self._held:
            return [one.name for one in self._machines() if one.off_since is not None]

    def quiet(self) -> bool:
        """Whether the application takes nothing in."""
        with self._held:
            return any(one.quiet_since is not None for one in self._machines())

    def power(self, name: str, *, on: bool) -> datetime:
        """Switch a machine on or off; when. One that is so already stays as it is. KeyError for an unknown one."""
        with self._held:
            machine = {one.name: one for one in self._machines()}[name]
            now = self.now()
            if on and machine.off_since is not None:
                _switch_on(machine, now)
            elif not on and machine.off_since is None:
                machine.off_since = now
            self._changed()
            return now

    def write(self, *, on: bool) -> datetime:
        """Have the application write, or stop it; when."""
        with self._held:
            now = self.now()
            for machine in self._machines():
                machine.quiet_since = None if on else machine.quiet_since or now
            self._changed()
            return now

    def launched(self) -> list[Launched]:
        """The application's targets that there are."""
        with self._held:
            targets = [(one.name, one.target) for one in self._machines()]
            return [
                Launched(name, each.instance, each.created, each.data_at, each.serves_from)
                for name, each in targets
                if each
            ]

    def _machines(self) -> Iterable[Machine]:
        return [one for one in self._project.machines.values() if self._only is None or one.name in self._only]


def _switch_on(machine: Machine, now: datetime) -> None:
    """It reports again, and closes the gap that there was."""
    behind = machine.replication(now).consistent_at
    machine.off_since = None
    if behind is not None:
        catching_up = {"state": State.LAGGING, "behind": max(now - behind, timedelta()), "for": _CATCHES_UP}
        machine.phases, machine.since = [Phase.model_validate(catching_up)], now
