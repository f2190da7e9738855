"""What the simulated service remembers: projects, machines, targets, jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from stage.simulator import scenario, spec
from stage.simulator.cloud import Made, Network
from stage.simulator.jobs import PENDING, Act, Participant, Timeline
from stage.simulator.lifecycle import Lifecycle
from stage.simulator.replication import Replication, replication_at

Line = TypeVar("Line")


@dataclass
class Target:
    """A launched target. `data_at`: the data it holds; `serves_from`: when its application answers; `group`: the
    service's own security group, made by its job; `boots_at`: when it is known how it booted, and `checks` how; None:
    it was not started."""

    replica: str
    machine: str
    instance: str
    name: str
    job: str
    created: datetime
    data_at: datetime
    serves_from: datetime
    group: str | None
    state: str
    public_ips: list[str]
    boots_at: datetime | None = None
    checks: str = "ok"


@dataclass
class Machine:
    """A source machine. `life`: the launches in its lifeCycle, as answered; `replication_configuration`: as patched.

    `off_since`: when it was switched off; `quiet_since`: when its application stopped writing.
    """

    id: str
    name: str
    described: spec.Machine
    blueprint: dict[str, Any]
    phases: list[spec.Phase]
    since: datetime
    beat: timedelta
    installed: datetime
    target: Target | None = None
    life: dict[str, str] = field(default_factory=dict)
    launches: int = 0
    console_tags: list[str] = field(default_factory=list)
    replication_configuration: dict[str, Any] = field(default_factory=dict)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    off_since: datetime | None = None
    quiet_since: datetime | None = None

    def replication(self, now: datetime) -> Replication:
        """Its replication at this instant; of a machine that is off, what was known when it went."""
        total = sum(self.described.disks.values())
        until = now if self.off_since is None else min(now, self.off_since)
        seen = replication_at(self.phases, self.since, until, total=total, beat=self.beat)
        return seen if self.quiet_since is None else seen.drained(self.quiet_since)


@dataclass
class Job:
    """An accepted job. `mode` is None for a cleanup; `participants` by machine id; `instead`: what it logs in place of
    a line that did not come true; `broken`: something failed that the timeline did not foresee; `refused`: EC2's words
    for what it did not do, by act and machine. MGN's jobs have `tags`, and `target_tags` by machine for what they make;
    `told`: the machines of which MGN has told what became.
    """

    id: str
    kind: str
    mode: str | None
    created: datetime
    participants: dict[str, Participant]
    timeline: Timeline
    rule: spec.JobRule
    user: str
    instead: dict[str, str] = field(default_factory=dict)
    broken: bool = False
    refused: dict[tuple[Act, str], str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    target_tags: dict[str, dict[str, str]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    group: str | None = None
    converter: Made | None = None
    targets: list[Target] = field(default_factory=list)
    deleted: list[Target] = field(default_factory=list)

    @property
    def started(self) -> datetime:
        """When the job leaves PENDING."""
        return self.created + PENDING

    @property
    def listed(self) -> datetime:
        """When it first shows among the project's jobs."""
        return self.created + (self.rule.listed or timedelta())

    @property
    def ended(self) -> datetime | None:
        """When it ends; None if it never does."""
        return None if self.timeline.ends is None else self.started + self.timeline.ends

    def status(self, now: datetime) -> str:
        """PENDING, STARTED, COMPLETED or FAILED."""
        if now < self.started:
            return "PENDING"
        if self.ended is None or now < self.ended:
            return "STARTED"
        return self.rule.status or ("FAILED" if self.broken else self.timeline.status)

    def log(self, now: datetime) -> list[tuple[datetime, str]]:
        """The lines so far, in the order in which the service gives them."""
        due = [(self.started + at, self.instead.get(text, text)) for at, text in self.timeline.lines]
        return self.ordered([line for line in due if line[0] <= now])

    def ordered(self, log: list[Line]) -> list[Line]:
        """A log the way that the scenario has it given."""
        if self.rule.log == "duplicated":
            return [line for line in log for _ in range(2)]
        if self.rule.log == "out_of_order":
            return [line for start in range(0, len(log), 2) for line in reversed(log[start : start + 2])]
        return log


@dataclass
class Project:
    """One project with everything in it, by id."""

    id: str
    name: str
    described: scenario.Project
    network: Network
    machines: dict[str, Machine] = field(default_factory=dict)
    targets: dict[str, Target] = field(default_factory=dict)
    jobs: list[Job] = field(default_factory=list)
    launches: int = 0
    replication_configuration: dict[str, Any] = field(default_factory=dict)
    audit: list[dict[str, Any]] = field(default_factory=list)

    def busy(self, now: datetime) -> bool:
        """Whether a job is running: there is only ever one."""
        return any(job.status(now) in ("PENDING", "STARTED") for job in self.jobs)
