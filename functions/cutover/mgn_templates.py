"""The EC2 launch templates that MGN keeps, one for each source server: read, and given a new default version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover import clients
from cutover.errors import Ec2Unavailable, NotFound, RequestRefused

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

SECONDS = 25
"""How long the answer to a request that writes is waited for."""


class Templates:
    """Those of one region. `requests`: where what is asked is counted."""

    def __init__(self, region: str, requests: Counter[str], client: EC2Client | None = None) -> None:
        self._looks = client or clients.client("ec2", region)
        self._deeds = client or clients.client_for_deeds("ec2", region, SECONDS)
        self._requests = requests

    def read(self, template: str) -> dict[str, Any]:
        """The data of the default version. NotFound when there is no such template."""
        with self._asking("DescribeLaunchTemplateVersions"):
            answer = self._looks.describe_launch_template_versions(LaunchTemplateId=template, Versions=["$Default"])
        return dict(answer["LaunchTemplateVersions"][0]["LaunchTemplateData"])

    def write(self, template: str, data: Mapping[str, Any]) -> None:
        """Make this the default version: two requests, each sent once. Left half-way, a version more is there that
        nothing uses."""
        shape = self._deeds.meta.service_model.operation_model("CreateLaunchTemplateVersion").input_shape
        members: Any = shape.members if shape else {}
        given: Any = _as_asked(data, members["LaunchTemplateData"])
        with self._asking("CreateLaunchTemplateVersion"):
            made = self._deeds.create_launch_template_version(LaunchTemplateId=template, LaunchTemplateData=given)
        number = str(made["LaunchTemplateVersion"]["VersionNumber"])
        with self._asking("ModifyLaunchTemplate"):
            self._deeds.modify_launch_template(LaunchTemplateId=template, DefaultVersion=number)

    @contextmanager
    def _asking(self, operation: str) -> Iterator[None]:
        """What asking again may cure is Ec2Unavailable; a refusal is a refusal of the launch configuration."""
        self._requests[f"ec2 {operation}"] += 1
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if not isinstance(error, ClientError) or clients.asks_for_patience(error):
                raise Ec2Unavailable(f"{operation}: {error}") from error
            code = error.response["Error"]["Code"]
            kind = NotFound if code.endswith(".NotFound") else RequestRefused
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            raise kind("POST", f"/{operation}", status, f"{code}: {error.response['Error'].get('Message')}") from error


def _as_asked(value: Any, shape: Any) -> Any:
    """What EC2 answered, without what it only answers: as it is asked for. `shape`: of botocore's model."""
    if shape.type_name == "structure":
        return {name: _as_asked(each, shape.members[name]) for name, each in value.items() if name in shape.members}
    return [_as_asked(each, shape.member) for each in value] if shape.type_name == "list" else value
