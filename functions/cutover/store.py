"""The run's memory: one DynamoDB table for records, one bucket for plans, job logs and evidence.

What must happen once is a conditional write; everything else is written by the one execution that carries the run out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from cutover import clients
from cutover.errors import RunNotFound
from cutover.machine import Job
from cutover.plan import Mode, Plan, plan_key
from cutover.records import LaunchRecord, LaunchState, MachineRecord, Proof, RunRecord, RunStatus, WaveRecord, whole

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3.client import S3Client


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
        """The compiled plan stored under its hash; one that does not match its hash was tampered with."""
        plan = Plan.from_json(self._read(plan_key(name, sha256)))
        if plan.sha256 != sha256:
            raise RunNotFound(f"the plan stored as {plan_key(name, sha256)} has another content than its name says")
        return plan

    def write_plan(self, plan: Plan) -> None:
        self._write(plan.key, plan.canonical(), "application/json")

    # The run

    def claim(self, run: RunRecord) -> RunRecord:
        """Make this the active run of its plan and mode, or give back the one that already is."""
        latest = {"pk": f"PLAN#{run.plan}", "sk": f"LATEST#{run.mode}"}
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

    def release(self, run: RunRecord) -> None:
        """Let the next run of this plan and mode be claimed; does nothing when another one is active."""
        try:
            self._table.update_item(
                Key={"pk": f"PLAN#{run.plan}", "sk": f"LATEST#{run.mode}"},
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

    def update_run(self, run_id: str, **changes: Any) -> RunRecord:
        """Set these fields of the run and leave the others as they are: several functions write to it."""
        values = self.run(run_id).but(**changes).to_json()
        names = {f"#{index}": name for index, name in enumerate(changes)}
        answer = self._table.update_item(
            Key={"pk": f"RUN#{run_id}", "sk": "META"},
            UpdateExpression="SET " + ", ".join(f"#{index} = :{index}" for index in range(len(changes))),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{index}": values[name] for index, name in enumerate(changes)},
            ReturnValues="ALL_NEW",
        )
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

    # Waves, machines and the ledger

    def wave(self, run_id: str, number: int) -> WaveRecord:
        return WaveRecord.from_json(self._get(f"RUN#{run_id}", _wave(number)))

    def wave_if_any(self, run_id: str, number: int) -> WaveRecord | None:
        """The wave, or None before its run was opened."""
        try:
            return self.wave(run_id, number)
        except RunNotFound:
            return None

    def write_wave(self, run_id: str, wave: WaveRecord) -> None:
        self._table.put_item(Item={"pk": f"RUN#{run_id}", "sk": _wave(wave.number), **wave.to_json()})

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

    def intend(self, run_id: str, wave: int, launch: LaunchRecord) -> bool:
        """Write a new intent; False when this attempt was intended before, by whomever."""
        return self._put_new({"pk": f"RUN#{run_id}", "sk": _launch(wave, launch.number), **launch.to_json()})

    def advance(self, run_id: str, wave: int, launch: LaunchRecord, *, since: LaunchState) -> bool:
        """Write the launch's next state; False, and nothing written, unless it still is in `since`."""
        item = {"pk": f"RUN#{run_id}", "sk": _launch(wave, launch.number), **launch.to_json()}
        try:
            self._table.put_item(
                Item=item,
                ConditionExpression="#state = :since",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":since": since.value},
            )
        except ClientError as error:
            if _condition_failed(error):
                return False
            raise
        return True

    # The gate

    def proofs(self, plan: str) -> dict[tuple[Mode, str], Proof]:
        """What runs of a plan have verified, by mode and machine id."""
        proofs = [Proof.from_json(item) for item in self._query(f"PLAN#{plan}", "VERIFIED#")]
        return {(proof.mode, proof.machine): proof for proof in proofs}

    def record_proofs(self, plan: str, proofs: Iterable[Proof]) -> None:
        with self._table.batch_writer() as batch:
            for proof in proofs:
                sk = f"VERIFIED#{proof.mode}#{proof.machine}"
                batch.put_item(Item={"pk": f"PLAN#{plan}", "sk": sk, **proof.to_json()})

    # Files of the run

    def write_job(self, run_id: str, wave: int, job: Job) -> None:
        """The job with its whole log as read so far."""
        self._write(_job_key(run_id, wave, job.id), json.dumps(job.to_json(), indent=1), "application/json")

    def read_job(self, run_id: str, wave: int, job_id: str) -> Job:
        """What `write_job` wrote last."""
        return Job.from_json(json.loads(self._read(_job_key(run_id, wave, job_id))))

    def write_file(self, run_id: str, name: str, text: str, content_type: str) -> str:
        """A file of the run; its key in the bucket."""
        key = f"runs/{run_id}/{name}"
        self._write(key, text, content_type)
        return key

    # DynamoDB and S3

    def _get(self, pk: str, sk: str) -> dict[str, Any]:
        item = self._table.get_item(Key={"pk": pk, "sk": sk}, ConsistentRead=True).get("Item")
        if item is None:
            raise RunNotFound(f"{pk} has no record {sk}")
        record: dict[str, Any] = whole(item)
        return record

    def _query(self, pk: str, prefix: str) -> list[dict[str, Any]]:
        condition = Key("pk").eq(pk) & Key("sk").begins_with(prefix)
        answer = self._table.query(KeyConditionExpression=condition, ConsistentRead=True)
        items = answer["Items"]
        while "LastEvaluatedKey" in answer:
            answer = self._table.query(
                KeyConditionExpression=condition, ConsistentRead=True, ExclusiveStartKey=answer["LastEvaluatedKey"]
            )
            items += answer["Items"]
        return [whole(item) for item in items]

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

    def _write(self, key: str, text: str, content_type: str) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=text.encode(), ContentType=content_type)


def _wave(number: int) -> str:
    return f"WAVE#{number:03}"


def _launch(wave: int, number: int) -> str:
    return f"{_wave(wave)}#LAUNCH#{number:02}"


def _job_key(run_id: str, wave: int, job: str) -> str:
    return f"runs/{run_id}/wave-{wave:03}/job-{job}.json"


def _condition_failed(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
