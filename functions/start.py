"""Claim a run and start its execution: what a schedule or a *run requested* event reaches.

Delivered twice, or while a run of the plan and mode is active, it gives back that run. A run whose execution is dead
goes on in a new one: from what is recorded and from what the service and EC2 say.
Input: {plan, sha256, mode, scheduled?: the UTC instant of the schedule, observe?: only prove a launch made by hand}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cutover.errors import RunDisputed
from cutover.executions import Executions
from cutover.instants import compact, instant, text
from cutover.plan import Mode
from cutover.records import RunRecord, RunStatus
from cutover.settings import Settings
from cutover.step import local_now, log, open_store

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{run, execution}: the run that is active now, and the ARN of its execution."""
    settings = Settings()
    store = open_store(settings)
    mode = Mode(event["mode"])
    plan = store.plan(event["plan"], event["sha256"])
    now = local_now()
    scheduled = event.get("scheduled")
    began = instant(scheduled) if scheduled else now
    observe = event.get("observe") is True
    run = store.claim(
        RunRecord(
            id=f"{plan.name}-{mode.value}{'-observe' if observe else ''}-{compact(began)}",
            plan=plan.name,
            sha256=plan.sha256,
            mode=mode,
            attempt=1,
            scheduled=text(began) if scheduled else None,
            claimed=text(now),
            simulated=settings.simulated,
            observe=observe,
        )
    )
    if run.status is RunStatus.RUNNING and run.sha256 != plan.sha256:
        raise RunDisputed(
            f"run {run.id} of plan {plan.name} is active with plan {run.sha256}; {plan.sha256} was asked for: "
            "wait for it to end, then request the run again"
        )
    executions = Executions()
    execution = executions.start(settings.plan_machine, run.execution_name, run.id)
    if run.status is RunStatus.RUNNING and executions.status(execution) != "RUNNING":
        run = store.next_attempt(run)  # it died, and nobody has noticed yet
        execution = executions.start(settings.plan_machine, run.execution_name, run.id)
    log().info(f"run {run.id}, attempt {run.attempt}, is carried out by {execution}", extra={"run": run.id})
    return {"run": run.id, "execution": execution}
