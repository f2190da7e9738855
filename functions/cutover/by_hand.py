"""What is left to do by hand, in order: on to the targets, and back to the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cutover.downtime import clock
from cutover.instants import after
from cutover.launch_room import LIMITS
from cutover.night_records import Part, StepState
from cutover.planned_night import Action, Night
from cutover.records import MachineRecord, MachineStatus, Phase, WaveRecord
from cutover.standing import FORWARD, Standing, approval, named, perhaps_launched
from cutover.steps import UNDOES
from cutover.steps_by_hand import aws, in_words


@dataclass(frozen=True)
class ByHand:
    """What to do by hand: the part of the night it is of, in words, and the command where there is one."""

    part: str
    what: str
    command: str = ""


class Hands(Standing):
    """The same, for who does the rest."""

    def forward(self) -> Iterator[ByHand]:
        """What is left of the way to the targets, in order; nothing once the run goes back or has given users over."""
        if (self.ended and not self.left_open) or self.going_back:
            return
        for part in FORWARD[FORWARD.index(self.at()) :] if self.at() in FORWARD else ():
            if self.is_planned(part):
                yield from self._forward(part)

    def _forward(self, part: Part) -> Iterator[ByHand]:
        planned, name = self.planned, named(part)
        if part is Part.WAVE:
            yield from self._launches()
        if planned is None:
            return
        match part:
            case Part.CHECK | Part.CHECK_AGAIN:
                yield ByHand(name, "see in the service's console that every machine is in Continuous Data Replication")
            case Part.GO | Part.USERS:
                question = next((each for each in self.questions if each.name == part.value), None)
                if question is None or question.answer is None:
                    by = " or ".join(approval(planned, part).by)
                    goes = "shutting users out" if part is Part.GO else "letting users onto the targets"
                    yield ByHand(name, f"get the word of {by} for {goes}; no word is no yes")
            case Part.ZERO_LOSS:
                since = self.night.quiesced or "the end of the quiesce"
                wait = clock(planned.zero_loss_wait)
                seen = f"backlog 0, and consistent later than {since}; if not within {wait}, go back"
                yield ByHand(name, f"see in the service's console, for every machine: {seen}")
            case Part.QUIESCE | Part.POWER_OFF | Part.SWITCH:
                yield from self._steps_to_do(part)
            case Part.PROBE:
                for look in planned.probe:
                    yield self._deed(name, "from outside, see that", look)
            case Part.SOAK:
                if self.night.opened:
                    yield ByHand(name, f"watch the application until {after(self.night.opened, planned.soak)}")
                else:
                    yield ByHand(name, f"watch the application for {clock(planned.soak)}")
            case Part.COMMIT:
                yield from self._commit(planned)

    def _commit(self, planned: Night) -> Iterator[ByHand]:
        if not planned.commit.none:
            yield ByHand("commit", f"get the word of {' or '.join(planned.commit.by)}: is the targets' data the truth?")
        if not self.targets():
            yield ByHand("commit", "protect every target from termination")
        for target in self.targets():
            command = self._aws(
                "ec2", "modify-instance-attribute", "--disable-api-termination", "--instance-id", target
            )
            yield ByHand("commit", f"protect {target} from termination", command)

    def _launches(self) -> Iterator[ByHand]:
        for wave, machines in self.waves:
            name, launched = f"wave {wave.name}", perhaps_launched(wave)
            if not launched:
                yield ByHand(name, self._launch(wave, machines))
            if wave.phase is not Phase.ENDED or not launched:
                warning = "do NOT launch again: " if launched else ""
                which = f"job {', '.join(wave.jobs)}" if wave.jobs else "the job"
                yield ByHand(name, f"{warning}follow {which} in the service's console to its end")
            doubtful = [each for each in machines if not (launched and each.left_out) and not _verified(each)]
            ids = [each.target.instance_id for each in doubtful if each.target and each.target.instance_id]
            status = ("ec2", "describe-instance-status", "--include-all-instances", "--instance-ids")
            if doubtful:
                good = "running, both status checks ok, data as new as it must be, the target before each gone"
                labels = ", ".join(each.label for each in doubtful)
                yield ByHand(name, f"look at the targets of {labels}: {good}", self._aws(*status, *ids) if ids else "")

    def _launch(self, wave: WaveRecord, machines: Sequence[MachineRecord]) -> str:
        doomed = [f"{each.instance_before} ({each.label})" for each in machines if each.instance_before]
        deletes = f" It deletes {', '.join(doomed)}." if doomed else ""
        why = f"not launched by the run ({wave.reason}): " if wave.phase is Phase.ENDED else ""
        labels, mode = ", ".join(each.label for each in machines), self.run.mode
        press = (
            f"once none of them is in a job: select {labels}; under Test and cutover mark as ready for {mode} what is "
            f"not; launch {mode} instances; launch. {LIMITS['mgn'].machines_per_job} at a time"
            if self.plan.service == "mgn"
            else f"once no job is open there: select {labels}; launch target machines; {mode} mode; continue"
        )
        return f"{why}in the service's console, {self.plan.place}, {press}. Once only.{deletes}"

    def _steps_to_do(self, part: Part) -> Iterator[ByHand]:
        for number, step in enumerate(self.planned_steps(part), 1):
            record = self.record(part, number)
            if record is not None and record.state is StepState.DONE:
                continue
            begun = f" begun {record.begun}, see first whether it is done:" if record else ""
            yield self._deed(named(part), f"{number}. {step.name}:{begun}", step.do)
            for proof in step.proof:
                yield self._deed(named(part), f"{number}. {step.name}: see that", proof)

    def back(self) -> Iterator[ByHand]:
        """The way back from here, in order; nothing where there is nothing to go back from."""
        if self.night.closed is None or self.night.reopened or self.planned is None:
            return
        targets = self.targets()
        if targets and Part.STOP_TARGETS.value not in self.night.done:
            stop = self._aws("ec2", "stop-instances", "--instance-ids", *targets)
            yield ByHand("stop targets", "stop the targets; never terminate them", stop)
            state = ("--query", "Reservations[].Instances[].[InstanceId,State.Name]", "--instance-ids", *targets)
            seen = self._aws("ec2", "describe-instances", *state)
            yield ByHand("stop targets", "see that each of them is stopped, before anything of the source serves", seen)
        for part, undone in UNDOES.items():
            for number, step in self.to_undo(undone):
                what = f"undo {number}. {step.name}:"
                if step.undo is None:
                    yield ByHand(named(part), f"{what} the plan says no undo; see whether anything is to be done")
                    continue
                yield self._deed(named(part), what, step.undo)
                for proof in step.undo_proof:
                    yield self._deed(named(part), f"{what} see that", proof)
        yield ByHand("open doors", "see that users reach the source, and tell them")

    def _deed(self, part: str, what: str, action: Action) -> ByHand:
        said, command = in_words(action, self.plan.region)
        return ByHand(part, f"{what} {said}", command)

    def _aws(self, service: str, call: str, *words: str) -> str:
        return aws(self.plan.region, service, call, *words)


def _verified(machine: MachineRecord) -> bool:
    return machine.status is MachineStatus.VERIFIED
