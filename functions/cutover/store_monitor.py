"""What the replication monitor remembers: which plans are watched, and where their machines were told to be.

    MONITOR         PLAN#<plan>   {plan, sha256, looked, asked, requested, paused}
    MONITOR#<plan>  <machine id>  see Watched

The first is written when a plan is put and deleted when it is removed; the others by the monitor alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from botocore.exceptions import ClientError

from cutover.errors import AwsUnavailable
from cutover.monitor import Watched, WatchedPlan
from cutover.plan import Mode
from cutover.store_items import Items, condition_failed

_PLANS = "MONITOR"


class Monitored(Items):
    """By plan, and under it by machine."""

    def watch_plan(self, plan: str, sha256: str) -> None:
        """Watch the plan in this version; one that is watched already keeps what is remembered of it."""
        entry = WatchedPlan(plan, sha256)
        try:
            self._table.put_item(
                Item={**_key(plan), **entry.to_json()},
                ConditionExpression="attribute_not_exists(pk) OR sha256 <> :sha256",
                ExpressionAttributeValues={":sha256": sha256},
            )
        except ClientError as error:
            if not condition_failed(error):
                raise

    def watched_plans(self) -> list[WatchedPlan]:
        """Those whose schedules were not taken away."""
        found = (WatchedPlan.from_json(item) for item in self._query(_PLANS, "PLAN#"))
        return [each for each in found if not each.paused]

    def begin_look(self, entry: WatchedPlan, now: str, since: str) -> bool:
        """Note a look at `now`; False, and nothing written, where one was begun after `since`, or the plan is not
        watched in this version any more. A look in the future counts for nothing: a clock has gone back."""
        return self._change(
            entry,
            "SET looked = :now",
            "(attribute_type(looked, :null) OR looked <= :since OR looked > :now)",
            {":now": now, ":since": since, ":null": "NULL"},
        )

    def ask_for_test(self, entry: WatchedPlan, at: str) -> bool:
        """Decide that the plan's test is to start, as of this instant; False where that was decided before."""
        return self._change(entry, "SET asked = :at", "attribute_type(asked, :null)", {":at": at, ":null": "NULL"})

    def note_requested(self, entry: WatchedPlan) -> None:
        """The bus has the request for the plan's test."""
        self._change(entry, "SET requested = :true", "attribute_exists(pk)", {":true": True})

    def watched_machines(self, plan: str) -> dict[str, Watched]:
        """By machine id, what is remembered under this plan."""
        found = (Watched.from_json(item) for item in self._query(f"{_PLANS}#{plan}"))
        return {each.machine: each for each in found}

    def write_watched(self, plan: str, machines: Iterable[Watched]) -> list[Watched]:
        """Write each over the version it was read in, and give back the next ones. AwsUnavailable where somebody else
        has written one since: the next look goes on from there."""
        written = []
        for each in machines:
            later = each.but(version=each.version + 1)
            if not self._replace(f"{_PLANS}#{plan}", each.machine, later.to_json(), each.version):
                raise AwsUnavailable(f"machine {each.name} of plan {plan} was watched by two at once")
            written.append(later)
        return written

    def cutover_runs(self, plan: str) -> bool:
        """Whether a cutover of this plan is going on: then its sources are shut down on purpose."""
        item = self._find(f"PLAN#{plan}", f"LATEST#{Mode.CUTOVER}")
        return bool(item and item["active"])

    def _change(self, entry: WatchedPlan, expression: str, condition: str, values: dict[str, str | bool]) -> bool:
        try:
            self._table.update_item(
                Key=_key(entry.plan),
                UpdateExpression=expression,
                ConditionExpression=f"sha256 = :sha256 AND paused = :no AND {condition}",
                ExpressionAttributeValues={":sha256": entry.sha256, ":no": False, **values},
            )
        except ClientError as error:
            if condition_failed(error):
                return False
            raise
        return True


def _key(plan: str) -> dict[str, str]:
    return {"pk": _PLANS, "sk": f"PLAN#{plan}"}
