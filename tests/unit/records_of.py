"""Records, machines and jobs to test with: all is well unless a test says otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cutover.instance import Instance
from cutover.machine import Job, JobStatus, LifeCycle, LogLine, Machine, Replication
from cutover.plan import ByOs, Expectation, Mode, OnFailure, Plan, PlannedMachine, PollBounds, Wave
from cutover.records import LaunchRecord, LaunchState, MachineRecord, RunRecord, TargetRecord

NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def planned(name: str | None = "db01", id: str | None = None, expect: Expectation | None = None) -> PlannedMachine:
    overlay = expect or Expectation()
    return PlannedMachine(name, id, {Mode.TEST: overlay, Mode.CUTOVER: overlay})


def wave(*machines: PlannedMachine, **rules: Any) -> Wave:
    defaults: dict[str, Any] = {
        "name": "db",
        "lag_limit": 300,
        "readiness_deadline": 3600,
        "test_minimum_age": 7 * 86400,
        "test_waiver": None,
        "job_deadline": 3600,
        "verify_deadline": 1200,
        "ok_in_a_row": 1,
        "on_failure": OnFailure.STOP,
        "poll": PollBounds(30, 900),
    }
    given = {**defaults, **rules}
    if isinstance(given["verify_deadline"], int):
        given["verify_deadline"] = ByOs(given["verify_deadline"], given["verify_deadline"])
    return Wave(machines=machines or (planned(),), **given)


def plan(*waves: Wave) -> Plan:
    return Plan("demo", "cloudendure", "Demo", "eu-central-1", waves or (wave(),))


def machine(name: str | None = "db01", *, lag: timedelta = timedelta(seconds=20), **more: Any) -> Machine:
    replication = Replication(
        "STARTED", True, 100, 100, 0, 0, consistent_at=NOW - lag, next_consistent_at=None, seen_at=NOW
    )
    given = {"id": f"m-{name}", "name": name, "replica": None, "replication": replication, **more}
    return Machine(**given)


def job(status: JobStatus = JobStatus.STARTED, *lines: str, **more: Any) -> Job:
    given: dict[str, Any] = {
        "id": "j-1",
        "kind": "cutover",
        "status": status,
        "status_as_given": status.value,
        "created_at": ago(minutes=10),
        "ended_at": None,
        "machines": frozenset({"m-db01"}),
        "log": tuple(LogLine(NOW, line) for line in lines),
        **more,
    }
    return Job(**given)


def launch(state: LaunchState = LaunchState.UNKNOWN, **more: Any) -> LaunchRecord:
    given: dict[str, Any] = {
        "number": 1,
        "state": state,
        "mode": Mode.CUTOVER,
        "machines": ("m-db01",),
        "intended": "2026-11-28T21:55:00Z",
        "sent": "2026-11-28T21:55:00Z",
        **more,
    }
    return LaunchRecord(**given)


def record(**more: Any) -> MachineRecord:
    """A machine whose new target has appeared."""
    given: dict[str, Any] = {
        "label": "db01",
        "position": 0,
        "id": "m-db01",
        "name": "db01",
        "replica_before": "r-old",
        "instance_before": "i-old",
        "replica": "r-new",
        "replica_job": "j-1",
        "first_seen": "2026-11-28T21:58:00Z",
        "target": TargetRecord(instance_id="i-new"),
        **more,
    }
    return MachineRecord(**given)


def instance(**more: Any) -> Instance:
    given: dict[str, Any] = {
        "id": "i-new",
        "state": "running",
        "type": "m5.large",
        "subnet_id": "subnet-1",
        "subnet_name": "prod",
        "groups": {"sg-1": "db"},
        "private_ips": ("10.0.0.4",),
        "tags": {"Name": "db01", "cutover:run": "r"},
        "instance_status": "ok",
        "system_status": "ok",
        **more,
    }
    return Instance(**given)


def run(**more: Any) -> RunRecord:
    given: dict[str, Any] = {
        "id": "demo-cutover-20261128T210000Z",
        "plan": "demo",
        "sha256": "ab" * 32,
        "mode": Mode.CUTOVER,
        "attempt": 1,
        "scheduled": None,
        "claimed": "2026-11-28T21:00:00Z",
        "started": "2026-11-28T21:00:05Z",
        **more,
    }
    return RunRecord(**given)


CUT_OVER = LifeCycle(tested_at=ago(days=9), cut_over_at=ago(days=2))
TESTED = LifeCycle(tested_at=ago(days=9))
