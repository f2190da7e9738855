"""Preflight of the network: the subnets that targets and converters come up in, and the addresses targets want."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, ip_address, ip_network

from cutover.finding import Finding, Severity, warning
from cutover.placement import Placement
from cutover.surveyed import SecurityGroup, Situation, Subnet
from cutover.words import some

AGENT_PORT, SERVICE_PORT = 1500, 443
"""Where agents reach a replication server, and where it reaches the service (TCP)."""


def subnets(seen: Situation) -> Iterator[Finding]:
    """Each subnet exists, once, in one VPC with the targets' security groups, with addresses for its targets."""
    account = seen.survey.account
    wanted: dict[str | None, list[Placement]] = defaultdict(list)
    for each in seen.placements:
        wanted[each.subnet].append(each)
    unnamed = wanted.pop(None, [])
    if unnamed and seen.survey.configured is not None:  # otherwise it is one of the things that could not be looked at
        said = f"neither the plan nor its launch configuration names a subnet for {_labels(unnamed)}"
        rule = "where a target comes up is known before its launch"
        yield warning("subnet", said, rule, "name the subnet in the plan; addresses and zone were not checked")
    if account.subnets is None:
        return
    into: dict[str, list[Placement]] = defaultdict(list)
    for name, placed in wanted.items():
        matches = account.subnet(name or "")
        if not matches:
            said = f"no subnet {name} in {seen.plan.region}, wanted for {_labels(placed)}"
            rule = "the subnet of every target exists"
            yield Finding("subnet", said, rule, "correct the plan or the launch configuration, or make the subnet")
        vague = [each for each in placed if matches and seen.subnet(each) is None]
        if vague:
            said = f"{len(matches)} subnets are called {name}, wanted for {_labels(vague)}: {_ids(matches)}"
            rule = "a name in the plan means one subnet"
            yield warning("subnet", said, rule, "name the subnet by its id; addresses and zone were not checked")
        for each in placed:
            if subnet := seen.subnet(each):
                into[subnet.id].append(each)
    for subnet_id, placed in into.items():
        yield from _room(seen, account.subnets[subnet_id], placed)
        yield from _groups(seen, account.subnets[subnet_id], placed)


def private_ip(seen: Situation, placement: Placement) -> Iterator[Finding]:
    """The wanted address belongs to the subnet, is not reserved, and is free or held by the target to be replaced."""
    wanted, subnet = placement.private_ip, seen.subnet(placement)
    if wanted is None:
        return
    try:
        address = ip_address(wanted)
    except ValueError:
        yield Finding("private_ip", f"{wanted!r}", "a private IP is an IPv4 address", "correct it")
        return
    if subnet is None:
        return
    network = ip_network(subnet.cidr)
    do = "choose another address, or another subnet"
    if address not in network:
        yield Finding("private_ip", f"{wanted} in {_named(subnet)}", f"an address of its subnet, {subnet.cidr}", do)
    elif isinstance(network, IPv4Network) and wanted in reserved(network):
        rule = "not one of the five addresses that AWS keeps of every subnet: the first four and the last"
        yield Finding("private_ip", f"{wanted} in {_named(subnet)}", rule, do)
    same = [
        each.label
        for each in seen.placements
        if each.private_ip == wanted and each.label != placement.label and seen.subnet(each) == subnet
    ]
    if same:
        rule = "an address belongs to one target"
        yield Finding("private_ip", f"{wanted} is wanted for {some(same)} too", rule, do)
    holder = (seen.survey.account.addresses or {}).get((subnet.id, wanted))
    if holder and (holder.instance is None or holder.instance != placement.replaces):
        who = f"{holder.interface} of {holder.instance or 'no instance'}"
        goes = f"only {placement.replaces} goes" if placement.replaces else "the launch replaces no target"
        rule = "a wanted address is free, or held by the target that the launch replaces"
        yield Finding("private_ip", f"{wanted} is held by {who}; {goes}", rule, f"free the address, or {do}")


