"""A whole night in one process: the state machines, the real handlers, the simulated services over HTTP, moto's EC2.

    with a_night(scenario) as night:
        ended = night.run(plan, Mode.TEST)
        assert night.statuses() == {"db01": "verified"}

Time passes only by waiting: each Wait moves the simulator's clock.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from jsonschema import Draft202012Validator

from cutover import clients
from cutover import step as steps
from cutover.instants import text
from cutover.plan import ByOs, Expectation, Mode, OnFailure, Plan, PlannedMachine, PollBounds, Waiver, Wave
from cutover.planned_night import Approval
from cutover.planned_night import Night as PlannedNight
from cutover.records import Proof
from cutover.settings import Settings
from cutover.telling.audiences import UNCOMPOSED
from stage.simulator import Clock, Scenario, ServedSimulator, Simulator, serve
from stage.simulator.mgn.names import Names
from stage.simulator.state import Job, Machine
from tests.service_quotas import service_quotas
from tests.statemachines.interpreter import ACCOUNT, REGION, Handler, Workflows, aws, interpreting, load_handlers

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from werkzeug import Request, Response

    from stage.simulator.mgn.events import Sink

EVIDENCE = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs" / "schemas" / "evidence.schema.json").read_text())
)
BEGIN = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
BUCKET, TABLE, BUS = "cutover", "cutover", "cutover"
NOBODY_SLEEPS = SimpleNamespace(sleep=lambda _: None)
"""In place of the seconds that botocore waits between its own attempts at a question."""
LAUNCHES = ("launchMachines", "StartTest", "StartCutover")


class Night:
    """One stage in process."""

    def __init__(self, console: ServedSimulator[Simulator], workflows: Workflows, news: str) -> None:
        self.console, self.workflows, self._news = console, workflows, news
        self.simulator = console.simulator
        self.store = steps.open_store(Settings())
        self.ec2: EC2Client = boto3.client("ec2", REGION)
        self.quotas: dict[str, float] = {}
        self.run_id = ""
        self.execution = ""
        self._heard: list[dict[str, Any]] = []

    def run(self, plan: Plan, mode: Mode = Mode.TEST) -> dict[str, Any]:
        """Carry the plan out: claim, execute, wait for the end; the execution as described."""
        self.start(plan, mode)
        return self.workflows.wait(self.execution)

    def start(self, plan: Plan, mode: Mode, scheduled: str | None = None) -> None:
        """`scheduled`: as its schedule would, at whatever time it is now."""
        self.store.write_plan(plan)
        with (
            patch.object(steps, "local_now", self.simulator.clock.now),
            patch("start.local_now", self.simulator.clock.now),
        ):
            event = {"plan": plan.name, "sha256": plan.sha256, "mode": mode.value}
            event |= {"scheduled": scheduled} if scheduled else {}
            started = self.workflows.invoke("Start", event)
        self.run_id, self.execution = started["run"], started["execution"]

    def evidence(self) -> dict[str, Any]:
        """The run's evidence; it is as published, whatever happened."""
        evidence = dict(json.loads(self.file("evidence.json")))
        EVIDENCE.validate(evidence)
        return evidence

    def file(self, name: str) -> str:
        key = f"runs/{self.run_id}/{name}"
        return str(boto3.client("s3", REGION).get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())

    def statuses(self) -> dict[str, str]:
        """Machine → status, from the evidence."""
        return {machine["name"]: machine["status"] for machine in self.machines()}

    def machines(self) -> list[dict[str, Any]]:
        return [machine for wave in self.evidence()["waves"] for machine in wave["machines"]]

    def machine(self, name: str) -> dict[str, Any]:
        return next(machine for machine in self.machines() if machine["name"] == name)

    def findings(self, name: str) -> str:
        """All that is said against a machine, as one text."""
        return json.dumps(self.machine(name)["findings"])

    def news(self) -> list[dict[str, Any]]:
        """The details of the RunNews events since they were read last, in order."""
        found: list[dict[str, Any]] = []
        sqs = boto3.client("sqs", REGION)
        while messages := sqs.receive_message(QueueUrl=self._news, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"])["detail"])
                sqs.delete_message(QueueUrl=self._news, ReceiptHandle=message["ReceiptHandle"])
        assert not [each for each in found if UNCOMPOSED in str(each.get("letters"))], found
        self._heard += found
        return found

    def told(self, news: str = "ended") -> dict[str, Any]:
        """The last message of this kind."""
        self.news()
        return [each for each in self._heard if each["news"] == news][-1]

    def launches(self) -> int:
        """Requests for a launch that reached the service, of either."""
        asked = self.simulator.requests.items()
        return sum(count for operation, count in asked if operation.endswith(LAUNCHES))

    def states(self) -> list[str]:
        return self.workflows.states(self.execution)

    def wave_states(self, number: int = 1) -> list[str]:
        """The states that a wave's execution has entered, in order."""
        return self.workflows.states(str(self.store.wave(self.run_id, number).execution))

    def kill(self) -> None:
        """Stop every execution that runs, as an outage would: nothing of the run gets to say a word."""
        self.workflows.stop_all()

    def abort(self) -> None:
        """What `cutover abort` writes."""
        now = text(self.simulator.clock.now())
        self.store.update_run(
            self.run_id, aborted=True, aborted_by="lead@example.com", abort_reason="not tonight", aborted_at=now
        )

    def wait_for_wave(self) -> None:
        """Until every execution has ended, also one whose parent was stopped."""
        self.workflows.wait_for_all()

    def outcome(self) -> str | None:
        run = self.store.run(self.run_id)
        return run.outcome.value if run.outcome else None

    def outcome_if_any(self) -> str | None:
        """The same, while the night may not have begun."""
        return self.outcome() if self.run_id else None

    def asked(self) -> Counter[str]:
        """The requests that reached the service, by operation."""
        return Counter(self.simulator.requests)

    def hours(self) -> float:
        """How long the night has lasted, on the service's clock."""
        return (self.simulator.clock.now() - BEGIN).total_seconds() / 3600

    def known_as(self, it: Machine | Job, service: str) -> str:
        """The id that a service has for one of the world's machines or jobs: the world's own are CloudEndure's."""
        if service != "mgn":
            return it.id
        names = Names(self.simulator.world.identity, next(iter(self.simulator.world.projects.values())))
        return names.job(it.id) if isinstance(it, Job) else names.server(it)

    def machine_id(self, name: str) -> str:
        """CloudEndure's."""
        project = next(iter(self.simulator.world.projects.values()))
        return next(machine.id for machine in project.machines.values() if machine.name == name)

    def target_of(self, name: str) -> str:
        """The instance that the service has as the machine's target now."""
        project = next(iter(self.simulator.world.projects.values()))
        target = project.machines[self.machine_id(name)].target
        assert target is not None
        return target.instance

    def launch_by_hand(self, *names: str, mode: str = "test") -> None:
        """Somebody presses the button in the console."""
        project = next(iter(self.simulator.world.projects.values()))
        self.simulator.world.launch(project, mode, [self.machine_id(name) for name in names], "operator@example.com")

    @contextmanager
    def after_next(self, operation: str, act: Callable[[], None]) -> Iterator[None]:
        """Once the next request of this operation has been answered, somebody else acts."""
        answer, begun = self.simulator._answer, self.asked()[operation]

        def then(request: Request, base: str, called: str, ids: dict[str, str]) -> Response:
            response = answer(request, base, called, ids)
            if self.asked()[operation] == begun + 1 and operation.split(" ")[1] == called:
                act()
            return response

        with patch.object(self.simulator, "_answer", then):
            yield

    @contextmanager
    def before_ec2(self, operation: str, act: Callable[..., None]) -> Iterator[None]:
        """`act` before each call of this EC2 operation; what it raises is what the call raises."""
        hook = f"before-call.ec2.{operation}"
        self.ec2.meta.events.register(hook, act)
        try:
            yield
        finally:
            self.ec2.meta.events.unregister(hook, act)

    def verified_before(self, plan: Plan, *names: str) -> None:
        """Leave the proof that an earlier test run of the plan leaves."""
        world = next(iter(self.simulator.world.projects.values())).machines
        ids = [self.known_as(world[self.machine_id(name)], plan.service) for name in names]
        proofs = [Proof(id, Mode.TEST, "an earlier run", "i-0", "2026-11-01T00:00:00Z") for id in ids]
        self.store.record_proofs(plan.name, proofs)

    def records_and_files(self) -> Iterator[str]:
        """What is in the table and in the bucket, as text."""
        yield from map(str, boto3.resource("dynamodb").Table(TABLE).scan()["Items"])
        s3 = boto3.client("s3", REGION)
        for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]:
            yield (
                s3.get_object(Bucket=BUCKET, Key=found["Key"])["Body"].read().decode(errors="replace")
            )  # pictures, too

    def everything_left(self) -> Iterator[str]:
        """Every record, file and event of the state machines, as text."""
        yield from self.records_and_files()
        for number, _ in enumerate(self.evidence()["waves"], 1):
            wave = self.store.wave(self.run_id, number).execution
            yield from map(str, self.workflows.history(wave) if wave else ())
        yield from map(str, self.workflows.history(self.execution))

    def tell_if_dead(self) -> None:
        """What the rule for executions that ended does: reach `tell_dead_run` with how this one did."""
        seen = self.workflows.wait(self.execution)
        detail = {name: seen.get(name) for name in ("executionArn", "status", "input", "error", "cause")}
        self.workflows.invoke("TellDeadRun", {"detail": detail})


