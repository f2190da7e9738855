"""Plans stored with a deployed Cutover: in versions, with who stored each and when.

    PLANS         <plan>                 the version that is current: sha256, put_at, put_by
    PLAN#<plan>   VERSION#<at>#<sha256>  each version that ever was stored
    PLAN#<plan>   RUN#<run>              each run that was claimed, by `start`

The objects stay when a plan is removed: runs that began with them go on and are read by them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from cli.deployment import Deployment, time_of, wire
from cutover.instants import text
from cutover.plan import Mode, Plan, plan_key
from cutover.records import RunRecord

PLANS = "PLANS"


class NotStored(Exception):
    """When there is no such plan or version; the message says what there is."""


class NotStarted(Exception):
    """When the function `start` refuses; the message is its own."""


class InUse(Exception):
    """When a plan cannot be removed; the message says by which run it is carried out."""


@dataclass(frozen=True)
class Version:
    """A plan as it was stored once. `put_at`: UTC, by AWS's clock; `put_by`: the ARN of who stored it."""

    plan: str
    sha256: str
    put_at: str
    put_by: str


class StoredPlans(Deployment):
    """The same deployment, for its plans."""

    def store(self, plan: Plan) -> Version:
        """Store the plan as its newest version. The one that is current already is not a new one."""
        current = self.current(plan.name)
        self.put_plan(plan)
        if current is not None and current.sha256 == plan.sha256:
            return current
        answer = self._client("sts").get_caller_identity()
        at = text(time_of(answer))
        version = Version(plan.name, plan.sha256, at, answer["Arn"])
        table = self.outputs["TableName"]
        keys = ((f"PLAN#{plan.name}", f"VERSION#{at}#{plan.sha256}"), (PLANS, plan.name))
        self._client("dynamodb").transact_write_items(
            TransactItems=[
                {"Put": {"TableName": table, "Item": wire({"pk": pk, "sk": sk, **asdict(version)})}} for pk, sk in keys
            ]
        )
        return version

    def current(self, plan: str) -> Version | None:
        """The version that schedules and starts take; None when the plan is not stored, or was removed."""
        item = self._get(PLANS, plan)
        return _version(item) if item else None

    def all(self) -> list[Version]:
        """The current version of every plan, by name."""
        return [_version(item) for _, item in sorted(self._query(PLANS).items())]

    def versions(self, plan: str) -> list[Version]:
        """Every version that was stored, oldest first; of a removed plan too."""
        items = sorted(self._query(f"PLAN#{plan}").items())
        return [_version(item) for sk, item in items if sk.startswith("VERSION#")]

    def find(self, plan: str, sha256: str = "") -> Version:
        """The version whose hash begins so; without one, the current. Errors: NotStored."""
        if not sha256:
            current = self.current(plan)
            if current is None:
                raise NotStored(f"no plan {plan} is stored here; see cutover plan list, or store it: cutover plan put")
            return current
        versions = self.versions(plan)
        found = {each.sha256: each for each in versions if each.sha256.startswith(sha256)}
        if len(found) != 1:
            known = ", ".join(dict.fromkeys(each.sha256[:12] for each in versions)) or "none"
            raise NotStored(f"{len(found)} versions of plan {plan} begin with {sha256}, and one must; stored: {known}")
        return next(iter(found.values()))

    def read(self, version: Version) -> Plan:
        """The compiled plan of a version."""
        key = plan_key(version.plan, version.sha256)
        answer = self._client("s3").get_object(Bucket=self.outputs["BucketName"], Key=key)
        return Plan.from_json(answer["Body"].read().decode())

    def remove(self, plan: str) -> None:
        """Take the plan, its schedules and its watching away. Errors: NotStored, InUse. No run is touched."""
        self.find(plan)
        for observe in (False, True):
            for mode in Mode:
                item = self._get(f"PLAN#{plan}", f"LATEST#{mode}" + ("-observe" if observe else ""))
                if item and item["active"]:
                    raise InUse(f"plan {plan} is carried out by run {item['run']}; wait for its end, or abort it")
        self.unschedule(plan)
        self.forget_watching(plan)
        key = wire({"pk": PLANS, "sk": plan})
        self._client("dynamodb").delete_item(TableName=self.outputs["TableName"], Key=key)

    def unschedule(self, plan: str) -> list[str]:
        """Take its schedules away and have it watched no more: nothing begins by itself. The schedules' names."""
        removed = [name for mode in Mode if self._remove_schedule(name := f"{plan}-{mode.value}")]
        self.unwatch(plan)
        return removed

    # Runs of them

    def start(self, version: Version, mode: Mode) -> dict[str, str]:
        """Start a run now: {run, execution}; of the run that is active already where one is. Errors: NotStarted."""
        asked = {"plan": version.plan, "sha256": version.sha256, "mode": mode.value}
        answer = self._client("lambda").invoke(
            FunctionName=self.outputs["StartFunctionArn"], Payload=json.dumps(asked).encode()
        )
        said = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise NotStarted(f"{said.get('errorType')}: {said.get('errorMessage')}")
        return {"run": str(said["run"]), "execution": str(said["execution"])}

    def latest_of(self, plan: str) -> str | None:
        """The run of the plan that was claimed last, in whatever mode."""
        runs = self.runs_of(plan)
        return runs[-1].id if runs else None

    def runs_of(self, plan: str) -> list[RunRecord]:
        """Its runs by when they were claimed; of a removed plan too."""
        ids = [sk.removeprefix("RUN#") for sk in self._query(f"PLAN#{plan}") if sk.startswith("RUN#")]
        items = [self._get(f"RUN#{run}", "META") for run in ids]
        return sorted((RunRecord.from_json(item) for item in items if item), key=lambda run: (run.claimed, run.id))

    def files_of(self, run_id: str) -> list[str]:
        """The names of the run's files."""
        pages = self._client("s3").get_paginator("list_objects_v2")
        prefix = f"runs/{run_id}/"
        found = pages.paginate(Bucket=self.outputs["BucketName"], Prefix=prefix)
        return sorted(each["Key"].removeprefix(prefix) for page in found for each in page.get("Contents", ()))


def _version(item: dict[str, object]) -> Version:
    return Version(*(str(item[name]) for name in ("plan", "sha256", "put_at", "put_by")))
