"""How MGN will launch a server, in our own words: its launch configuration and the default version of its EC2 launch
template, which is the one that a launch takes.

A few settings stand in the launch configuration, and where they do they win: a type by right-sizing over the
template's, a copied private address over a named one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cutover.launch_configuration import COPY, NEW, RUNS, Changes, LaunchConfiguration, canonical
from cutover.reading import flag, listed, record, text

_BY_NAME = (
    "sourceServerID",
    "name",
    "ec2LaunchTemplateID",
    "launchDisposition",
    "targetInstanceTypeRightSizingMethod",
    "copyPrivateIp",
    "copyTags",
    "bootMode",
)
"""Members of a launch configuration that have a field of their own, or are no setting."""
_IN_TEMPLATE = ("ImageId", "InstanceType", "NetworkInterfaces", "SecurityGroupIds", "SecurityGroups")
"""The same of a template; MGN writes the image itself."""
_OF_INTERFACE = (
    "DeviceIndex",
    "SubnetId",
    "Groups",
    "PrivateIpAddress",
    "PrivateIpAddresses",
    "AssociatePublicIpAddress",
)
_RIGHT_SIZING = {"BASIC": True, "NONE": False}


def configuration(given: Mapping[str, Any], template: Mapping[str, Any]) -> LaunchConfiguration:
    """A LaunchConfiguration. `given`: of `GetLaunchConfiguration`; `template`: the data of the default version."""
    interface = _interface(template)
    sized = _RIGHT_SIZING.get(text(given.get("targetInstanceTypeRightSizingMethod")) or "")
    copies_address = flag(given.get("copyPrivateIp"))
    profile = record(template.get("IamInstanceProfile"))
    subnet = text(interface.get("SubnetId"))
    return LaunchConfiguration(
        machine=str(given["sourceServerID"]),
        instance_type=COPY if sized else text(template.get("InstanceType")),
        subnet=(subnet,) if subnet else (),
        security_groups=_texts(interface.get("Groups")) or _texts(template.get("SecurityGroupIds")),
        private_ip=COPY if copies_address else ", ".join(_addresses(interface)) or NEW,
        public_ip=flag(interface.get("AssociatePublicIpAddress")),
        runs_after_launch=given.get("launchDisposition") != "STOPPED",
        right_sizing=sized,
        boot_mode=text(given.get("bootMode")),
        copy_tags=flag(given.get("copyTags")),
        copy_private_ip=copies_address,
        others=dict(_others(given, template, interface)),
        instance_profile=text(profile.get("Name")) or (text(profile.get("Arn")) or "").rpartition("/")[2] or None,
        volumes=dict(_volumes(template)),
    )


def settings(changes: Changes) -> dict[str, Any]:
    """What `UpdateLaunchConfiguration` is to be told for these changes; nothing where they are all the template's.

    ValueError for a field that neither has a word for.
    """
    told: dict[str, Any] = {}
    for name, value in changes.items():
        match name, value:
            case "right_sizing", bool():
                told["targetInstanceTypeRightSizingMethod"] = "BASIC" if value else "NONE"
            case "instance_type", str():
                told["targetInstanceTypeRightSizingMethod"] = "BASIC" if value == COPY else "NONE"
            case "private_ip", str():
                told["copyPrivateIp"] = value == COPY
            case "copy_private_ip", bool():
                told["copyPrivateIp"] = value
            case "copy_tags", bool():
                told["copyTags"] = value
            case "boot_mode", str():
                told["bootMode"] = value
            case _, bool() if name == RUNS:
                told["launchDisposition"] = "STARTED" if value else "STOPPED"
            case (("subnet" | "security_groups"), tuple()):
                pass
            case "public_ip", bool() | None:
                pass
            case _, None:
                pass  # what was not said cannot be said again
            case _:
                raise ValueError(f"a launch configuration cannot be told {name} {value!r}")
    return told


def changed(template: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """The whole data of the template with these changes; equal to `template` where they are none of its own."""
    data = dict(template)
    interface = dict(_interface(template))
    for name, value in changes.items():
        match name, value:
            case "instance_type", str() if value != COPY:
                data["InstanceType"] = value
            case "subnet", tuple():
                interface = _with(interface, "SubnetId", value[0] if value else None)
            case "security_groups", tuple():
                interface = _with(interface, "Groups", list(value) or None)
                data.pop("SecurityGroupIds", None)
            case "private_ip", str() if value != COPY:
                interface = _with(_with(interface, "PrivateIpAddresses", None), "PrivateIpAddress", _first(value))
            case "public_ip", bool() | None:
                interface = _with(interface, "AssociatePublicIpAddress", value)
    if interface != _interface(template):
        first = {"DeviceIndex": 0, **interface}
        data["NetworkInterfaces"] = [first, *(each for each in _interfaces(template) if each.get("DeviceIndex"))]
    return data


def _first(address: str) -> str | None:
    return None if address == NEW else address.split(", ")[0]


def _with(interface: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    rest = {key: each for key, each in interface.items() if key != name}
    return rest if value is None else rest | {name: value}


def _interfaces(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [record(each) for each in listed(template.get("NetworkInterfaces"))]


def _interface(template: Mapping[str, Any]) -> dict[str, Any]:
    """The one that a target is reached by."""
    return next((each for each in _interfaces(template) if not each.get("DeviceIndex")), {})


def _addresses(interface: Mapping[str, Any]) -> list[str]:
    several = [record(each).get("PrivateIpAddress") for each in listed(interface.get("PrivateIpAddresses"))]
    return list(dict.fromkeys(filter(None, map(text, (interface.get("PrivateIpAddress"), *several)))))


def _volumes(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The EBS type of each disk that is given one."""
    for disk in map(record, listed(template.get("BlockDeviceMappings"))):
        name, kind = text(disk.get("DeviceName")), text(record(disk.get("Ebs")).get("VolumeType"))
        if name and kind:
            yield name, kind


def _others(
    given: Mapping[str, Any], template: Mapping[str, Any], interface: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Every other setting that is set, by the service's name for it."""
    rest = {
        **{name: value for name, value in given.items() if name not in (*_BY_NAME, "ResponseMetadata")},
        **{f"template.{name}": value for name, value in template.items() if name not in _IN_TEMPLATE},
        **{f"template.interface.{name}": value for name, value in interface.items() if name not in _OF_INTERFACE},
    }
    for name, value in sorted(rest.items()):
        if value not in (None, "", [], {}, False):
            yield name, canonical(value)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(filter(None, map(text, listed(value))))
