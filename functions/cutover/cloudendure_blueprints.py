"""CloudEndure's blueprint as a launch configuration, and a changed one as the object to send (contract §4.5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cutover import reading
from cutover.launch_configuration import COPY, NEW, RUNS, Changes, LaunchConfiguration, Value, canonical

_PRIVATE_IP = {"CREATE_NEW": NEW, "COPY_ORIGIN": COPY}
_CUSTOM_IP = "CUSTOM_IP"
_PUBLIC_IP = {"ALLOCATE": True, "DONT_ALLOCATE": False}
_COPY_TYPE = "COPY_ORIGIN"
_VOLUMES = {
    "STANDARD": "standard",
    "SSD": "gp2",
    "GP3": "gp3",
    "PROVISIONED_SSD": "io1",
    "PROVISIONED_IO2": "io2",
    "ST1": "st1",
    "SC1": "sc1",
}
_OVERLAID = (
    "instanceType",
    "subnetIDs",
    "securityGroupIDs",
    "privateIPAction",
    "privateIPs",
    "publicIPAction",
    "runAfterLaunch",
)
_NO_SETTINGS = ("id", "machineId", "recommendedInstanceType", "recommendedPrivateIP")
"""Whose it is, and the service's advice, which changes by itself."""


def configuration(blueprint: Mapping[str, Any]) -> LaunchConfiguration | None:
    """What the blueprint says; None without a machine. Omitted, null, empty and false are alike among `others`."""
    machine = reading.text(blueprint.get("machineId"))
    if machine is None:
        return None
    asked = reading.text(blueprint.get("instanceType"))
    return LaunchConfiguration(
        machine=machine,
        instance_type=COPY if asked == _COPY_TYPE else asked,
        subnet=_ids(blueprint.get("subnetIDs")),
        security_groups=_ids(blueprint.get("securityGroupIDs")),
        private_ip=_private_ip(blueprint),
        public_ip=_PUBLIC_IP.get(reading.text(blueprint.get("publicIPAction")) or ""),
        runs_after_launch=reading.flag(blueprint.get("runAfterLaunch")) is not False,
        others=_others(blueprint),
        instance_profile=reading.text(blueprint.get("iamRole")),
        volumes=dict(_volumes(blueprint)),
    )


def changed(blueprint: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """The whole blueprint with these changes, as a PATCH sends it. ValueError for a field it has no word for.

    What does not go together with an action is cleared; tags and disks, which the service replaces as a whole, stay.
    """
    body = dict(blueprint)
    for name, value in changes.items():
        body |= _written(name, value)
    if body.get("privateIPAction") != _CUSTOM_IP:
        body["privateIPs"] = []
    if body.get("staticIpAction") != "EXISTING" and body.get("staticIp"):
        body["staticIp"] = ""
    # A subnet is set before the groups of its network.
    return {key: body[key] for key in sorted(body, key=lambda key: key == "securityGroupIDs")}


def _written(name: str, value: Value) -> dict[str, Any]:
    match name, value:
        case "instance_type", str():
            return {"instanceType": _COPY_TYPE if value == COPY else value}
        case "subnet", tuple():
            return {"subnetIDs": list(value)}
        case "security_groups", tuple():
            return {"securityGroupIDs": list(value)}
        case "private_ip", str():
            return _private_ip_written(value)
        case (("instance_type" | "private_ip"), None):
            return {}  # what was not said cannot be said again
        case "public_ip", bool() | None:
            return {"publicIPAction": {True: "ALLOCATE", False: "DONT_ALLOCATE", None: "AS_SUBNET"}[value]}
        case _, bool() if name == RUNS:
            return {"runAfterLaunch": value}
    raise ValueError(f"a blueprint cannot be told {name} {value!r}")


def _private_ip(blueprint: Mapping[str, Any]) -> str | None:
    action = reading.text(blueprint.get("privateIPAction"))
    if action == _CUSTOM_IP:
        return ", ".join(_ids(blueprint.get("privateIPs"))) or None
    return _PRIVATE_IP.get(action, action) if action else None


def _private_ip_written(value: str) -> dict[str, Any]:
    if "." in value or ":" in value:
        return {"privateIPAction": _CUSTOM_IP, "privateIPs": value.split(", ")}
    actions = {word: action for action, word in _PRIVATE_IP.items()}
    return {"privateIPAction": actions.get(value, value)}


def _others(blueprint: Mapping[str, Any]) -> dict[str, str]:
    unused = () if blueprint.get("staticIpAction") == "EXISTING" else ("staticIp",)
    return {
        key: canonical(value)
        for key, value in sorted(blueprint.items())
        if key and key not in (*_OVERLAID, *_NO_SETTINGS, *unused) and value not in (None, "", [], {}, False)
    }


def _volumes(blueprint: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The EBS type of each disk that is given one; what is copied from the source is left to the service."""
    for disk in map(reading.record, reading.listed(blueprint.get("disks"))):
        name, kind = reading.text(disk.get("name")), _VOLUMES.get(reading.text(disk.get("type")) or "")
        if name and kind:
            yield name, kind


def _ids(value: object) -> tuple[str, ...]:
    return tuple(filter(None, map(reading.text, reading.listed(value))))
