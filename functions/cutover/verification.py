"""Is this target the machine that was planned? Every check says what it expected and what it saw.

Success is what is seen of the one machine: a job that COMPLETED, a line `Job finished` or the absence of an error
prove nothing. A check that cannot be decided yet is pending until the deadline, and then has failed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cutover.application import PREWARM
from cutover.configuration_findings import CONFIGURATION, DRIFT
from cutover.finding import Finding, Severity
from cutover.instance import Instance
from cutover.instants import instant
from cutover.machine import FirstBoot, Job, JobStatus, LaunchStatus, LifeCycle, Machine, PostLaunchAction, os_family
from cutover.plan import Expectation, Mode
from cutover.records import APPLICATION, STATUS_CHECKS, Check, MachineRecord, MachineStatus, TargetRecord

BEFORE_THE_LAUNCH = ("test_gate", CONFIGURATION, DRIFT, "agent", "cutover", "disks", "keep", "licence", "protection")
"""Fields of what was let through before the launch: it stays told, whatever is seen of the target."""
LAZY = "lazy_volumes"
"""Said once of a target that is verified, and stays said."""


@dataclass(frozen=True)
class Sight:
    """All that was seen of one machine at one look.

    `record` carries what was there before the launch and which replica has appeared since. `instance` and `previous`
    are None when EC2 does not know them (any more). `log`: what the job's log holds against this machine.
    `application`: the plan's checks of the application, made or not yet; `not_made`: those that are not made here.
    """

    record: MachineRecord
    machine: Machine | None
    job: Job
    mode: Mode
    instance: Instance | None
    previous: Instance | None
    log: Sequence[Finding]
    expect: Expectation
    tags: Mapping[str, str]
    ok_in_a_row: int
    application: Sequence[Check] = ()
    not_made: Sequence[str] = ()

    @property
    def os(self) -> str:
        """linux or windows, by the service's word, else by EC2's; "" where neither says."""
        return os_family(self.machine.os if self.machine else None, self.instance.platform if self.instance else None)

    @property
    def up(self) -> bool:
        """Whether the target is surely this launch's, boots, and nothing is wrong with it: its application can be
        looked at."""
        checks = _checks(self, _counted(self).oks)
        passed = {check.name for check in checks if check.passed}
        sound = not any(check.passed is False for check in checks)
        return passed >= {"running", STATUS_CHECKS} and sound and own_target(self)

    def seen_again(self, instances: Mapping[str, Instance]) -> Sight:
        """The same sight with its instance as it is now, where that was looked at again."""
        return replace(self, instance=instances.get(self.instance.id, self.instance)) if self.instance else self


def judge(sight: Sight, *, final: bool) -> MachineRecord:
    """The machine's record with every check, and with its verdict once there is one.

    One failed check fails the machine at once; all passed verify it. `final`: no more time; what is still pending has
    failed, or is unknown while the service's job is still open.
    """
    record = _counted(sight)
    checks = [*_checks(sight, record.oks), *sight.application]
    errors = tuple(finding for finding in sight.log if finding.severity is Severity.ERROR)
    failed = [check for check in checks if check.passed is False]
    pending = [check for check in checks if check.passed is None]
    status = MachineStatus.NOT_STARTED
    if failed or errors:
        status = MachineStatus.FAILED
    elif not pending:
        status = MachineStatus.VERIFIED
    elif final:
        status = MachineStatus.FAILED if sight.job.status.ended else MachineStatus.UNKNOWN
        booted = any(check.name == STATUS_CHECKS and check.passed for check in checks)
        failed = [check for check in pending if booted or not check.of_application]
        checks = [check.but(passed=False) if check in failed else check for check in checks]
    undecided = [check for check in checks if check.of_application and check.passed is None]
    kept = tuple(finding for finding in record.findings if finding.field in (*BEFORE_THE_LAUNCH, LAZY))
    unread = [_unread(sight.job)] if final and status is MachineStatus.VERIFIED and not sight.job.status.ended else []
    return record.but(
        status=status,
        checks=tuple(checks),
        findings=(*kept, *sight.log, *_told_of_actions(sight), *unread, *(_finding(check) for check in failed)),
        target=_target(sight),
        not_made=(*sight.not_made, *(f"{_short(check)}: {check.seen}" for check in undecided)),
    )


def _told_of_actions(sight: Sight) -> list[Finding]:
    """Actions after the launch that failed and that it can do without."""
    rule, remedy = "the service's actions after the launch succeed", "read the action's output in Systems Manager"
    failed = [each for each in _post_launch(sight, must=False) if each.passed is False]
    return [
        Finding("post_launch_actions", f"{each.name} {each.words}", rule, remedy, Severity.WARNING) for each in failed
    ]


def judge_again(record: MachineRecord, now: str) -> MachineRecord:
    """A machine whose target is to be judged anew from now on, with all the time that the plan gives it; what was told
    before the launch stays told."""
    kept = tuple(finding for finding in record.findings if finding.field in BEFORE_THE_LAUNCH)
    sent = tuple(each for each in record.commands if each.name == PREWARM)
    return record.but(
        status=MachineStatus.NOT_STARTED,
        oks=0,
        checks=(),
        commands=sent,
        findings=kept,
        accepted=None,
        judged_from=now,
        not_made=(),
        console=(),
    )


def lazy(record: MachineRecord, volumes: Collection[str]) -> Finding:
    """Volumes of a target whose blocks come from their snapshots only when they are first read: who waits for them."""
    prewarm = next((each for each in record.commands if each.name == PREWARM), None)
    done = "nothing reads them ahead"
    if prewarm is not None:
        reads = f"command {prewarm.command} reads them since {prewarm.sent}"
        done = reads if prewarm.command else f"reading them ahead was not begun: {prewarm.words}"
    return Finding(
        LAZY,
        f"{', '.join(sorted(volumes))} were made from snapshots; {done}",
        "a block of such a volume is slow when it is read for the first time",
        "expect a slow first hour; `prewarm: true` at the machine has its volumes read through",
        Severity.WARNING,
    )


def _unread(job: Job) -> Finding:
    """The target was seen to be good, and what its job still has to say was not."""
    return Finding(
        "job",
        f"job {job.id} is still {job.status_as_given} past its deadline",
        "a job's log is read to its end",
        "read the rest of the job's log before relying on this target",
        Severity.WARNING,
    )


def _target(sight: Sight) -> TargetRecord | None:
    if sight.instance is None:
        known = sight.record.target
        return known or (TargetRecord(replaced=sight.record.instance_before) if sight.record.instance_before else None)
    seen = sight.instance
    return TargetRecord(
        instance_id=seen.id,
        private_ips=seen.private_ips,
        public_ips=seen.public_ips,
        type=seen.type,
        subnet_id=seen.subnet_id,
        replaced=sight.record.instance_before,
    )


def own_target(sight: Sight) -> bool:
    """Whether the instance is surely this launch's new target: only then may it be tagged."""
    checks = {check.name: check.passed for check in _checks(sight, 0)}
    surely = ("new_target", "own_job", "not_a_service_instance", "exists")
    return all(checks.get(name) is True for name in surely) and sight.instance is not None and not sight.instance.gone


