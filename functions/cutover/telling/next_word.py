"""When the next word of a run comes: every message says it, and one that does not come is told of.

The instant is the latest: what the plan allows for all that comes before the next message, and MARGIN. It counts from
the newest instant in the run's records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cutover.instants import after
from cutover.plan import Mode, Wave
from cutover.planned_night import Night, PlannedStep
from cutover.steps import PROBE_SECONDS
from cutover.telling.messages import News
from cutover.telling.situation import Situation

MARGIN = 900
"""Seconds for starts, retries and looks that no deadline of a plan counts."""
STOPPING = 1800
"""Seconds that the targets may take to stop, on the way back."""


@dataclass(frozen=True)
class NextWord:
    """`when`: what it will be about, as a key of the catalogue. `by`: the latest instant; None: nothing more comes."""

    when: str
    by: str | None


def next_word(news: News, here: Situation) -> NextWord:
    """What is promised with this news."""
    planned = here.plan.night if here.run.mode is Mode.CUTOVER else None
    match news:
        case News.ENDED | News.LATE | News.DIED | News.OVERDUE:
            return NextWord(f"next.after_{news.value}", None)
        case News.STARTED if planned is not None and not planned.go.none and here.night.closed is None:
            return NextWord("next.go", _in(here, _readiness(here)))
        case News.STARTED:
            return NextWord("next.launched", _in(here, _readiness(here), _shutting(planned)))
        case News.WAITING:
            record = here.waves[here.wave - 1][0] if here.wave else None
            return NextWord("next.launched", _after(here, record.readiness_deadline if record else None, 0))
        case News.LAUNCHED:
            return NextWord("next.judged", _judged(here))
        case News.HELD:
            deadline = here.night.hold.deadline if here.night.hold else None
            return NextWord("next.decided", _after(here, deadline, 0))
        case News.ASKED if here.question is not None:
            return NextWord("next.answered", _after(here, here.question.deadline, _following(here, planned)))
    return _of_the_night(news, here, planned)


def _of_the_night(news: News, here: Situation, planned: Night | None) -> NextWord:
    if planned is None:
        return NextWord("next.something", _in(here))
    match news:
        case News.CLOSED if here.night.switching:
            return NextWord("next.switched", _in(here, _time(planned.switch), PROBE_SECONDS))
        case News.CLOSED if planned.quiesce:
            return NextWord("next.proved", _in(here, _time(planned.quiesce), planned.zero_loss_wait))
        case News.CLOSED | News.PROVED:
            return NextWord("next.launched", _in(here, _time(planned.power_off), _readiness(here)))
        case News.SWITCHED if planned.commit.none:
            return NextWord("next.committed", _in(here, planned.soak))
        case News.SWITCHED:
            return NextWord("next.commit", _in(here, planned.soak))
        case News.GOING_BACK:
            undone = (*planned.quiesce, *planned.power_off, *planned.switch)
            return NextWord("next.back", _in(here, STOPPING, _time(undone)))
        case News.SILENT if here.night.hold is not None:
            return NextWord("next.decided", _after(here, here.night.hold.deadline, 0))
    return NextWord("next.something", _in(here, planned.silent))


def _judged(here: Situation) -> str | None:
    """By when the wave that was launched is judged, and what follows it is told."""
    if here.wave is None:
        return None
    planned, record = here.plan.waves[here.wave - 1], here.waves[here.wave - 1][0]
    later = here.plan.waves[here.wave :]
    return _after(here, record.job_deadline, planned.verify_deadline.longest + _longest(later))


def _following(here: Situation, planned: Night | None) -> int:
    """Seconds from an answer to the next message, whatever was asked."""
    if planned is None or here.question is None:
        return 0
    match here.question.name:
        case "go":
            return _shutting(planned) + (0 if planned.quiesce or planned.power_off else _readiness(here))
        case "users":
            return _time(planned.switch) + PROBE_SECONDS
        case "commit":
            return 0
    return _shutting(planned) + planned.zero_loss_wait + _time(planned.switch) + PROBE_SECONDS + _readiness(here)


def _shutting(planned: Night | None) -> int:
    return _time((*planned.quiesce, *planned.power_off)) if planned else 0


def _readiness(here: Situation) -> int:
    return _longest(here.plan.waves)


def _longest(waves: Iterable[Wave]) -> int:
    return max((wave.readiness_deadline for wave in waves), default=0)


def _time(steps: Iterable[PlannedStep]) -> int:
    return sum(step.timeout for step in steps)


def _in(here: Situation, *seconds: int) -> str:
    return after(here.seen, sum(seconds) + MARGIN)


def _after(here: Situation, deadline: str | None, seconds: int) -> str:
    return after(deadline or here.seen, seconds + MARGIN)
