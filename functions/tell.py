"""Put one piece of news of a run on our bus: SNS, Slack and everything else take it from there."""

from __future__ import annotations

from cutover.events import RUN_NEWS
from cutover.messages import Message, News, detail, ended, late, launched, started, waiting
from cutover.night_messages import asked, closed, going_back, held, proved, silent, switched
from cutover.night_records import NightRecord
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """Input {run, wave?, question?, news: see News, all but died}; {subject}. `question`: its name, for asked."""
    news = News(here.event["news"])
    if news is News.LAUNCHED and here.record.told_launched:
        return {"subject": "", "reason": "told before"}
    night = here.store.night(here.run.id)
    message = _message(here, news, night)
    wave = here.wave.name if "wave" in here.event else None
    here.bus.put(RUN_NEWS, detail(here.run, news, message, wave, night))
    if news is News.ENDED:
        here.store.update_run(here.run.id, told=True)
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