def _counted(sight: Sight) -> MachineRecord:
    """The record with the oks in a row counted on, or begun again."""
    seen = sight.instance
    ok = seen is not None and seen.instance_status == "ok" and seen.system_status == "ok"
    return sight.record.but(oks=sight.record.oks + 1 if ok else 0)


def _checks(sight: Sight, oks: int) -> list[Check]:
    checks = [_new_target(sight)]
    if checks[0].passed:
        checks += [_own_job(sight), *_in_ec2(sight, oks), *_first_boot(sight)]
    checks += [*_launch_status(sight), *_actions(sight)]
    checks.append(_previous_gone(sight))
    if sight.job.status.ended:
        completed = sight.job.status is JobStatus.COMPLETED
        checks.append(Check("job_completed", "COMPLETED", sight.job.status_as_given, completed))
    return checks


def _new_target(sight: Sight) -> Check:
    record = sight.record
    expected = f"another one than {record.instance_before}" if record.instance_before else "a target"
    if record.replica is None or record.replica == record.replica_before:
        return Check("new_target", expected, "no new target", None)
    if record.target is None or record.target.instance_id is None:
        return Check("new_target", expected, "a target without an instance id", None)
    seen = record.target.instance_id
    return Check("new_target", expected, seen, seen != record.instance_before)


