"""Tell of a run whose execution ended without telling: failed, timed out, stopped from outside, or just silent.

Input: the "Step Functions Execution Status Change" event of a plan's execution (source aws.states).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cutover.closing import Error
from cutover.ending import close, write_evidence
from cutover.errors import RunNotFound
from cutover.news import publish
from cutover.step import Step, local_now, log
from cutover.telling.messages import News
from cutover.telling.situation import Situation

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{told: whether there was anything to tell}."""
    execution = event["detail"]
    run_id = json.loads(execution["input"])["run"]
    here = Step({"run": run_id}, context)
    log().append_keys(run=run_id)
    try:
        run = here.run
    except RunNotFound:
        log().error("an execution died that belongs to no run", extra={"execution": execution["executionArn"]})
        return {"told": False}
    if run.told or not run.carried_out_by(execution["executionArn"]):
        return {"told": False}
    status, cause = str(execution["status"]), str(execution.get("cause") or execution.get("error") or "")
    silent = run.outcome is not None  # it came to its end and only the telling failed
    night = here.store.night(run_id)
    situation = Situation(run, here.plan, night, here.everything(), status=status, cause=cause)
    # Told first: a record that cannot be closed must not keep anybody from hearing of it. Marked as told last: should
    # closing fail, this is tried again, and twice told is better than never closed.
    publish(here.store, here.bus, News.ENDED if silent else News.DIED, situation, local_now())
    if silent:
        write_evidence(here.store, run, here.everything())
    else:
        error = Error("Execution" + status.title().replace("_", ""), cause or "no cause given")
        close(here.store, run, here.plan, here.everything(), error, died=True)
    here.store.update_run(run.id, told=True)
    return {"told": True}
