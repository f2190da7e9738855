"""Look at hosts from where this function stands: attached to the targets' subnets, from inside of their network.

It may do nothing but look and write its log. Input: {checks: [{kind: tcp, host, port} | {kind: http, url, status,
contains}, each with closed and timeout]}.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from cutover.probing import look

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

AT_ONCE = 50
SECONDS = 40
"""For all of them: well below the function's own timeout, so that what was seen by then is told."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{results: [{passed, seen}]}, in the order of the checks; passed is null for what could not be looked at."""
    pool = ThreadPoolExecutor(AT_ONCE)
    looks = [pool.submit(_seen, check) for check in event["checks"]]
    done, _ = wait(looks, timeout=SECONDS)
    pool.shutdown(wait=False, cancel_futures=True)
    return {"results": [each.result() if each in done else _nothing(f"not within {SECONDS} seconds") for each in looks]}


def _seen(check: dict[str, Any]) -> dict[str, Any]:
    try:
        seen = look(check)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return _nothing(f"this cannot be looked at: {type(error).__name__}: {error}")
    return {"passed": seen.passed, "seen": seen.words}


def _nothing(why: str) -> dict[str, Any]:
    return {"passed": None, "seen": why}
