"""A simulator that was killed comes back as it was at its last answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stage.simulator import Clock, Memory, Scenario, Simulator
from stage.simulator.cloud import Ec2Away, Invented, Made, Wanted

from .conftest import PROJECT, START, Console

TOKEN = "-".join(["AB12"] * 16)


@pytest.fixture
def started(tmp_path: Path) -> Callable[..., Console]:
    """A console whose simulator remembers in the test's folder; each call is a start after a kill."""

    def start(**scenario: Any) -> Console:
        described = Scenario.parse({"account": {"token": TOKEN}, "projects": {"Demo": PROJECT}, **scenario})
        memory = Memory(tmp_path)
        kept = memory.counters()
        clock = Clock(kept["now"] if kept else START, 0)
        return Console(Simulator(described, clock=clock, memory=memory), [])

    return start


def test_an_accepted_launch_is_known_after_a_kill_and_comes_true(started: Callable[..., Console]) -> None:
    console = started()
    job = console.launch("db01", "web01")
    again = started()
    assert again.simulator.launches() == {"db01": 1, "web01": 1}
    assert again.job(job)["status"] == "PENDING"
    again.advance(1800)
    assert again.job(job)["status"] == "COMPLETED"
    assert again.replica("db01")["machineCloudId"]
    assert started().job(job)["status"] == "COMPLETED"


def test_time_goes_on_from_where_it_was(started: Callable[..., Console]) -> None:
    console = started()
    console.advance(7 * 86400)
    assert started().simulator.world.now == console.simulator.world.now


def test_a_job_half_way_goes_on_with_the_same_targets(started: Callable[..., Console]) -> None:
    console = started()
    job = console.launch("db01")
    for _ in range(60):
        console.advance(5)
        lines = console.messages(job)
        console = started()
        assert console.messages(job) == lines
    replica = console.replica("db01")
    assert started().replica("db01") == replica
    assert console.job(job)["status"] == "COMPLETED"


def test_a_fault_that_has_struck_does_not_strike_again(started: Callable[..., Console]) -> None:
    fault = {"faults": [{"on": "POST */launchMachines", "times": 1, "status": 503, "accepted": True}]}
    console = started(**fault)
    assert console.post_launch("db01").status_code == 503
    again = started(**fault)
    assert again.simulator.launches() == {"db01": 1}
    again.advance(1800)
    assert again.post_launch("db01").status_code == 202


def test_the_accounts_secrets_are_in_no_file(started: Callable[..., Console], tmp_path: Path) -> None:
    console = started()
    console.launch("db01")
    files = [each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()]
    assert len(files) == 2
    for secret in (TOKEN, console.simulator.password):
        assert not [each for each in files if secret.encode() in each]


def test_an_act_that_ec2_did_not_answer_is_done_again_with_the_same_token(
    started: Callable[..., Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Wanted] = []
    create = Invented.create

    def away_at_first(self: Invented, wanted: Wanted) -> Made:
        asked.append(wanted)
        if len(asked) == 1:
            raise Ec2Away("Connection was closed before we received a valid response")
        return create(self, wanted)

    monkeypatch.setattr(Invented, "create", away_at_first)
    console = started()
    job = console.launch("db01")
    console.advance(1800)
    console = started()
    console.advance(1800)
    assert console.job(job)["status"] == "COMPLETED"
    assert not [line for line in console.messages(job) if line.startswith("Failed")]
    converter, converter_again, target = asked
    assert converter.token == converter_again.token != target.token


def test_two_worlds_of_one_seed_do_not_share_tokens() -> None:
    """A simulator that is started anew beside an EC2 that stayed must not be given yesterday's instances."""
    tokens = set()
    for start in (START, START.replace(year=2027)):
        asked: list[Wanted] = []

        class Cloud(Invented):
            def create(self, wanted: Wanted, asked: list[Wanted] = asked) -> Made:
                asked.append(wanted)
                return super().create(wanted)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("stage.simulator.simulator.Invented", Cloud)
            simulator = Simulator(Scenario.parse({"projects": {"Demo": PROJECT}}), clock=Clock(start, 0))
        console = Console(simulator, [])
        console.launch("db01")
        console.advance(1800)
        tokens |= {one.token for one in asked}
    assert len(tokens) == 4
