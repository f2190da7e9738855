"""Rights on more than one named resource, each with its reason, in the words cdk-nag asks for."""

from __future__ import annotations

from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def acknowledge_wildcard(scope: IConstruct, arn: str, reason: str) -> None:
    """Record why policies below `scope` name this ARN pattern; cdk-nag's AwsSolutions-IAM5 refuses the others."""
    pattern = _spell(Stack.of(scope).resolve(arn))
    Validations.of(scope).acknowledge(Acknowledgment(id=f"AwsSolutions-IAM5[Resource::{pattern}]", reason=reason))


def _spell(value: Any) -> str:
    """A resolved token as cdk-nag writes it: references in angle brackets."""
    match value:
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_spell(part) for part in parts)
    return str(value)
