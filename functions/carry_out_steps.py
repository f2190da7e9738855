"""Carry out the steps of a part of the night in order, or undo them in reverse; several in one call where they are done.

A step is written down before it is done. One that was begun, and of which nobody knows whether it was carried out, is
never done again by itself: its proof is looked at, and without one a person is asked.
"""

from __future__ import annotations

from cutover.deeds import Deeds, Done, look
from cutover.downtime import last_moment
from cutover.instants import after, instant, text
from cutover.machine import Machine
from cutover.night import moved
from cutover.night_records import Holder, Part, QuestionRecord, StepRecord, StepState, Wish
from cutover.planned_night import Action, Deed, OnStepFailure
from cutover.readiness import LOOKS, interval, resolve
from cutover.step import Answer, Step, step
from cutover.steps import UNDOES, Due, changes, next_step, next_undo, planned_steps, question_name, unclear

SECONDS_TO_DO = 90
"""A step is begun only while the function has this long to live: one killed half-way would leave it unclear."""
NEWS = {Part.QUIESCE: "closed", Part.PROBE: "switched"}
"""What is told when a part is done."""


@step
def handler(here: Step) -> Answer:
    """Input {run, execution, part}; {verdict: done | wait | failed, wait_seconds, rule, tell, question, reason}."""
    part = Part(here.event["part"])
    planned = planned_steps(here.planned_night, part)
    now = here.clock()
    while True:
        records = {each.number: each for each in here.store.steps(here.run.id, UNDOES.get(part, part))}
        undo = part in UNDOES
        due = next_undo(planned, records) if undo else next_step(planned, records)
        if due.failed:
            return here.said("failed", due.failed, rule=due.rule.value)
        if due.done:
            return _all_done(here, part, now)
        if not undo and _goes_back(here):
            return here.said("done", "an operator goes back: no further step is begun")
        if here.seconds_left() < SECONDS_TO_DO:
            return here.said("wait", f"{part} goes on in a moment", wait=1)
        waits = _Work(here, part, due, now).go_on()
        if waits is not None:
            return waits


def _all_done(here: Step, part: Part, now: str) -> Answer:
    night = here.store.night(here.run.id)
    here.store.write_night(here.run.id, moved(night, part, now))
    if part in (Part.PROBE, Part.OPEN_DOORS):
        here.store.note_served(here.run.id)
    return here.said("done", f"{part} is done", tell=NEWS.get(part, ""))


def _goes_back(here: Step) -> bool:
    order = here.store.order(here.run.id)
    return here.store.run(here.run.id).aborted or (order is not None and order.wish is Wish.ROLLBACK)


