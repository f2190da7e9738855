"""The records of waves and their machines, and the ledger: what was launched for them, written before it is sent."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Any

from botocore.exceptions import ClientError

from cutover.errors import AwsUnavailable, RunNotFound
from cutover.instants import instant
from cutover.plan import Plan
from cutover.records import (
    LagLook,
    LaunchRecord,
    LaunchState,
    MachineRecord,
    RunRecord,
    RunStatus,
    WaveRecord,
    as_planned,
)
from cutover.store_items import Items

LAG_LOOKS = 60
"""Looks of which the lag is kept: the last ones, each an item of its own."""


class Intent(Enum):
    """What became of writing an intent: written, or why not."""

    WRITTEN = auto()
    TAKEN = auto()
    RUN_ENDED = auto()
    LOCK_LOST = auto()


class Waves(Items):
    """By the wave's number, from 1."""

    def wave(self, run_id: str, number: int) -> WaveRecord:
        return WaveRecord.from_json(self._get(f"RUN#{run_id}", _wave(number)))

    def wave_if_any(self, run_id: str, number: int) -> WaveRecord | None:
        """The wave, or None before its run was opened."""
        try:
            return self.wave(run_id, number)
        except RunNotFound:
            return None

    def write_wave(self, run_id: str, wave: WaveRecord) -> WaveRecord:
        """Write the wave over the version it was read in, and give back the next; AwsUnavailable, and nothing written,
        when somebody else has written it since."""
        written = wave.but(version=wave.version + 1)
        if not self._replace(f"RUN#{run_id}", _wave(wave.number), written.to_json(), wave.version):
            raise AwsUnavailable(f"wave {wave.name} of run {run_id} had two writers at once")
        return written

    def machines(self, run_id: str, wave: int) -> list[MachineRecord]:
        """In the plan's order."""
        items = self._query(f"RUN#{run_id}", f"{_wave(wave)}#MACHINE#")
        return sorted((MachineRecord.from_json(item) for item in items), key=lambda machine: machine.position)

    def write_machines(self, run_id: str, wave: int, machines: Iterable[MachineRecord]) -> None:
        with self._table.batch_writer() as batch:
            for machine in machines:
                sk = f"{_wave(wave)}#MACHINE#{machine.label}"
                batch.put_item(Item={"pk": f"RUN#{run_id}", "sk": sk, **machine.to_json()})

    def write_lag(self, run_id: str, wave: int, looks: int, lag: LagLook) -> None:
        """Keep the lag as seen at a look, over that of 60 looks before. `looks`: how many there were before it."""
        sk = f"{_wave(wave)}#LAG#{looks % LAG_LOOKS:02}"
        self._table.put_item(Item={"pk": f"RUN#{run_id}", "sk": sk, **lag.to_json()})

    def lags(self, run_id: str, wave: int) -> list[LagLook]:
        """The lag at the last looks before the launch, oldest first."""
        items = self._query(f"RUN#{run_id}", f"{_wave(wave)}#LAG#")
        return sorted((LagLook.from_json(item) for item in items), key=lambda look: instant(look.at))

    def everything(self, run_id: str, plan: Plan) -> list[tuple[WaveRecord, list[MachineRecord]]]:
        """Every wave of the run with its machines: as recorded, or as planned where nothing was recorded yet."""
        return [
            (wave, machines)
            if (wave := self.wave_if_any(run_id, planned.number))
            and (machines := self.machines(run_id, planned.number))
            else (planned, fresh)
            for planned, fresh in as_planned(plan)
        ]

    def launches(self, run_id: str, wave: int) -> list[LaunchRecord]:
        """The ledger of a wave, in order of the attempts."""
        items = self._query(f"RUN#{run_id}", f"{_wave(wave)}#LAUNCH#")
        return sorted((LaunchRecord.from_json(item) for item in items), key=lambda launch: launch.number)

    def intend(self, run: RunRecord, wave: int, launch: LaunchRecord, lock: str, now: str) -> Intent:
        """Write a new intent, in one transaction with all that it depends on.

        The run is running, not aborted, in this attempt and within its lease at `now`; the project's lock is the run's
        and was not taken by anybody since, by its fencing number in the launch.
        """
        checks: list[Any] = [
            {
                "Put": {
                    "TableName": self._table.name,
                    "Item": {"pk": f"RUN#{run.id}", "sk": _launch(wave, launch.number), **launch.to_json()},
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            },
            {
                "ConditionCheck": {
                    "TableName": self._table.name,
                    "Key": {"pk": f"RUN#{run.id}", "sk": "META"},
                    "ConditionExpression": (
                        "#status = :running AND aborted = :false AND attempt = :attempt AND lease > :now"
                    ),
                    "ExpressionAttributeNames": {"#status": "status"},
                    "ExpressionAttributeValues": {
                        ":running": RunStatus.RUNNING.value,
                        ":false": False,
                        ":attempt": run.attempt,
                        ":now": now,
                    },
                }
            },
            {
                "ConditionCheck": {
                    "TableName": self._table.name,
                    "Key": {"pk": lock, "sk": "LEASE"},
                    "ConditionExpression": "#owner = :run AND fence = :fence",
                    "ExpressionAttributeNames": {"#owner": "owner"},
                    "ExpressionAttributeValues": {":run": run.id, ":fence": launch.fence},
                }
            },
        ]
        try:
            self._table.meta.client.transact_write_items(TransactItems=checks)
        except ClientError as error:
            failed = _failed_conditions(error)
            if not failed:
                raise
            return (Intent.TAKEN, Intent.RUN_ENDED, Intent.LOCK_LOST)[failed[0]]
        return Intent.WRITTEN

    def adopt(self, run_id: str, wave: int, launch: LaunchRecord) -> None:
        """Enter a launch that somebody else made; the first entry stays."""
        self._put_new({"pk": f"RUN#{run_id}", "sk": _launch(wave, launch.number), **launch.to_json()})

    def advance(self, run_id: str, wave: int, launch: LaunchRecord, *, since: LaunchState) -> bool:
        """Write the launch's next state; False, and nothing written, unless it still is in `since`."""
        return self._put_over(
            {"pk": f"RUN#{run_id}", "sk": _launch(wave, launch.number), **launch.to_json()}, since.value
        )


def _wave(number: int) -> str:
    return f"WAVE#{number:03}"


def _launch(wave: int, number: int) -> str:
    return f"{_wave(wave)}#LAUNCH#{number:02}"


def _failed_conditions(error: ClientError) -> list[int]:
    """Which operations of a cancelled transaction had a condition that did not hold; empty for any other error."""
    reasons: Any = error.response.get("CancellationReasons", ())
    return [number for number, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]