@contextmanager
def a_night(
    scenario: dict[str, Any],
    *,
    handlers: dict[str, Handler] | None = None,
    waited: Callable[[Simulator, float], None] | None = None,
    events: Sink | None = None,
) -> Iterator[Night]:
    """`handlers` replace single functions, by placeholder; `waited` replaces what a Wait does to the simulator;
    `events`: who is told what the simulated MGN tells by itself."""
    settings = {
        "AWS_ACCESS_KEY_ID": "stage",
        "AWS_SECRET_ACCESS_KEY": "stage",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "CUTOVER_TABLE": TABLE,
        "CUTOVER_BUCKET": BUCKET,
        "CUTOVER_BUS": BUS,
        "CUTOVER_PROBE": "Probe",
        "CUTOVER_PROBE_PLACE": "inside this process",
        "SIMULATED": "true",
        "POWERTOOLS_LOG_LEVEL": "CRITICAL",
        "POWERTOOLS_METRICS_NAMESPACE": "cutover",
    }
    with (
        aws(),
        patch.dict(os.environ, settings),
        patch.object(steps, "get_secret", _fresh_secret),
        patch("botocore.endpoint.time", NOBODY_SLEEPS),
    ):
        ec2 = boto3.client("ec2", REGION)
        simulator = Simulator(Scenario.parse(scenario), ec2=ec2, clock=Clock(BEGIN, speed=0), events=events)
        with serve(simulator) as console:
            _point_at(console.url)
            news = _deploy(console)

            def pass_time(seconds: float) -> None:
                (waited or _advance)(simulator, seconds)

            def machines() -> Workflows:
                return Workflows({**load_handlers(), **(handlers or {})})

            with status_checks(simulator, ec2), interpreting(machines, pass_time) as workflows:
                os.environ["CUTOVER_PLAN_MACHINE"] = workflows.plan
                night = Night(console, workflows, news)
                with service_quotas(boto3.client("service-quotas", REGION), night.quotas):
                    yield night


