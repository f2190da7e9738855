"""What somebody is asked to decide, as it stands: all that they should see, whether their answer counts, its writing.

The same for a link and for a button in Slack.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from cutover.after_records import EVERY_MACHINE, SignOff
from cutover.deciding import Refusal, Via, Why, over, refusal
from cutover.downtime import clock
from cutover.errors import RunNotFound
from cutover.instants import instant
from cutover.invitations import SIGN_OFF, Invitation
from cutover.night_records import NightRecord, QuestionRecord
from cutover.plan import AskedToSign, Mode, Plan
from cutover.planned_telling import Audience
from cutover.records import MachineRecord, MachineStatus, Outcome, RunRecord, WaveRecord
from cutover.store import Store
from cutover.telling.catalogue import Language, Say
from cutover.telling.messages import holder_line
from cutover.telling.questions import before_answer, is_step, question_text
from cutover.telling.situation import Situation

SAW = 100_000
"""Characters of what stood on a page that are kept."""


@dataclass(frozen=True)
class Row:
    """A machine, as somebody sees it who decides."""

    machine: str
    wave: str
    seen: str
    deletes: str


@dataclass(frozen=True)
class Shown:
    """All that somebody sees who decides. `yes`, `no`: what the answers are called. `simulated`: it is a rehearsal."""

    language: str
    plan: str
    mode: str
    run: str
    simulated: bool
    question: str
    production: str
    lines: tuple[str, ...]
    machines: tuple[Row, ...]
    yes: str
    no: str

    @property
    def text(self) -> str:
        """The same as text, for the evidence of what they saw."""
        rows = [f"  {each.machine} ({each.wave}): {each.seen}; {each.deletes}" for each in self.machines]
        return "\n".join([self.question, self.production, *self.lines, *rows])[:SAW]


@dataclass(frozen=True)
class Answered:
    """An answer that was written: whose, what, when."""

    by: str
    yes: bool
    at: str
    reason: str


class Decision(Protocol):
    """Something that is asked. `deadline`: until when, in words; `seen`: the newest instant in its run's records."""

    @property
    def plan(self) -> Plan: ...

    @property
    def language(self) -> Language: ...

    @property
    def deadline(self) -> str: ...

    @property
    def seen(self) -> str: ...

    def again(self) -> Decision:
        """The same, as it stands by now."""

    def shown(self) -> Shown: ...

    def answered(self, by: str) -> Answered | None:
        """The answer that counts; None: nobody has answered."""

    def refused(self, by: str, now: str) -> Refusal | None:
        """Why an answer of theirs does not count; None: it does."""


def find(store: Store, invitation: Invitation) -> Decision:
    """What the invitation is for. RunNotFound where the run, its plan or the question is gone."""
    run = store.run(invitation.run)
    if invitation.question == SIGN_OFF:
        asked = next((wave.sign_off for wave in store.plan(run.plan, run.carried_out).waves if wave.sign_off), None)
        if asked is None:
            raise RunNotFound(f"nobody is asked to sign off {run.id}")
        return _SigningOff(store, run, store.plan(run.plan, run.carried_out), asked)
    question = store.question(run.id, invitation.question)
    if question is None:
        raise RunNotFound(f"run {run.id} asks no {invitation.question}")
    return _Answering(store, run, store.plan(run.plan, run.carried_out), question, invitation.asked)


@dataclass(frozen=True)
class _Answering:
    """A question of a night."""

    store: Store
    run: RunRecord
    plan: Plan
    question: QuestionRecord
    asked: str

    @property
    def language(self) -> Language:
        return _language(self.plan)

    @property
    def deadline(self) -> str:
        return self.question.deadline

    @property
    def seen(self) -> str:
        waves = self.store.everything(self.run.id, self.plan)
        newest = Situation(self.run, self.plan, self.store.night(self.run.id), waves).seen
        return max(newest, self.question.asked)

    def again(self) -> Decision:
        return replace(self, question=self.store.question(self.run.id, self.question.name) or self.question)

    def shown(self) -> Shown:
        say, night = Say(self.language), self.store.night(self.run.id)
        waves = self.store.everything(self.run.id, self.plan)
        kind = "step" if is_step(self.question) else "approval"
        return Shown(
            **_of(self.run, self.plan),
            question=question_text(self.question, say),
            production=holder_line(night, self.run, say),
            lines=tuple(before_answer(self.run, self.plan, night, self.question, waves, say)[1:]),  # it is the heading
            machines=tuple(_row(wave, each, say) for wave, some in waves for each in some),
            yes=say(f"board.yes_{kind}"),
            no=say(f"board.no_{kind}"),
        )

    def answered(self, by: str) -> Answered | None:
        asked = self.question
        if asked.answer is None or asked.asked != self.asked:
            return None
        return Answered(asked.answered_by, asked.answer == "yes", asked.answered_at or "", asked.reason)

    def refused(self, by: str, now: str) -> Refusal | None:
        return refusal(self.run, self.plan, self.question, by, now, self.asked)


