"""The command's preflight: the real client, a simulated service, moto's AWS; nothing deployed unless a test does."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.main import app
from cli.preflight import Looked, show
from cutover.finding import Finding, warning
from cutover.plan import Mode
from cutover.preflight import Preflight
from stage.simulator import Clock, Scenario, Simulator, serve
from tests.service_quotas import service_quotas
from tests.statemachines.interpreter import REGION, aws
from tests.statemachines.night import BEGIN, a_plan, a_world

PLAN = """
version: 1
name: demo
service: cloudendure
project: Demo
region: eu-central-1
on_failure: stop
expect:
  test: {subnet: SUBNET, instance_type: t3.medium}
  cutover: {subnet: SUBNET, instance_type: t3.medium}
waves: [{name: db, machines: [db01, db02]}]
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Any]:
    """db01 has a target, db02 has none."""
    world = a_world({"db01": {"tested": "9d"}, "db02": {}})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("ACCESS_KEY_ID", "stage"), ("SECRET_ACCESS_KEY", "stage"), ("DEFAULT_REGION", REGION)):
            patch.setenv(f"AWS_{name}", value)
        with aws(), service_quotas(boto3.client("service-quotas", REGION), {}):
            ec2 = boto3.client("ec2", REGION)
            simulator = Simulator(Scenario.parse(world), ec2=ec2, clock=Clock(BEGIN, speed=0))
            with serve(simulator) as console:
                yield console


def preflight(served: Any, tmp_path: Path, *options: str, subnet: str = "demo", token: str | None = None) -> Any:
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN.replace("SUBNET", subnet).lstrip())
    environment = {"CLOUDENDURE_URL": served.url, "CLOUDENDURE_API_TOKEN": token or served.token, "COLUMNS": "200"}
    return CliRunner().invoke(app, ["preflight", str(file), *options], env=environment)


def test_a_good_plan_is_told_what_it_would_delete_and_what_was_not_looked_at(served: Any, tmp_path: Path) -> None:
    before = dict(served.simulator.requests)
    done = preflight(served, tmp_path)

    assert done.exit_code == 0, done.output
    target = next(each.instance for each in next(iter(served.simulator.world.projects.values())).targets.values())
    assert f"would delete: db01: {target}" in done.output
    assert "db02" not in done.output
    assert "error" not in done.output.replace("0 errors", "")
    assert "not looked at: other runs' locks (locks: there is no table to read)" in done.output
    assert "no stack is deployed here" in done.output
    assert "demo test: 0 errors" in done.output
    assert served.token not in done.output
    asked = {name for name, count in served.simulator.requests.items() if count > before.get(name, 0)}
    assert {name for name in asked if not name.startswith("GET ")} <= {"POST login"}, "it changes nothing"


def test_errors_come_first_and_end_with_1(served: Any, tmp_path: Path) -> None:
    done = preflight(served, tmp_path, subnet="lost")

    assert done.exit_code == 1
    first = done.output.splitlines()[0]
    assert first.startswith("error: run: subnet: seen no subnet lost in eu-central-1, wanted for db01, db02; rule: ")
    assert "; do: " in first


def test_for_machines_it_is_json(served: Any, tmp_path: Path) -> None:
    done = preflight(served, tmp_path, "--json", "--mode", "cutover", subnet="lost")

    seen = json.loads(done.output)
    assert done.exit_code == 1
    assert (seen["plan"], seen["mode"], seen["refused"]) == ("demo", "cutover", True)
    assert seen["run"][0].keys() == {"field", "seen", "rule", "remedy", "severity"}
    assert seen["machines"]["db01"]["would_delete"].startswith("i-")
    assert seen["machines"]["db02"]["would_delete"] is None


def test_a_token_that_is_not_accepted_is_a_finding_and_is_not_repeated(served: Any, tmp_path: Path) -> None:
    wrong = "-".join(["FA1S"] * 16)
    done = preflight(served, tmp_path, token=wrong)

    assert done.exit_code == 1
    assert "error: run: session: " in done.output
    assert wrong not in done.output


def test_wrong_use_ends_with_2(served: Any, tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["preflight", "nowhere.yaml"]).exit_code == 2
    plan = Path(__file__).parents[2] / "plans" / "demo.yaml"
    untold = CliRunner().invoke(app, ["preflight", str(plan), "--service", served.url])
    assert untold.exit_code == 2
    assert "CLOUDENDURE_API_TOKEN" in untold.output + untold.stderr


@pytest.fixture
def deployed(served: Any) -> Iterator[Any]:
    """The stack's outputs, and its table."""
    outputs = {name: {"Value": name.lower()} for name in ("TableName", "BucketName")}
    template = {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": outputs}
    cloudformation = boto3.client("cloudformation", REGION)
    cloudformation.create_stack(StackName="Cutover", TemplateBody=json.dumps(template))
    boto3.client("dynamodb", REGION).create_table(
        TableName="tablename",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )
    yield boto3.resource("dynamodb").Table("tablename")
    boto3.client("dynamodb", REGION).delete_table(TableName="tablename")
    cloudformation.delete_stack(StackName="Cutover")


def test_a_deployed_cutover_adds_locks_and_the_test_gate(served: Any, deployed: Any, tmp_path: Path) -> None:
    machines = next(iter(served.simulator.world.projects.values())).machines.values()
    db02 = next(each.id for each in machines if each.name == "db02")
    lease = {"pk": f"LOCK#cloudendure#{db02}", "sk": "LEASE", "owner": "shop-cutover-1", "fence": 1}
    owner = {"pk": "RUN#shop-cutover-1", "sk": "META", "id": "shop-cutover-1"}
    deployed.put_item(Item=lease)
    deployed.put_item(Item={**owner, "lease": "2026-11-28T10:00:00Z"})

    done = preflight(served, tmp_path, "--mode", "cutover")

    assert done.exit_code == 1
    assert "error: db02: lock: seen held by run shop-cutover-1 until 2026-11-28T10:00:00Z" in done.output
    assert "error: db02: test: seen no test launch is recorded" in done.output
    assert "that no run of this plan has verified" in done.output
    assert "no stack is deployed" not in done.output

    deployed.put_item(Item={**owner, "lease": "2026-11-28T08:59:59Z"})
    assert "lock" not in preflight(served, tmp_path).output


def test_a_terminal_gets_tables() -> None:
    found = Preflight(
        (warning("job", "a job", "one job", "wait"),),
        {"db01": (Finding("agent", "no [agent]", "an agent", "install"),)},
    )
    console = Console(file=io.StringIO(), force_terminal=True, width=160, color_system=None)
    show(Looked(a_plan(), Mode.TEST, found, {"db01": "i-old"}, ("a note",)), console)

    shown = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    assert shown.index("no [agent]") < shown.index("a job"), "errors first"
    assert "its launch would delete" in shown
    assert "demo test: 1 errors, 1 warnings, 1 machines; nothing was changed" in shown
