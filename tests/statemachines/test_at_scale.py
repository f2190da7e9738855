"""Hundreds of machines: small payloads, few transitions, and no more requests than one per target."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Any

from cutover.plan import PollBounds
from tests.statemachines.night import Night, a_night, a_plan, a_wave, a_world

LIMIT = 256 * 1024
"""Bytes of one state's input or output, and of one event, in Step Functions."""


@dataclass(frozen=True)
class Facts:
    """What a night left behind."""

    statuses: dict[str, str]
    launches: int
    asked: Counter[str]
    evidence: dict[str, Any]
    news: list[dict[str, Any]]
    states: Counter[str]
    payloads: list[int]

    @property
    def apart_from_replicas(self) -> int:
        return sum(self.asked.values()) - self.asked["GET replicas/{id}"]


@cache
def a_wave_of(count: int, seconds: int) -> Facts:
    """A fleet of so many machines, tested in one wave that is looked at every so many seconds."""
    network = {"subnets": {"demo": "10.20.0.0/20"}}
    fleet = {"count": count, "name": "srv{n:04}", "machine": {"tested": "9d", "target": False}}
    with a_night(a_world({}, project={**network, "fleet": fleet})) as night:
        names = [f"srv{n:04}" for n in range(1, count + 1)]
        night.run(a_plan(a_wave("all", *names, poll=PollBounds(seconds, 900))))
        return Facts(
            night.statuses(),
            night.launches(),
            night.asked(),
            night.evidence(),
            night.news(),
            Counter(night.wave_states()),
            payloads(night),
        )


def payloads(night: Night) -> list[int]:
    """Bytes of everything that went into a state or came out of one, in both executions."""
    wave = str(night.store.wave(night.run_id, 1).execution)
    events = [*night.workflows.history(night.execution), *night.workflows.history(wave)]
    return [
        len(text.encode())
        for event in events
        for details in event.values()
        if isinstance(details, dict)
        for key in ("input", "output", "parameters")
        if isinstance(text := details.get(key), str)
    ]


def test_a_wave_of_three_hundred_is_verified_with_one_launch_and_small_payloads() -> None:
    large, small = a_wave_of(300, 180), a_wave_of(3, 180)

    assert Counter(large.statuses.values()) == {"verified": 300}
    assert large.launches == 1
    assert len(large.payloads) > 40
    assert max(large.payloads) < LIMIT / 20, "counts and offsets, no machines"
    for news in large.news:
        assert len(json.dumps(news).encode()) < LIMIT / 2

    assert large.asked["GET replicas/{id}"] == 300, "one for each target"
    assert large.apart_from_replicas <= small.apart_from_replicas + 25, "and nothing else for each machine"
    assert large.evidence["transitions"] <= small.evidence["transitions"] + 15
    counted = large.evidence["requests"]
    assert counted["GET replica"] == 300
    assert sum(count for name, count in counted.items() if not name.startswith(("ec2 ", "servicequotas "))) == sum(
        large.asked.values()
    )


def test_the_ticks_of_an_ordinary_wave_are_few() -> None:
    small = a_wave_of(3, 30)

    assert small.states["CheckReadiness"] == 1
    assert small.states["FollowJob"] <= 12
    assert small.asked["GET jobs/{id}"] == small.states["FollowJob"]
    assert small.asked["GET replicas/{id}"] == 3
    assert small.asked["GET projects"] == 1
    assert small.asked["POST login"] == 1


def test_three_machines_among_sixteen_hundred_are_found_over_several_pages() -> None:
    network = {"subnets": {"demo": "10.20.0.0/20"}}
    fleet = {"count": 1600, "name": "srv{n:04}", "machine": {"tested": "9d", "target": False}}
    with a_night(a_world({"zz99": {}}, project={**network, "fleet": fleet})) as night:
        night.run(a_plan(a_wave("db", "srv0001", "SRV1600", "zz99")))

        assert night.statuses() == {"srv0001": "verified", "srv1600": "verified", "zz99": "verified"}
        assert night.asked()["GET replicas/{id}"] == 3
