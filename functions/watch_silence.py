"""Look, every minute, whether a run has fallen silent while nobody serves its users, and call a person.

The dead-man watch: it needs no execution to be alive, and reads nothing but the records of runs behind closed doors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover.errors import CutoverError
from cutover.events import RUN_NEWS
from cutover.messages import News, detail
from cutover.night_messages import silent
from cutover.night_records import Closed
from cutover.settings import Settings
from cutover.silence import look, over, standing
from cutover.step import Step, log, open_store
from cutover.steps import SHUTTING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{watched: how many runs have nobody who serves their users, told: for how many of them people were called}.

    One run that cannot be looked at keeps nobody from the others; then this fails at its end, which an alarm sees.
    """
    told, failed = 0, None
    store = open_store(Settings())
    runs = store.closed_runs()
    for watched in runs:
        here = Step({"run": watched.run}, context)
        try:
            told += _look(here, watched)
        except (CutoverError, BotoCoreError, ClientError) as error:
            log().error(f"run {watched.run} cannot be watched: {error}")
            failed = error
    if failed is not None:
        raise failed
    return {"watched": len(runs), "told": told}


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
        message = silent(run, here.plan, night.but(progressed=since))
        here.bus.put(RUN_NEWS, detail(run, News.SILENT, message, night=night))  # before it is noted: better twice
        log().warning(f"run {run.id} is silent since {since}")
    if looked.watched != watched:
        here.store.note_watched(looked.watched)
    return looked.silent
