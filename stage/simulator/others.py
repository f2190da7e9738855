"""What other people do in the console while a client is at work: launches and changes that nobody told it of."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from stage.simulator import blueprints
from stage.simulator.scenario import ConsoleLaunch
from stage.simulator.state import Machine, Project
from stage.simulator.world import NotReplicated, World

logger = logging.getLogger(__name__)

_ENGINEER = "engineer@example.com"


def agree(project: Project) -> None:
    """Make sure that what they will change can be changed: InvalidBlueprint if not."""
    net = project.network
    for machine in project.machines.values():
        blueprint = machine.blueprint
        for change in machine.described.blueprint_changes:
            fields = blueprints.with_ids(change.fields, net.subnets, net.groups)
            blueprint = blueprints.changed(blueprint, fields, subnets=net.subnets.values(), groups=net.groups.values())


def come_in(world: World) -> None:
    """At the first login, everything begins to happen: phases of replication, and what other people do."""
    if world.opened is not None:
        return
    world.opened = world.now
    for project in world.projects.values():
        for launch in project.described.console:
            world.later(world.now + launch.at, partial(_launch, world, project, launch))
        for machine in project.machines.values():
            machine.since = world.now
            for change in machine.described.blueprint_changes:
                world.later(world.now + change.at, partial(_change, world, project, machine, change.fields))


def _launch(world: World, project: Project, wanted: ConsoleLaunch) -> None:
    """As the console would: refused while another job is running, or without data."""
    machines = [id for id, machine in project.machines.items() if machine.name in wanted.launch]
    if project.busy(world.now) or not machines:
        logger.info("%s could not launch %s", wanted.by, ", ".join(wanted.launch))
        return
    try:
        world.launch(project, wanted.mode, machines, wanted.by)
    except NotReplicated as refused:
        logger.info("%s: %s", wanted.by, refused)


def _change(world: World, project: Project, machine: Machine, fields: dict[str, Any]) -> None:
    net = project.network
    try:
        world.change_blueprint(project, machine, blueprints.with_ids(fields, net.subnets, net.groups), _ENGINEER)
    except blueprints.InvalidBlueprint as refused:  # a client has changed it meanwhile
        logger.info("%s: %s", _ENGINEER, refused)
