"""What a message is made of, and the engineers' message for each kind of news."""

from __future__ import annotations

from dataclasses import dataclass

from cutover.instants import instant
from cutover.night_records import NightRecord, QuestionRecord
from cutover.plan import Plan
from cutover.records import LaunchRecord, RunRecord
from cutover.standing import Waves
from cutover.telling.catalogue import Say
from cutover.telling.messages import Message, News, died, ended, late, launched, started, waiting
from cutover.telling.night import closed, going_back, held, proved, silent, switched
from cutover.telling.observing import observed, observed_end
from cutover.telling.overdue import overdue
from cutover.telling.questions import asked


@dataclass(frozen=True)
class Situation:
    """A run when something is told of it. `wave`: the number, from 1, of the wave it is told of. `launch`: its last
    one. `question`: what is asked. `status`, `cause`: of an execution that died. `due`: the instant of a word that
    did not come."""

    run: RunRecord
    plan: Plan
    night: NightRecord
    waves: Waves
    wave: int | None = None
    launch: LaunchRecord | None = None
    question: QuestionRecord | None = None
    status: str = ""
    cause: str = ""
    due: str = ""

    @property
    def seen(self) -> str:
        """The newest instant of the service's clock in its records; ours where it never saw one."""
        night = self.night
        looks = [*(wave.looked for wave, _ in self.waves), night.progressed, self.run.started, self.run.claimed]
        looks += [night.hold.since if night.hold else None, night.back.at if night.back else None]
        looks += [self.question.asked if self.question else None, self.run.ended]
        return max((each for each in looks if each), key=instant)


def engineers(news: News, here: Situation, say: Say) -> Message:
    """The message of this news, with all that is known. ValueError where something of it is missing."""
    if here.run.observe:
        record = here.waves[here.wave - 1][0] if here.wave is not None else None
        said = observed(here.run, here.plan, news, record, say)
        return said or observed_end(here.run, _engineers(news, here, say), say)
    return _engineers(news, here, say)


def _engineers(news: News, here: Situation, say: Say) -> Message:
    run, plan, night = here.run, here.plan, here.night
    match news:
        case News.STARTED:
            return started(run, plan, night, say)
        case News.WAITING | News.LAUNCHED:
            return _of_a_wave(news, here, say)
        case News.ENDED:
            return ended(run, plan, here.waves, night, say)
        case News.LATE:
            return late(run, here.waves, night, say)
        case News.DIED:
            return died(run, here.status, here.cause, night, say)
        case News.OVERDUE:
            return overdue(run, here.due, night, say)
        case News.ASKED:
            if here.question is None:
                raise ValueError("nothing is asked")
            return asked(run, plan, night, here.question, here.waves, say)
        case News.CLOSED:
            return closed(run, plan, night, say)
        case News.PROVED:
            return proved(run, plan, night, say)
        case News.HELD:
            return held(run, plan, night, here.waves, say)
        case News.GOING_BACK:
            return going_back(run, plan, night, say)
        case News.SWITCHED:
            return switched(run, plan, night, say)
    return silent(run, plan, night, say)


def _of_a_wave(news: News, here: Situation, say: Say) -> Message:
    if here.wave is None:
        raise ValueError(f"{news} is told of a wave")
    record, machines = here.waves[here.wave - 1]
    if news is News.WAITING:
        return waiting(here.run, record, here.plan.waves[here.wave - 1], here.night, say)
    if here.launch is None:
        raise ValueError("nothing was launched")
    return launched(here.run, record, here.launch, machines, here.night, say)
