"""The run's own record: who has it, in which attempt, how it stands. Several functions write to it, field by field."""

from __future__ import annotations

from collections import Counter
from typing import Any

from botocore.exceptions import ClientError

from cutover.errors import RunDisputed, RunNotFound
from cutover.records import RunRecord, RunStatus, plain, whole
from cutover.store_items import Items, condition_failed

_NEXT_ATTEMPT: dict[str, Any] = {
    "status": RunStatus.RUNNING.value,
    "outcome": None,
    "reason": "",
    "ended": None,
    "told": False,
    "interrupted": False,
    "findings": [],
}
"""What a run that goes on forgets of how its last attempt ended."""


class Runs(Items):
    """Claims, attempts, the lease, and what the run says of itself."""

    def claim(self, run: RunRecord) -> RunRecord:
        """Make this the active run of its plan and mode, or give back the one that already is.

        A run that was interrupted goes on instead, under its own id, where it is asked for: by the same id, or by hand.
        """
        interrupted = self._interrupted(run)
        if interrupted is not None:
            return self._go_on(interrupted)
        latest = _latest(run)
        claimed = self._put_if({**latest, "run": run.id, "active": True}, "attribute_not_exists(pk) OR active = :f")
        wanted = run
        if not claimed:
            item = self._table.get_item(Key=latest, ConsistentRead=True)["Item"]
            run = self._claimed(run, str(item["run"]))
        self._put_new({"pk": f"RUN#{run.id}", "sk": "META", **run.to_json()})
        self._put_new({"pk": f"PLAN#{run.plan}", "sk": f"RUN#{run.id}"})
        active = self.run(run.id)
        if active.status is RunStatus.RUNNING:
            return active
        # It has ended: what started it was delivered once more, or it died before it was released. It blocks nobody.
        self.release(active)
        return active if active.id == wanted.id else self.claim(wanted)

    def _claimed(self, run: RunRecord, active: str) -> RunRecord:
        """The active run; where its claimer died before writing it, the same run as it would have written it."""
        try:
            return self.run(active)
        except RunNotFound:
            return run.but(id=active)

    def _interrupted(self, run: RunRecord) -> RunRecord | None:
        """The plan's last run in this mode, if it was interrupted and starting `run` means that it goes on."""
        item = self._table.get_item(Key=_latest(run), ConsistentRead=True).get("Item")
        if item is None or item["active"]:
            return None
        last = self.run(str(item["run"]))
        meant = run.scheduled is None or run.id == last.id
        return last if last.interrupted and not last.aborted and meant and last.sha256 == run.sha256 else None

    def _go_on(self, run: RunRecord) -> RunRecord:
        """The interrupted run, active again in its next attempt; whoever comes second finds it so."""
        self._put_if({**_latest(run), "run": run.id, "active": True}, "active = :f")
        self._set_run(
            run.id,
            {**_NEXT_ATTEMPT, "attempt": run.attempt + 1},
            "attempt = :expected AND interrupted = :true",
            {":expected": run.attempt, ":true": True},
        )
        return self.run(run.id)

    def next_attempt(self, run: RunRecord) -> RunRecord:
        """Count up the attempt of a running run whose execution is dead; whoever comes second finds it counted up."""
        self._set_run(
            run.id,
            {**_NEXT_ATTEMPT, "attempt": run.attempt + 1},
            "attempt = :expected AND #status = :running",
            {":expected": run.attempt, ":running": RunStatus.RUNNING.value},
            status="status",
        )
        return self.run(run.id)

    def release(self, run: RunRecord) -> None:
        """Let the next run of this plan and mode be claimed; does nothing when another one is active."""
        try:
            self._table.update_item(
                Key=_latest(run),
                UpdateExpression="SET active = :f",
                ConditionExpression="#run = :run",
                ExpressionAttributeNames={"#run": "run"},
                ExpressionAttributeValues={":run": run.id, ":f": False},
            )
        except ClientError as error:
            if not condition_failed(error):
                raise

    def run(self, run_id: str) -> RunRecord:
        return RunRecord.from_json(self._get(f"RUN#{run_id}", "META"))

    def update_run(self, run_id: str, *, in_attempt: int | None = None, **changes: Any) -> RunRecord:
        """Set these fields of the run and leave the others as they are: several functions write to it.

        RunDisputed, and nothing written, when `in_attempt` is given and the run has gone on to another one.
        """
        chosen = {name: plain(value) for name, value in changes.items()}
        condition, needed = (
            ("attempt = :expected", {":expected": in_attempt}) if in_attempt else ("attribute_exists(pk)", {})
        )
        updated = self._set_run(run_id, chosen, condition, needed)
        if updated is None:
            raise RunDisputed(f"run {run_id} has gone on to another attempt than {in_attempt}")
        return updated

    def renew(self, run: RunRecord, until: str) -> None:
        """Let the run's locks hold until then, or for as long as they do already: a clock may have gone back.

        RunDisputed when the run has gone on to another attempt.
        """
        if self._set_run(
            run.id,
            {"lease": until},
            "attempt = :expected AND (attribute_not_exists(lease) OR attribute_type(lease, :null) OR lease < :0)",
            {":expected": run.attempt, ":null": "NULL"},
        ):
            return
        if self.run(run.id).attempt != run.attempt:
            raise RunDisputed(f"run {run.id} has gone on to another attempt than {run.attempt}")

    def settle(self, run: RunRecord, chosen: str) -> RunRecord:
        """Have the run carry out the plan of this hash from now on, or the one that was settled before: the run as it
        is then. What selections choose is never chosen again."""
        condition = "attribute_not_exists(chosen) OR attribute_type(chosen, :null)"
        return self._set_run(run.id, {"chosen": chosen}, condition, {":null": "NULL"}) or self.run(run.id)

    def _set_run(
        self, run_id: str, values: dict[str, Any], condition: str, needed: dict[str, Any], **names: str
    ) -> RunRecord | None:
        """Set fields of a run if the condition holds; the run as it is then. `names`: what its #… stand for."""
        fields = {f"#{index}": name for index, name in enumerate(values)}
        try:
            answer = self._table.update_item(
                Key={"pk": f"RUN#{run_id}", "sk": "META"},
                UpdateExpression="SET " + ", ".join(f"#{index} = :{index}" for index in range(len(values))),
                ConditionExpression=condition,
                ExpressionAttributeNames={**fields, **{f"#{name}": field for name, field in names.items()}},
                ExpressionAttributeValues={
                    **{f":{index}": value for index, value in enumerate(values.values())},
                    **needed,
                },
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if condition_failed(error):
                return None
            raise
        return RunRecord.from_json(whole(answer["Attributes"]))

    def count_requests(self, run_id: str, requests: Counter[str]) -> None:
        """Add what one function call asked of the services."""
        if not requests:
            return
        operations = sorted(requests)
        self._table.update_item(
            Key={"pk": f"RUN#{run_id}", "sk": "META"},
            UpdateExpression="ADD " + ", ".join(f"requests.#{index} :{index}" for index in range(len(operations))),
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeNames={f"#{index}": operation for index, operation in enumerate(operations)},
            ExpressionAttributeValues={f":{index}": requests[operation] for index, operation in enumerate(operations)},
        )


def _latest(run: RunRecord) -> dict[str, str]:
    """The key of the run claimed last: runs that only observe stand in nobody's way, and nobody in theirs."""
    return {"pk": f"PLAN#{run.plan}", "sk": f"LATEST#{run.mode}" + ("-observe" if run.observe else "")}
