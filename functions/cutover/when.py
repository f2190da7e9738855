"""May a run begin now? Its schedule, its window and the plan's blackouts, as findings that refuse it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from cutover.downtime import last_moment, lateness, window_end
from cutover.finding import Finding
from cutover.instants import instant, text
from cutover.plan import Mode, Plan
from cutover.records import RunRecord

_AGAIN = "put the plan with another time, or start the run by hand"


def refusals(plan: Plan, run: RunRecord, now: datetime) -> tuple[Finding, ...]:
    """Why a run of which nothing has begun must not begin at `now`, on the service's clock; empty: it may.

    A start by hand is never late. A run that only observes launches nothing, and may always.
    """
    if run.observe:
        return ()
    opened = run.but(started=run.started or text(now))
    return (*_late(plan, opened), *_window(plan, opened, now), *_blackouts(plan, opened, now))


def _late(plan: Plan, run: RunRecord) -> Iterator[Finding]:
    """By AWS's clock. It fires no schedule early; the clock of a stage is ahead of it."""
    late, limit = lateness(run), plan.calendar.late_start
    if late > limit:
        yield Finding(
            "late_start",
            f"the start planned for {run.scheduled} was delivered at {run.claimed}, {late} seconds late",
            f"a run begins at most {limit} seconds after its time",
            f"see what held the start up; {_AGAIN}",
        )


def _window(plan: Plan, run: RunRecord, now: datetime) -> Iterator[Finding]:
    if run.mode is not Mode.CUTOVER or plan.night is None:
        return
    night, last = plan.night, last_moment(plan.night, run)
    if now.replace(microsecond=0) > last:
        yield Finding(
            "window",
            f"at {text(now)} {minutes(window_end(night, run) - now)} of the window are left, and "
            f"{minutes(timedelta(seconds=night.estimate))} are estimated, with "
            f"{minutes(timedelta(seconds=night.reserve))} in reserve for the way back",
            f"the estimate and the reserve fit into what is left: the run begins by {text(last)}",
            "plan a wider window, or an earlier start in it",
        )


def _blackouts(plan: Plan, run: RunRecord, now: datetime) -> Iterator[Finding]:
    """A test must not begin in one; a cutover must be over before one begins."""
    cutover = run.mode is Mode.CUTOVER and plan.night is not None
    end = window_end(plan.night, run) if cutover and plan.night else now
    for blackout in plan.calendar.blackouts:
        if now < instant(blackout.ends) and max(end, now) >= instant(blackout.begins):
            span = f"from {text(now)} to {text(end)}" if cutover else f"at {text(now)}"
            yield Finding(
                "blackout",
                f"{span}, in the blackout {blackout.begins} to {blackout.ends} ({blackout.reason})",
                "no run begins in a blackout, and no cutover's window reaches into one",
                "plan it before or after; or take the blackout out of the plan",
            )


def minutes(left: timedelta) -> str:
    """E.g. 45 minutes; what is over is none."""
    return f"{max(int(left.total_seconds()), 0) // 60} minutes"