def _own_job(sight: Sight) -> Check:
    """By the replica's job; where the service does not say it, by the life cycle's job, then by creation times."""
    record, job = sight.record, sight.job
    listed = job.instances.get(record.id or "")
    target = record.target.instance_id if record.target else None
    if listed and target and listed != target:
        return Check("own_job", f"job {job.id} lists {listed}", str(target), False)
    life = sight.machine.life_cycle if sight.machine else LifeCycle()
    test = sight.mode is Mode.TEST
    life_job = life.test_job if test else life.cutover_job
    for said in (record.replica_job, life_job):
        if said:
            return Check("own_job", f"job {job.id}", f"job {said}", said == job.id)
    if listed:
        return Check("own_job", f"job {job.id}", f"listed by job {job.id}", True)
    launched_at = life.tested_at if test else life.cut_over_at
    made = instant(record.replica_created) if record.replica_created else launched_at
    if made is None or job.created_at is None:
        return Check("own_job", f"job {job.id}", "the service does not say which job made it", None)
    return Check("own_job", f"made after {_at(job.created_at)}", f"made at {_at(made)}", made >= job.created_at)


def _launch_status(sight: Sight) -> list[Check]:
    """What the job says of this machine, where it does: a job that COMPLETED may hold machines that FAILED."""
    launch = sight.job.launches.get(sight.record.id or "")
    if launch is None:
        return []
    over = launch.status in (LaunchStatus.FAILED, LaunchStatus.TERMINATED)
    passed = True if launch.status is LaunchStatus.LAUNCHED else False if over else None
    return [Check("launch_status", LaunchStatus.LAUNCHED.value, launch.status.value, passed)]


def _post_launch(sight: Sight, *, must: bool) -> list[PostLaunchAction]:
    launch = sight.job.launches.get(sight.record.id or "")
    return [each for each in launch.actions if each.must is must] if launch else []


def _actions(sight: Sight) -> list[Check]:
    """What the service does on the target after its launch, and a cutover cannot do without."""
    actions = _post_launch(sight, must=True)
    if not actions:
        return []
    results = {each.passed for each in actions}
    passed = False if False in results else None if None in results else True
    expected = f"{', '.join(each.name for each in actions)} succeed"
    return [Check("post_launch_actions", expected, ", ".join(f"{each.name} {each.words}" for each in actions), passed)]


def _first_boot(sight: Sight) -> list[Check]:
    """What the service has seen of the target's boot, where it watches for it and still has this target."""
    machine = sight.machine
    if machine is None or machine.first_boot is None or machine.replica != sight.record.replica:
        return []
    passed = True if machine.first_boot is FirstBoot.SUCCEEDED else None
    return [Check("first_boot", FirstBoot.SUCCEEDED.value, machine.first_boot.value, passed)]


def _in_ec2(sight: Sight, oks: int) -> list[Check]:
    seen = sight.instance
    target = sight.record.target
    wanted = (target.instance_id if target else None) or "an instance"
    if seen is None:
        return [Check("exists", f"{wanted} in EC2", "not found in EC2", None)]
    owned = seen.service_owned
    checks = [
        Check("exists", f"{wanted} in EC2", seen.id, True),
        Check("not_a_service_instance", "a target", owned or "a target", owned is None),
        _running(seen, sight.job),
        _status_checks(seen, oks, sight.ok_in_a_row),
    ]
    return [*checks, *_overlay(seen, sight.expect), _tags(seen, sight.tags)]


def _running(seen: Instance, job: Job) -> Check:
    """A target may be stopped by the service's own work while its job is open; after that it stays as it is."""
    if seen.state == "running":
        return Check("running", "running", "running", True)
    lost = seen.state in ("terminated", "shutting-down") or (seen.state != "pending" and job.status.ended)
    return Check("running", "running", seen.state, False if lost else None)


def _status_checks(seen: Instance, oks: int, wanted: int) -> Check:
    both = f"instance {seen.instance_status or 'not reported'}, system {seen.system_status or 'not reported'}"
    times = f", {oks} times in a row" if wanted > 1 else ""
    expected = "instance ok, system ok" + (f", {wanted} times in a row" if wanted > 1 else "")
    return Check("status_checks", expected, both + times, True if oks >= wanted else None)


