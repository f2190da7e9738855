"""Deploying a synthesized stack through CloudFormation's own API: the template is the only list of resources."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from stage.aws.assembly import Place, Stack, find_stack, uploads

BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"
NEWEST_BOOTSTRAP = "30"
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
POLL_SECONDS = 0.1

AnyClient = Any
"""A boto3 client; botocore makes its methods at run time."""


class DeploymentFailed(RuntimeError):
    """CloudFormation refused or rolled back; the message names the resource and says why."""


def deploy(
    assembly: Path,
    client: Callable[[str], AnyClient],
    place: Place,
    *,
    parameters: Mapping[str, str] | None = None,
    stack: str | None = None,
    timeout: float = 300,
) -> dict[str, str]:
    """Create or update the stack of `assembly` (the only one, or the one named) and return its outputs.

    `client` gives a boto3 client by service name; `timeout` is in seconds. Raises AssemblyUnusable before, and
    DeploymentFailed after CloudFormation has been asked.
    """
    wanted = find_stack(assembly, place, stack)
    upload(wanted, client("s3"), place)
    client("ssm").put_parameter(Name=BOOTSTRAP_VERSION, Value=NEWEST_BOOTSTRAP, Type="String", Overwrite=True)
    cloudformation = client("cloudformation")
    s3_url = client("s3").meta.endpoint_url
    request = {
        "StackName": wanted.name,
        "TemplateURL": f"{s3_url}/{wanted.template_bucket}/{wanted.template_key}",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()],
        "Capabilities": list(CAPABILITIES),
    }
    try:
        if describe(cloudformation, wanted.name) is None:
            stack_id = cloudformation.create_stack(**request)["StackId"]
        else:
            stack_id = cloudformation.update_stack(**request)["StackId"]
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise DeploymentFailed(f"CloudFormation refused stack {wanted.name}: {error}") from error
        stack_id = wanted.name
    return outputs(settled(cloudformation, stack_id, wanted.name, timeout))


def upload(stack: Stack, s3: AnyClient, place: Place) -> None:
    made: set[str] = set()
    for asset in uploads(stack, place):
        if asset.bucket not in made:
            make_bucket(s3, asset.bucket, place.region)
            made.add(asset.bucket)
        s3.put_object(Bucket=asset.bucket, Key=asset.key, Body=asset.content)


def make_bucket(s3: AnyClient, name: str, region: str) -> None:
    location = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        s3.create_bucket(Bucket=name, **location)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise


def describe(cloudformation: AnyClient, name: str) -> dict[str, Any] | None:
    """The stack, None when there is none. A create that was rolled back is deleted: it can only be made anew."""
    try:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    if found["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
        cloudformation.delete_stack(StackName=name)
        while describe(cloudformation, name) is not None:
            time.sleep(POLL_SECONDS)
        return None
    return found if found["StackStatus"] != "DELETE_COMPLETE" else None


def settled(cloudformation: AnyClient, stack_id: str, name: str, timeout: float) -> dict[str, Any]:
    """The stack once nothing is in progress, or DeploymentFailed."""
    deadline = time.monotonic() + timeout
    while True:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
        status = found["StackStatus"]
        if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return found
        if not status.endswith("_IN_PROGRESS"):
            raise DeploymentFailed(f"stack {name} ended {status}: {why(cloudformation, stack_id, found)}")
        if time.monotonic() > deadline:
            raise DeploymentFailed(f"stack {name} is still {status} after {timeout:g} s; see the emulator's log")
        time.sleep(POLL_SECONDS)


def why(cloudformation: AnyClient, stack_id: str, found: dict[str, Any]) -> str:
    """Which resources failed first, and their reasons, from the stack's events."""
    events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
    failures = [
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', 'no reason')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED")
        and event["ResourceType"] != "AWS::CloudFormation::Stack"
        and "cancelled" not in event.get("ResourceStatusReason", "")
    ]
    return "; ".join(failures) or str(found.get("StackStatusReason", "no reason given"))


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
