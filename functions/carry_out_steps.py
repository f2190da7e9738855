"""Carry out the steps of a part of the night in order, or undo them in reverse; as many in a call as are done at once.

A step is written down before it is done. One that was begun, and of which nobody knows whether it was carried out, is
never done again by itself: its proof is looked at, and without one a person is asked.
"""

from __future__ import annotations

from cutover.deeds import SENT, UNSENT, Deeds, Done, look
from cutover.downtime import last_moment
from cutover.errors import AwsUnavailable, ServiceError
from cutover.instants import after, instant, text
from cutover.night import moved
from cutover.night_records import Holder, Part, QuestionRecord, StepRecord, StepState, Wish
from cutover.planned_night import Action, Deed, Night, OnStepFailure
from cutover.probing import Seen
from cutover.readiness import LOOKS, interval, resolve
from cutover.step import Answer, Step, step
from cutover.steps import UNDOES, Due, changes, closing_part, due, planned_steps, question_name, unclear
from cutover.waking import ASKING

SECONDS_TO_DO = 240
"""A step is begun only while the function has this long to live: one killed half-way would leave it unclear."""


@step
def handler(here: Step) -> Answer:
    """Input {run, execution, part}; {verdict: done | wait | failed | interrupted, wait_seconds, rule, tell, question,
    reason}."""
    part = Part(here.event["part"])
    planned = planned_steps(here.planned_night, part)
    while True:
        records = {each.number: each for each in here.store.steps(here.run.id, UNDOES.get(part, part))}
        now_due = due(part, planned, records)
        if now_due.failed:
            return here.said("failed", now_due.failed, rule=now_due.rule.value)
        if now_due.done:
            return _all_done(here, part, now_due)
        if part not in UNDOES and _goes_back(here):
            return here.said("interrupted", "the run is to go back: no further step is begun")
        if here.seconds_left() < SECONDS_TO_DO:
            return here.said("wait", f"{part} goes on in a moment", wait=1)
        answer = _Work(here, part, now_due).go_on()
        if answer is not None:
            return answer


def _all_done(here: Step, part: Part, done: Due) -> Answer:
    if part is Part.QUIESCE:
        # Consistency points are compared with its end: by the clock that they are told in, which has whole seconds.
        here.service.look_at_the_clock()
        now = after(here.looked(), 1)
    else:
        now = here.clock()
    here.store.write_night(here.run.id, moved(here.store.night(here.run.id), part, now))
    if part in (Part.PROBE, Part.OPEN_DOORS):
        here.store.note_served(here.run.id)
    return here.said("done", "; ".join([f"{part} is done", *done.passed_over]), tell=_news(here.planned_night, part))


def _news(planned: Night, part: Part) -> str:
    """What is told when a part is done: that users are shut out, whichever part does that, and that they are back."""
    if part is Part.PROBE:
        return "switched"
    return "closed" if part is closing_part(planned) else ""


def _goes_back(here: Step) -> bool:
    order = here.store.order(here.run.id)
    return here.store.run(here.run.id).aborted or (order is not None and order.wish is Wish.ROLLBACK)


