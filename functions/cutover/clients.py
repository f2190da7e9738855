"""boto3's clients: made on first use, and kept while the function is warm. Making one costs more than most calls."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table


PATIENCE = (
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TransactionCanceledException",
    "TransactionConflictException",
    "TransactionInProgressException",
)
"""Codes of AWS errors that asking again may cure: throttling, and two writers at once."""


def asks_for_patience(error: BotoCoreError | ClientError) -> bool:
    """Whether asking again may cure it: no answer, a 5xx, throttling, two writers at once."""
    if not isinstance(error, ClientError):
        return isinstance(error, ConnectionError | HTTPClientError)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or error.response["Error"]["Code"] in PATIENCE


def perhaps_done(error: BotoCoreError | ClientError) -> bool:
    """Whether what was asked for may have been done all the same: AWS was reached, and did not refuse."""
    if not isinstance(error, ClientError):
        return not isinstance(error, ConnectTimeoutError | EndpointConnectionError)
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500


@functools.cache
def client(service: str, region: str | None = None) -> Any:
    """The client of a service, by its name; in the function's own region unless another is given."""
    return boto3.client(service, region_name=region)


@functools.cache
def client_for_deeds(service: str, region: str, seconds: int) -> Any:
    """A client that sends each request once, and waits so long for its answer: what it asks for is not done twice."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=seconds)
    return boto3.client(service, region_name=region, config=config)


@functools.cache
def table(name: str) -> Table:
    """A DynamoDB table."""
    made: Table = boto3.resource("dynamodb").Table(name)
    return made
