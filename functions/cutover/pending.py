"""What has happened in a run, and what waits for somebody: each with its deadline and the commands that help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cutover import commands
from cutover.by_hand import Hands
from cutover.downtime import data_stays
from cutover.night_records import Order, Part, QuestionRecord, StepState
from cutover.records import Phase, RunRecord
from cutover.standing import named


@dataclass(frozen=True)
class Happened:
    """Something that is done, and when."""

    at: str
    what: str


@dataclass(frozen=True)
class Open:
    """Something that waits for a person. `commands`: what helps, each with what it does."""

    what: str
    deadline: str | None
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pending(Hands):
    """The same, with what is done and what is open. `order`: what waits to be taken up."""

    order: Order | None = None

    def done(self) -> Iterator[Happened]:
        """Everything that is done, in no order."""
        run, night = self.run, self.night
        yield Happened(run.started or run.claimed, f"run began, attempt {run.attempt}")
        for name, at in night.done.items():
            yield Happened(at, f"{named(Part(name))} done")
        marks = {
            "doors closed: users shut out": night.closed,
            "what writes at the source stopped": night.quiesced,
            "switch began": night.switching,
            "users on the targets, seen from outside": night.opened,
            "doors of the source open again": night.reopened,
            "committed": night.committed,
        }
        yield from (Happened(at, what) for what, at in marks.items() if at)
        if night.back:
            how = "by the plan's rule" if night.back.automatic else f"by {night.back.by}"
            yield Happened(night.back.at, f"way back began {how}: {night.back.reason}")
        for each in self.steps:
            step = f"step {each.part}-{each.number} {each.name}"
            yield from (
                Happened(at, f"{step} {what}") for what, at in (("done", each.done), ("undone", each.undone)) if at
            )
        for question in self.questions:
            if question.answer and question.answered_at:
                why = f": {question.reason}" if question.reason else ""
                yield Happened(
                    question.answered_at, f"{question.name}: {question.answered_by} said {question.answer}{why}"
                )
        if run.aborted and run.aborted_at:
            yield Happened(run.aborted_at, f"aborted by {run.aborted_by}: {run.abort_reason}")
        if run.ended:
            yield Happened(run.ended, f"run ended {run.outcome or run.status}")

    def open(self) -> Iterator[Open]:
        """What is begun, asked, held or ordered, and not over."""
        if self.left_open:
            yield Open("the rest: on to the targets, or back to the source, by hand", None)
        if self.ended:
            return
        run, hold = self.run, self.night.hold
        if run.interrupted:
            yield Open(
                "the execution has died; start the run again (same plan, same mode), or do the rest by hand", None
            )
        for question in self.questions:
            if question.closed or question.answer:
                continue
            what = f"{question.name} of {' or '.join(question.by)}: {question.text}"
            if self.now >= question.deadline:
                yield Open(f"{what} TOO LATE: no answer counts any more", question.deadline)
                continue
            yield Open(what, question.deadline, tuple(_answers(run, question)))
        if hold is not None:
            yield Open(f"the hold at {named(hold.part)}: {hold.reason}", hold.deadline, tuple(self._ways_on()))
        if self.order is not None:
            yield Open(
                f"{self.order.wish} ordered by {self.order.by} at {self.order.at}: taken up at the next look", None
            )
        for step in self.steps:
            if step.state in (StepState.BEGUN, StepState.UNDOING):
                doing = "being undone" if step.state is StepState.UNDOING else "under way"
                seen = f"; seen last: {step.seen}" if step.seen else ""
                yield Open(f"step {step.part}-{step.number} {step.name} is {doing}{seen}", step.deadline)
            if step.state in (StepState.FAILED, StepState.NOT_UNDONE):
                became = "FAILED" if step.state is StepState.FAILED else "could NOT be undone"
                yield Open(f"step {step.part}-{step.number} {step.name} {became}: {step.seen}", None)
        for wave, _ in self.waves:
            if wave.phase in (Phase.LAUNCHING, Phase.FOLLOWING):
                yield Open(f"wave {wave.name}: its job is followed", wave.verify_deadline or wave.job_deadline)

    def _ways_on(self) -> Iterator[str]:
        run = self.run.id
        hold, night = self.night.hold, self.night
        if hold and hold.part in (Part.WAVE, Part.USERS) and not self.going_back:
            yield f"judge a machine again: {commands.judge('verify', run)}"
            yield f"accept it as it is: {commands.judge('accept', run)}"
        yield f"try again, or go on: {commands.resume(run)}"
        if self.going_back:
            return
        lost = data_stays(night)
        if lost is not None:
            yield f"go back; what users entered since {lost[0]} stays on the targets: {self.rollback()}"
        elif night.closed:
            yield f"go back, which loses nothing: {self.rollback()}"
        else:
            yield f"end it; nothing was taken from users: {commands.abort(run)}"

    def rollback(self) -> str:
        """The command to go back, which says whether something stays on the targets."""
        return commands.rollback(self.run.id, data_stays=data_stays(self.night) is not None)


def _answers(run: RunRecord, question: QuestionRecord) -> Iterator[str]:
    by = question.by[0] if question.by else "WHO"
    if question.name in (Part.GO, Part.USERS, Part.COMMIT):
        yield f"yes: {commands.approve(run.id, question.name, by)}"
        yield f"no: {commands.approve(run.id, question.name, by, no=True)}"
    else:
        yield f"done: {commands.done(run.id, question.name, by)}"
        yield f"it cannot be done: {commands.done(run.id, question.name, by, failed=True)}"
