"""What a simulator remembers when its process is killed: the world whenever it changed, its time and counters always.

Two files: `world`, pickled, because it is a graph of objects with an agenda of acts; and `time.json`, small enough to
be written at every look. What the scenario and the stage give anew at each start, the account's secrets among it, is
named in the pickle and not contained in it. Open sessions are forgotten, as by a console that was restarted.
"""

from __future__ import annotations

import io
import json
import pickle
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stage.simulator.clock import Clock, rfc3339
from stage.simulator.cloud import Cloud
from stage.simulator.scenario import Scenario
from stage.whole import write_whole

if TYPE_CHECKING:
    from stage.simulator.world import World


class Memory:
    """The files below `directory`, made when there is something to remember."""

    def __init__(self, directory: Path) -> None:
        self._world, self._time = directory / "world", directory / "time.json"
        directory.mkdir(parents=True, exist_ok=True)

    def counters(self) -> dict[str, Any] | None:
        """`now`, a datetime, and what was counted; None when nothing is remembered."""
        if not (self._world.exists() and self._time.exists()):
            return None
        kept: dict[str, Any] = json.loads(self._time.read_bytes())
        return kept | {"now": datetime.fromisoformat(kept["now"])}

    def world(self, described: Scenario, clock: Clock, cloud: Cloud) -> World:
        """The world as it was, with the given things in it."""
        reader = pickle.Unpickler(io.BytesIO(self._world.read_bytes()))
        given = {"scenario": described, "clock": clock, "cloud": cloud}
        reader.persistent_load = given.__getitem__  # type: ignore[method-assign]  # its documented use
        world: World = reader.load()
        return world

    def keep(self, world: World, changed: bool, **counters: Any) -> None:
        """Have it on disk, the world first: a time without its world would skip what was due in between."""
        if changed:
            content = io.BytesIO()
            writer = pickle.Pickler(content, pickle.HIGHEST_PROTOCOL)
            names = {id(world.described): "scenario", id(world.clock): "clock", id(world.cloud): "cloud"}
            writer.persistent_id = lambda one: names.get(id(one))  # type: ignore[method-assign]  # likewise
            writer.dump(world)
            write_whole(self._world, content.getvalue())
        write_whole(self._time, json.dumps({"now": rfc3339(world.now), **counters}).encode())
