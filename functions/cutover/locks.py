"""Locks on machines and projects: a machine is in at most one active run, and one run at a time launches in a project.

    LOCK#<service>#<machine id>         LEASE  {owner: run id, fence}
    LOCK#<service>#project#<name>       LEASE  the same

A lock points to its owner, and holds while the owner's lease does: the `lease` in the run's own record, which every
tick renews by one write, however many machines there are. A lock whose owner's lease has ended is anybody's; that it
has ended is a condition of the very write that takes the lock. `fence` grows with every taking: who took it before
can tell that it is no longer his (docs/decisions/0016-a-run-has-one-lease.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from cutover.ec2 import batches
from cutover.errors import AwsUnavailable
from cutover.records import whole

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

BATCH = 50
"""Locks in one transaction: each may need a condition on its owner's lease beside it, and a transaction holds 100."""
TRIES = 3
"""How often locks that somebody else has just written are looked at again."""


@dataclass(frozen=True)
class Holder:
    """The run that holds a lock, and until when its lease lasts."""

    run: str
    until: str


@dataclass(frozen=True)
class _Lock:
    """A lock as read; owner "" when nobody ever took it or it was given up."""

    name: str
    owner: str
    fence: int


class Locks:
    """The locks of one run. Names: `machine_lock`, `project_lock`. Instants are RFC 3339 texts in UTC."""

    def __init__(self, table: Table, run: str) -> None:
        self._table, self._run = table, run

    def take(self, names: Iterable[str], now: str) -> dict[str, Holder]:
        """Take all of them, in sorted order, or none: by name, who holds those that could not be had."""
        taken: list[str] = []
        for some in batches(sorted(names), BATCH):
            held = self._take(some, now)
            if held:
                self.give_up(taken)
                return held
            taken += some
        return {}

    def lost(self, names: Iterable[str]) -> dict[str, str]:
        """Those that are not this run's (any more): by name, the run that has them, "" for nobody."""
        return {
            lock.name: lock.owner
            for some in batches(sorted(names), BATCH)
            for lock in self._read(some)
            if lock.owner != self._run
        }

    def holders(self, names: Iterable[str]) -> dict[str, Holder]:
        """Who has them, this run or another: by name, of those whose owner has a lease, also one that has ended."""
        found: dict[str, Holder] = {}
        for some in batches(sorted(names), BATCH):
            locks = [lock for lock in self._read(some) if lock.owner]
            leases = self._leases(sorted({lock.owner for lock in locks}))
            found |= {lock.name: Holder(lock.owner, leases[lock.owner]) for lock in locks if lock.owner in leases}
        return found

    def fence(self, name: str) -> int:
        """The fencing number of a lock as it is now; 0 for one that was never taken."""
        return self._read([name])[0].fence

    def give_up(self, names: Iterable[str]) -> None:
        """Let others have them at once. What is not this run's is left alone."""
        for name in names:
            try:
                self._table.update_item(
                    Key=_key(name),
                    UpdateExpression="SET #owner = :nobody",
                    ConditionExpression="#owner = :run",
                    ExpressionAttributeNames={"#owner": "owner"},
                    ExpressionAttributeValues={":nobody": "", ":run": self._run},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise

    def _take(self, names: Sequence[str], now: str) -> dict[str, Holder]:
        for _ in range(TRIES):
            wanted = [lock for lock in self._read(names) if lock.owner != self._run]
            others = sorted({lock.owner for lock in wanted if lock.owner})
            leases = self._leases(others)
            held = {
                lock.name: Holder(lock.owner, lease)
                for lock in wanted
                if (lease := leases.get(lock.owner, "")) and lease > now
            }
            if held or not wanted:
                return held
            if self._written(wanted, others, now):
                return {}
        raise AwsUnavailable(f"others were writing the same locks each of {TRIES} times: {', '.join(names)}")

    def _written(self, locks: Sequence[_Lock], owners: Sequence[str], now: str) -> bool:
        """Write all of these, or none: as they were read, and while none of their owners has renewed his lease."""
        operations: list[Any] = [
            {
                "Update": {
                    "TableName": self._table.name,
                    "Key": _key(lock.name),
                    "UpdateExpression": "SET #owner = :run, fence = :next",
                    "ConditionExpression": "attribute_not_exists(pk) OR (#owner = :seen AND fence = :fence)",
                    "ExpressionAttributeNames": {"#owner": "owner"},
                    "ExpressionAttributeValues": {
                        ":run": self._run,
                        ":next": lock.fence + 1,
                        ":seen": lock.owner,
                        ":fence": lock.fence,
                    },
                }
            }
            for lock in locks
        ]
        operations += [
            {
                "ConditionCheck": {
                    "TableName": self._table.name,
                    "Key": {"pk": f"RUN#{owner}", "sk": "META"},
                    "ConditionExpression": "attribute_not_exists(pk) OR attribute_type(lease, :null) OR lease <= :now",
                    "ExpressionAttributeValues": {":now": now, ":null": "NULL"},
                }
            }
            for owner in owners
        ]
        try:
            self._table.meta.client.transact_write_items(TransactItems=operations)
        except ClientError as error:
            if error.response["Error"]["Code"] == "TransactionCanceledException":
                return False
            raise
        return True

    def _read(self, names: Sequence[str]) -> list[_Lock]:
        found = {str(item["pk"]): item for item in self._batch([_key(name) for name in names])}
        return [
            _Lock(name, str(item.get("owner", "")), int(item.get("fence", 0)))
            for name in names
            for item in (found.get(name, {}),)
        ]

    def _leases(self, runs: Sequence[str]) -> dict[str, str]:
        """By run id, the lease of each that has one."""
        found = self._batch([{"pk": f"RUN#{run}", "sk": "META"} for run in runs])
        return {str(item["id"]): str(item["lease"]) for item in found if item.get("lease")}

    def _batch(self, keys: list[dict[str, str]]) -> list[dict[str, Any]]:
        if not keys:
            return []
        answer = self._table.meta.client.batch_get_item(
            RequestItems={self._table.name: {"Keys": keys, "ConsistentRead": True}}
        )
        if answer.get("UnprocessedKeys"):
            raise AwsUnavailable("the table did not read all locks that were asked for")
        return [whole(item) for item in answer["Responses"].get(self._table.name, [])]


def machine_lock(service: str, machine: str) -> str:
    """The name of a machine's lock, by the service's id of it."""
    return f"LOCK#{service}#{machine}"


def project_lock(service: str, project: str) -> str:
    """The name of a project's lock; projects that differ in case alone are taken for one."""
    return f"LOCK#{service}#project#{project.casefold()}"


def _key(name: str) -> dict[str, str]:
    return {"pk": name, "sk": "LEASE"}