def _overlay(seen: Instance, expect: Expectation) -> list[Check]:
    checks = []
    if expect.instance_type is not None:
        checks.append(_equal("instance_type", expect.instance_type, seen.type))
    if expect.subnet is not None:
        given = seen.subnet_id if expect.subnet.startswith("subnet-") else seen.subnet_name
        said = f"{seen.subnet_id} ({seen.subnet_name})" if seen.subnet_name else str(seen.subnet_id)
        checks.append(Check("subnet", expect.subnet, said, given == expect.subnet))
    if expect.security_groups is not None:
        checks.append(_groups(seen, expect.security_groups))
    if expect.private_ip is not None:
        passed = expect.private_ip in seen.private_ips
        checks.append(Check("private_ip", expect.private_ip, ", ".join(seen.private_ips) or "none", passed))
    if expect.public_ip is not None:
        # An address may be attached a moment later; one that is there and must not be will not go by itself.
        missing = expect.public_ip and not seen.public_ips
        as_wanted = None if missing else bool(seen.public_ips) == expect.public_ip
        wanted = "a public address" if expect.public_ip else "no public address"
        checks.append(Check("public_ip", wanted, ", ".join(seen.public_ips) or "none", as_wanted))
    return checks


def _groups(seen: Instance, wanted: Sequence[str]) -> Check:
    """The same set: each wanted group is there by id or name, and no other one is."""
    matched = {group for group, name in seen.groups.items() for each in wanted if each in (group, name)}
    all_there = all(any(each in (group, name) for group, name in seen.groups.items()) for each in wanted)
    said = ", ".join(f"{group} ({name})" if name else group for group, name in sorted(seen.groups.items()))
    return Check("security_groups", ", ".join(wanted), said or "none", all_there and matched == set(seen.groups))


def _tags(seen: Instance, wanted: Mapping[str, str]) -> Check:
    """Pending while they are missing: they are put on as soon as the target is known to be ours."""
    missing = sorted(key for key, value in wanted.items() if seen.tags.get(key) != value)
    expected = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
    return Check(
        "tags",
        expected,
        f"missing or other: {', '.join(missing)}" if missing else "all there",
        None if missing else True,
    )


def _previous_gone(sight: Sight) -> Check:
    before = sight.record.instance_before
    if sight.record.previous_unknown:
        seen = f"the service does not say which instance {sight.record.replica_before} was"
        return Check("previous_target_gone", "the previous target gone", seen, None)
    if before is None:
        return Check("previous_target_gone", "no previous target", "none", True)
    if sight.previous is None or sight.previous.gone:
        return Check("previous_target_gone", f"{before} gone", "gone", True)
    return Check("previous_target_gone", f"{before} gone", sight.previous.state, None)


def _equal(name: str, expected: str, seen: str | None) -> Check:
    return Check(name, expected, seen or "none", seen == expected)


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


REMEDIES = {
    "new_target": "look for the target in the service's console; read the job's log; launch this machine again",
    "own_job": "find out who else launches this machine; do not use this instance",
    "launch_status": "read the job's log; correct the source or its launch settings, launch this machine again",
    "post_launch_actions": "read the action's output in Systems Manager; mend it, or launch this machine again",
    "first_boot": "look at the target's screenshot; if it is up, let its owner accept it",
    "exists": "look for the instance in EC2, in the plan's region and account",
    "not_a_service_instance": "do not touch it; look for the real target in the service's console",
    "running": "find out who stopped or terminated it; launch this machine again",
    "status_checks": "read the instance's system log and screenshot; correct the source, launch again",
    "instance_type": "correct the machine's blueprint or the plan",
    "subnet": "correct the machine's blueprint or the plan",
    "security_groups": "correct the machine's blueprint or the plan",
    "private_ip": "correct the machine's blueprint or the plan",
    "public_ip": "correct the machine's blueprint or the plan",
    "tags": "see whether the functions may tag instances, then put the tags on by hand",
    "previous_target_gone": "see why it still runs; two machines of the same name may serve at once",
    "job_completed": "read the job's log; launch again",
}
"""What to do about each check that failed."""
_LOOK_AT_IT = (
    "log in and see why it does not answer; mend it and have the machine judged again, or let its owner accept it"
)


def _short(check: Check) -> str:
    return check.name.removeprefix(APPLICATION)


def _finding(check: Check) -> Finding:
    if check.of_application:
        return Finding("application", f"{_short(check)}: {check.seen}", check.expected, _LOOK_AT_IT)
    return Finding(check.name, check.seen, check.expected, REMEDIES[check.name])
