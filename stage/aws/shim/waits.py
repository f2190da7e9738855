"""`MaxDelaySeconds` bounds a retry, and what waits until a timestamp, or for its token, follows the stage's clock.

Upstream ignores the first, compares the second with the real time, and lets a task wait for its token in real seconds:
its scale (SFN_WAIT_SCALE) covers every Wait and every Retry, but it also cuts each unscaled retry at 60 s. The timeouts
of other tasks stay real on purpose: the functions they call work in real time.
"""

from __future__ import annotations

from datetime import datetime

from stage.aws.clock import Clock
from stage.aws.shim.patch import Anything, replace, upstream


def bounded(find: Anything) -> Anything:
    def find_matching_retrier(retriers: Anything, error: str, retry_counts: dict[int, int]) -> Anything:
        retrier, index = find(retriers, error, retry_counts)
        if retrier is None or "MaxDelaySeconds" not in retrier:
            return retrier, index
        interval = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** retry_counts.get(index, 0)
        return {**retrier, "IntervalSeconds": min(interval, retrier["MaxDelaySeconds"]), "BackoffRate": 1}, index

    return find_matching_retrier


def impatient(invoke: Anything, scale: float) -> Anything:
    """A task that waits for its token gives up on the stage's clock; the function it calls first has its own time."""

    def invoke_with_callback(resource: str, input_data: Anything, token: str, state_def: Anything) -> Anything:
        if "TimeoutSeconds" in state_def:
            state_def = {**state_def, "TimeoutSeconds": state_def["TimeoutSeconds"] * scale}
        return invoke(resource, input_data, token, state_def)

    return invoke_with_callback


def install(clock: Clock) -> None:
    states = upstream("services.stepfunctions")

    def sleep_until(timestamp: str) -> None:
        remaining = (datetime.fromisoformat(timestamp) - clock()).total_seconds()
        if remaining > 0:
            states._scaled_sleep(remaining)

    scale = states._SFN_WAIT_SCALE
    replace("services.stepfunctions", "_invoke_with_callback", lambda invoke: impatient(invoke, scale))
    replace("services.stepfunctions", "_find_matching_retrier", bounded)
    replace("services.stepfunctions", "_sleep_until", lambda original: sleep_until)
