"""What comes after a run, at a deployed Cutover: signing tests off, clean-up, finalizing, and what is left in EC2."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from cli.deployment import Deployment
from cutover.after_records import EVERY_MACHINE, SignOff
from cutover.instants import instant
from cutover.leftovers import SERVICE_NAMES, TAG_KEYS, InEc2
from cutover.plan import AskedToSign, Mode, Plan, plan_key
from cutover.records import Proof, RunRecord


class NotDone(Exception):
    """When what was asked for cannot be done; the message says why and what to do."""


class AfterRuns(Deployment):
    """The same deployment, for what comes after its runs."""

    def sign_off(
        self, plan: str, by: str, at: str, machines: Collection[str] = (), *, rejected: bool = False, reason: str = ""
    ) -> list[SignOff]:
        """Accept or reject the verified tests of a plan, all or those of some machines, by name or id. Errors: NotDone.

        `at` is UTC, ISO 8601. Said again by the same person, the last word counts.
        """
        proofs = self._tests(plan)
        if not proofs:
            raise NotDone(f"no verified test of plan {plan} is recorded here; run it in test mode first")
        self._may_sign(plan, by, at)
        wanted = [self._machine_id(plan, each) for each in machines] or [EVERY_MACHINE]
        words = []
        for machine in wanted:
            runs = sorted({each.run for each in proofs if machine in (EVERY_MACHINE, each.machine)})
            if not runs:
                raise NotDone(f"no verified test of machine {machine} is recorded in plan {plan}")
            words.append(SignOff(machine, by, at, tuple(runs), rejected, reason))
        for word in words:
            item = {"pk": f"PLAN#{plan}", "sk": word.key, **word.to_json()}
            self._client("dynamodb").put_item(
                TableName=self.outputs["TableName"],
                Item={name: TypeSerializer().serialize(value) for name, value in item.items()},
            )
        return words

    def clean_up(self, run_id: str, by: str) -> dict[str, Any]:
        """One look of a clean-up: {verdict: done | wait | refused, reason, machines}. Errors: NotDone."""
        return self._invoke("CleanUpFunctionArn", {"run": run_id, "by": by})

    def finalize(self, run_id: str, by: str, confirm: str) -> dict[str, Any]:
        """One look of a finalizing: the same."""
        return self._invoke("FinalizeFunctionArn", {"run": run_id, "by": by, "confirm": confirm})

    def in_ec2(self) -> list[InEc2]:
        """Instances of the service and of runs, and volumes that nothing uses, in the region of the AWS variables."""
        found: dict[str, InEc2] = {}
        for filters in ([_filter("tag-key", *TAG_KEYS)], [_filter("tag:Name", *SERVICE_NAMES)]):
            for page in self._pages("describe_instances", filters):
                for each in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
                    found[each["InstanceId"]] = InEc2(
                        each["InstanceId"], each["State"]["Name"], each["LaunchTime"].astimezone(UTC), _tags(each)
                    )
            for page in self._pages("describe_volumes", [*filters, _filter("status", "available")]):
                for each in page["Volumes"]:
                    made: datetime = each["CreateTime"]
                    found[each["VolumeId"]] = InEc2(each["VolumeId"], each["State"], made.astimezone(UTC), _tags(each))
        return list(found.values())

    def run(self, run_id: str) -> RunRecord | None:
        """The run as recorded; None when nobody knows it here."""
        item = self._get(f"RUN#{run_id}", "META")
        return RunRecord.from_json(item) if item else None

    def _pages(self, operation: str, filters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        yield from self._client("ec2").get_paginator(operation).paginate(Filters=filters)

    def _tests(self, plan: str) -> list[Proof]:
        items = self._query(f"PLAN#{plan}")
        return [Proof.from_json(item) for sk, item in items.items() if sk.startswith(f"VERIFIED#{Mode.TEST}#")]

    def _tested(self, plan: str) -> RunRecord | None:
        """The plan's last test run, if it was one of this deployment."""
        run_id = self.latest_run(plan, Mode.TEST) or self.latest_run(plan, Mode.TEST, observe=True)
        return self.run(run_id) if run_id else None

    def _may_sign(self, plan: str, by: str, at: str) -> None:
        asked = self._asked_to_sign(self._tested(plan))
        if asked is None:
            return
        if by not in asked.by:
            raise NotDone(f"{by} is not asked: the tested plan names {', '.join(asked.by)}; sign as one of them")
        if asked.until is not None and instant(at) > instant(asked.until):
            raise NotDone(
                f"sign-offs were taken until {asked.until}; move `tests.sign_off.until` in the plan and test again, "
                "or waive the gate with a name and a reason"
            )

    def _asked_to_sign(self, run: RunRecord | None) -> AskedToSign | None:
        if run is None:
            return None
        try:
            answer = self._client("s3").get_object(
                Bucket=self.outputs["BucketName"], Key=plan_key(run.plan, run.sha256)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
                raise
            return None
        plan = Plan.from_json(answer["Body"].read().decode())
        return next((wave.sign_off for wave in plan.waves if wave.sign_off), None)

    def _machine_id(self, plan: str, called: str) -> str:
        """The service's id of a machine of the plan's last test, by its name or by the id itself."""
        run = self._tested(plan)
        view = self.view(run.id) if run else None
        for each in view.machines() if view else ():
            if called.casefold() in {str(name).casefold() for name in (each.label, each.name, each.id) if name}:
                return str(each.id)
        if called in {proof.machine for proof in self._tests(plan)}:
            return called
        raise NotDone(f"no machine {called} in the last test of plan {plan}; name it as the plan does")

    def _invoke(self, output: str, event: dict[str, str]) -> dict[str, Any]:
        answer = self._client("lambda").invoke(FunctionName=self.outputs[output], Payload=json.dumps(event).encode())
        said = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise NotDone(f"{said.get('errorType', 'error')}: {said.get('errorMessage', said)}; ask again")
        return dict(said)


def _filter(name: str, *values: str) -> dict[str, Any]:
    return {"Name": name, "Values": list(values)}


def _tags(seen: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in seen.get("Tags", [])}