class _Work:
    """One step, or its undoing. Each method answers what the run waits for, or None when the step is settled."""

    def __init__(self, here: Step, part: Part, due: Due) -> None:
        assert due.planned is not None  # a step that is due is one of the plan's
        self.here, self.part, self.now = here, part, here.clock()
        self.number, self.planned, self.record = due.number, due.planned, due.record
        self.undo = part in UNDOES
        self.deeds = Deeds(here.plan.region, f"{here.run.id} {part} {due.planned.name}")
        self.written = due.record.state if due.record else None

    def go_on(self) -> Answer | None:
        """Begin it, or look how it stands."""
        action = self.planned.undo if self.undo else self.planned.do
        if action is None:
            return self._settle(self._begun(), True, "nothing to undo")
        under_way = StepState.UNDOING if self.undo else StepState.BEGUN
        if self.record is not None and self.record.state is under_way:
            return self._look(action, self.record)
        return self._begin(action)

    def _begin(self, action: Action) -> Answer | None:
        """Write down that it begins, shut the doors where it does that, and do it."""
        before, record = self.record, self._begun()
        if before is not None and before.state in (StepState.AGAIN, StepState.UNDO_AGAIN) and before.token != UNSENT:
            holds, words = self._proofs_hold()
            if holds:
                return self._settle(record, True, f"somebody has seen to it: {words}")
        if changes(action) and not self.undo:
            late = self._too_late()
            if late is not None:
                return late
            self._close()
        self._write(record)
        if self.undo:
            self._ask_no_more()
        if not changes(action) or action.deed is Deed.MANUAL:
            return self._look(action, record)
        try:
            done = self.deeds.do(action)
        except AwsUnavailable:
            self._write(before or record.but(state=StepState.AGAIN, token=UNSENT))
            raise
        self.now = self.here.clock()
        return self._came_of(record, done)

    def _begun(self) -> StepRecord:
        deadline = after(self.now, self.planned.timeout)
        if self.record is None:
            part = UNDOES.get(self.part, self.part)
            return StepRecord(part, self.number, self.planned.name, StepState.BEGUN, self.now, deadline)
        state = StepState.UNDOING if self.undo else StepState.BEGUN
        return self.record.but(state=state, token=None, looks=0, seen="", deadline=deadline)

    def _too_late(self) -> Answer | None:
        """Whether users would be shut out with too little left of the window to bring them back."""
        end = last_moment(self.here.planned_night, self.here.run)
        if self.here.store.night(self.here.run.id).closed is not None or instant(self.now) < end:
            return None
        reason = f"the last moment to shut users out was {text(end)}: the way back needs what is left of the window"
        return self.here.said("failed", reason, rule=OnStepFailure.UNDO.value)

    def _close(self) -> None:
        """From now on nobody serves users; it is written before it is so."""
        before = night = self.here.store.night(self.here.run.id)
        if night.closed is None:
            night = night.but(closed=self.now, holder=Holder.NOBODY, since=self.now, progressed=self.now)
            self.here.store.note_closed(self.here.run.id)
        if self.part is Part.SWITCH and night.switching is None:
            night = night.but(switching=self.now)
        if night != before:
            self.here.store.write_night(self.here.run.id, night)

    def _look(self, action: Action, record: StepRecord) -> Answer | None:
        """It was begun before: how does it stand?"""
        if not changes(action):
            seen = self._seen(action)
            return self._decided(record, True if seen.passed else None, seen.words)
        if record.token == SENT:
            return self._proved(record, record.seen)
        if action.deed is Deed.MANUAL:
            return self._asked(action, record)
        if record.token is None:
            return self._came_of(record, Done(None, None, "its function died"))
        done = self.deeds.follow(action, record.token)
        return self._came_of(record, done)

    def _came_of(self, record: StepRecord, done: Done) -> Answer | None:
        """What came of the deed; once it is done, its proofs."""
        record = record.but(token=done.token or record.token, seen=done.words)
        if done.passed is False:
            return self._settle(record, False, done.words)
        if record.token is None and not self._proofs():
            return self._settle(record, False, f"{done.words}: {unclear(self.planned)}")
        if done.passed is None and record.token is not None:
            return self._decided(record, None, done.words)
        self._write(record)
        return self._proved(record, done.words)

    def _proved(self, record: StepRecord, words: str) -> Answer | None:
        if not self._proofs():
            return self._settle(record, True, words)
        holds, words = self._proofs_hold()
        return self._decided(record, True if holds else None, words)

    def _proofs(self) -> tuple[Action, ...]:
        return self.planned.undo_proof if self.undo else self.planned.proof

    def _proofs_hold(self) -> tuple[bool, str]:
        """Whether there are proofs and all of them hold; what was seen, in words."""
        seen = [self._seen(proof) for proof in self._proofs()]
        missing = [each.words for each in seen if not each.passed]
        return bool(seen) and not missing, "; ".join(missing or [each.words for each in seen])

    def _seen(self, action: Action) -> Seen:
        if action.deed is not Deed.AGENTS_SILENT:
            return look(action, (), instant(self.now))
        everyone = [entry for wave in self.here.plan.waves for entry in wave.machines]
        try:
            machines = resolve(everyone, self.here.listed(everyone))
        except ServiceError as error:
            return Seen(False, f"the service does not say whom it hears: {error}")
        return look(action, machines, self.here.now().at)

    def _decided(self, record: StepRecord, passed: bool | None, words: str) -> Answer | None:
        """Settled, or looked at again until the step's deadline."""
        if passed is not None:
            return self._settle(record, passed, words)
        now, deadline = instant(self.now), instant(record.deadline)
        if now >= deadline or record.looks >= LOOKS:
            return self._settle(record, False, f"not by {record.deadline}: {words}")
        self._write(record.but(looks=record.looks + 1, seen=words))
        wait = interval(self.here.poll, now, deadline, LOOKS - record.looks)
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
        self._write(record)
        night = self.here.store.night(self.here.run.id)
        self.here.store.write_night(self.here.run.id, night.but(progressed=self.now))
        return None

    def _write(self, record: StepRecord) -> None:
        """Over the state it was read or written in last; AwsUnavailable, and nothing written, over another one."""
        run, since = self.here.run.id, self.written
        store = self.here.store
        written = store.begin_step(run, record) if since is None else store.advance_step(run, record, since=since)
        if not written:
            raise AwsUnavailable(f"step {record.name} of run {run} had two writers at once")
        self.written = record.state

    # Steps that people do

    def _asked(self, action: Action, record: StepRecord) -> Answer | None:
        """Somebody has to do it: say what, who, until when; then look for the answer. At the deadline the question is
        closed in writing before it is decided: a late yes does not count."""
        store, run, name = self.here.store, self.here.run.id, question_name(self.part, self.number)
        self.here.listen_to_people()
        question, tell = store.question(run, name), ""
        if question is None or record.token is None:
            if question is not None and question.closed:  # of an earlier try
                store.set_aside(run, question)
            question = store.ask(run, QuestionRecord(name, action.subject, (action.who,), self.now, record.deadline))
            record, tell = record.but(token=question.asked, seen=f"{action.who} is asked"), "asked"
            self._write(record)
        if question.answer is None and not question.closed and instant(self.now) < instant(question.deadline):
            wait = interval(self.here.poll, instant(self.now), instant(question.deadline), LOOKS - question.looks)
            store.count_look(run, question)
            self.here.hold(wait)
            sleep = self.here.sleeps(wait, self.now, question.deadline, LOOKS - question.looks)
            reason = f"{action.who} is asked until {question.deadline}: {action.subject}"
            return self.here.said("wait", reason, wait=wait, sleep=sleep, tell=tell, question=name)
        self.here.waits.forget(run, ASKING)
        if not question.closed:
            question = store.close_question(run, name)
        if question.answer == "yes":
            return self._done_by_hand(record, question)
        if question.answer == "no":
            why = f": {question.reason}" if question.reason else ""
            return self._settle(record, False, f"{question.answered_by} could not do it{why}")
        return self._settle(record, False, f"{action.who} did not say by {question.deadline} that it is done")

    def _done_by_hand(self, record: StepRecord, question: QuestionRecord) -> Answer | None:
        """The proofs have the step's time once more, from when it was seen that somebody did it."""
        words = f"done by {question.answered_by}"
        record = record.but(token=SENT, seen=words, deadline=after(self.now, self.planned.timeout), looks=0)
        self._write(record)
        return self._proved(record, words)

    def _ask_no_more(self) -> None:
        """What is undone need not be done any more."""
        name = question_name(UNDOES[self.part], self.number)
        question = self.here.store.question(self.here.run.id, name)
        if question is not None and not question.closed:
            self.here.store.close_question(self.here.run.id, name)