@dataclass(frozen=True)
class _SigningOff:
    """Whether a test counts for the cutover."""

    store: Store
    run: RunRecord
    plan: Plan
    by: AskedToSign

    @property
    def language(self) -> Language:
        return _language(self.plan)

    @property
    def deadline(self) -> str:
        return self.by.until or ""

    @property
    def seen(self) -> str:
        return self.run.ended or self.run.claimed

    def again(self) -> Decision:
        return self

    def shown(self) -> Shown:
        say = Say(self.language)
        waves = self.store.everything(self.run.id, self.plan)
        everyone = [each for _, some in waves for each in some]
        verified = sum(each.status is MachineStatus.VERIFIED for each in everyone)
        return Shown(
            **_of(self.run, self.plan),
            question=say("page.sign_off"),
            production=holder_line(NightRecord(), self.run, say),
            lines=(
                say("page.sign_off_verified", verified=verified, total=len(everyone)),
                say("page.sign_off_yes", who=", ".join(self.by.by)),
                say("page.sign_off_no"),
                *([say("page.sign_off_until", until=self.by.until)] if self.by.until else []),
            ),
            machines=tuple(_row(wave, each, say) for wave, some in waves for each in some),
            yes=say("page.sign"),
            no=say("page.reject"),
        )

    def answered(self, by: str) -> Answered | None:
        said = self.store.signed_off(self.plan.name, EVERY_MACHINE, by)
        if said is None or self.run.id not in said.runs:
            return None
        return Answered(said.by, not said.rejected, said.at, said.reason)

    def refused(self, by: str, now: str) -> Refusal | None:
        said = self.answered(by)
        if said is not None:
            word = "accepted" if said.yes else "rejected"
            return Refusal(Why.ANSWERED, f"{by} has {word} the test of {self.run.id} at {said.at}")
        if by not in self.by.by:
            return Refusal(Why.NOT_ASKED, f"the test is not to be signed off by {by}, but by {', '.join(self.by.by)}")
        if not over(self.run) or self.run.outcome is not Outcome.TESTED or self.run.mode is not Mode.TEST:
            return Refusal(Why.ENDED, f"run {self.run.id} has not verified a test")
        if self.by.until is not None and instant(now) > instant(self.by.until):
            return Refusal(Why.TOO_LATE, f"sign-offs were taken until {self.by.until}")
        return None


def write(decision: Decision, by: str, yes: bool, reason: str, now: str, via: Via, saw: str) -> bool:
    """Write an answer, once; False, and nothing written: somebody else was faster, or it is too late."""
    if isinstance(decision, _SigningOff):
        word = SignOff(
            EVERY_MACHINE, by, now, (decision.run.id,), rejected=not yes, reason=reason, via=via.value, saw=saw
        )
        return decision.store.sign_off_once(decision.plan.name, word)
    if isinstance(decision, _Answering):
        return decision.store.answer(decision.run.id, decision.question, by, yes, reason, now, via, saw)
    raise TypeError(f"{type(decision).__name__} is nothing that can be decided")


def _of(run: RunRecord, plan: Plan) -> dict[str, Any]:
    """What is shown of every run that asks something."""
    return {
        "language": _language(plan).value,
        "plan": plan.name,
        "mode": run.mode.value,
        "run": run.id,
        "simulated": run.simulated,
    }


def _language(plan: Plan) -> Language:
    """That of the engineers: whoever is asked reads what they read."""
    return Language(plan.telling.audiences[Audience.ENGINEERS].language)


def _row(wave: WaveRecord, machine: MachineRecord, say: Say) -> Row:
    """Before its launch how far it is behind, and what the launch deletes; afterwards what became of it."""
    if machine.status is not MachineStatus.NOT_STARTED or machine.target is not None:
        seen = say(f"machine.{machine.status.value}")
        there = machine.target.instance_id if machine.target else None
        return Row(machine.label, wave.name, seen, there or "")
    lag = next((line.get("lag") for line in wave.progress if line.get("label") == machine.label), None)
    seen = say("page.behind", lag=clock(int(lag))) if lag is not None else say("page.lag_unknown")
    deletes = (
        say("page.deletes", instance=machine.instance_before) if machine.instance_before else say("page.deletes_none")
    )
    return Row(machine.label, wave.name, seen, deletes)
