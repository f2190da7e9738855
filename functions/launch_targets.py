"""Write the intent, then send one launch for the whole wave, or for as much of it as one job of the service takes.

Of a larger wave the rest waits for its turn: it is looked at again, and launched, when the jobs before it have ended.
The state machine never retries this function. Whatever is unclear afterwards is LaunchUnconfirmed: `find_launch` looks.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from cutover.closing import abort_finding, not_its_turn
from cutover.errors import (
    AuthenticationFailed,
    LaunchUnconfirmed,
    LicenceExpired,
    NotFound,
    PermissionDenied,
    RequestRefused,
    RunDisputed,
    ServiceError,
    ServiceThrottled,
)
from cutover.finding import Finding
from cutover.guard import errors, kept_target
from cutover.instants import instant
from cutover.launch import FindVerdict, find, followed, ids, launched, may_send_again, named, queued, tags
from cutover.launch_room import room
from cutover.machine import Machine
from cutover.previous import as_before
from cutover.readiness import LOOKS, Verdict, WaveReadiness, interval
from cutover.records import LaunchRecord, LaunchState, MachineRecord, MachineStatus, Phase, RunStatus, WaveRecord
from cutover.rule import can_pass
from cutover.step import Answer, Step, step
from cutover.store_waves import Intent
from cutover.unlaunched import aborted, end

SECONDS_TO_SEND = 60
"""A launch is only sent while the function has this long to live: one killed half-way would leave an unclear launch."""


@step
def handler(here: Step) -> Answer:
    """{verdict: accepted | wait | refused | postponed | aborted, wait_seconds, tell, reason}."""
    if here.run.observe:
        raise RunDisputed(f"run {here.run.id} only observes; it launches nothing")
    launches = here.store.launches(here.run.id, here.number)
    if launches and not launches[-1].state.settled:
        raise LaunchUnconfirmed(f"attempt {launches[-1].number} is {launches[-1].state.value}; it must be found first")
    record, records, begun = here.record, here.store.machines(here.run.id, here.number), launched(launches)
    if begun and not queued(records, launches):
        return _answer("accepted", f"{named(record.jobs)} was accepted before")
    if launches and not may_send_again(launches):
        reason = f"{len(launches)} launches were sent for this wave and none was accepted"
        return _given_up(here, record, reason) if begun else _answer("refused", reason)
    if here.run.aborted:
        return aborted(here, record)
    deadline = _deadline(record, begun)
    listed = here.listed(here.wave.machines)
    # Looks are counted, and ended, by check_readiness, or by verify_targets where jobs are at work already.
    looks = LOOKS if begun and record.target_looks >= 2 * LOOKS else 0
    seen = here.look(listed, deadline, looks, records, launched=begun)
    if begun and seen.verdict is Verdict.READY and seen.judged:
        here.store.write_machines(here.run.id, here.number, seen.settle(records, here.wave, deadline))
        records = here.store.machines(here.run.id, here.number)
        seen = here.look(listed, deadline, 0, records, launched=begun)  # those that go, without those left out just now
    if begun and seen.verdict is not Verdict.READY:
        return _not_now(here, record, records, seen, deadline)
    if seen.verdict is not Verdict.READY or seen.judged:
        return _answer("wait", f"no longer ready: {seen.reason}", wait=1)
    here.hold()
    machines = [each.machine for each in seen.machines if each.machine]
    open_ones = [each for each in records if not each.judged and each.id not in begun]
    known = _write_down_what_is_there(here, open_ones, machines)
    if known is None or here.seconds_left() < SECONDS_TO_SEND:
        return _answer("wait", "no time left to send the launch safely", wait=1)
    forbidden = _forbidden(here, record, records, known)
    if forbidden is not None:
        return (
            _given_up(here, record, forbidden["reason"]) if begun and forbidden["verdict"] == "refused" else forbidden
        )
    held = here.locks.take([here.project_lock], here.looked())
    if held:
        return _wait_for_project(here, record, begun, f"run {held[here.project_lock].run} launches in it")
    jobs = here.service.jobs()
    space = room(here.service.limits, jobs, [machine.id for machine in machines])
    if not space.machines:
        here.locks.give_up([here.project_lock])
        return _wait_for_project(here, record, begun, space.reason, space.taken)
    return _send(here, record, len(launches) + 1, begun, list(space.machines), tuple(job.id for job in jobs))


def _deadline(record: WaveRecord, begun: Collection[str]) -> datetime:
    """Until when the launch is waited for: of what is queued, as long as the targets of the jobs before it are."""
    return instant(str((record.verify_deadline if begun else None) or record.readiness_deadline))


def _not_now(
    here: Step, record: WaveRecord, records: list[MachineRecord], seen: WaveReadiness, deadline: datetime
) -> Answer:
    """What is queued is not ready, or never will be: it is left out, or looked at again with the targets at work."""
    here.store.write_machines(here.run.id, here.number, seen.settle(records, here.wave, deadline))
    if seen.verdict is Verdict.WAIT:
        return _answer("wait", f"queued: {seen.reason}", wait=max(seen.wait_seconds, 1))
    return _given_up(here, record, seen.reason)


def _given_up(here: Step, record: WaveRecord, reason: str) -> Answer:
    """The rest of a wave is not launched any more; the wave goes on with what is."""
    return end(here, record, MachineStatus.POSTPONED, not_its_turn(reason))


def _forbidden(
    here: Step, record: WaveRecord, records: list[MachineRecord], known: list[MachineRecord]
) -> Answer | None:
    """What has changed since the run was opened: a target that may not go, or a lock that somebody else has now."""
    doomed, planned = here.doomed(known), {each.label: each for each in here.wave.machines}
    back = {machine: each.instance for machine, each in here.store.rolled_back(here.plan.name).items()}
    against = {
        each.label: errors(
            kept_target(planned[each.label], doomed.get(each.instance_before or ""), back.get(str(each.id)))
        )
        for each in known
    }
    lost = here.locks.lost([here.lock_of(str(each.id)) for each in known])
    for each in known:
        if (owner := lost.get(here.lock_of(str(each.id)))) is not None:
            against[each.label] += (_lost(each, owner),)
    if not any(against.values()):
        return None
    refused = {
        each.label: each.but(status=MachineStatus.REFUSED, findings=(*each.findings, *against[each.label]))
        for each in known
        if against[each.label]
    }
    reason = "refused: " + ", ".join(f"{label} ({found[-1].seen})" for label, found in against.items() if found)
    here.store.write_wave(here.run.id, record.but(reason=reason))
    here.store.write_machines(here.run.id, here.number, refused.values())
    if can_pass(here.wave, [refused.get(each.label, each) for each in records]):
        return _answer("wait", f"goes on without the {reason}", wait=1)
    return _answer("refused", reason)


def _lost(machine: MachineRecord, owner: str) -> Finding:
    return Finding(
        "lock",
        f"{machine.label} was taken over by {f'run {owner}' if owner else 'nobody'} after this run's lease had ended",
        "a machine is in at most one active run",
        "see what that run has done with it, then start this run again",
    )


def _send(
    here: Step,
    record: WaveRecord,
    number: int,
    begun: frozenset[str],
    machines: list[str],
    known_jobs: tuple[str, ...],
) -> Answer:
    now = here.looked()
    launch = LaunchRecord(
        number,
        LaunchState.INTENDED,
        here.run.mode,
        tuple(machines),
        now,
        known_jobs,
        here.locks.fence(here.project_lock),
        tags=tags(here.run.id, here.number, number),
    )
    match here.store.intend(here.run, here.number, launch, here.project_lock, now):
        case Intent.TAKEN:
            raise LaunchUnconfirmed(f"attempt {number} was intended by somebody else")
        case Intent.LOCK_LOST:
            return _answer("wait", "the project was taken over in the last moment", wait=1)
        case Intent.RUN_ENDED:
            return _overtaken(here, record)
    launch = launch.but(state=LaunchState.SENT, sent=now)
    if not here.store.advance(here.run.id, here.number, launch, since=LaunchState.INTENDED):
        raise LaunchUnconfirmed(f"attempt {number} was taken up by somebody else")
    record = here.store.write_wave(here.run.id, record.but(phase=Phase.LAUNCHING, attempts=number))
    try:
        jobs = here.service.launch(here.run.mode, machines, launch.tags)
    except LaunchUnconfirmed as error:
        unknown = launch.but(state=LaunchState.UNKNOWN, reason=str(error))
        here.store.advance(here.run.id, here.number, unknown, since=LaunchState.SENT)
        raise
    except (
        AuthenticationFailed,
        PermissionDenied,
        LicenceExpired,
        RequestRefused,
        NotFound,
        ServiceThrottled,
    ) as error:
        return _refused(here, record, launch, begun, error)
    accepted = launch.but(state=LaunchState.ACCEPTED, jobs=tuple(job.id for job in jobs), reason="accepted")
    here.store.advance(here.run.id, here.number, accepted, since=LaunchState.SENT)
    here.store.write_wave(here.run.id, followed(record, jobs, now, here.wave.job_deadline))
    return _answer("accepted", f"{ids(jobs)} launches {len(machines)} machines")


def _overtaken(here: Step, record: WaveRecord) -> Answer:
    """The run is not what it was when this began: aborted, ended, gone on elsewhere, or its lease is over."""
    here.locks.give_up([here.project_lock])
    run = here.store.run(here.run.id)
    if run.aborted:
        return end(here, record, MachineStatus.ABORTED, abort_finding(run))
    if run.attempt != here.run.attempt or run.status is not RunStatus.RUNNING:
        raise RunDisputed(f"run {run.id} is {run.status} in attempt {run.attempt}, this is {here.run.attempt}")
    return _answer("wait", "the run's lease ended in the last moment", wait=1)


def _refused(
    here: Step, record: WaveRecord, launch: LaunchRecord, begun: frozenset[str], error: ServiceError
) -> Answer:
    """The service said no. Its word is taken only after a look: the project may be busy, or the answer a late one."""
    try:
        jobs = here.service.jobs()
        machines = {machine.id: machine for machine in here.listed(here.wave.machines)}
    except ServiceError as second:
        unknown = launch.but(state=LaunchState.UNKNOWN, reason=f"{error}; then {second}")
        here.store.advance(here.run.id, here.number, unknown, since=LaunchState.SENT)
        raise LaunchUnconfirmed(f"{error}, and the project's jobs could not be read: {second}") from second
    known = here.store.machines(here.run.id, here.number)
    found = find(launch, jobs, {each.id: each for each in known if each.id}, machines, here.now().at)
    if found.verdict is FindVerdict.ACCEPTED:
        jobs_of_it = tuple(job.id for job in found.jobs)
        adopted = launch.but(state=LaunchState.ACCEPTED, jobs=jobs_of_it, reason=f"{error}; {found.reason}")
        here.store.advance(here.run.id, here.number, adopted, since=LaunchState.SENT)
        now = here.looked()
        here.store.write_wave(here.run.id, followed(record, found.jobs, now, here.wave.job_deadline))
        return _answer("accepted", adopted.reason)
    refused = launch.but(state=LaunchState.REFUSED, reason=str(error))
    here.store.advance(here.run.id, here.number, refused, since=LaunchState.SENT)
    here.locks.give_up([here.project_lock])
    space = room(here.service.limits, jobs, launch.machines)
    if len(space.machines) < len(launch.machines) and isinstance(error, RequestRefused | NotFound):
        return _wait_for_project(here, record, begun, space.reason, space.taken)
    if isinstance(error, ServiceThrottled):
        return _wait_for_project(here, record, begun, str(error))
    finding = Finding(
        "launch",
        str(error),
        "the service accepts the launch",
        "read the service's message; correct the project, its licence or the machines' launch settings",
    )
    return end(here, record, MachineStatus.REFUSED, finding)


def _wait_for_project(
    here: Step, record: WaveRecord, begun: frozenset[str], busy_with: str, taken: Collection[str] = ()
) -> Answer:
    """Others are at work in the project: that is waited for, within the deadline and the number of looks. After that
    the wave goes without the machines that they have, `taken`, if it can."""
    reason = f"the {here.plan.place} is busy: {busy_with}"
    deadline, now = _deadline(record, begun), here.now().at
    looks, limit = (record.target_looks, 2 * LOOKS) if begun else (record.ready_looks, LOOKS)
    if now >= deadline or looks >= limit:
        if _left_out(here, taken, reason):
            return _answer("wait", f"goes on without what is taken: {reason}", wait=1)
        if begun:
            return _given_up(here, record, reason)
        finding = Finding(
            "project", reason, "one job at a time in a project", "wait for that job to end, then start the run again"
        )
        return end(here, record, MachineStatus.POSTPONED, finding)
    news = not record.told_busy
    here.store.write_wave(here.run.id, record.but(reason=reason, told_busy=True, looked=here.looked()))
    wait = interval(here.wave.poll, now, deadline, limit - looks)
    here.hold(wait)
    return _answer("wait", reason, wait=wait, tell=news)


def _left_out(here: Step, taken: Collection[str], reason: str) -> bool:
    """Whether the machines that others have were postponed: the wave passes without them."""
    records = here.store.machines(here.run.id, here.number)
    finding = Finding(
        "project", reason, "a machine is in one job at a time", "wait for that job to end, then start the run again"
    )
    late = {
        each.label: each.but(status=MachineStatus.POSTPONED, findings=(*each.findings, finding))
        for each in records
        if each.id in taken and not each.judged
    }
    if not late or len(late) == len([each for each in records if not each.judged]):
        return False
    if not can_pass(here.wave, [late.get(each.label, each) for each in records]):
        return False
    here.store.write_machines(here.run.id, here.number, late.values())
    return True


def _write_down_what_is_there(
    here: Step, known: list[MachineRecord], machines: list[Machine]
) -> list[MachineRecord] | None:
    """The targets that the launch will replace; what was asked before a failure is not asked again at the next try.

    None when time ran out before all of them were asked for.
    """
    asked: list[MachineRecord] = []
    try:
        for record, machine in zip(known, machines, strict=True):
            if here.seconds_left() < SECONDS_TO_SEND:
                return None
            asked.append(as_before(here.service, record, machine))
    finally:
        changed = [each for each, before in zip(asked, known, strict=False) if each != before]
        here.store.write_machines(here.run.id, here.number, changed)
    return asked


def _answer(verdict: str, reason: str, *, wait: int = 0, tell: bool = False) -> Answer:
    return {"verdict": verdict, "reason": reason, "wait_seconds": wait, "tell": tell}
