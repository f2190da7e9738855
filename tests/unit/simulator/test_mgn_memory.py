"""What MGN knows is there again after a kill, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stage.simulator import Clock, Memory, Scenario, Simulator, serve
from stage.simulator.mgn.events import Event
from tests.unit.simulator.conftest import PROJECT, START
from tests.unit.simulator.mgn_console import DONE, MgnConsole


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., MgnConsole]]:
    """Each call is a start after the end of the one before."""
    with ExitStack() as stack:

        def start(told: Any = None) -> MgnConsole:
            stack.close()
            memory = Memory(tmp_path)
            kept = memory.counters()
            described = Scenario.parse({"projects": {"Demo": PROJECT}})
            clock = Clock(kept["now"] if kept else START, 0)
            simulator = Simulator(described, clock=clock, memory=memory, events=told)
            served = stack.enter_context(serve(simulator))
            return MgnConsole(simulator, served.url)

        yield start


def test_jobs_states_tags_and_configurations_are_known_after_a_kill(started: Callable[..., MgnConsole]) -> None:
    console = started()
    job = console.start("db01", tags={"run": "r"})
    arn, id = console.server("web01")["arn"], console.ids("web01")[0]
    console.mgn.tag_resource(resourceArn=arn, tags={"owner": "lead"})
    console.mgn.update_launch_configuration(sourceServerID=id, copyTags=False, launchDisposition="STOPPED")
    again = started()
    assert (again.job(job)["status"], again.job(job)["tags"]) == ("PENDING", {"run": "r"})
    assert again.server("db01")["lifeCycle"]["state"] == "TESTING"
    assert again.server("web01")["tags"] == {"owner": "lead"}
    kept = again.mgn.get_launch_configuration(sourceServerID=id)
    assert (kept["copyTags"], kept["launchDisposition"]) == (False, "STOPPED")
    again.advance(DONE)
    assert started().statuses(job) == {"db01": "LAUNCHED"}


def test_what_was_told_is_not_told_again(started: Callable[..., MgnConsole]) -> None:
    heard: list[Event] = []

    def told(events: Sequence[Event]) -> None:
        heard.extend(events)

    console = started(told)
    console.start("db01")
    console.advance(DONE)
    assert len(heard) == 1
    started(told).advance(DONE)
    assert len(heard) == 1
