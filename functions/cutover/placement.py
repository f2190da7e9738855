"""Where a run's targets are to be launched, and as what: the plan's overlay over the machine's launch configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cutover.finding import Finding
from cutover.launch_configuration import COPY, NEW, LaunchConfiguration
from cutover.machine import Machine, SourceDisk
from cutover.plan import Mode, Plan, PlannedMachine

DEFAULT_VOLUME = "gp2"
"""What the service makes of a disk whose type its launch configuration does not name."""


@dataclass(frozen=True)
class Configured:
    """What a machine's launch configuration says of its target; None where it leaves that to the launch.

    `subnet`, `security_groups`: ids. `instance_profile`: its name. `volumes`: EBS volume type by source disk.
    """

    subnet: str | None = None
    security_groups: tuple[str, ...] = ()
    instance_type: str | None = None
    private_ip: str | None = None
    instance_profile: str | None = None
    volumes: Mapping[str, str] = field(default_factory=dict)


def configured(seen: LaunchConfiguration) -> Configured:
    """What a launch configuration says, as far as it can be looked for in EC2."""
    one = seen.subnet[0] if len(seen.subnet) == 1 else None
    address = seen.private_ip if seen.private_ip not in (None, NEW, COPY) else None
    return Configured(
        subnet=one,
        security_groups=seen.security_groups,
        instance_type=seen.instance_type,
        private_ip=address if address and address.count(".") == 3 and "," not in address else None,
        instance_profile=seen.instance_profile,
        volumes=seen.volumes,
    )


@dataclass(frozen=True)
class Placement:
    """One target to be. `subnet`, `security_groups`: ids or names. `volumes`: (EBS type, bytes) for each source disk
    that is copied; None where the launch configuration was not looked at. `replaces`: the instance its launch deletes.
    """

    label: str
    machine: Machine
    subnet: str | None
    security_groups: tuple[str, ...]
    instance_type: str | None
    private_ip: str | None
    instance_profile: str | None
    volumes: tuple[tuple[str, int], ...] | None
    replaces: str | None


def placements(
    plan: Plan,
    mode: Mode,
    found: Sequence[Machine | Finding],
    configured: Mapping[str, Configured] | None,
    targets: Mapping[str, str],
) -> list[Placement]:
    """Of every machine of the plan that was found. `found`: what `readiness.resolve` gives for all of them."""
    everyone = [entry for wave in plan.waves for entry in wave.machines]
    return [
        _placed(entry, mode, machine, configured, targets.get(machine.id))
        for entry, machine in zip(everyone, found, strict=True)
        if isinstance(machine, Machine)
    ]


def _placed(
    entry: PlannedMachine,
    mode: Mode,
    machine: Machine,
    configured: Mapping[str, Configured] | None,
    replaces: str | None,
) -> Placement:
    overlay, base = entry.expect[mode], (configured or {}).get(machine.id, Configured())
    type_ = overlay.instance_type or base.instance_type
    return Placement(
        label=entry.label,
        machine=machine,
        subnet=overlay.subnet or base.subnet,
        security_groups=base.security_groups if overlay.security_groups is None else overlay.security_groups,
        instance_type=type_ if type_ and "." in type_ else None,  # COPY_ORIGIN and the like name none
        private_ip=overlay.private_ip or base.private_ip,
        instance_profile=base.instance_profile,
        volumes=None if configured is None else tuple(_volumes(machine.disks, base)),
        replaces=replaces,
    )


def _volumes(disks: Sequence[SourceDisk], base: Configured) -> list[tuple[str, int]]:
    return [
        (base.volumes.get(disk.name, DEFAULT_VOLUME), disk.size_bytes or 0)
        for disk in disks
        if disk.replicated is not False
    ]
