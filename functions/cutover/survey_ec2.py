"""What a run will want of EC2, looked at in a handful of read-only requests however many machines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cutover.ec2 import FILTER_VALUES, batches
from cutover.looks import Looks
from cutover.surveyed import Holder, Running, SecurityGroup, Subnet, Volume

_PAGE = 1000
_ALIVE = ("pending", "running", "stopping", "stopped")
_COUNTED = ("pending", "running")
Described = Mapping[str, Any]


class Ec2Survey:
    """One region's EC2, through its boto3 client. Every method gives None where it could not look."""

    def __init__(self, client: Any, looks: Looks) -> None:
        self._client, self._looks = client, looks

    def subnets(self, wanted: Collection[str], staging: Collection[str]) -> dict[str, Subnet] | None:
        """By id: those of these ids, and those of these Name tags. Whether one leads out is asked of `staging`."""
        found = self._described(
            "ec2:DescribeSubnets",
            "subnets and their free addresses",
            ("describe_subnets", "Subnets", "SubnetId"),
            _by_id_or_name("subnet-id", "subnet-", wanted),
        )
        if found is None:
            return None
        routed = {each: self._default_route(found[each]) for each in staging if each in found}
        return {
            key: Subnet(
                id=key,
                name=_name(each),
                vpc=each["VpcId"],
                zone=each["AvailabilityZone"],
                cidr=each["CidrBlock"],
                free=each["AvailableIpAddressCount"],
                default_route=routed.get(key),
            )
            for key, each in found.items()
        }

    def _default_route(self, subnet: Described) -> bool | None:
        tables = self._described(
            "ec2:DescribeRouteTables",
            "the staging subnet's way out",
            ("describe_route_tables", "RouteTables", "RouteTableId"),
            [("vpc-id", [subnet["VpcId"]])],
        )
        if tables is None:
            return None
        own = [each for each in tables.values() if _associated(each, "SubnetId", subnet["SubnetId"])]
        main = [each for each in tables.values() if _associated(each, "Main", True)]
        return any(
            route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State") != "blackhole"
            for table in own or main
            for route in table["Routes"]
        )

    def groups(self, wanted: Collection[str]) -> dict[str, SecurityGroup] | None:
        by_name = [("group-name", [each for each in wanted if not each.startswith("sg-")])]
        found = self._described(
            "ec2:DescribeSecurityGroups",
            "security groups",
            ("describe_security_groups", "SecurityGroups", "GroupId"),
            [*_by_id_or_name("group-id", "sg-", wanted), *by_name],
        )
        if found is None:
            return None
        return {
            key: SecurityGroup(
                id=key,
                name=_name(each),
                group_name=each["GroupName"],
                vpc=each.get("VpcId", ""),
                inbound=_ports(each.get("IpPermissions", ())),
                outbound=_ports(each.get("IpPermissionsEgress", ())),
            )
            for key, each in found.items()
        }

    def addresses(self, wanted: Collection[str]) -> dict[tuple[str, str], Holder] | None:
        found = self._described(
            "ec2:DescribeNetworkInterfaces",
            "who holds the wanted private addresses",
            ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
            [("addresses.private-ip-address", wanted)],
        )
        if found is None:
            return None
        return {
            (each["SubnetId"], one["PrivateIpAddress"]): Holder(key, each.get("Attachment", {}).get("InstanceId"))
            for key, each in found.items()
            for one in each["PrivateIpAddresses"]
        }

    def offered(self, types: Collection[str], zones: Collection[str]) -> frozenset[tuple[str, str]] | None:
        if not zones:
            return None
        found: set[tuple[str, str]] = set()
        for some in batches(sorted({*types}), FILTER_VALUES):
            filters = [_filter("instance-type", some), _filter("location", sorted(zones))]
            listed = self._pages(
                "ec2:DescribeInstanceTypeOfferings",
                "instance types in their zones",
                "describe_instance_type_offerings",
                LocationType="availability-zone",
                Filters=filters,
            )
            if listed is None:
                return None
            found |= {
                (each["InstanceType"], each["Location"]) for page in listed for each in page["InstanceTypeOfferings"]
            }
        return frozenset(found)

    def instances(self, types: Collection[str]) -> tuple[dict[str, Running] | None, dict[str, int] | None]:
        """Every instance that is there, with what it counts against a quota; and the vCPUs of all types met."""
        alive = [_filter("instance-state-name", _ALIVE)]
        what = "what runs, for the quota of vCPUs"
        pages = self._pages("ec2:DescribeInstances", what, "describe_instances", Filters=alive)
        listed = [each for page in pages or () for one in page["Reservations"] for each in one["Instances"]]
        unsaid = {each["InstanceType"] for each in listed if not each.get("CpuOptions")}
        vcpus = self._vcpus({*types} | unsaid)
        if pages is None:
            return None, vcpus
        instances = {
            each["InstanceId"]: Running(
                id=each["InstanceId"],
                type=each["InstanceType"],
                vcpus=_counts(each, vcpus or {}),
                subnet=each.get("SubnetId"),
                tags={tag["Key"]: tag["Value"] for tag in each.get("Tags", ())},
            )
            for each in listed
        }
        return instances, vcpus

    def _vcpus(self, types: Collection[str]) -> dict[str, int] | None:
        found = self._described(
            "ec2:DescribeInstanceTypes",
            "instance types and their vCPUs",
            ("describe_instance_types", "InstanceTypes", "InstanceType"),
            [("instance-type", types)],  # by filter: an unknown type fails no other
        )
        return None if found is None else {key: each["VCpuInfo"]["DefaultVCpus"] for key, each in found.items()}

    def volumes(self, types: Collection[str]) -> tuple[Volume, ...] | None:
        if not types:
            return None
        found = self._described(
            "ec2:DescribeVolumes",
            "what is stored, for the EBS quotas",
            ("describe_volumes", "Volumes", "VolumeId"),
            [("volume-type", types)],
        )
        if found is None:
            return None
        return tuple(
            Volume(key, each["VolumeType"], each["Size"], next((a["InstanceId"] for a in each["Attachments"]), None))
            for key, each in found.items()
        )

    def _described(
        self,
        action: str,
        what: str,
        operation: tuple[str, str, str],
        filters: Iterable[tuple[str, Collection[str]]],
    ) -> dict[str, Described] | None:
        """By id, what matches any of the filters; nothing is asked for no values. None if any could not be asked."""
        method, items, key = operation
        found: dict[str, Described] = {}
        for name, values in filters:
            for some in batches(sorted({*values}), FILTER_VALUES):
                pages = self._pages(action, what, method, Filters=[_filter(name, some)])
                if pages is None:
                    return None
                found |= {each[key]: each for page in pages for each in page[items]}
        return found

    def _pages(self, action: str, what: str, method: str, **asked: Any) -> list[Described] | None:
        sized = {} if method == "describe_instance_types" else {"PaginationConfig": {"PageSize": _PAGE}}
        return self._looks.at(action, what, lambda: list(self._client.get_paginator(method).paginate(**asked, **sized)))


