"""Preflight of capacity: instance types in their zones, and quotas with what is there, the targets and a converter."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from cutover.finding import Finding, warning
from cutover.placement import Placement
from cutover.surveyed import Situation
from cutover.words import some

CONVERTER = "m5.large"
"""What the service converts a machine with unless its replication settings say otherwise."""

STANDARD = "L-1216C47A"
FAMILIES: Mapping[str, tuple[str, ...]] = {
    STANDARD: ("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"),
    "L-DB2E81BA": ("g", "gr", "vt"),
    "L-417A185B": ("p",),
    "L-74FC7D96": ("f",),
    "L-7295265B": ("x",),
    "L-43DA4232": ("u",),
    "L-1945791B": ("inf",),
    "L-2C3B7624": ("trn",),
    "L-6E869C2A": ("dl",),
    "L-F7808C92": ("hpc",),
}
"""EC2's quotas for On-Demand instances, in vCPUs, and the families that count against each."""

STORAGE: Mapping[str, str] = {
    "gp3": "L-7A658B76",
    "gp2": "L-D18FCD1D",
    "io1": "L-FD252861",
    "io2": "L-09BD8365",
    "st1": "L-82ACEF56",
    "sc1": "L-17AF77E8",
    "standard": "L-9CF3C2EB",
}
"""EBS's quotas for storage, in TiB, by volume type."""

_GIB, _TIB = 2**30, 2**40


def quota_of(instance_type: str) -> str | None:
    """The code of the vCPU quota an instance type counts against; None for a family without one that is known."""
    family = re.match(r"[a-z]+", instance_type)
    return next((code for code, families in FAMILIES.items() if family and family[0] in families), None)


def instance_types(seen: Situation) -> Iterator[Finding]:
    """Each instance type exists in the region, and is offered in the zone of its target's subnet."""
    account = seen.survey.account
    unnamed = [each.label for each in seen.placements if each.instance_type is None]
    if unnamed and seen.survey.configured is not None:  # otherwise it is one of the things that could not be looked at
        said = f"neither the plan nor its launch configuration names an instance type for {some(unnamed)}"
        rule = "what a target comes up as is known before its launch"
        yield warning("instance_type", said, rule, "name it in the plan; zone and quota were not checked for them")
    by_place: dict[tuple[str, str], list[str]] = defaultdict(list)
    for each in seen.placements:
        if each.instance_type:
            subnet = seen.subnet(each)
            by_place[each.instance_type, subnet.zone if subnet else ""].append(each.label)
    do = "choose another instance type, or a subnet in another zone"
    for (type_, zone), labels in by_place.items():
        if account.vcpus is not None and type_ not in account.vcpus:
            said = f"{type_}, for {some(labels)}, does not exist in {seen.plan.region}"
            yield Finding("instance_type", said, "the instance type is offered in the region", do)
        elif account.offered is not None and zone and (type_, zone) not in account.offered:
            said = f"{type_}, for {some(labels)}, is not offered in {zone}"
            yield Finding("instance_type", said, "the instance type is offered in the zone of its subnet", do)


def vcpus(seen: Situation) -> Iterator[Finding]:
    """What runs now, every target of the plan and one converter fit, also before replaced targets are gone.

    Waves are launched one after another, so one launch converts at a time.
    """
    account = seen.survey.account
    if account.instances is None or account.vcpus is None or not seen.placements:
        return
    wanted: dict[str | None, int] = defaultdict(int)
    without: set[str] = set()
    for each in seen.placements:
        if each.instance_type in account.vcpus:
            code = quota_of(each.instance_type or "")
            wanted[code] += account.vcpus[each.instance_type or ""]
            without |= {each.instance_type or ""} if code is None else set()
    converter = converter_of(seen)
    wanted[quota_of(converter)] += account.vcpus.get(converter, 2)
    if without:
        said = f"no quota is known for {', '.join(sorted(without))}"
        rule = "running instances, targets and a converter fit the account's quotas"
        yield warning("vcpu_quota", said, rule, "look at Service Quotas for this family")
    replaced = seen.replaced()
    for code, amount in wanted.items():
        if code is None or code not in account.quotas:
            continue
        alike = [each for each in account.instances.values() if quota_of(each.type) == code]
        now = sum(each.vcpus or 0 for each in alike)
        going = sum(each.vcpus or 0 for each in alike if each.id in replaced)
        named = f"vCPUs of On-Demand {'/'.join(FAMILIES[code]).upper()} ({code})"
        note = f"with one converter, {converter}" if code == quota_of(converter) else "targets"
        yield from _fits("vcpu_quota", named, account.quotas[code], now, amount, going, note)


def volumes(seen: Situation) -> Iterator[Finding]:
    """The volumes that are there and those of every target fit, also before replaced targets are gone."""
    account = seen.survey.account
    if account.volumes is None:
        return
    replaced = seen.replaced()
    for type_, size in sorted(stored(seen.placements).items()):
        code = STORAGE.get(type_, "")
        if code not in account.quotas:
            continue
        alike = [each for each in account.volumes if each.type == type_]
        now = sum(each.gib for each in alike) * _GIB / _TIB
        going = sum(each.gib for each in alike if each.instance in replaced) * _GIB / _TIB
        yield from _fits(
            "ebs_quota", f"TiB of {type_} ({code})", account.quotas[code], now, size / _TIB, going, "volumes"
        )


def stored(placements: tuple[Placement, ...]) -> dict[str, int]:
    """Bytes of the targets' volumes, by EBS volume type."""
    sizes: dict[str, int] = defaultdict(int)
    for each in placements:
        for type_, size in each.volumes or ():
            sizes[type_] += size
    return dict(sizes)


def converter_of(seen: Situation) -> str:
    """The instance type that machines are converted with."""
    settings = seen.survey.replication
    return (settings.converter_type if settings else None) or CONVERTER


def _fits(field: str, what: str, quota: float, now: float, wanted: float, going: float, note: str) -> Iterator[Finding]:
    peak, after = now + wanted, now + wanted - going
    if peak <= quota:
        return
    said = f"{what}: quota {quota:g}, {now:.4g} in use, {wanted:.4g} wanted ({note}), {going:.4g} replaced"
    rule = "what is there, what is launched and what is replaced fit the account's quota at once"
    do = "have the quota raised in Service Quotas, or terminate what nobody needs"
    if after > quota:
        yield Finding(field, f"{said}: {after - quota:.4g} too many", rule, do)
    else:
        yield warning(field, f"{said}: too many while both exist", rule, f"{do}; enough once replaced targets are gone")