@contextmanager
def status_checks(simulator: Simulator, ec2: EC2Client) -> Iterator[None]:
    """moto's instances are always ok: let them say what the scenario has them say."""
    said: dict[str, str] = {}

    def answer(parsed: dict[str, Any], **_: Any) -> None:
        for each in parsed.get("InstanceStatuses", ()):
            check = said.get(each["InstanceId"], "ok")
            each["InstanceStatus"]["Status"] = check
            each["SystemStatus"]["Status"] = "ok" if check == "impaired" else check

    hook = "after-call.ec2.DescribeInstanceStatus"
    ec2.meta.events.register(hook, answer)
    try:
        with patch.object(simulator.world.cloud, "status", said.__setitem__):
            yield
    finally:
        ec2.meta.events.unregister(hook, answer)


def _advance(simulator: Simulator, seconds: float) -> None:
    simulator.advance(seconds)


def _point_at(url: str) -> None:
    """Both services are there. What spoke to an earlier night's MGN in the same test is dropped; it is kept else."""
    os.environ["CLOUDENDURE_URL"] = os.environ["AWS_ENDPOINT_URL_MGN"] = url
    if steps._mgn.cache_info().currsize:
        for kept in (steps._mgn, clients.client, clients.client_for_deeds):
            kept.cache_clear()


