"""Write the intent, then send one launch for the whole wave.

The state machine never retries this function. Whatever is unclear afterwards is LaunchUnconfirmed: `find_launch` looks.
"""

from __future__ import annotations

from cutover.errors import (
    AuthenticationFailed,
    LaunchUnconfirmed,
    LicenceExpired,
    NotFound,
    PermissionDenied,
    RequestRefused,
    ServiceError,
)
from cutover.finding import Finding
from cutover.instants import instant
from cutover.launch import FindVerdict, busy, find, followed, ids, may_send_again, named
from cutover.machine import Job, Machine
from cutover.previous import previous_of
from cutover.readiness import LOOKS, Verdict, interval
from cutover.records import LaunchRecord, LaunchState, MachineRecord, MachineStatus, Phase, RunStatus, WaveRecord
from cutover.step import Answer, Step, step

SECONDS_TO_SEND = 60
"""A launch is only sent while the function has this long to live: one killed half-way would leave an unclear launch."""


@step
def handler(here: Step) -> Answer:
    """{verdict: accepted | wait | refused | postponed, wait_seconds, tell, reason}."""
    launches = here.store.launches(here.run.id, here.number)
    if launches and launches[-1].state is LaunchState.ACCEPTED:
        return _answer("accepted", f"{named(launches[-1].jobs)} was accepted before")
    if launches and not launches[-1].state.settled:
        raise LaunchUnconfirmed(f"attempt {launches[-1].number} is {launches[-1].state.value}; it must be found first")
    if launches and not may_send_again(launches):
        return _answer("refused", f"{len(launches)} launches were sent for this wave and none was accepted")

    record = here.record
    deadline = instant(str(record.readiness_deadline))
    listed = here.listed(here.wave.machines)
    seen = here.look(listed, deadline, record.ready_looks)
    if seen.verdict is not Verdict.READY:
        return _answer("wait", f"no longer ready: {seen.reason}", wait=1)
    machines = [each.machine for each in seen.machines if each.machine]
    jobs = here.service.jobs()
    running = busy(jobs)
    if running is not None:
        return _wait_for_project(here, record, running)

    _write_down_what_is_there(here, machines)
    if here.seconds_left() < SECONDS_TO_SEND:
        return _answer("wait", "no time left to send the launch safely", wait=1)
    known = tuple(job.id for job in jobs)
    return _send(here, record, len(launches) + 1, [machine.id for machine in machines], known)


def _send(here: Step, record: WaveRecord, number: int, machines: list[str], known_jobs: tuple[str, ...]) -> Answer:
    if here.store.run(here.run.id).status is not RunStatus.RUNNING:
        return _answer("refused", "the run has ended meanwhile: nothing more is launched for it")
    now = here.looked()
    launch = LaunchRecord(number, LaunchState.INTENDED, here.run.mode, tuple(machines), now, known_jobs)
    if not here.store.intend(here.run.id, here.number, launch):
        raise LaunchUnconfirmed(f"attempt {number} was intended by somebody else")
    launch = launch.but(state=LaunchState.SENT, sent=now)
    if not here.store.advance(here.run.id, here.number, launch, since=LaunchState.INTENDED):
        raise LaunchUnconfirmed(f"attempt {number} was taken up by somebody else")
    here.store.write_wave(here.run.id, record.but(phase=Phase.LAUNCHING, attempts=number))
    try:
        jobs = here.service.launch(here.run.mode, machines)
    except LaunchUnconfirmed as error:
        unknown = launch.but(state=LaunchState.UNKNOWN, reason=str(error))
        here.store.advance(here.run.id, here.number, unknown, since=LaunchState.SENT)
        raise
    except (AuthenticationFailed, PermissionDenied, LicenceExpired, RequestRefused, NotFound) as error:
        return _refused(here, record, launch, error)
    accepted = launch.but(state=LaunchState.ACCEPTED, jobs=tuple(job.id for job in jobs), reason="accepted")
    here.store.advance(here.run.id, here.number, accepted, since=LaunchState.SENT)
    here.store.write_wave(here.run.id, followed(record.but(attempts=number), jobs, now, here.wave.job_deadline))
    return _answer("accepted", f"{ids(jobs)} launches {len(machines)} machines")


def _refused(here: Step, record: WaveRecord, launch: LaunchRecord, error: ServiceError) -> Answer:
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
    running = busy(jobs)
    if running is not None and isinstance(error, RequestRefused | NotFound):
        return _wait_for_project(here, record.but(attempts=launch.number), running)
    finding = Finding(
        "launch",
        str(error),
        "the service accepts the launch",
        "read the service's message; correct the project, its licence or the machines' launch settings",
    )
    return _end(here, record, MachineStatus.REFUSED, finding)


def _wait_for_project(here: Step, record: WaveRecord, running: Job) -> Answer:
    """The project has another job: that is waited for, within the readiness deadline and its number of looks."""
    reason = f"the project is busy with job {running.id} ({running.kind}, {running.status_as_given})"
    deadline = instant(str(record.readiness_deadline))
    now = here.now().at
    if now >= deadline or record.ready_looks >= LOOKS:
        finding = Finding(
            "project", reason, "one job at a time in a project", "wait for that job to end, then start the run again"
        )
        return _end(here, record, MachineStatus.POSTPONED, finding)
    news = not record.told_waiting
    here.store.write_wave(here.run.id, record.but(reason=reason, told_waiting=True, looked=here.looked()))
    return _answer("wait", reason, wait=interval(here.wave.poll, now, deadline, LOOKS - record.ready_looks), tell=news)


def _end(here: Step, record: WaveRecord, status: MachineStatus, finding: Finding) -> Answer:
    machines = here.store.machines(here.run.id, here.number)
    ended = [each.but(status=status, findings=(*each.findings, finding)) for each in machines]
    here.store.write_machines(here.run.id, here.number, ended)
    here.store.write_wave(here.run.id, record.but(reason=finding.seen))
    return _answer(status.value, finding.seen)


def _write_down_what_is_there(here: Step, machines: list[Machine]) -> None:
    """The targets that the launch will replace; what was asked before a failure is not asked again at the next try."""
    known = here.store.machines(here.run.id, here.number)
    asked: list[MachineRecord] = []
    try:
        for pair in zip(known, machines, strict=True):
            if here.seconds_left() < SECONDS_TO_SEND:
                return
            asked.append(_as_before(here, *pair))
    finally:
        here.store.write_machines(here.run.id, here.number, asked)


def _as_before(here: Step, known: MachineRecord, machine: Machine) -> MachineRecord:
    """The machine's record with what is there before the launch; at most one request, for its present target."""
    if machine.replica is not None and machine.replica == known.replica_before:
        return known
    previous = previous_of(here.service, machine)
    return known.but(
        id=machine.id,
        name=machine.name,
        replica_before=machine.replica,
        instance_before=previous.instance_id if previous else None,
        previous_unknown=previous is not None and previous.instance_id is None,
    )


def _answer(verdict: str, reason: str, *, wait: int = 0, tell: bool = False) -> Answer:
    return {"verdict": verdict, "reason": reason, "wait_seconds": wait, "tell": tell}
