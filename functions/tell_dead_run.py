"""Tell of a run whose execution ended without telling: failed, timed out, stopped from outside, or just silent.

Input: the "Step Functions Execution Status Change" event of a plan's execution (source aws.states).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cutover.closing import Error
from cutover.ending import close
from cutover.errors import RunNotFound
from cutover.events import RUN_NEWS
from cutover.messages import PRODUCTION, News, died, ended
from cutover.records import Outcome
from cutover.step import Step, log

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{told: whether there was anything to tell}."""
    detail = event["detail"]
    run_id = json.loads(detail["input"])["run"]
    here = Step({"run": run_id}, context)
    log().append_keys(run=run_id)
    try:
        run = here.run
    except RunNotFound:
        log().error("an execution died that belongs to no run", extra={"execution": detail["executionArn"]})
        return {"told": False}
    if run.told or run.execution not in (None, detail["executionArn"]):
        return {"told": False}
    status, cause = str(detail["status"]), str(detail.get("cause") or detail.get("error") or "")
    silent = run.outcome is not None  # it came to its end and only the telling failed
    message = ended(run, here.plan, here.everything()) if silent else died(run, status, cause)
    here.bus.put(
        RUN_NEWS,
        {
            "run": run.id,
            "plan": run.plan,
            "mode": run.mode.value,
            "wave": None,
            "news": (News.ENDED if silent else News.DIED).value,
            "outcome": (run.outcome or Outcome.FAILED).value,
            "production": PRODUCTION,
            "subject": message.subject,
            "text": message.text,
        },
    )
    here.store.update_run(run.id, told=True)
    # Told first: a record that cannot be closed must not keep anybody from hearing of it.
    error = Error("Execution" + status.title().replace("_", ""), cause or "no cause given")
    close(here.store, run, here.plan, here.everything(), None if silent else error)
    return {"told": True}
