"""Put one piece of news of a run on our bus: SNS, Slack and everything else take it from there."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from cutover.cleanup import LOOKS_AFTER, schedule_name
from cutover.instants import after
from cutover.news import publish
from cutover.records import Outcome
from cutover.schedules import call_once
from cutover.step import Answer, Step, local_now, log, step
from cutover.telling.messages import News
from cutover.telling.situation import Situation


@step
def handler(here: Step) -> Answer:
    """Input {run, wave?, question?, news: see News, all but died and overdue}; {subject}. `question`: its name, for
    asked."""
    news = News(here.event["news"])
    if news is News.LAUNCHED and here.record.told_launched:
        return {"subject": "", "reason": "told before"}
    told = publish(here.store, here.bus, news, _situation(here, news), local_now())
    if news is News.ENDED:
        here.store.update_run(here.run.id, told=True)
        _plan_clean_up(here)
    if news is News.LAUNCHED:
        here.store.write_wave(here.run.id, here.record.but(told_launched=True))
    subject = told.letters[0].subject
    return {"subject": subject, "reason": f"told: {subject}"}


def _situation(here: Step, news: News) -> Situation:
    """What is known of the run now."""
    if news in (News.DIED, News.OVERDUE):
        raise ValueError(f"{news} is told by another function")
    question = None
    if news is News.ASKED:
        question = here.store.question(here.run.id, here.event["question"])
        if question is None:
            raise ValueError(f"nothing is asked by the name {here.event['question']}")
    launches = here.store.launches(here.run.id, here.number) if news is News.LAUNCHED else []
    return Situation(
        here.run,
        here.plan,
        here.store.night(here.run.id),
        here.everything(),
        here.number if "wave" in here.event else None,
        launches[-1] if launches else None,
        question,
    )


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
