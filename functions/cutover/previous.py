"""The targets that are there before a launch: what it would delete."""

from __future__ import annotations

from collections.abc import Iterable

from cutover.errors import NotFound
from cutover.instants import text
from cutover.machine import Machine, Replica
from cutover.migration_service import MigrationService
from cutover.records import MachineRecord


def previous_of(service: MigrationService, machine: Machine) -> Replica | None:
    """The machine's present target; None without one, or when the service knows it no longer: it was cleaned up."""
    if machine.replica is None:
        return None
    try:
        return service.replica(machine.replica)
    except NotFound:
        return None


def live_instances(service: MigrationService, machines: Iterable[Machine]) -> dict[str, str]:
    """By machine id, the instances that recorded cutovers left running: at most one request for each such machine."""
    cut_over = [machine for machine in machines if machine.life_cycle.cut_over_at is not None]
    found = {machine.id: previous_of(service, machine) for machine in cut_over}
    return {machine_id: seen.instance_id for machine_id, seen in found.items() if seen and seen.instance_id}


def as_before(service: MigrationService, known: MachineRecord, machine: Machine) -> MachineRecord:
    """The machine's record with what is there before a launch; at most one request, for its present target."""
    consistent = machine.replication.consistent_at
    known = known.but(
        consistent_before=text(consistent) if consistent else None, source_ips=machine.ips or known.source_ips
    )
    if machine.replica is not None and machine.replica == known.replica_before:
        return known
    previous = previous_of(service, machine)
    return known.but(
        id=machine.id,
        name=machine.name,
        replica_before=machine.replica,
        instance_before=previous.instance_id if previous else None,
        previous_unknown=previous is not None and previous.instance_id is None,
    )
