"""Blueprints: what a machine's target shall be, and which changes CloudEndure accepts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_CHOICES: dict[str, tuple[str, ...]] = {
    "privateIPAction": ("CREATE_NEW", "COPY_ORIGIN", "CUSTOM_IP", "USE_NETWORK_INTERFACE"),
    "publicIPAction": ("ALLOCATE", "DONT_ALLOCATE", "AS_SUBNET"),
    "staticIpAction": ("EXISTING", "DONT_CREATE", "CREATE_NEW", "IF_IN_ORIGIN"),
    "tenancy": ("SHARED", "DEDICATED", "HOST"),
    "securityGroupAction": ("FROM_POLICY",),
}
_LISTS = ("subnetIDs", "securityGroupIDs", "privateIPs", "tags", "disks")
_FLAGS = ("runAfterLaunch", "byolOnDedicatedInstance", "forceUEFI")
_TEXTS = (
    "instanceType",
    "machineName",
    "networkInterface",
    "staticIp",
    "iamRole",
    "placementGroup",
    "dedicatedHostIdentifier",
    "launchOnInstanceId",
)
_READ_ONLY = ("id", "machineId", "region", "recommendedInstanceType", "recommendedPrivateIP")
WRITABLE = frozenset((*_CHOICES, *_LISTS, *_FLAGS, *_TEXTS))


class InvalidBlueprint(ValueError):
    """A change that the service would not take; the message says which field and why."""


def changed(
    blueprint: dict[str, Any], change: dict[str, Any], *, subnets: Collection[str], groups: Collection[str]
) -> dict[str, Any]:
    """The blueprint with a PATCH applied: a partial object, or the whole one read before.

    Every field given is replaced as a whole, lists too. What only the service may write and what it does not know is
    passed over. InvalidBlueprint for a value it refuses.
    """
    wanted = {key: value for key, value in change.items() if key in WRITABLE}
    for key, value in wanted.items():
        if key in _CHOICES and value not in _CHOICES[key]:
            raise InvalidBlueprint(f"Invalid {key} {value!r}: must be one of {', '.join(_CHOICES[key])}")
        if key in _LISTS and not isinstance(value, list):
            raise InvalidBlueprint(f"Invalid {key}: must be a list")
        if key in _FLAGS and not isinstance(value, bool):
            raise InvalidBlueprint(f"Invalid {key} {value!r}: must be true or false")
        if key in _TEXTS and not isinstance(value, str):
            raise InvalidBlueprint(f"Invalid {key}: must be a string")
    _require("subnet", wanted.get("subnetIDs", []), subnets)
    _require("security group", wanted.get("securityGroupIDs", []), groups)
    for tag in wanted.get("tags", []):
        if not isinstance(tag, dict) or not isinstance(tag.get("key"), str) or not isinstance(tag.get("value"), str):
            raise InvalidBlueprint('Invalid tags: each must be {"key": string, "value": string}')
    result = blueprint | wanted
    if result["privateIPAction"] == "CUSTOM_IP" and not result["privateIPs"]:
        raise InvalidBlueprint("Invalid privateIPs: CUSTOM_IP needs an address")
    return result


def _require(what: str, named: list[Any], known: Collection[str]) -> None:
    for one in named:
        if one not in known:
            raise InvalidBlueprint(f"Unknown {what} {one!r} in the target region")


def with_ids(fields: Mapping[str, Any], subnets: Mapping[str, str], groups: Mapping[str, str]) -> dict[str, Any]:
    """The fields with ids for names of subnets and security groups; anything else stays."""
    named = {"subnetIDs": subnets, "securityGroupIDs": groups}
    return {
        key: [named[key].get(one, one) for one in value] if key in named and isinstance(value, list) else value
        for key, value in fields.items()
    }


def default(
    *,
    id: str,
    machine: str,
    region: str,
    name: str,
    instance_type: str,
    subnet: str,
    groups: list[str],
    disks: list[str],
) -> dict[str, Any]:
    """The blueprint a machine has before anybody changes it."""
    return {
        "id": id,
        "machineId": machine,
        "region": region,
        "machineName": name,
        "instanceType": instance_type,
        "recommendedInstanceType": instance_type,
        "subnetIDs": [subnet],
        "securityGroupIDs": groups,
        "privateIPAction": "CREATE_NEW",
        "privateIPs": [],
        "publicIPAction": "DONT_ALLOCATE",
        "staticIpAction": "DONT_CREATE",
        "staticIp": "",
        "iamRole": "",
        "placementGroup": "",
        "tenancy": "SHARED",
        "runAfterLaunch": True,
        "tags": [],
        "disks": [{"name": disk, "type": "SSD"} for disk in disks],
    }
