"""The run's memory: one DynamoDB table for records, one bucket for plans, job logs and evidence.

What must happen once is a conditional write; everything else is written by the one execution that carries the run out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cutover import clients
from cutover.store_decisions import Decisions
from cutover.store_files import Files
from cutover.store_items import Items
from cutover.store_memory import Memory
from cutover.store_monitor import Monitored
from cutover.store_night import Nights
from cutover.store_runs import Runs
from cutover.store_told import Tellings
from cutover.store_waves import Waves

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3.client import S3Client


class Store(Runs, Nights, Decisions, Waves, Tellings, Memory, Monitored, Files):
    """Reads and writes records by run id and wave number. Missing ones are RunNotFound."""

    def __init__(self, table: Table, bucket: str, s3: S3Client) -> None:
        Items.__init__(self, table)
        Files.__init__(self, bucket, s3)

    @classmethod
    def open(cls, table: str, bucket: str) -> Store:
        """The store of this deployment, by table and bucket name."""
        return cls(clients.table(table), bucket, clients.client("s3"))
