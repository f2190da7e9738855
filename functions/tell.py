"""Put one piece of news of a run on our bus: SNS, Slack and everything else take it from there."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from cutover.cleanup import LOOKS_AFTER, schedule_name
from cutover.events import RUN_NEWS
from cutover.instants import after
from cutover.messages import Message, News, detail, ended, late, launched, started, waiting
from cutover.observing_messages import observed, observed_end
from cutover.records import Outcome
from cutover.schedules import call_once
from cutover.step import Answer, Step, log, step


@step
def handler(here: Step) -> Answer:
    """Input {run, wave?, news: started | waiting | launched | ended | late}; {subject}."""
    news = News(here.event["news"])
    if news is News.LAUNCHED and here.record.told_launched:
        return {"subject": "", "reason": "told before"}
    message = _observed(here, news) if here.run.observe else _message(here, news)
    wave = here.wave.name if "wave" in here.event else None
    here.bus.put(RUN_NEWS, detail(here.run, news, message, wave))
    if news is News.ENDED:
        here.store.update_run(here.run.id, told=True)
        _plan_clean_up(here)
    if news is News.LAUNCHED:
        here.store.write_wave(here.run.id, here.record.but(told_launched=True))
    return {"subject": message.subject, "reason": f"told: {message.subject}"}


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


def _observed(here: Step, news: News) -> Message:
    """The same news of a run that only observes."""
    said = observed(here.run, here.plan, news, here.record if "wave" in here.event else None)
    return said or observed_end(here.run, _message(here, news))


def _message(here: Step, news: News) -> Message:
    if news is News.STARTED:
        return started(here.run, here.plan)
    if news is News.WAITING:
        return waiting(here.run, here.record, here.wave)
    if news is News.LAUNCHED:
        launches = here.store.launches(here.run.id, here.number)
        return launched(here.run, here.record, launches[-1], here.store.machines(here.run.id, here.number))
    if news is News.ENDED:
        return ended(here.run, here.plan, here.everything())
    if news is News.LATE:
        return late(here.run, here.everything())
    raise ValueError(f"{news} is told by another function")