def _deploy(console: ServedSimulator[Simulator]) -> str:
    """The few resources the handlers use; a queue that receives what is put on our bus."""
    boto3.client("dynamodb", REGION).create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )
    location: Any = {"LocationConstraint": REGION}
    boto3.client("s3", REGION).create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
    secret = boto3.client("secretsmanager", REGION).create_secret(Name="token", SecretString=console.token)
    os.environ["CLOUDENDURE_SECRET"] = secret["ARN"]
    events = boto3.client("events", REGION)
    events.create_event_bus(Name=BUS)
    queue = boto3.client("sqs", REGION).create_queue(QueueName="news")["QueueUrl"]
    events.put_rule(Name="news", EventBusName=BUS, EventPattern=json.dumps({"source": ["cutover"]}))
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:news"
    events.put_targets(Rule="news", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": arn}])
    return str(queue)


def _fresh_secret(arn: str, max_age: int) -> str:
    return str(boto3.client("secretsmanager", REGION).get_secret_value(SecretId=arn)["SecretString"])


def a_wave(name: str = "db", *machines: str, **rules: Any) -> Wave:
    """A wave of machines by name under short, plain rules; any of them may be given.

    `machine_rules` are of single machines: `{"web01": {"optional": True}}`.
    """
    expectation = rules.pop("expect", Expectation())
    of_machine: dict[str, dict[str, Any]] = rules.pop("machine_rules", {})
    expect, tags = {Mode.TEST: expectation, Mode.CUTOVER: expectation}, {"application": "demo"}
    planned = tuple(
        PlannedMachine(**{"name": label, "id": None, "expect": expect, "tags": tags, **of_machine.get(label, {})})
        for label in machines or ("db01",)
    )
    defaults: dict[str, Any] = {
        "lag_limit": 300,
        "readiness_deadline": 3600,
        "test_minimum_age": 7 * 86400,
        "test_waiver": None,
        "job_deadline": 3600,
        "verify_deadline": 1200,
        "ok_in_a_row": 1,
        "on_failure": OnFailure.STOP,
        "poll": PollBounds(minimum=150, maximum=900),
    }
    given = {**defaults, **rules}
    if isinstance(given["verify_deadline"], int):
        given["verify_deadline"] = ByOs(given["verify_deadline"], given["verify_deadline"])
    return Wave(name=name, machines=planned, **given)


NOBODY_IS_ASKED = Approval(none="a test of the waves alone")
NO_DOORS = PlannedNight(
    window=86400,
    estimate=0,
    reserve=0,
    go=NOBODY_IS_ASKED,
    users=NOBODY_IS_ASKED,
    commit=NOBODY_IS_ASKED,
    no_quiesce="nobody uses it",
    no_power_off="nobody uses it",
    no_switch="nobody uses it",
    hold=1800,
)
"""A cutover that is its waves, and at last the protection of its targets."""


def a_plan(
    *waves: Wave,
    name: str = "demo",
    project: str = "Demo",
    night: PlannedNight | None = NO_DOORS,
    service: str = "cloudendure",
) -> Plan:
    return Plan(name=name, service=service, project=project, region=REGION, waves=waves or (a_wave(),), night=night)


def a_world(machines: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A scenario with one project, Demo, and these machines."""
    project = {"subnets": {"demo": "10.20.1.0/24"}, "security_groups": ["demo"], "machines": machines}
    return {"projects": {"Demo": project | more.pop("project", {})}, **more}


WAIVED = Waiver(by="lead@example.com", reason="tested by hand last week")
