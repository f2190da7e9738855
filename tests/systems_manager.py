"""Systems Manager's nodes, which moto does not know: those that a test says, with their word and their tags."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

Tags = dict[str, str]


@contextmanager
def managed_nodes(client: Any, said: Mapping[str, tuple[str, Tags]]) -> Iterator[None]:
    """`client`: of ssm; `said`: PingStatus and tags by node, read at each request."""

    def described(params: dict[str, Any], **_: Any) -> Any:
        (one,) = json.loads(params["body"])["Filters"]
        there = [each for each in one["Values"] if each in said]
        listed = [{"InstanceId": each, "PingStatus": said[each][0]} for each in there]
        return SimpleNamespace(status_code=200), {"InstanceInformationList": listed}

    def tagged(params: dict[str, Any], **_: Any) -> Any:
        asked = json.loads(params["body"])
        assert asked["ResourceType"] == "ManagedInstance"
        tags = said[asked["ResourceId"]][1]
        return SimpleNamespace(status_code=200), {"TagList": [{"Key": k, "Value": v} for k, v in tags.items()]}

    hooks = {"DescribeInstanceInformation": described, "ListTagsForResource": tagged}
    for operation, answer in hooks.items():
        client.meta.events.register_last(f"before-call.ssm.{operation}", answer)
    try:
        yield
    finally:
        for operation, answer in hooks.items():
            client.meta.events.unregister(f"before-call.ssm.{operation}", answer)
