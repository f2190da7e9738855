"""Which wave is next, after how the last one ended and by the plan's rule."""

from __future__ import annotations

from cutover.closing import abort_finding_of, next_wave
from cutover.step import Answer, Step, step


@step
def handler(here: Step) -> Answer:
    """{verdict: wave | end, wave: its number or 0, reason}."""
    following = next_wave(here.plan, [wave for wave, _ in here.everything()], abort_finding_of(here.run))
    if following.number is None:
        return {"verdict": "end", "wave": 0, "reason": following.reason}
    return {"verdict": "wave", "wave": following.number, "reason": following.reason}