class _Work:
    """One step, or its undoing."""

    def __init__(self, here: Step, part: Part, due: Due, now: str) -> None:
        assert due.planned is not None  # a step that is due is one of the plan's
        self.here, self.part, self.now = here, part, now
        self.number, self.planned, self.record = due.number, due.planned, due.record
        self.undo = part in UNDOES
        self.label = f"{here.run.id} {part} {due.planned.name}"
        self.deeds = Deeds(here.plan.region, self.label)

    def go_on(self) -> Answer | None:
        """Begin it, or look how it stands; None when it is settled and the next one is due."""
        record = self.record
        action = self.planned.undo if self.undo else self.planned.do
        if action is None:
            return self._settle(self._begun(), True, "nothing to undo")
        if self.undo and record is not None and record.state is not StepState.UNDOING:
            return self._do(action)
        if record is None or record.state is StepState.AGAIN:
            late = self._too_late(action)
            return late if late is not None else self._do(action)
        return self._look(action, record)

    def _too_late(self, action: Action) -> Answer | None:
        """Whether users would be shut out with too little left of the window to bring them back."""
        night = self.here.store.night(self.here.run.id)
        end = last_moment(self.here.planned_night, self.here.run)
        if night.closed is not None or not changes(action) or self.part is Part.PROBE or instant(self.now) < end:
            return None
        reason = f"the last moment to shut users out was {text(end)}: the way back needs what is left of the window"
        return self.here.said("failed", reason, rule=OnStepFailure.UNDO.value)

    def _begun(self) -> StepRecord:
        part = UNDOES.get(self.part, self.part)
        if self.record is not None:
            state = StepState.UNDOING if self.undo else StepState.BEGUN
            return self.record.but(
                state=state, token=None, looks=0, seen="", deadline=after(self.now, self.planned.timeout)
            )
        deadline = after(self.now, self.planned.timeout)
        return StepRecord(part, self.number, self.planned.name, StepState.BEGUN, self.now, deadline)

    def _do(self, action: Action) -> Answer | None:
        """Write down that it begins, shut the doors where it does that, and do it."""
        here, record = self.here, self._begun()
        if changes(action) and not self.undo:
            self._close()
        if self.record is None:
            if not here.store.begin_step(here.run.id, record):
                return here.said("wait", f"{self.planned.name} was begun by somebody else", wait=1)
        else:
            here.store.write_step(here.run.id, record)
        if not changes(action):
            return self._look(action, record)
        if action.deed is Deed.MANUAL:
            return self._ask(action, record)
        done = self.deeds.do(action)
        return self._look_after(record, action, done)

    def _close(self) -> None:
        night = self.here.store.night(self.here.run.id)
        if night.closed is None:
            night = night.but(closed=self.now, holder=Holder.NOBODY, since=self.now, progressed=self.now)
            self.here.store.note_closed(self.here.run.id)
        if self.part is Part.SWITCH and night.switching is None:
            night = night.but(switching=self.now)
        self.here.store.write_night(self.here.run.id, night)

    def _look(self, action: Action, record: StepRecord) -> Answer | None:
        """It was begun before: how does it stand?"""
        if not changes(action):
            seen = look(action, self._machines(), instant(self.now))
            return self._decided(record, True if seen.passed else None, seen.words)
        if action.deed is Deed.MANUAL:
            return self._answered(action, record)
        if record.token is None and not self._proofs():
            return self._settle(record, False, unclear(self.planned))
        done = self.deeds.follow(action, record.token) if record.token else Done(True, None, "it may have been done")
        return self._look_after(record, action, done)

    def _look_after(self, record: StepRecord, action: Action, done: Done) -> Answer | None:
        """What came of the deed; once it is done, its proofs."""
        record = record.but(token=done.token or record.token, seen=done.words)
        self.here.store.write_step(self.here.run.id, record)
        if done.passed is False:
            return self._settle(record, False, done.words)
        if done.passed is None and done.token is None and not self._proofs():
            return self._settle(record, False, f"{done.words}; {unclear(self.planned)}")
        if done.passed is None and done.token is not None:
            return self._decided(record, None, done.words)
        return self._proved(record, done.words)

    def _proved(self, record: StepRecord, words: str) -> Answer | None:
        now = instant(self.now)
        seen = [look(proof, self._machines(), now) for proof in self._proofs()]
        missing = [each.words for each in seen if not each.passed]
        return self._decided(
            record, None if missing else True, "; ".join(missing or [each.words for each in seen] or [words])
        )

    def _proofs(self) -> tuple[Action, ...]:
        return self.planned.undo_proof if self.undo else self.planned.proof

    def _decided(self, record: StepRecord, passed: bool | None, words: str) -> Answer | None:
        """Settled, or looked at again until the step's deadline."""
        if passed is not None:
            return self._settle(record, passed, words)
        deadline = instant(record.deadline)
        if instant(self.now) >= deadline or record.looks >= LOOKS:
            return self._settle(record, False, f"not by {record.deadline}: {words}")
        self.here.store.write_step(self.here.run.id, record.but(looks=record.looks + 1, seen=words))
        wait = interval(self.here.poll, instant(self.now), deadline, LOOKS - record.looks)
        self.here.hold(wait)
        return self.here.said("wait", f"{self.planned.name}: {words}", wait=wait)

    def _settle(self, record: StepRecord, passed: bool, words: str) -> Answer | None:
        """The step's end, and None: the next one is due. It is progress, whatever it was."""
        if self.undo:
            state = StepState.UNDONE if passed else StepState.NOT_UNDONE
            record = record.but(state=state, seen=words, undone=self.now if passed else None)
        else:
            state = StepState.DONE if passed else StepState.FAILED
            record = record.but(state=state, seen=words, done=self.now if passed else None)
        self.here.store.write_step(self.here.run.id, record)
        night = self.here.store.night(self.here.run.id)
        self.here.store.write_night(self.here.run.id, night.but(progressed=self.now))
        return None

    def _ask(self, action: Action, record: StepRecord) -> Answer | None:
        """Somebody has to do it: say what, who, until when."""
        name = question_name(self.part, self.number)
        question = QuestionRecord(name, action.subject, (action.who,), self.now, record.deadline)
        known = self.here.store.ask(self.here.run.id, question)
        if known.closed:  # asked before, and tried again
            self.here.store.set_aside(self.here.run.id, known)
            self.here.store.ask(self.here.run.id, question)
        return self._answered(action, record, asked=True)

    def _answered(self, action: Action, record: StepRecord, *, asked: bool = False) -> Answer | None:
        name = question_name(self.part, self.number)
        question = self.here.store.question(self.here.run.id, name)
        if question is None:  # this function died between writing the step down and asking
            return self._ask(action, record)
        if question.answer is None and instant(self.now) >= instant(question.deadline):
            question = self.here.store.close_question(self.here.run.id, name)
        if question.answer is None and not question.closed:
            wait = interval(self.here.poll, instant(self.now), instant(question.deadline), LOOKS - question.looks)
            self.here.store.count_look(self.here.run.id, question)
            self.here.hold(wait)
            reason = f"{action.who} is asked until {question.deadline}: {action.subject}"
            return self.here.said("wait", reason, wait=wait, tell="asked" if asked else "", question=name)
        if not question.closed:
            self.here.store.close_question(self.here.run.id, name)
        if question.answer == "yes":
            return self._proved(
                record.but(deadline=after(self.now, self.planned.timeout)), f"done by {question.answered_by}"
            )
        if question.answer == "no":
            return self._settle(record, False, f"{question.answered_by} could not: {question.reason}")
        return self._settle(record, False, f"{action.who} did not say that it is done by {question.deadline}")

    def _machines(self) -> list[Machine]:
        everyone = [entry for wave in self.here.plan.waves for entry in wave.machines]
        looks = (self.planned.do, self.planned.undo, *self._proofs())
        if not any(each and each.deed is Deed.AGENTS_SILENT for each in looks):
            return []
        return [each for each in resolve(everyone, self.here.listed(everyone)) if isinstance(each, Machine)]