def staging(seen: Situation) -> Iterator[Finding]:
    """Where the service's own machines come up: there is room, and they reach the service and are reached."""
    settings, account = seen.survey.replication, seen.survey.account
    if settings is None:
        return
    do = "correct the project's replication settings, or the network"
    if settings.subnet is None:
        said = "the replication settings name no staging subnet: the service chooses one"
        yield warning("staging_network", said, "converters have a subnet with room and a way out", do)
    elif account.subnets is not None:
        yield from _staging_subnet(account.subnets.get(settings.subnet), settings.subnet, settings.private, do)
    if account.groups is None:
        return
    named = [account.groups[each] for each in settings.security_groups if each in account.groups]
    missing = [each for each in settings.security_groups if each not in account.groups]
    if missing:
        said = f"security groups {some(missing)} of the replication settings do not exist"
        yield warning("staging_network", said, "the replication servers' security groups exist", do)
    if named and not _lets(AGENT_PORT, (one for each in named for one in each.inbound)):
        said = f"{some(each.id for each in named)} let no TCP {AGENT_PORT} in"
        yield warning("staging_network", said, f"agents reach a replication server on TCP {AGENT_PORT}", do)
    if named and not _lets(SERVICE_PORT, (one for each in named for one in each.outbound)):
        said = f"{some(each.id for each in named)} let no TCP {SERVICE_PORT} out"
        yield warning("staging_network", said, f"a replication server reaches the service on TCP {SERVICE_PORT}", do)


def reserved(network: IPv4Network) -> set[str]:
    """The addresses of a subnet that AWS keeps: the first four and the last."""
    first, last = network.network_address, network.broadcast_address
    return {str(first + offset) for offset in range(4)} | {str(last)}


def _staging_subnet(subnet: Subnet | None, wanted: str, private: bool, do: str) -> Iterator[Finding]:
    if subnet is None:
        rule = "the staging subnet exists: converters come up in it"
        yield Finding("staging_network", f"no subnet {wanted}", rule, do)
        return
    if subnet.free < 1:
        said, rule = f"{_named(subnet)} has no free address", "the staging subnet has room for a converter"
        yield Finding("staging_network", said, rule, "free an address there, or choose another staging subnet")
    if subnet.default_route is False and not private:
        said = f"{_named(subnet)} has no default route, and private addresses are not switched on"
        yield warning("staging_network", said, "replication servers and converters reach the service", do)


def _room(seen: Situation, subnet: Subnet, placed: list[Placement]) -> Iterator[Finding]:
    """A target that is replaced gives its address back first; where it lives has to be known for that."""
    instances = seen.survey.account.instances
    there = {each.id for each in (instances or {}).values() if each.subnet == subnet.id}
    new = [each for each in placed if each.replaces not in there]
    if len(new) <= subnet.free:
        return
    said = f"{_named(subnet)} has {subnet.free} free addresses for {len(new)} targets that replace none in it"
    unsure = instances is None and any(each.replaces for each in new)
    rule = "a subnet has a free address for each target that is launched into it"
    do = "free addresses there, or launch into another subnet"
    yield Finding("subnet", said, rule, do, Severity.WARNING if unsure else Severity.ERROR)


def _groups(seen: Situation, subnet: Subnet, placed: list[Placement]) -> Iterator[Finding]:
    known = seen.survey.account.groups
    if known is None:
        return
    wanted: dict[str, list[Placement]] = defaultdict(list)
    for each in placed:
        for group in each.security_groups:
            wanted[group].append(each)
    for group, users in wanted.items():
        called: list[SecurityGroup] = [each for each in known.values() if each.called(group)]
        if not any(each.vpc == subnet.vpc for each in called):
            where = f"it is in {some(sorted({each.vpc for each in called}))}" if called else "it does not exist"
            said = f"security group {group}, wanted for {_labels(users)} in {_named(subnet)} of {subnet.vpc}: {where}"
            rule = "a target's subnet and its security groups are in one VPC"
            yield Finding("subnet", said, rule, "correct the plan or the launch configuration")


def _lets(port: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= port <= last for first, last in ranges)


def _labels(placed: list[Placement]) -> str:
    return some(each.label for each in placed)


def _ids(matches: Iterable[Subnet]) -> str:
    return some(each.id for each in matches)


def _named(subnet: Subnet) -> str:
    return f"subnet {subnet.name} ({subnet.id})" if subnet.name else f"subnet {subnet.id}"
