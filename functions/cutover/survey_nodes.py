"""The nodes that steps of the night send commands to, looked at by read-only requests alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from cutover.ec2 import batches
from cutover.looks import Looks
from cutover.planned_night import NODE_ALLOWED, NODE_TAG
from cutover.surveyed import Node, Running

_PAGE = 50
_GONE = ("InvalidResourceId",)


class NodeSurvey:
    """One region's Systems Manager, through its boto3 client."""

    def __init__(self, client: Any, looks: Looks) -> None:
        self._client, self._looks = client, looks

    def nodes(self, wanted: Collection[str], instances: Mapping[str, Running] | None) -> dict[str, Node | None]:
        """By id, as Systems Manager has them; empty where it may not be asked. `instances`: EC2's, with tags."""
        pings: dict[str, str] = {}
        for some in batches(sorted({*wanted}), _PAGE):
            pages = self._looks.at("ssm:DescribeInstanceInformation", "nodes of steps", partial(self._pages, some))
            if pages is None:
                return {}
            pings |= {each["InstanceId"]: each["PingStatus"] for page in pages for each in page}
        return {
            each: Node(pings[each], self._allowed(each, instances)) if each in pings else None
            for each in sorted({*wanted})
        }

    def _pages(self, nodes: Collection[str]) -> list[list[dict[str, Any]]]:
        asked = self._client.get_paginator("describe_instance_information").paginate(
            Filters=[{"Key": "InstanceIds", "Values": list(nodes)}], PaginationConfig={"PageSize": _PAGE}
        )
        return [page["InstanceInformationList"] for page in asked]

    def _allowed(self, node: str, instances: Mapping[str, Running] | None) -> bool | None:
        """Whether its owner has tagged it: an instance in EC2, any other node in Systems Manager."""
        if node.startswith("i-"):
            return None if instances is None or node not in instances else _says(instances[node].tags)
        ask = partial(self._client.list_tags_for_resource, ResourceType="ManagedInstance", ResourceId=node)
        try:
            seen = self._looks.at("ssm:ListTagsForResource", "tags of the nodes of steps", ask, absent=_GONE)
        except ClientError:  # gone since it was listed
            return None
        return None if seen is None else _says({tag["Key"]: tag["Value"] for tag in seen["TagList"]})


def _says(tags: Mapping[str, str]) -> bool:
    return tags.get(NODE_TAG) == NODE_ALLOWED
