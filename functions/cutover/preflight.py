"""Preflight: everything that can be known to go wrong, all at once, before anything is touched.

Errors refuse; warnings are told. What could not be looked at is a warning of its own and never passes as fine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from cutover import preflight_capacity as capacity
from cutover import preflight_mgn as mgn
from cutover import preflight_network as network
from cutover import preflight_service as service
from cutover import preflight_steps as steps
from cutover.finding import Finding, Severity
from cutover.placement import Placement, placements
from cutover.plan import Mode, Plan
from cutover.readiness import resolve
from cutover.surveyed import Situation, Survey


def planned_night(seen: Situation) -> Iterator[Finding]:
    """A cutover says what is done around its launches, or that nothing is, and why."""
    if seen.mode is Mode.CUTOVER and seen.plan.night is None:
        yield Finding(
            "cutover",
            "the plan does not say what is done around a cutover: who is asked, what is stopped, how users are moved",
            "a cutover names all of it, or says none and a reason",
            "add the block `cutover` to the plan; without it the plan can only be tested",
        )


RUN: tuple[Callable[[Situation], Iterator[Finding]], ...] = (
    planned_night,
    service.session,
    service.licence,
    service.open_jobs,
    mgn.active_servers,
    mgn.job_quotas,
    mgn.several_jobs,
    network.subnets,
    network.staging,
    capacity.instance_types,
    capacity.vcpus,
    capacity.volumes,
    service.key,
    service.instance_profiles,
    steps.nodes,
    service.permissions,
)
"""The checks of the whole run: what many machines share is told once, with their names."""

MACHINE: tuple[Callable[[Situation, Placement], Iterator[Finding]], ...] = (
    service.machine_licence,
    service.agent,
    service.disks,
    service.launch_configuration,
    service.lock,
    network.private_ip,
)
"""The checks of one machine."""


@dataclass(frozen=True)
class Preflight:
    """All findings: of the run as a whole, and by what the plan calls a machine; every machine of the plan is there."""

    run: tuple[Finding, ...]
    machines: dict[str, tuple[Finding, ...]]

    @property
    def refused(self) -> bool:
        """Whether there is any error."""
        return any(finding.severity is Severity.ERROR for finding in self.all())

    def all(self) -> list[Finding]:
        """Every finding, those of the run first."""
        return [*self.run, *(finding for some in self.machines.values() for finding in some)]


def situation(plan: Plan, mode: Mode, now: datetime, survey: Survey, run: str | None = None) -> Situation:
    """What the checks judge. Without a listing of the project nothing is known of any machine."""
    everyone = [entry for wave in plan.waves for entry in wave.machines]
    found = tuple(resolve(everyone, survey.machines)) if survey.machines is not None else ()
    placed = placements(plan, mode, found, survey.configured, survey.targets) if found else ()
    return Situation(plan, mode, now, survey, found, tuple(placed), run)


def findings(plan: Plan, mode: Mode, now: datetime, survey: Survey, run: str | None = None) -> Preflight:
    """Every finding about a run of this plan. `now`: the service's time; `run`: this run's id, whose locks are ours."""
    seen = situation(plan, mode, now, survey, run)
    labels = [entry.label for wave in plan.waves for entry in wave.machines]
    machines: dict[str, tuple[Finding, ...]] = dict.fromkeys(labels, ())
    machines |= {
        label: (found,) for label, found in zip(labels, seen.found, strict=False) if isinstance(found, Finding)
    }
    for placement in seen.placements:
        machines[placement.label] = tuple(one for check in MACHINE for one in check(seen, placement))
    return Preflight(tuple(one for check in RUN for one in check(seen)), machines)
