"""The seam: what any replication service can do for a run. CloudEndure first; nothing here knows its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cutover.machine import Job, Machine, Replica
from cutover.plan import Mode


@dataclass(frozen=True)
class Now:
    """What time it is, and whose clock said so: the service's (HTTP Date) or, failing that, ours."""

    at: datetime
    from_service: bool


class MigrationService(Protocol):
    """One project of one replication service.

    Every method may raise the errors of `cutover.errors` and nothing else. Only `launch` has a side effect; it is sent
    once and never again by the adapter (but for a 401, which says that nothing was done).
    """

    @property
    def requests(self) -> Counter[str]:
        """Requests sent so far by operation, e.g. {"GET machines": 2}."""
        ...

    def now(self) -> Now:
        """The service's time, from the last answer's Date header; our clock if it never gave one."""
        ...

    def machines(self, *, all_machines: bool = False) -> list[Machine]:
        """The project's machines: those replicating, or with `all_machines` the stopped ones as well."""
        ...

    def jobs(self) -> list[Job]:
        """The project's jobs, newest first as far as their dates tell; logs may be missing."""
        ...

    def job(self, job_id: str) -> Job:
        """One job with its log."""
        ...

    def replica(self, replica_id: str) -> Replica:
        """One target's record; NotFound when it was replaced or cleaned up."""
        ...

    def launch(self, mode: Mode, machine_ids: Collection[str]) -> list[Job]:
        """Launch these machines together; the jobs that do it, one or as many as the service's limits ask for.

        LaunchUnconfirmed when nobody can say whether it took.
        """
        ...
