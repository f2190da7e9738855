"""The outside's answers: the users' address, the hooks, other hosts; and what the service sees of the sources."""

from __future__ import annotations

import socket
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from stage.aws.environment import emulator_environment
from stage.aws.shim.dialling import dial_through_proxy
from stage.simulator import Scenario, ScenarioError, ServedApplication

from .conftest import PROJECT, World


def replication(world: World, name: str) -> Any:
    (project,) = world.simulator.world.projects.values()
    machine = next(one for one in project.machines.values() if one.name == name)
    return machine.replication(world.simulator.world.now)


def test_the_users_address_answers_while_the_site_serves(made: Callable[..., World]) -> None:
    world = made()
    assert world.health() == 200
    assert world.post("/doors/close").status_code == 200
    assert world.health() == 503
    assert world.post("/doors/open").status_code == 200
    assert world.health() == 200
    world.post("/power/db01/off")
    assert world.health() == 503


def test_switched_to_targets_that_do_not_exist_nobody_serves(made: Callable[..., World]) -> None:
    world = made()
    world.post("/switch", to="target")
    assert world.health() == 503
    world.post("/switch", to="source")
    assert world.health() == 200


def test_the_targets_doors_can_be_closed_too(made: Callable[..., World]) -> None:
    world = made()
    world.launch()
    world.post("/switch", to="target")
    assert world.health() == 200
    world.post("/doors/close", site="target")
    assert world.health() == 503


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/switch", {"to": "nowhere"}, 422, "source or target"),
        ("/switch", {}, 422, "source or target"),
        ("/doors/close", {"site": "attic"}, 422, "source or target"),
        ("/power/db09/off", {}, 404, "db01, web01"),
        ("/window/close", {}, 404, "/doors"),
    ],
)
def test_a_hook_called_wrongly_says_how_and_changes_nothing(
    made: Callable[..., World], path: str, body: dict[str, str], status: int, said: str
) -> None:
    world = made()
    before = world.state()
    answer = world.post(path, **body)
    assert answer.status_code == status
    assert said in answer.text
    assert world.state() == before


def test_hooks_may_be_called_again_and_take_whatever_else_a_caller_sends(made: Callable[..., World]) -> None:
    world = made()
    for _ in range(2):
        assert world.post("/doors/close", cutover="demo-cutover-1 quiesce doors").status_code == 200
        assert world.post("/power/db01/off").status_code == 200
    assert world.state()["doors"] == {"source": False, "target": True}
    assert world.state()["power"] == {"db01": False, "web01": True}
    assert world.ask("GET", "control.shop.example/power/db01").status_code == 503
    assert world.ask("GET", "control.shop.example/power/web01").status_code == 200
    assert world.ask("GET", "control.shop.example/power").status_code == 503


def test_all_sources_are_switched_at_once(made: Callable[..., World]) -> None:
    world = made()
    assert world.ask("GET", "control.shop.example/power").status_code == 200
    assert world.post("/power/off").status_code == 200
    assert world.state()["power"] == {"db01": False, "web01": False}
    assert world.post("/power/on").status_code == 200
    assert world.ask("GET", "control.shop.example/power").status_code == 200


def test_a_source_that_is_off_sends_nothing_and_catches_up_when_it_is_on(made: Callable[..., World]) -> None:
    world = made()
    world.advance(600)
    world.post("/power/db01/off")
    at_once = replication(world, "db01")
    world.advance(3600)
    later = replication(world, "db01")
    assert (later.consistent_at, later.seen_at) == (at_once.consistent_at, at_once.seen_at)
    assert replication(world, "web01").seen_at > later.seen_at
    world.post("/power/db01/on")
    world.advance(30)
    assert replication(world, "db01").seen_at > later.seen_at
    assert replication(world, "db01").backlog > 0
    world.advance(180)
    assert replication(world, "db01").backlog == 0
    assert world.simulator.world.now - replication(world, "db01").consistent_at < timedelta(minutes=2)


def test_a_launch_of_a_source_that_is_off_waits_in_vain_and_says_from_when_its_data_is(
    made: Callable[..., World],
) -> None:
    world = made()
    world.advance(600)
    world.post("/doors/close")
    world.advance(120)
    for name in ("db01", "web01"):
        world.post(f"/power/{name}/off")
    consistent = replication(world, "db01").consistent_at
    world.launch()
    (project,) = world.simulator.world.projects.values()
    lines = [text for _, text in project.jobs[-1].log(world.simulator.world.now)]
    fell_back = [line for line in lines if "could not have been fetched" in line]
    assert len(fell_back) == 2
    assert f"up-to-date to {consistent:%Y-%m-%d %H:%M:%S}" in fell_back[0]
    assert {each.data_at for each in world.simulator.sources().launched() if each.machine == "db01"} == {consistent}


def test_a_closed_application_writes_nothing_and_the_backlog_drains(made: Callable[..., World]) -> None:
    lagging = {"replication": {"state": "lagging", "behind": "3m"}}
    project = PROJECT | {"machines": {"db01": lagging, "web01": {}}}
    world = made(scenario={"projects": {"Demo": project}})
    world.advance(60)
    world.post("/doors/close")
    world.advance(120)
    assert replication(world, "db01").backlog > 0
    world.advance(120)
    assert replication(world, "db01").backlog == 0
    world.post("/doors/open")
    assert replication(world, "db01").backlog > 0


