"""What launches and runs have left behind in EC2, with its age and what to do. Pure; nothing is deleted for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cutover.cleanup import RUN_TAG
from cutover.guard import MODE_TAG
from cutover.instance import Instance
from cutover.instants import instant
from cutover.late import ISOLATED_TAG
from cutover.plan import Mode
from cutover.records import Outcome, RunRecord, RunStatus

CREATION_TAG = "CloudEndure creation time"
MGN_TAG = "AWSApplicationMigrationServiceManaged"
TAG_KEYS = (RUN_TAG, ISOLATED_TAG, CREATION_TAG, "CloudEndure_Replication_Service", MGN_TAG)
"""An instance or a volume with one of these is a service's or ours; so is what is called one of SERVICE_NAMES."""
SERVICE_NAMES = ("CloudEndure*", "AWS Application Migration Service*")


@dataclass(frozen=True)
class InEc2:
    """An instance, or a volume that nothing uses. `since`: when it was launched or made."""

    id: str
    state: str
    since: datetime
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_volume(self) -> bool:
        return self.id.startswith("vol-")


@dataclass(frozen=True)
class Leftover:
    """One thing that is still there. `what`: its kind in words; `run`: whose it was, where that is known."""

    id: str
    what: str
    run: str
    age: timedelta
    remedy: str


def run_of(each: InEc2) -> str:
    """The run that its tags name, "" for none."""
    return each.tags.get(RUN_TAG) or each.tags.get(ISOLATED_TAG) or ""


def judge(
    seen: Iterable[InEc2], runs: Mapping[str, RunRecord | None], now: datetime, older_than: timedelta
) -> list[Leftover]:
    """What of it is left over, the oldest first. `runs`: by id, those that tags name; None for one nobody knows.

    A target of a cutover that ended CutOver is production, and what a running run has is at work: neither is left over.
    """
    found = []
    for each in seen:
        if each.state in ("terminated", "shutting-down") or now - each.since < older_than:
            continue
        run_id = run_of(each)
        said = _left(each, run_id, runs.get(run_id), now)
        if said is not None:
            found.append(Leftover(each.id, said[0], run_id, now - each.since, said[1]))
    return sorted(found, key=lambda each: each.age, reverse=True)


def _left(each: InEc2, run_id: str, run: RunRecord | None, now: datetime) -> tuple[str, str] | None:
    """What it is and what to do; None for what is not left over."""
    if run is not None and run.status is RunStatus.RUNNING:
        return None
    if each.is_volume:
        return "a volume that nothing uses", "delete it by hand once nobody misses what is on it"
    owned = Instance(each.id, each.state, tags=dict(each.tags)).service_owned
    if owned == "machine converter":
        return "a machine converter of the service", "one is at work for minutes: see the project's jobs"
    if owned:
        return (
            f"a {owned} of the service",
            "it goes with the last source it replicates for: finalize committed cutovers; never delete it by hand",
        )
    if ISOLATED_TAG in each.tags:
        return (
            "a target that came too late, isolated",
            f"cutover cleanup {run_id}, or start it if it is wanted after all",
        )
    if run_id and run is None:
        return "a target whose run nobody knows here", "find out whose it is; delete it by hand if nobody needs it"
    if run is None:
        return "a target that no run here has launched", "cutover observe, or find out who launched it"
    return _of_a_run(each, run, now)


def _of_a_run(each: InEc2, run: RunRecord, now: datetime) -> tuple[str, str] | None:
    ended = run.outcome.value if run.outcome else run.status.value
    if each.tags.get(MODE_TAG) == Mode.TEST:
        if run.clean_up_at is None:
            return "a test target without a time to live", f"cutover cleanup {run.id}"
        if now >= instant(run.clean_up_at):
            return f"a test target past its time to live ({run.clean_up_at})", f"cutover cleanup {run.id}"
        return None  # it goes by itself
    if run.outcome is Outcome.CUT_OVER:
        return None
    if run.outcome is Outcome.ROLLED_BACK:
        return (
            "a target of a cutover that was rolled back",
            "keep it while its data may be needed; the next launch deletes it",
        )
    return f"a target of a cutover that ended {ended}", "see that run's evidence before anything is deleted"
