"""A function that fails in a `lambda:invoke.waitForTaskToken` task fails the task.

Upstream swallows the failure and waits for a token that nobody will send.
"""

from __future__ import annotations

from contextvars import ContextVar

from stage.aws.shim.patch import Anything, replace, upstream

_token: ContextVar[str | None] = ContextVar("callback token", default=None)


class _FunctionFailed(Exception):
    """Carries upstream's error, its cause, past the handler that would swallow it."""


def install() -> None:
    states = upstream("services.stepfunctions")

    def failing_aloud(call: Anything) -> Anything:
        def call_lambda(func_ref: str, event: Anything) -> Anything:
            try:
                return call(func_ref, event)
            except states._ExecutionError as error:
                waiting = states._task_tokens.get(_token.get())
                if waiting is None or waiting["event"].is_set():  # not a callback, or answered before it failed
                    raise
                raise _FunctionFailed from error

        return call_lambda

    def failing_the_task(invoke: Anything) -> Anything:
        def invoke_with_callback(resource: str, input_data: Anything, token: str, state_def: Anything) -> Anything:
            mark = _token.set(token)
            try:
                return invoke(resource, input_data, token, state_def)
            except _FunctionFailed as failed:
                states._task_tokens.pop(token, None)
                raise failed.__cause__ from None  # type: ignore[misc]  # always set: raised in call_lambda alone
            finally:
                _token.reset(mark)

        return invoke_with_callback

    replace("services.stepfunctions", "_call_lambda", failing_aloud)
    replace("services.stepfunctions", "_invoke_with_callback", failing_the_task)
