"""Look for the job of a launch that nobody answered for: adopt it, prove that there is none, or go on looking.

It asks and writes down; it never launches.
"""

from __future__ import annotations

from cutover.closing import Error
from cutover.launch import LOOKS, FindVerdict, find, followed, given_up, may_send_again, named
from cutover.records import LaunchRecord, LaunchState
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """Input {run, wave, error: of the launch}; {verdict: accepted | absent | look_again | disputed, reason}."""
    launches = here.store.launches(here.run.id, here.number)
    if not launches or launches[-1].state in (LaunchState.REFUSED, LaunchState.ABSENT):
        return _nothing_sent(here, launches)
    launch = launches[-1]
    if launch.state is LaunchState.ACCEPTED:
        if not set(launch.jobs) <= set(here.record.jobs):  # the function that sent it died before it wrote this down
            known_jobs = [here.service.job(job) for job in launch.jobs]
            wave = followed(here.record, known_jobs, here.looked(), here.wave.job_deadline)
            here.store.write_wave(here.run.id, wave)
        return {"verdict": "accepted", "reason": f"{named(launch.jobs)} was accepted before"}
    known = {each.id: each for each in here.store.machines(here.run.id, here.number) if each.id}
    jobs = here.service.jobs()
    machines = {machine.id: machine for machine in here.listed(here.wave.machines)}
    here.hold()
    found = find(launch, jobs, known, machines, here.now().at)
    looks = launch.but(looks=launch.looks + 1, clean_looks=launch.clean_looks + found.clean, reason=found.reason)

    if found.verdict is FindVerdict.ACCEPTED:
        adopted = looks.but(state=LaunchState.ACCEPTED, jobs=tuple(job.id for job in found.jobs))
        here.store.advance(here.run.id, here.number, adopted, since=launch.state)
        wave = followed(here.record, found.jobs, here.looked(), here.wave.job_deadline)
        here.store.write_wave(here.run.id, wave)
        return {"verdict": "accepted", "reason": found.reason}
    if found.verdict is FindVerdict.ABSENT:
        here.store.advance(here.run.id, here.number, looks.but(state=LaunchState.ABSENT), since=launch.state)
        return _absent(here, [*launches[:-1], looks.but(state=LaunchState.ABSENT)], found.reason)
    here.store.advance(here.run.id, here.number, looks.but(state=LaunchState.UNKNOWN), since=launch.state)
    if found.verdict is FindVerdict.LOOK_AGAIN and given_up(looks):
        return {"verdict": "disputed", "reason": f"not found and not proved absent in {LOOKS} looks"}
    return {"verdict": found.verdict.value, "reason": found.reason}


def _nothing_sent(here: Step, launches: list[LaunchRecord]) -> Answer:
    """The launch died before it sent anything: it may be tried again, but not for ever."""
    error = Error.from_event(here.event.get("error"))
    reason = f"nothing was sent: {error.name}: {error.cause}" if error else "nothing was sent"
    record = here.record.but(unsent=here.record.unsent + 1, reason=reason)
    here.store.write_wave(here.run.id, record)
    if record.unsent >= LOOKS:
        return {"verdict": "disputed", "reason": f"{record.unsent} times {reason}"}
    return _absent(here, launches, reason)


def _absent(here: Step, launches: list[LaunchRecord], reason: str) -> Answer:
    here.locks.give_up([here.project_lock])
    if launches and not may_send_again(launches):
        return {"verdict": "disputed", "reason": f"{len(launches)} launches were sent and none was accepted: {reason}"}
    return {"verdict": "absent", "reason": reason}
