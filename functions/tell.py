"""Put one piece of news of a run on our bus: SNS, Slack and everything else take it from there."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from cutover.cleanup import LOOKS_AFTER, schedule_name
from cutover.events import RUN_NEWS
from cutover.instants import after
from cutover.messages import Message, News, detail, ended, late, launched, started, waiting
from cutover.night_messages import closed, going_back, held, proved, silent, switched
from cutover.night_records import NightRecord
from cutover.observing_messages import observed, observed_end
from cutover.question_messages import asked
from cutover.records import Outcome
from cutover.schedules import call_once
from cutover.step import Answer, Step, log, step


@step
def handler(here: Step) -> Answer:
    """Input {run, wave?, question?, news: see News, all but died}; {subject}. `question`: its name, for asked."""
    news = News(here.event["news"])
    if news is News.LAUNCHED and here.record.told_launched:
        return {"subject": "", "reason": "told before"}
    night = here.store.night(here.run.id)
    message = _observed(here, news, night) if here.run.observe else _message(here, news, night)
    wave = here.wave.name if "wave" in here.event else None
    here.bus.put(RUN_NEWS, detail(here.run, news, message, wave, night))
    if news is News.ENDED:
        here.store.update_run(here.run.id, told=True)
        _plan_clean_up(here)
    if news is News.LAUNCHED:
        here.store.write_wave(here.run.id, here.record.but(told_launched=True))
    return {"subject": message.subject, "reason": f"told: {message.subject}"}


def _message(here: Step, news: News, night: NightRecord) -> Message:
    match news:
        case News.STARTED:
            return started(here.run, here.plan, night)
        case News.WAITING:
            return waiting(here.run, here.record, here.wave, night)
        case News.LAUNCHED:
            launches = here.store.launches(here.run.id, here.number)
            return launched(here.run, here.record, launches[-1], here.store.machines(here.run.id, here.number), night)
        case News.ENDED:
            return ended(here.run, here.plan, here.everything(), night)
        case News.LATE:
            return late(here.run, here.everything(), night)
        case News.DIED:
            raise ValueError(f"{news} is told by another function")
    return _of_the_night(here, news, night)


def _of_the_night(here: Step, news: News, night: NightRecord) -> Message:
    match news:
        case News.ASKED:
            question = here.store.question(here.run.id, here.event["question"])
            if question is None:
                raise ValueError(f"nothing is asked by the name {here.event['question']}")
            return asked(here.run, here.plan, night, question, here.everything())
        case News.CLOSED:
            return closed(here.run, here.plan, night)
        case News.PROVED:
            return proved(here.run, here.plan, night)
        case News.HELD:
            return held(here.run, here.plan, night, here.everything())
        case News.GOING_BACK:
            return going_back(here.run, here.plan, night)
        case News.SWITCHED:
            return switched(here.run, here.plan, night)
    return silent(here.run, here.plan, night)


def _plan_clean_up(here: Step) -> None:
    """A verified test's targets go at the end of their time to live. The run is told: nothing here undoes that."""
    ttl, run = here.plan.test_ttl, here.run
    if ttl is None or run.outcome is not Outcome.TESTED or run.observe or run.ended is None:
        return
    due = after(run.ended, ttl)
    try:
        for number, seconds in enumerate(LOOKS_AFTER, 1):
            event = {"run": run.id, "by": "the plan's time to live"}
            call_once(here.settings, schedule_name(run.id, number), after(due, seconds), event)
    except (BotoCoreError, ClientError) as error:
        log().error(f"no clean-up is scheduled: {error}; ask for it with cutover cleanup")
        return
    here.store.update_run(run.id, clean_up_at=due)


def _observed(here: Step, news: News, night: NightRecord) -> Message:
    """The same news of a run that only observes."""
    said = observed(here.run, here.plan, news, here.record if "wave" in here.event else None)
    return said or observed_end(here.run, _message(here, news, night))
