"""boto3's clients: made on first use, and kept while the function is warm. Making one costs more than most calls."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


@functools.cache
def client(service: str, region: str | None = None) -> Any:
    """The client of a service, by its name; in the function's own region unless another is given."""
    return boto3.client(service, region_name=region)


@functools.cache
def table(name: str) -> Table:
    """A DynamoDB table."""
    made: Table = boto3.resource("dynamodb").Table(name)
    return made
