"""Look, every few minutes, how replication stands on the machines of all watched plans, and tell what is news of it.

One look at a project, however many plans. What a look decides is written before it is told, and told until the bus
has it: a tick that fails loses nothing, and one that is delivered twice is one. A service that is away is no news.
A plan whose test starts `when: ready` is requested to run once all its machines are, once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover.errors import CutoverError
from cutover.events import Bus
from cutover.instants import text
from cutover.machine import Machine
from cutover.monitor import Seen, WatchedPlan, compare
from cutover.plan import WHEN_READY, Mode, Plan
from cutover.readiness import resolve
from cutover.selection import chosen
from cutover.settings import Settings
from cutover.step import local_now, log, open_store, service_of
from cutover.store import Store
from cutover.typed_events import RUN_REQUESTED, replication_changed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

GAP = timedelta(minutes=2)
"""A look so soon after another is the same tick, delivered twice: it would take a pause for a stall."""


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{plans: how many were looked at, told: how many pieces of news, requested: tests}.

    A project or plan that cannot be looked at keeps nobody from the others; then this fails at its end, which an alarm
    sees.
    """
    settings = Settings()
    store = open_store(settings)
    watched = store.watched_plans()
    if not watched:
        return {"plans": 0, "told": 0, "requested": 0}
    look, failed = _Look(settings, store), None
    places: dict[tuple[str, str, str], list[tuple[WatchedPlan, Plan]]] = defaultdict(list)
    for entry in watched:
        try:
            plan = store.plan(entry.plan, entry.sha256)
        except (CutoverError, ClientError, BotoCoreError, ValueError) as error:
            log().error(f"plan {entry.plan} cannot be read: {error}")
            failed = error
            continue
        # Of MGN a plan's project is but a name for messages: a place is all of a region.
        project = "" if plan.service == "mgn" else plan.project
        places[plan.service, plan.region if plan.service == "mgn" else "", project].append((entry, plan))
    for plans in places.values():
        try:
            service = service_of(settings, plans[0][1])
            selects = any(plan.selects for _, plan in plans)  # by what the service groups them in, perhaps
            machines = service.grouped() if selects else service.machines()
            now = service.now().at
        except (CutoverError, ClientError, BotoCoreError) as error:
            log().error(f"{plans[0][1].place} of {plans[0][1].service} cannot be watched: {error}")
            failed = error
            continue
        for entry, plan in plans:
            try:
                look.at(entry, plan, machines, now)
            except (CutoverError, ClientError, BotoCoreError) as error:
                log().error(f"plan {plan.name} cannot be watched: {error}")
                failed = error
    if failed is not None:
        raise failed
    return {"plans": len(watched), "told": look.told, "requested": look.requested}


class _Look:
    """The looks of one tick."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self.store, self.bus = store, Bus(settings.bus)
        self.told = self.requested = 0

    def at(self, entry: WatchedPlan, plan: Plan, machines: Sequence[Machine], now: datetime) -> None:
        """One plan, by this listing of its machines at the service's time."""
        if not self.store.begin_look(entry, text(now), text(now - GAP)) or self.store.cutover_runs(plan.name):
            return
        settled = chosen(plan, machines) if plan.selects else plan
        if not isinstance(settled, Plan):
            log().warning(f"plan {plan.name} selects what it may not: {settled[0].seen}")
            return
        plan = settled
        before = self.store.watched_machines(plan.name)
        proofs = self.store.proofs(plan.name)
        seen: list[Seen] = []
        for wave in plan.waves:
            found = [each for each in resolve(wave.machines, machines) if isinstance(each, Machine)]
            here = [each for each in found if (Mode.CUTOVER, each.id) not in proofs]
            seen += [compare(before.get(each.id), each, now, wave.lag_limit, wave.backlog_limit) for each in here]
        changed = [each.watched for each in seen if each.changed]
        written = {each.machine: each for each in self.store.write_watched(plan.name, changed)}
        news = [each for each in {**before, **written}.values() if each.untold]
        self.bus.put_all([replication_changed(plan, each, untold) for each in news for untold in each.untold])
        self.store.write_watched(plan.name, [each.but(untold=()) for each in news])
        self.told += sum(len(each.untold) for each in news)
        planned = sum(len(wave.machines) for wave in plan.waves)
        self._test(entry, plan, len(seen) == planned and all(each.ready for each in seen))

    def _test(self, entry: WatchedPlan, plan: Plan, ready: bool) -> None:
        """Request the plan's test, where that is due and nobody has."""
        if plan.schedule.get(Mode.TEST) != WHEN_READY or entry.requested:
            return
        asked = entry.asked
        if asked is None:
            asked = text(local_now())  # the clock that `start` reads
            if not ready or not self.store.ask_for_test(entry, asked):
                return
        # Decided once; the instant makes the run's id, so that a request put twice is one run.
        detail = {"plan": plan.name, "sha256": entry.sha256, "mode": Mode.TEST.value, "scheduled": asked}
        self.bus.put(RUN_REQUESTED, detail)
        self.store.note_requested(entry)
        self.requested += 1
        log().info(f"all machines of plan {plan.name} are ready: its test is requested")
