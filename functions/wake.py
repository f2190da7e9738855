"""Wake the waves that wait for this event of a replication service.

Input: an event of source `aws.mgn` from the default bus. Delivered twice, late, or about what nobody waits for, it does
nothing; lost, the wave looks by itself a little later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cutover.errors import RunNotFound
from cutover.executions import Executions
from cutover.mgn_events import heard
from cutover.settings import Settings
from cutover.step import log
from cutover.waits import Waits

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{woken: how many waves}."""
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
