"""People take what the targets hold for the truth: protect every target from termination. Replication stays."""

from __future__ import annotations

from cutover.night import moved
from cutover.night_records import Part
from cutover.records import MachineStatus
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """Input {run, execution}; {verdict: done | failed, rule, reason}."""
    night, now = here.store.night(here.run.id), here.clock()
    targets = {
        each.target.instance_id: each.label
        for _, machines in here.everything()
        for each in machines
        if each.target and each.target.instance_id and (each.status is MachineStatus.VERIFIED or each.accepted)
    }
    refused = {key: words for key in sorted(targets) if (words := here.ec2.protect(key)) is not None}
    if refused:
        said = ", ".join(f"{targets[key]} ({key}: {words})" for key, words in refused.items())
        return here.said("failed", f"not protected from termination: {said}", rule="hold")
    here.store.write_night(here.run.id, moved(night, Part.COMMIT, now))
    return here.said("done", f"committed: {len(targets)} targets are protected from termination")
