"""MGN's applications and waves: which there are is said by the machines that are in them."""

from __future__ import annotations

from stage.simulator.mgn import servers
from stage.simulator.mgn.model import Json
from stage.simulator.mgn.names import Names
from stage.simulator.mgn.words import instant
from stage.simulator.state import Machine, Project
from stage.simulator.world import World


def applications(world: World, project: Project, names: Names, asked: Json) -> list[Json]:
    """The applications that pass the filters."""
    wanted = asked.get("filters", {})
    found = []
    for name, members in _by_application(project).items():
        wave = next((one.described.mgn.wave for one in members if one.described.mgn.wave), None)
        id, wave_id = names.application(name), names.wave(wave) if wave else None
        if not _passes(wanted, "applicationIDs", id) or not _passes(wanted, "waveIDs", wave_id) or _archive(wanted):
            continue
        found.append(
            {
                "applicationID": id,
                "arn": names.arn("application", id),
                "name": name,
                "isArchived": False,
                "applicationAggregatedStatus": {**_status(world, members), "totalSourceServers": len(members)},
                "creationDateTime": instant(world.began),
                "lastModifiedDateTime": instant(world.began),
                "tags": {},
                "waveID": wave_id,
            }
        )
    return found


def waves(world: World, project: Project, names: Names, asked: Json) -> list[Json]:
    """The waves that pass the filters."""
    wanted = asked.get("filters", {})
    members: dict[str, list[Machine]] = {}
    for machine in project.machines.values():
        if machine.described.mgn.wave:
            members.setdefault(machine.described.mgn.wave, []).append(machine)
    found = []
    for name, those in members.items():
        id = names.wave(name)
        if not _passes(wanted, "waveIDs", id) or _archive(wanted):
            continue
        total = len({one.described.mgn.group for one in those})
        found.append(
            {
                "waveID": id,
                "arn": names.arn("wave", id),
                "name": name,
                "isArchived": False,
                "waveAggregatedStatus": {**_status(world, those), "totalApplications": total},
                "creationDateTime": instant(world.began),
                "lastModifiedDateTime": instant(world.began),
                "tags": {},
            }
        )
    return found


def _by_application(project: Project) -> dict[str, list[Machine]]:
    found: dict[str, list[Machine]] = {}
    for machine in project.machines.values():
        if machine.described.mgn.group:
            found.setdefault(machine.described.mgn.group, []).append(machine)
    return found


def _passes(wanted: Json, filter: str, id: str | None) -> bool:
    return not wanted.get(filter) or id in wanted[filter]


def _archive(wanted: Json) -> bool:
    """Whether only what is archived is asked for: no wave and no application is."""
    return bool(wanted.get("isArchived"))


def _status(world: World, members: list[Machine]) -> Json:
    states = [servers.state_of(one, world.now) for one in members]
    stalled = any(servers.stalled(one, world.now) for one in members)
    done = all(state == "CUTOVER" for state in states)
    begun = any(state not in ("NOT_READY", "READY_FOR_TEST", "STOPPED") for state in states)
    return {
        "lastUpdateDateTime": instant(world.now),
        "healthStatus": "ERROR" if stalled else "HEALTHY",
        "progressStatus": "COMPLETED" if done else "IN_PROGRESS" if begun else "NOT_STARTED",
    }