def _by_id_or_name(id_filter: str, prefix: str, wanted: Iterable[str]) -> list[tuple[str, list[str]]]:
    everything = list(wanted)
    ids = [each for each in everything if each.startswith(prefix)]
    return [(id_filter, ids), ("tag:Name", [each for each in everything if each not in ids])]


def _filter(name: str, values: Collection[str]) -> dict[str, Any]:
    return {"Name": name, "Values": list(values)}


def _name(described: Described) -> str:
    return next((tag["Value"] for tag in described.get("Tags", ()) if tag["Key"] == "Name"), "")


def _associated(table: Described, field: str, value: object) -> bool:
    return any(each.get(field) == value for each in table["Associations"])


def _ports(rules: Iterable[Described]) -> tuple[tuple[int, int], ...]:
    """TCP ranges; protocol -1 is everything."""
    return tuple(
        (0, 65535) if each["IpProtocol"] == "-1" else (each.get("FromPort", 0), each.get("ToPort", 65535))
        for each in rules
        if each["IpProtocol"] in ("-1", "tcp", "6")
    )


def _counts(instance: Described, vcpus: Mapping[str, int]) -> int | None:
    """Against the On-Demand quotas: nothing when it is stopped, Spot, or on a dedicated host."""
    spot, host = instance.get("InstanceLifecycle") == "spot", instance.get("Placement", {}).get("Tenancy") == "host"
    if instance["State"]["Name"] not in _COUNTED or spot or host:
        return 0
    options = instance.get("CpuOptions")
    if options:
        return int(options["CoreCount"]) * int(options["ThreadsPerCore"])
    return vcpus.get(instance["InstanceType"])
