"""Look, every minute, whether a run has fallen silent while nobody serves its users, or a promised word did not come.

The dead-man watch: it needs no execution to be alive, and reads nothing but the records of runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover.errors import CutoverError
from cutover.news import publish
from cutover.night_records import Closed
from cutover.settings import Settings
from cutover.silence import look, over, overdue, standing
from cutover.step import Step, local_now, log, open_store
from cutover.steps import SHUTTING
from cutover.telling.messages import News
from cutover.telling.situation import Situation
from cutover.told_records import Due

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{watched: how many runs have nobody who serves their users, told: for how many of them people were called,
    overdue: how many promised words did not come}.

    One run that cannot be looked at keeps nobody from the others; then this fails at its end, which an alarm sees.
    """
    told, late, failed = 0, 0, None
    store = open_store(Settings())
    runs, words = store.closed_runs(), store.promised()
    for watched in runs:
        try:
            told += _look(Step({"run": watched.run}, context), watched)
        except (CutoverError, BotoCoreError, ClientError) as error:
            log().error(f"run {watched.run} cannot be watched: {error}")
            failed = error
    for due in words:
        try:
            late += _overdue(Step({"run": due.run}, context), due)
        except (CutoverError, BotoCoreError, ClientError) as error:
            log().error(f"nobody can be told that run {due.run} owes a word: {error}")
            failed = error
    if failed is not None:
        raise failed
    return {"watched": len(runs), "told": told, "overdue": late}


def _overdue(here: Step, due: Due) -> bool:
    """One promised word: whether it did not come. Told once, and then none is promised."""
    now = local_now()
    if not overdue(due, now):
        return False
    night = here.store.night(here.run.id)
    publish(
        here.store, here.bus, News.OVERDUE, Situation(here.run, here.plan, night, here.everything(), due=due.by), now
    )
    log().warning(f"run {due.run} owes a word since {due.by}")
    return True


def _look(here: Step, watched: Closed) -> bool:
    """One run: whether people were called."""
    run, night, waves = here.run, here.store.night(here.run.id), here.everything()
    if over(run, night):
        here.store.note_served(run.id)
        return False
    steps = [each for part in SHUTTING for each in here.store.steps(run.id, part)]
    seen = standing(run, night, waves, steps)
    if watched.told and seen == watched.standing:
        return False  # told, and nothing has gone on since: nobody needs to be asked what time it is
    looked = look(watched, seen, night, here.planned_night.silent, here.clock())
    if looked.silent:
        since = looked.watched.since
        situation = Situation(run, here.plan, night.but(progressed=since), waves)
        publish(here.store, here.bus, News.SILENT, situation, local_now())  # before it is noted: better twice
        log().warning(f"run {run.id} is silent since {since}")
    if looked.watched != watched:
        here.store.note_watched(looked.watched)
    return looked.silent
