"""Wake the waves that wait for this event of a replication service, or the run that waits for what people say.

Input: an event of source `aws.mgn` from the default bus, or of ours that somebody decided something. Delivered twice,
late, or about what nobody waits for, it does nothing; lost, whoever waits looks a little later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cutover.errors import RunNotFound
from cutover.events import SOURCE
from cutover.executions import Executions
from cutover.mgn_events import heard
from cutover.settings import Settings
from cutover.step import log
from cutover.waits import Waits
from cutover.waking import ANSWER, ASKING

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{woken: how many waves, or runs}."""
    if event.get("source") == SOURCE:
        return {"woken": _told(str(event["detail"]["run"]))}
    said = heard(event)
    if said is None:
        log().warning("an event that names no server", extra={"detail_type": event.get("detail-type")})
        return {"woken": 0}
    waits, woken = Waits.open(Settings().table), 0
    for listening in waits.listening():
        if not listening.concerned(said):
            continue
        try:
            wave = waits.hear(listening, said)
        except RunNotFound:  # it was closed a moment ago
            continue
        if wave.awake and wave.token is not None:
            # Answered first: a second answer is refused and harms nobody, one that is lost costs a slow look.
            Executions().answer(wave.token)
            waits.wake(wave)
            log().info(f"wave {wave.wave} of run {wave.run} looks: {said.word}", extra={"run": wave.run})
            woken += 1
    return {"woken": woken}


def _told(run: str) -> int:
    """People have said something to this run: wake it where it sleeps until they do."""
    waits = Waits.open(Settings().table)
    for listening in waits.listening():
        if (listening.run, listening.wave) != (run, ASKING):
            continue
        try:
            asking = waits.hear(listening, ANSWER)
        except RunNotFound:  # it was looked at a moment ago
            continue
        if asking.token is not None:
            Executions().answer(asking.token)
            waits.wake(asking)
            log().info(f"run {run} looks: people have said something", extra={"run": run})
            return 1
    return 0
