"""Keep the token of a task that waits for events: the task ends when `wake` answers it, or by its own timeout.

Input: {run, wave, execution, token}.
"""

from __future__ import annotations

from cutover.executions import Executions
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """{awake: whether all that it waits for was heard before it slept, reason}; nobody reads it but the log."""
    wave = here.waits.hold(here.run.id, here.number, here.event["token"])
    if wave.awake:
        Executions().answer(str(wave.token))
        here.waits.wake(wave)
    return {"awake": wave.awake, "reason": "heard before it slept" if wave.awake else "waits for events"}
