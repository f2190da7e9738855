"""The run's memory: one DynamoDB table for records, one bucket for plans, job logs and evidence.

What must happen once is a conditional write; everything else is written by the one execution that carries the run out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import ConditionBase, Key
from botocore.exceptions import ClientError

from cutover import clients
from cutover.after_records import Aftermath, SignOff, signed
from cutover.errors import AwsUnavailable, RunDisputed, RunNotFound
from cutover.machine import Job
from cutover.night_records import Closed, NightRecord, Order, Part, QuestionRecord, StepRecord, StepState
from cutover.plan import Mode, Plan, plan_key
from cutover.records import (
    LaunchRecord,
    LaunchState,
    MachineRecord,
    Proof,
    RolledBack,
    RunRecord,
    RunStatus,
    WaveRecord,
    plain,
    whole,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3.client import S3Client

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


_PLANS: dict[tuple[str, str], Plan] = {}
"""Plans read so far, by bucket and key."""


class Intent(Enum):
    """What became of writing an intent: written, or why not."""

    WRITTEN = auto()
    TAKEN = auto()
    RUN_ENDED = auto()
    LOCK_LOST = auto()


class Store:
    """Reads and writes records by run id and wave number. Missing ones are RunNotFound."""

    def __init__(self, table: Table, bucket: str, s3: S3Client) -> None:
        self._table, self._bucket, self._s3 = table, bucket, s3

    @classmethod
    def open(cls, table: str, bucket: str) -> Store:
        """The store of this deployment, by table and bucket name."""
        return cls(clients.table(table), bucket, clients.client("s3"))

    # Plans

    def plan(self, name: str, sha256: str) -> Plan:
        """The compiled plan stored under its hash, which never changes, so that it is read once while a function is
        warm; one that does not match its hash was tampered with."""
        key = plan_key(name, sha256)
        if (self._bucket, key) in _PLANS:
            return _PLANS[self._bucket, key]
        plan = Plan.from_json(self._read(key))
        if plan.sha256 != sha256:
            raise RunNotFound(f"the plan stored as {key} has another content than its name says")
        _PLANS[self._bucket, key] = plan
        return plan

    def write_plan(self, plan: Plan) -> None:
        self._write(plan.key, plan.canonical(), "application/json")

    # The run

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
            if not _condition_failed(error):
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
            if _condition_failed(error):
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

    # The night

    def night(self, run_id: str) -> NightRecord:
        """How far the run's night is; a fresh one before anything was written."""
        item = self._find(f"RUN#{run_id}", "NIGHT")
        return NightRecord.from_json(item) if item else NightRecord()

    def write_night(self, run_id: str, night: NightRecord) -> NightRecord:
        """Write the night over the version it was read in, and give back the next; AwsUnavailable, and nothing
        written, when somebody else has written it since."""
        written = night.but(version=night.version + 1)
        if not self._replace(f"RUN#{run_id}", "NIGHT", written.to_json(), night.version):
            raise AwsUnavailable(f"the night of run {run_id} had two writers at once")
        return written

    def steps(self, run_id: str, part: Part) -> list[StepRecord]:
        """Those of a part that have begun, in order."""
        items = self._query(f"RUN#{run_id}", f"STEP#{part}#")
        return sorted((StepRecord.from_json(item) for item in items), key=lambda each: each.number)

    def write_step(self, run_id: str, record: StepRecord) -> None:
        self._table.put_item(Item={"pk": f"RUN#{run_id}", "sk": _step(record), **record.to_json()})

    def note_closed(self, run_id: str) -> None:
        """Put the run among those whose users nobody serves: they are watched for silence."""
        self._put_new({"pk": "CLOSED", "sk": run_id, **Closed(run_id).to_json()})

    def note_served(self, run_id: str) -> None:
        """Somebody serves the run's users again, or it has ended and said who does not."""
        self._table.delete_item(Key={"pk": "CLOSED", "sk": run_id})

    def closed_runs(self) -> list[Closed]:
        """The runs whose users nobody serves."""
        return [Closed.from_json(item) for item in self._query("CLOSED")]

    def note_watched(self, watched: Closed) -> None:
        """Write what was seen of such a run; nothing when somebody serves its users by now."""
        self._put_if({"pk": "CLOSED", "sk": watched.run, **watched.to_json()}, "attribute_exists(pk)")

    def begin_step(self, run_id: str, record: StepRecord) -> bool:
        """Write that a step begins; False, and nothing written, when it has begun before."""
        return self._put_if(
            {"pk": f"RUN#{run_id}", "sk": _step(record), **record.to_json()}, "attribute_not_exists(pk)"
        )

    def advance_step(self, run_id: str, record: StepRecord, *, since: StepState) -> bool:
        """Write how a step stands now; False, and nothing written, unless it still is in `since`."""
        return self._put_over({"pk": f"RUN#{run_id}", "sk": _step(record), **record.to_json()}, since.value)

    def question(self, run_id: str, name: str) -> QuestionRecord | None:
        item = self._find(f"RUN#{run_id}", f"QUESTION#{name}")
        return QuestionRecord.from_json(item) if item else None

    def questions(self, run_id: str) -> list[QuestionRecord]:
        """In the order they were asked."""
        items = self._query(f"RUN#{run_id}", "QUESTION#")
        return sorted((QuestionRecord.from_json(item) for item in items), key=lambda each: (each.asked, each.name))

    def ask(self, run_id: str, question: QuestionRecord) -> QuestionRecord:
        """Ask, once: the question as it stands, which may have been asked before."""
        self._put_new({"pk": f"RUN#{run_id}", "sk": f"QUESTION#{question.name}", **question.to_json()})
        return self.question(run_id, question.name) or question

    def ask_again(self, run_id: str, question: QuestionRecord) -> None:
        """Put a question in the place of one that was closed."""
        self._table.put_item(Item={"pk": f"RUN#{run_id}", "sk": f"QUESTION#{question.name}", **question.to_json()})

    def close_question(self, run_id: str, name: str) -> QuestionRecord:
        """Let no answer count from now on; the question as it stood then."""
        answer = self._table.update_item(
            Key={"pk": f"RUN#{run_id}", "sk": f"QUESTION#{name}"},
            UpdateExpression="SET closed = :true",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues={":true": True},
            ReturnValues="ALL_NEW",
        )
        return QuestionRecord.from_json(whole(answer["Attributes"]))

    def count_look(self, run_id: str, question: QuestionRecord) -> None:
        """Note that it was looked whether anybody has answered; an answer that comes meanwhile stays."""
        self._table.update_item(
            Key={"pk": f"RUN#{run_id}", "sk": f"QUESTION#{question.name}"},
            UpdateExpression="SET looks = :looks",
            ExpressionAttributeValues={":looks": question.looks + 1},
        )

    def set_aside(self, run_id: str, question: QuestionRecord) -> None:
        """Keep a question that is closed under another name, so that it can be asked anew."""
        earlier = sum(each.name.startswith(f"{question.name}.") for each in self.questions(run_id))
        self.ask(run_id, question.but(name=f"{question.name}.{earlier + 1}"))
        self._table.delete_item(Key={"pk": f"RUN#{run_id}", "sk": f"QUESTION#{question.name}"})

    def order(self, run_id: str) -> Order | None:
        """What an operator wants done, if anything."""
        item = self._find(f"RUN#{run_id}", "ORDER")
        return Order.from_json(item) if item else None

    def take_order(self, run_id: str, order: Order) -> None:
        """Take an order off the table once it is carried out; a newer one stays."""
        try:
            self._table.delete_item(
                Key={"pk": f"RUN#{run_id}", "sk": "ORDER"},
                ConditionExpression="#at = :at AND #wish = :wish",
                ExpressionAttributeNames={"#at": "at", "#wish": "wish"},
                ExpressionAttributeValues={":at": order.at, ":wish": order.wish.value},
            )
        except ClientError as error:
            if not _condition_failed(error):
                raise

    # Waves, machines and the ledger

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

    # The gate

    def proofs(self, plan: str) -> dict[tuple[Mode, str], Proof]:
        """What runs of a plan have verified, by mode and machine id, with who signed each test off."""
        proofs = [Proof.from_json(item) for item in self._query(f"PLAN#{plan}", "VERIFIED#")]
        words = [SignOff.from_json(item) for item in self._query(f"PLAN#{plan}", "SIGNOFF#")]
        return signed({(proof.mode, proof.machine): proof for proof in proofs}, words)

    def record_proofs(self, plan: str, proofs: Iterable[Proof]) -> None:
        with self._table.batch_writer() as batch:
            for proof in proofs:
                sk = f"VERIFIED#{proof.mode}#{proof.machine}"
                batch.put_item(Item={"pk": f"PLAN#{plan}", "sk": sk, **proof.to_json()})

    def rolled_back(self, plan: str) -> dict[str, RolledBack]:
        """By machine id, the cutovers of this plan that were taken back last."""
        found = (RolledBack.from_json(item) for item in self._query(f"PLAN#{plan}", "ROLLEDBACK#"))
        return {each.machine: each for each in found}

    def record_rollbacks(self, plan: str, rollbacks: Iterable[RolledBack]) -> None:
        with self._table.batch_writer() as batch:
            for each in rollbacks:
                batch.put_item(Item={"pk": f"PLAN#{plan}", "sk": f"ROLLEDBACK#{each.machine}", **each.to_json()})

    # After the run

    def aftermath(self, run_id: str, what: str) -> Aftermath | None:
        """How far the run's CLEANUP or FINALIZE is; None before it was asked for."""
        item = self._find(f"RUN#{run_id}", what)
        return Aftermath.from_json(item) if item else None

    def write_aftermath(self, run_id: str, what: str, aftermath: Aftermath) -> None:
        self._table.put_item(Item={"pk": f"RUN#{run_id}", "sk": what, **aftermath.to_json()})

    # Files of the run

    def write_job(self, run_id: str, wave: int, job: Job) -> None:
        """The job with its whole log as read so far."""
        self._write(_job_key(run_id, wave, job.id), json.dumps(job.to_json(), indent=1), "application/json")

    def read_job(self, run_id: str, wave: int, job_id: str) -> Job:
        """What `write_job` wrote last."""
        return Job.from_json(json.loads(self._read(_job_key(run_id, wave, job_id))))

    def write_file(self, run_id: str, name: str, content: str | bytes, content_type: str) -> str:
        """A file of the run; its key in the bucket."""
        key = f"runs/{run_id}/{name}"
        self._write(key, content, content_type)
        return key

    # DynamoDB and S3

    def _get(self, pk: str, sk: str) -> dict[str, Any]:
        item = self._find(pk, sk)
        if item is None:
            raise RunNotFound(f"{pk} has no record {sk}")
        return item

    def _find(self, pk: str, sk: str) -> dict[str, Any] | None:
        item = self._table.get_item(Key={"pk": pk, "sk": sk}, ConsistentRead=True).get("Item")
        return whole(item) if item else None

    def _replace(self, pk: str, sk: str, item: dict[str, Any], seen: int) -> bool:
        """Write the item over its version `seen`, or a new one; False, and nothing written, over another version."""
        try:
            self._table.put_item(
                Item={"pk": pk, "sk": sk, **item},
                ConditionExpression="attribute_not_exists(pk) OR version = :seen",
                ExpressionAttributeValues={":seen": seen},
            )
        except ClientError as error:
            if _condition_failed(error):
                return False
            raise
        return True

    def _query(self, pk: str, prefix: str = "") -> list[dict[str, Any]]:
        condition: ConditionBase = Key("pk").eq(pk)
        if prefix:  # an empty one is refused
            condition = condition & Key("sk").begins_with(prefix)
        answer = self._table.query(KeyConditionExpression=condition, ConsistentRead=True)
        items = answer["Items"]
        while "LastEvaluatedKey" in answer:
            answer = self._table.query(
                KeyConditionExpression=condition, ConsistentRead=True, ExclusiveStartKey=answer["LastEvaluatedKey"]
            )
            items += answer["Items"]
        return [whole(item) for item in items]

    def _put_over(self, item: Mapping[str, Any], since: str) -> bool:
        """Write the item over one in the state `since`; False, and nothing written, over any other."""
        try:
            self._table.put_item(
                Item=dict(item),
                ConditionExpression="#state = :since",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":since": since},
            )
        except ClientError as error:
            if _condition_failed(error):
                return False
            raise
        return True

    def _put_new(self, item: Mapping[str, Any]) -> bool:
        return self._put_if(item, "attribute_not_exists(pk)")

    def _put_if(self, item: Mapping[str, Any], condition: str) -> bool:
        """Write the item if the condition holds; `:f` in it stands for false."""
        values: Any = {"ExpressionAttributeValues": {":f": False}} if ":f" in condition else {}
        try:
            self._table.put_item(Item=dict(item), ConditionExpression=condition, **values)
        except ClientError as error:
            if _condition_failed(error):
                return False
            raise
        return True

    def _read(self, key: str) -> str:
        try:
            return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()
        except ClientError as error:
            # Without leave to list the bucket, a missing key is AccessDenied.
            if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
                raise RunNotFound(f"the bucket has no {key}, or this function may not read it") from error
            raise

    def _write(self, key: str, content: str | bytes, content_type: str) -> None:
        body = content.encode() if isinstance(content, str) else content
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)


def _latest(run: RunRecord) -> dict[str, str]:
    """The key of the run claimed last: runs that only observe stand in nobody's way, and nobody in theirs."""
    return {"pk": f"PLAN#{run.plan}", "sk": f"LATEST#{run.mode}" + ("-observe" if run.observe else "")}


def _step(record: StepRecord) -> str:
    return f"STEP#{record.part}#{record.number:02}"


def _wave(number: int) -> str:
    return f"WAVE#{number:03}"


def _launch(wave: int, number: int) -> str:
    return f"{_wave(wave)}#LAUNCH#{number:02}"


def _job_key(run_id: str, wave: int, job: str) -> str:
    return f"runs/{run_id}/wave-{wave:03}/job-{job}.json"


def _failed_conditions(error: ClientError) -> list[int]:
    """Which operations of a cancelled transaction had a condition that did not hold; empty for any other error."""
    reasons: Any = error.response.get("CancellationReasons", ())
    return [number for number, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"]


def _condition_failed(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
