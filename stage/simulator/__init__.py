"""A CloudEndure console to rehearse against: its published API over HTTP, a world described by a scenario file.

    with serve(Simulator(Scenario.load("plans/scenarios/demo.yaml"), ec2=ec2_client("eu-central-1"))) as console:
        console.url, console.token

Nothing here is CloudEndure's code; the service is retired and the behaviour is taken from its published API, from
public clients of it and from job logs that their owners have shown.
"""

from stage.simulator.clock import Clock
from stage.simulator.memory import Memory
from stage.simulator.opening import Opening
from stage.simulator.scenario import Scenario
from stage.simulator.serve import ServedApplication, ServedSimulator, serve
from stage.simulator.simulator import Simulator
from stage.simulator.targets import ec2_client
from stage.simulator.terms import ScenarioError

__all__ = [
    "Clock",
    "Memory",
    "Opening",
    "Scenario",
    "ScenarioError",
    "ServedApplication",
    "ServedSimulator",
    "Simulator",
    "ec2_client",
    "serve",
]
