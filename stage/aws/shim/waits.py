"""`MaxDelaySeconds` bounds a retry, and `Wait` until a timestamp follows the stage's clock.

Upstream ignores the first and compares the second with the real time. Its scale (SFN_WAIT_SCALE) covers every Wait and
every Retry, but it also cuts each unscaled retry at 60 s.
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


def install(clock: Clock) -> None:
    states = upstream("services.stepfunctions")

    def sleep_until(timestamp: str) -> None:
        remaining = (datetime.fromisoformat(timestamp) - clock()).total_seconds()
        if remaining > 0:
            states._scaled_sleep(remaining)

    replace("services.stepfunctions", "_find_matching_retrier", bounded)
    replace("services.stepfunctions", "_sleep_until", lambda original: sleep_until)
