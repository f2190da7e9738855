"""The EC2 launch template of a source server: what its blueprint says of subnet, groups, type, addresses and tags.

It is made when somebody first asks for the launch configuration. Both sides may be written: what the blueprint was
changed to becomes the template's new default version; what the default version says becomes the blueprint's.
"""

from __future__ import annotations

from typing import Any

from stage.simulator.cloud import Template
from stage.simulator.state import Machine
from stage.simulator.world import World

_PUBLIC = {"ALLOCATE": True, "DONT_ALLOCATE": False}


def agree(world: World, name: str, machine: Machine) -> None:
    """Have blueprint and template say the same. `name`: the template's. Raises Ec2Away and Ec2Refused."""
    life = machine.lifecycle
    wanted = _template(machine)
    if life.template is None or wanted != life.written:
        life.template = world.cloud.write_template(name, wanted)
    elif read := world.cloud.read_template(life.template):
        ignored = machine.described.blueprint_ignores
        fields = _blueprint(machine, read)
        machine.blueprint |= {key: value for key, value in fields.items() if key not in ignored}
    life.written = _template(machine)


def _template(machine: Machine) -> Template:
    blueprint: dict[str, Any] = machine.blueprint
    fixed = blueprint["privateIPAction"] == "CUSTOM_IP"
    asked = blueprint["instanceType"]
    return Template(
        instance_type=machine.described.instance_type if asked == "COPY_ORIGIN" else asked,
        subnet=next(iter(blueprint["subnetIDs"]), None),
        groups=tuple(blueprint["securityGroupIDs"]),
        private_ip=next(iter(blueprint["privateIPs"]), None) if fixed else None,
        public_ip=_PUBLIC.get(blueprint["publicIPAction"]),
        role=blueprint["iamRole"] or None,
        tags={tag["key"]: tag["value"] for tag in blueprint["tags"]},
    )


def _blueprint(machine: Machine, template: Template) -> dict[str, Any]:
    """What the template says, as fields of the blueprint; where the launch configuration goes first, it stays."""
    before = machine.blueprint
    fields: dict[str, Any] = {
        "subnetIDs": [template.subnet] if template.subnet else [],
        "securityGroupIDs": list(template.groups),
        "publicIPAction": {True: "ALLOCATE", False: "DONT_ALLOCATE", None: "AS_SUBNET"}[template.public_ip],
        "iamRole": template.role or "",
        "tags": [{"key": key, "value": value} for key, value in template.tags.items()],
    }
    if before["instanceType"] != "COPY_ORIGIN" and template.instance_type:
        fields["instanceType"] = template.instance_type
    if before["privateIPAction"] != "COPY_ORIGIN":
        fields["privateIPAction"] = "CUSTOM_IP" if template.private_ip else "CREATE_NEW"
        fields["privateIPs"] = [template.private_ip] if template.private_ip else []
    return fields
