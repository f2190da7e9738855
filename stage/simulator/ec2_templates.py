"""Launch templates in EC2: one by its name, of which the default version is what counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stage.simulator.cloud import Template
from stage.simulator.network import filtered

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client


def write(ec2: EC2Client, name: str, template: Template) -> str:
    """Make it, or make this its default version; its id."""
    data = _data(template)
    found = ec2.describe_launch_templates(Filters=[filtered("launch-template-name", name)])["LaunchTemplates"]
    if not found:
        made = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
        return made["LaunchTemplate"]["LaunchTemplateId"]
    id = found[0]["LaunchTemplateId"]
    version = ec2.create_launch_template_version(LaunchTemplateId=id, LaunchTemplateData=data)
    number = str(version["LaunchTemplateVersion"]["VersionNumber"])
    ec2.modify_launch_template(LaunchTemplateId=id, DefaultVersion=number)
    return id


def read(ec2: EC2Client, id: str) -> Template:
    """Its default version."""
    versions = ec2.describe_launch_template_versions(LaunchTemplateId=id, Versions=["$Default"])
    data: Any = versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    interface: Any = next(iter(data.get("NetworkInterfaces", [])), {})
    specifications = [one for one in data.get("TagSpecifications", []) if one["ResourceType"] == "instance"]
    return Template(
        instance_type=data.get("InstanceType"),
        subnet=interface.get("SubnetId"),
        groups=tuple(interface.get("Groups") or data.get("SecurityGroupIds", [])),
        private_ip=interface.get("PrivateIpAddress"),
        public_ip=interface.get("AssociatePublicIpAddress"),
        role=data.get("IamInstanceProfile", {}).get("Name"),
        tags={tag["Key"]: tag["Value"] for one in specifications for tag in one["Tags"]},
    )


def _data(template: Template) -> Any:
    interface = {
        "DeviceIndex": 0,
        "SubnetId": template.subnet,
        "Groups": list(template.groups) or None,
        "PrivateIpAddress": template.private_ip,
        "AssociatePublicIpAddress": template.public_ip,
    }
    tags = [{"Key": key, "Value": value} for key, value in template.tags.items()]
    data = {
        "InstanceType": template.instance_type,
        "NetworkInterfaces": [{key: value for key, value in interface.items() if value is not None}],
        "IamInstanceProfile": {"Name": template.role} if template.role else None,
        "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}] if tags else None,
    }
    return {key: value for key, value in data.items() if value is not None}
