"""A stopped execution stops: no further task, no other end than ABORTED, and its synchronous children stop with it.

Upstream lets branches and retries go on, lets a late failure overwrite ABORTED, runs a `startExecution.sync` child
inside the parent's thread without events, and fails with the child's error name, where AWS says `States.TaskFailed`
with the child's description as Cause
(https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html).
"""

from __future__ import annotations

import json
import threading
import time
from contextvars import ContextVar

from stage.aws.shim.patch import Anything, replace, upstream

POLL_SECONDS = 0.05

# Upstream copies the context into the threads it starts for branches and for tasks with a timeout.
_execution: ContextVar[Anything] = ContextVar("execution of the running task", default=None)
_given_up: ContextVar[threading.Event | None] = ContextVar("set when the running task has timed out", default=None)


def _pascal(description: dict[str, Anything]) -> dict[str, Anything]:
    return {key[0].upper() + key[1:]: value for key, value in description.items()}


def install() -> None:
    states = upstream("services.stepfunctions")

    def stopped() -> bool:
        execution = _execution.get()
        return execution is not None and execution["status"] != "RUNNING"

    def naming_the_execution(execute: Anything) -> Anything:
        def execute_task(state_def: Anything, raw_input: Anything, execution: Anything, ctx: Anything) -> Anything:
            marks = _execution.set(execution), _given_up.set(None)
            try:
                return execute(state_def, raw_input, execution, ctx)
            finally:
                _execution.reset(marks[0])
                _given_up.reset(marks[1])

        return execute_task

    def unless_stopped(invoke: Anything) -> Anything:
        def invoke_resource(resource: str, input_data: Anything) -> Anything:
            if stopped():
                raise states._ExecutionError("States.Runtime", "the execution was stopped")
            return invoke(resource, input_data)

        return invoke_resource

    def giving_up(invoke: Anything) -> Anything:
        def invoke_resource_with_timeout(resource: str, input_data: Anything, timeout: Anything) -> Anything:
            event = threading.Event()
            mark = _given_up.set(event)
            try:
                return invoke(resource, input_data, timeout)
            finally:
                event.set()
                _given_up.reset(mark)

        return invoke_resource_with_timeout

    def only_once_ended(fail: Anything) -> Anything:
        def fail_execution(execution: Anything, error: str, cause: str) -> None:
            if execution["status"] == "RUNNING":
                fail(execution, error, cause)

        return fail_execution

    def nested_sync(resource: str, input_data: Anything) -> Anything:
        child = states._invoke_nested_start_execution(resource, input_data)["ExecutionArn"]
        given_up = _given_up.get()
        while states._executions[child]["status"] == "RUNNING":
            if stopped() or (given_up is not None and given_up.is_set()):
                states._stop_execution({"executionArn": child, "cause": "the parent execution ended its task"})
                break
            time.sleep(POLL_SECONDS)
        described = _pascal(json.loads(states._describe_execution({"executionArn": child})[2]))
        if resource.endswith(".sync:2"):
            for field in ("Input", "Output"):
                if isinstance(described.get(field), str):
                    described[field] = json.loads(described[field])
        if described["Status"] != "SUCCEEDED":
            described = {key: value for key, value in described.items() if key not in ("Output", "OutputDetails")}
            raise states._ExecutionError("States.TaskFailed", json.dumps(described))
        return described

    replace("services.stepfunctions", "_execute_task", naming_the_execution)
    replace("services.stepfunctions", "_invoke_resource", unless_stopped)
    replace("services.stepfunctions", "_invoke_resource_with_timeout", giving_up)
    replace("services.stepfunctions", "_fail_execution", only_once_ended)
    replace("services.stepfunctions", "_invoke_nested_start_execution_sync", lambda original: nested_sync)
