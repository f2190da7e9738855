"""Before a run is closed, put back what it changed for launches that did not come.

A machine that was launched, or may have been, keeps the launch configuration it was launched with.
"""

from __future__ import annotations

from cutover.configuration_findings import not_put_back, put_back, unless_about_putting_back
from cutover.errors import NotFound, OutOfTime, RequestRefused
from cutover.finding import Severity
from cutover.launch_configuration import Changes, LaunchConfiguration
from cutover.records import LaunchState, MachineRecord
from cutover.step import Answer, Step, step

SECONDS_TO_WRITE = 90
"""A configuration is written only while the function has this long to live; what is left is done when called again."""
UNDONE = "the run ended before it was done"


@step
def handler(here: Step) -> Answer:
    """Input {run}; {put_back: how many machines' launch configurations, left: how many could not be, reason}."""
    changed = _changed_in_vain(here)
    if not changed:
        return {"put_back": 0, "left": 0, "reason": "nothing to put back"}
    # Told before it is tried: should this never come to its end, the evidence says what is not as it was.
    for number, machine in changed:
        here.store.write_machines(here.run.id, number, [_left(machine, UNDONE)])
    configurations = here.service.launch_configurations([str(machine.id) for _, machine in changed])
    lost = here.locks.lost([here.lock_of(str(machine.id)) for _, machine in changed])
    left = 0
    for done, (number, machine) in enumerate(changed):
        if here.seconds_left() < SECONDS_TO_WRITE:
            raise OutOfTime(f"{len(changed) - done} launch configurations are still to be put back")
        if owner := lost.get(here.lock_of(str(machine.id))):
            record = _left(machine, f"run {owner} has the machine now")
        else:
            record = _restored(here, machine, configurations.get(str(machine.id)))
        left += record.configuration_before is not None
        here.store.write_machines(here.run.id, number, [record])
    reason = f"{len(changed) - left} launch configurations put back, {left} could not be"
    return {"put_back": len(changed) - left, "left": left, "reason": reason}


def _changed_in_vain(here: Step) -> list[tuple[int, MachineRecord]]:
    """The machines, with their wave's number, whose configuration this run changed and which it did not launch."""
    found = []
    for wave, machines in here.everything():
        changed = [each for each in machines if each.configuration_before]
        launches = here.store.launches(here.run.id, wave.number) if changed else []
        sent = [each for each in launches if each.state not in (LaunchState.REFUSED, LaunchState.ABSENT)]
        launched = {machine for each in sent for machine in each.machines}
        found += [(wave.number, each) for each in changed if each.id not in launched]
    return found


def _restored(here: Step, machine: MachineRecord, seen: LaunchConfiguration | None) -> MachineRecord:
    """The record once the configuration is as it was, or says why it is not."""
    before: Changes = machine.configuration_before or {}
    lacking = seen.lacks(before) if seen else before
    if lacking:
        try:
            seen = here.service.configure(str(machine.id), lacking)
        except (RequestRefused, NotFound) as error:
            return _left(machine, str(error))
        if seen.lacks(before):
            return _left(machine, "the service ignored it")
    told = (*unless_about_putting_back(machine.findings), put_back(before))
    return machine.but(
        configuration=seen.settings() if seen else None,
        configuration_before=None,
        findings=tuple(sorted(told, key=lambda each: each.severity is Severity.ERROR)),
    )


def _left(machine: MachineRecord, why: str) -> MachineRecord:
    finding = not_put_back(machine.configuration_before or {}, why)
    return machine.but(findings=(*unless_about_putting_back(machine.findings), finding))
