"""Everything that can go wrong, each with how often: how it is drawn, and what it adds to a scenario.

Most of it a run can live through: it strikes a few times, or for a while, or seldom. Some of it ends a run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from stage.simulator.draft import Draft
from stage.simulator.terms import duration_text

ANYTHING, READS, LOGIN = "* *", "GET *", "POST /login"
MACHINES, JOB, JOBS = "GET /projects/*/machines", "GET /projects/*/jobs/*", "GET /projects/*/jobs"
REPLICA, BLUEPRINTS = "GET /projects/*/replicas/*", "GET /projects/*/blueprints"
LAUNCH = "POST /projects/*/launchMachines"

_FIELDS = (
    (MACHINES, "items.*.replicationInfo.backloggedStorageBytes"),
    (MACHINES, "items.*.replicationInfo.lastConsistencyDateTime"),
    (MACHINES, "items.*.replicationInfo.lastSeenDateTime"),
    (MACHINES, "items.*.replicationInfo"),
    (MACHINES, "items.*.lifeCycle"),
    (MACHINES, "items.*.isAgentInstalled"),
    (MACHINES, "items.0.replica"),
    (MACHINES, "items.0.sourceProperties.name"),
    (JOB, "log"),
    (JOB, "log.*.logDateTime"),
    (JOB, "participatingMachines"),
    (JOB, "targetMachines"),
    (JOB, "status"),
    (JOBS, "items.*.creationDateTime"),
    (REPLICA, "machineCloudId"),
    (REPLICA, "jobId"),
    (BLUEPRINTS, "items.*.subnetIDs"),
    (LAUNCH, "id"),
)
_WORDS = (
    (MACHINES, "items.*.replicationStatus"),
    (JOB, "status"),
    (JOB, "type"),
    (JOBS, "items.*.status"),
    (JOBS, "items.*.type"),
    (REPLICA, "machineCloudState"),
    (BLUEPRINTS, "items.*.privateIPAction"),
)

Draw = Callable[[Draft, Random], object]


@dataclass(frozen=True)
class Trouble:
    """One thing that can go wrong. `chance`: in how many of all seeds; `draw`: False if the scenario has no place."""

    name: str
    chance: float
    draw: Draw


def _time(rng: Random, least: int, most: int, unit: str = "m") -> str:
    return f"{rng.randint(least, most)}{unit}"


def _for_a_while(rng: Random) -> dict[str, str]:
    """A few minutes, some time in the first half hour after the first login."""
    begins = rng.randint(0, 30)
    return {"after": f"{begins}m", "until": f"{begins + rng.randint(1, 4)}m"}


def _seldom(rng: Random) -> dict[str, Any]:
    """One request in many, a handful of times."""
    return {"fraction": round(rng.uniform(0.02, 0.1), 3), "times": rng.randint(1, 5)}


def _once(rng: Random) -> dict[str, Any]:
    return {"nth": [rng.randint(1, 6)]}


def _skew(rng: Random) -> str:
    return rng.choice("-+") + _time(rng, 1, 180)


def _missing(draft: Draft, rng: Random) -> None:
    on, path = rng.choice(_FIELDS)
    draft.fault(on, times=rng.randint(1, 3), answer={"omit": [path]})


def _null(draft: Draft, rng: Random) -> None:
    on, path = rng.choice(_FIELDS)
    draft.fault(on, times=rng.randint(1, 3), answer={"set": {path: None}})


def _unknown_word(draft: Draft, rng: Random) -> None:
    on, path = rng.choice(_WORDS)
    draft.fault(on, times=rng.randint(1, 3), answer={"set": {path: rng.choice(("SUSPENDED", "QUEUED", ""))}})


def _replication(state: str, least: int, most: int) -> Draw:
    """A machine in this state for a while; how far behind it is fits."""

    def draw(draft: Draft, rng: Random) -> None:
        behind = _time(rng, least, most)
        draft.machine(rng)["replication"] = [{"state": state, "behind": behind, "for": _time(rng, 3, 45)}]

    return draw


def _ending(state: str) -> Draw:
    return lambda draft, rng: draft.launch(rng, then={"state": state, "after": _time(rng, 5, 300, "s")})


def _protected(draft: Draft, rng: Random) -> bool:
    machine = draft.targeted(rng)
    if machine is not None:
        machine["protected"] = True
    return machine is not None


def _kept(draft: Draft, rng: Random) -> bool:
    machine = draft.targeted(rng)
    if machine is not None:
        machine["target_tags"] = machine.get("target_tags", {}) | {"keep": "yes"}
    return machine is not None


def _already_live(draft: Draft, rng: Random) -> None:
    machine = draft.machine(rng)
    machine["cut_over"] = _time(rng, 1, 5, "d")
    machine.pop("licensed_since", None)


def _ignored(draft: Draft, rng: Random) -> None:
    fields = ("privateIPAction", "privateIPs", "tags", "instanceType", "subnetIDs", "iamRole")
    draft.machine(rng)["blueprint_ignores"] = sorted(rng.sample(fields, 2))


def _changed(draft: Draft, rng: Random) -> None:
    changes = ({"iamRole": "changed"}, {"instanceType": "m5.xlarge"}, {"runAfterLaunch": False})
    machine = draft.machine(rng)
    change = {"at": _time(rng, 0, 20), "set": rng.choice(changes)}
    machine["blueprint_changes"] = [*machine.get("blueprint_changes", []), change]


def _somebody(draft: Draft, rng: Random) -> None:
    project, name = draft.pick(rng)
    launch = {"at": _time(rng, 0, 180, "s"), "launch": [name], "mode": rng.choice(("test", "test", "cutover"))}
    project["console"] = [*project.get("console", []), launch]
    project["busy_status"] = rng.choice((400, 404, 409))


def _listed_late(draft: Draft, rng: Random) -> None:
    draft.fault(LAUNCH, nth=[1], drop=True, accepted=True)
    draft.jobs(rng, listed=_time(rng, 20, 80, "s"))


def _no_targets(draft: Draft, rng: Random) -> bool:
    machines = draft.project(rng).get("machines", {})
    for machine in machines.values():
        machine["launch"] = [{"target": "missing"}, *machine.get("launch", [])]
    return bool(machines)


def _licence_ends(draft: Draft, rng: Random) -> None:
    draft.data.setdefault("account", {})["license"] = {"expires": _time(rng, 5, 60)}


def _machine_licence_ends(draft: Draft, rng: Random) -> None:
    since = max(timedelta(days=rng.randint(86, 92)), draft.longest_past())
    draft.machine(rng)["licensed_since"] = duration_text(since)


def _fault(on: str, how: Callable[[Random], dict[str, Any]], **effect: Any) -> Draw:
    return lambda draft, rng: draft.fault(on, **how(rng), **effect)


TROUBLES = (
    # between client and server
    Trouble("too many requests", 0.25, _fault(READS, _seldom, status=429, message="Too many requests")),
    Trouble("internal errors", 0.2, _fault(READS, _seldom, status=500)),
    Trouble("unavailable now and then", 0.2, _fault(READS, _seldom, status=503)),
    Trouble("away for a while", 0.15, _fault(ANYTHING, _for_a_while, status=503, message="Service unavailable")),
    Trouble("connections dropped", 0.25, _fault(READS, _seldom, drop=True)),
    Trouble("slow answer", 0.05, _fault(READS, _once, delay="1s")),
    Trouble("half answers", 0.2, _fault(READS, _seldom, body="half")),
    Trouble("torn answers", 0.15, _fault(READS, _seldom, body="torn")),
    Trouble("empty answers", 0.15, _fault(READS, _seldom, body="empty")),
    Trouble("sessions end", 0.2, _fault(READS, lambda rng: {"every": rng.randint(15, 60)}, expire_sessions=True)),
    Trouble("login away", 0.05, _fault(LOGIN, _once, status=503)),
    # the launch itself
    Trouble("launch answer lost", 0.08, _fault(LAUNCH, lambda _: {"nth": [1]}, drop=True, accepted=True)),
    Trouble("launch never arrived", 0.06, _fault(LAUNCH, lambda _: {"nth": [1]}, drop=True)),
    Trouble("launch accepted and 503", 0.06, _fault(LAUNCH, lambda _: {"nth": [1]}, status=503, accepted=True)),
    Trouble("launch refused with 500", 0.05, _fault(LAUNCH, lambda _: {"nth": [1]}, status=500)),
    Trouble("launch answer cut", 0.06, _fault(LAUNCH, lambda _: {"nth": [1]}, body="half", accepted=True)),
    Trouble("launch answer lost and its job listed late", 0.06, _listed_late),
    Trouble("launch answer empty and not accepted", 0.04, _fault(LAUNCH, lambda _: {"nth": [1]}, body="empty")),
    # what answers say
    Trouble("wrong date header", 0.08, lambda d, r: d.fault(ANYTHING, **_for_a_while(r), clock={"skew": _skew(r)})),
    Trouble("wrong dates", 0.06, lambda d, r: d.fault(READS, **_seldom(r), clock={"skew": _skew(r), "in": "bodies"})),
    Trouble("fields missing", 0.2, _missing),
    Trouble("fields null", 0.2, _null),
    Trouble("unknown words", 0.15, _unknown_word),
    # machines before their launch
    Trouble("lagging", 0.15, _replication("lagging", 10, 180)),
    Trouble("rescan", 0.1, _replication("rescan", 1, 30)),
    Trouble("disconnected", 0.05, _replication("disconnected", 15, 60)),
    Trouble("stalled", 0.05, _replication("stalled", 10, 60)),
    Trouble("paused", 0.04, _replication("paused", 5, 60)),
    # what comes of launches
    Trouble("late target", 0.12, lambda draft, rng: draft.launch(rng, late=_time(rng, 1, 20))),
    Trouble("slow boot", 0.1, lambda draft, rng: draft.launch(rng, boot=_time(rng, 3, 25))),
    Trouble("stale data", 0.06, lambda draft, rng: draft.launch(rng, stale=_time(rng, 10, 600))),
    Trouble("target stopped", 0.05, _ending("stopped")),
    Trouble("target terminated", 0.05, _ending("terminated")),
    Trouble("target vanished", 0.06, _ending("vanished")),
    Trouble("target impaired", 0.05, lambda draft, rng: draft.launch(rng, checks="impaired")),
    Trouble("never checked", 0.03, lambda draft, rng: draft.launch(rng, checks="initializing")),
    Trouble("target missing", 0.05, lambda draft, rng: draft.launch(rng, target="missing")),
    Trouble("conversion failed", 0.06, lambda draft, rng: draft.launch(rng, target="conversion_failed")),
    Trouble("old target kept", 0.05, lambda draft, rng: draft.launch(rng, keeps_previous=True)),
    # jobs
    Trouble("log duplicated", 0.1, lambda draft, rng: draft.jobs(rng, log="duplicated")),
    Trouble("log out of order", 0.1, lambda draft, rng: draft.jobs(rng, log="out_of_order")),
    Trouble("job failed", 0.05, lambda draft, rng: draft.jobs(rng, number=rng.randint(1, 2), status="FAILED")),
    Trouble("job completed whatever happened", 0.1, lambda draft, rng: draft.jobs(rng, status="COMPLETED")),
    Trouble("slow conversion", 0.08, lambda draft, rng: draft.jobs(rng, conversion=_time(rng, 5, 120))),
    Trouble("job hangs", 0.04, lambda draft, rng: draft.jobs(rng, number=rng.randint(1, 2), hangs=True)),
    Trouble("job without targets", 0.03, _no_targets),
    # people
    Trouble("somebody launches", 0.1, _somebody),
    Trouble("target protected", 0.06, _protected),
    Trouble("target tagged to be kept", 0.05, _kept),
    Trouble("already live", 0.04, _already_live),
    Trouble("blueprint ignores", 0.08, _ignored),
    Trouble("blueprint changed", 0.08, _changed),
    Trouble("licence ends", 0.03, _licence_ends),
    Trouble("machine licence ends", 0.04, _machine_licence_ends),
)
