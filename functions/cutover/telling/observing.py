"""What people are told by a run that only observes launches made by hand. Rendered from records alone."""

from __future__ import annotations

from cutover.plan import Mode, Plan
from cutover.records import RunRecord, WaveRecord
from cutover.telling.catalogue import ENGLISH, Say
from cutover.telling.messages import Message, News, subject


def observed(run: RunRecord, plan: Plan, news: News, wave: WaveRecord | None, say: Say = ENGLISH) -> Message | None:
    """For news that reads otherwise when nothing is launched by the run; None for all other news."""
    if news is News.STARTED:
        count = sum(len(each.machines) for each in plan.waves)
        about = say("observing.about_started")
        lines = [say("observing.started", plan=plan.name, mode=run.mode.value, count=count)]
    elif news is News.WAITING and wave is not None:
        about = say("observing.about_waiting", wave=wave.name)
        lines = [
            say("observing.waiting", wave=wave.name, reason=wave.reason),
            say("observing.gives_up", deadline=wave.readiness_deadline),
        ]
    elif news is News.LAUNCHED and wave is not None:
        about = say("observing.about_launched", wave=wave.name)
        lines = [say("observing.launched", wave=wave.name, jobs=wave.jobs)]
    else:
        return None
    text = "\n".join([*lines, say("observing.by_hand"), holder(run.mode, say), say("word.run", run=run.id)])
    return Message(subject(run, f"{run.plan} {run.mode.value}: {about}"), text)


def observed_end(run: RunRecord, message: Message, say: Say = ENGLISH) -> Message:
    """The message of its end: it cannot say more of production than it knows."""
    production = say("holder.word")
    lines = [holder(run.mode, say) if line.startswith(production) else line for line in message.text.split("\n")]
    return Message(message.subject, "\n".join([say("observing.by_hand"), *lines]))


def holder(mode: Mode, say: Say = ENGLISH) -> str:
    """Who holds production, as far as a run can tell that moves nobody."""
    return say(f"observing.holder_{mode.value}")