def test_a_target_answers_at_its_address_as_the_scenario_says(made: Callable[..., World]) -> None:
    world = made(scenario={"hosts": {"web01": {"http": {"/health": 500}, "tcp": 443}}})
    world.launch()
    assert world.ask("GET", "10.20.1.10/anything").status_code == 200
    assert world.ask("GET", "10.20.1.11/health").status_code == 500
    assert world.ask("GET", "10.20.1.11/else").status_code == 404
    assert world.ask("CONNECT", "10.20.1.11:443").status_code == 200
    assert world.ask("CONNECT", "10.20.1.11:80").status_code == 503
    world.ec2.stopped.add(world.simulator.sources().launched()[0].instance)
    assert world.ask("GET", "10.20.1.10/anything").status_code == 503
    assert world.ask("GET", "web01/health").status_code == 502, "the entry is the target's, not a host's"


def test_the_application_of_a_target_may_take_its_time(made: Callable[..., World]) -> None:
    machines = {"db01": {"launch": {"serves_after": "30m"}}, "web01": {}}
    world = made(scenario={"projects": {"Demo": {**PROJECT, "machines": machines}}})
    world.launch()  # twenty minutes, to the job's end
    assert world.ask("GET", "10.20.1.10/").status_code == 503
    assert world.ask("GET", "10.20.1.11/").status_code == 200
    world.advance(1800)
    assert world.ask("GET", "10.20.1.10/").status_code == 200


def test_other_hosts_answer_as_the_scenario_says_and_nobody_plays_the_rest(made: Callable[..., World]) -> None:
    world = made(scenario={"hosts": {"ldap.example": {"tcp": [389], "http": {"/": 204}}}})
    assert world.ask("GET", "ldap.example/").status_code == 204
    assert world.ask("CONNECT", "ldap.example:389").status_code == 200
    assert world.ask("CONNECT", "ldap.example:636").status_code == 503
    assert world.ask("GET", "elsewhere.example/").status_code == 502
    assert world.ask("CONNECT", "elsewhere.example:443").status_code == 404


def test_a_fault_befalls_a_hook_before_or_after_its_work(made: Callable[..., World]) -> None:
    faults = [
        {"on": "POST /doors/close", "status": 500, "times": 1},
        {"on": "POST /switch", "status": 502, "accepted": True, "times": 1},
    ]
    world = made(faults=faults)
    assert world.post("/doors/close").status_code == 500
    assert world.health() == 200
    assert world.post("/doors/close").status_code == 200
    assert world.post("/switch", to="target").status_code == 502
    assert world.state()["users"] == "target"


def test_its_dates_are_those_of_the_simulated_world(made: Callable[..., World]) -> None:
    world = made()
    world.advance(86400, step=86400)
    date = world.ask("GET", "shop.example/").headers["Date"]
    assert parsedate_to_datetime(date).day == 6


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"application": {"machines": ["db09"]}}, "db09"),
        ({"application": {"project": "Other"}}, "Demo"),
        ({"application": {"host": "a.example", "control": "a.example"}}, "a host of their own"),
        ({"application": {"every": "0s"}}, "greater than"),
        ({"application": {"faults": [{"on": "* *", "body": "half"}]}}, "status, drop and delay"),
        ({"application": {"doors": "open"}}, "doors"),
        ({"people": [{"who": "a@example.com", "answers": {"go": "perhaps"}}]}, "perhaps"),
        ({"people": [{"who": "a@example.com"}]}, "answers"),
        ({"hosts": {"UPPER": {}}}, "UPPER"),
        ({"hosts": {"a.example": {"http": {"health": 200}}}}, "health"),
    ],
)
def test_a_scenario_is_refused_with_what_to_correct(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        Scenario.parse({"projects": {"Demo": PROJECT}, **change})


# From a function's process


@pytest.fixture
def worker(made: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """As in a function's process: the stage's environment, and the dialling that is put into each worker."""
    world = made(scenario={"hosts": {"ldap.example": {"tcp": 389}}})
    with ServedApplication(world.outside, 0, "outside") as served:
        environment = emulator_environment(1, "eu-central-1", 1.0, "scratch", {}, served.url)
        for name in ("HTTP_PROXY", "http_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, environment[name])
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first use
        monkeypatch.setattr(socket, "create_connection", socket.create_connection)
        dial_through_proxy()
        yield world


def test_functions_reach_the_hosts_of_the_scenario_by_name(worker: World) -> None:
    with urllib.request.urlopen("http://shop.example/health", timeout=5) as answer:
        assert answer.status == 200
    posted = urllib.request.Request("http://control.shop.example/doors/close", data=b"{}", method="POST")
    with urllib.request.urlopen(posted, timeout=5) as answer:
        assert answer.status == 200
    assert worker.health() == 503


def test_functions_dial_the_hosts_of_the_scenario(worker: World) -> None:
    socket.create_connection(("ldap.example", 389), 5).close()
    socket.create_connection(("shop.example", 443), timeout=5).close()
    with pytest.raises(ConnectionRefusedError, match=r"ldap\.example:636"):
        socket.create_connection(("ldap.example", 636), 5)
    worker.post("/doors/close")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("shop.example", 443), 5)


def test_the_stages_own_processes_are_spoken_to_directly(worker: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        socket.create_connection(address, 5).close()
        assert server.accept()[1][0] == "127.0.0.1"


def test_without_anything_to_play_functions_speak_to_everybody_directly() -> None:
    environment = emulator_environment(1, "eu-central-1", 1.0, "scratch", {})
    assert "HTTP_PROXY" not in environment
    assert environment["NO_PROXY"] == "*"
