"""A stage killed with -9 in the middle of a run: nothing is left running, and what it knew is there again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from cli.deployment import Deployment
from cutover.plan import Mode
from cutover.records import RunStatus
from stage.aws.ports import is_free
from stage.simulator import Memory, Scenario
from stage.stage import DEFAULT_SCENARIO, Stage

from .rehearsing import CUTOVER, ROOT, clean_environment, cutover, evidence, files_that_say, statuses

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are observed through /proc")

PLAN = ROOT / "plans" / "demo.yaml"
TOKEN = "DEMO-0000"


def until(seen: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := seen()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return value


def processes_of(folder: Path) -> list[int]:
    """The processes that name this folder: those of a stage whose logs go there."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            named = str(folder).encode() in (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if named:
            found.append(int(entry.name))
    return found


@dataclass
class Rehearsed:
    """A rehearsal of the demo's test, its state in `folder`/state, killed in its first job."""

    folder: Path
    port: int
    instances: dict[str, str]
    """What EC2 had at the kill: addresses by instance id."""

    @property
    def arguments(self) -> list[str]:
        return ["rehearse", str(PLAN), "--out", str(self.folder / "out"), "--state", str(self.folder / "state")]


def killed(folder: Path, kill: Callable[[subprocess.Popen[str]], None]) -> Rehearsed:
    one = Rehearsed(folder, 0, {})
    running = subprocess.Popen(
        [str(CUTOVER), *one.arguments],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert running.stdout is not None
        said = ""
        for line in running.stdout:
            said += line
            if re.search("wave db: job (PENDING|STARTED)", line):
                break
        else:
            raise AssertionError(f"its first job was not seen under way:\n{said}")
        assert "a new stage in" in said
        one.port = int(re.findall(r"AWS http://127\.0\.0\.1:(\d+)", said)[0])
        one.instances = instances(f"http://127.0.0.1:{one.port + 1}")
        kill(running)
        running.communicate(timeout=30)
    finally:
        running.kill()
    return one


def instances(url: str) -> dict[str, str]:
    ec2 = boto3.client(
        "ec2",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="123456789012",
        aws_secret_access_key="x",
        config=Config(proxies={}),
    )
    pages = ec2.describe_instances()["Reservations"]
    return {each["InstanceId"]: each.get("PrivateIpAddress", "") for page in pages for each in page["Instances"]}


@pytest.fixture(scope="module")
def group_killed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """Killed as from the outside: the command's process group. The rest of the stage must notice by itself."""
    return killed(tmp_path_factory.mktemp("killed"), lambda running: os.killpg(running.pid, signal.SIGKILL))


@pytest.fixture(scope="module")
def again(group_killed: Rehearsed) -> Iterator[Stage]:
    """The same stage, brought up again, with nobody asking for a run."""
    plays = Scenario.load(DEFAULT_SCENARIO)
    state, logs = group_killed.folder / "state", group_killed.folder / "again"
    with Stage(plays, region="eu-central-1", port=0, logs=logs, state=state) as stage:
        yield stage


def test_no_process_stays_and_no_port_is_blocked(group_killed: Rehearsed) -> None:
    until(lambda: not processes_of(group_killed.folder), 10)
    until(lambda: is_free(group_killed.port) and is_free(group_killed.port + 1), 10)


def test_the_stage_is_the_same_at_the_same_place(group_killed: Rehearsed, again: Stage) -> None:
    assert again.continues
    assert again.aws.port == group_killed.port
    stacks = again.client("cloudformation").describe_stacks(StackName="Cutover")["Stacks"]
    assert [stack["StackStatus"] for stack in stacks] == ["CREATE_COMPLETE"], "nothing to update"


def test_the_table_has_the_run_and_its_accepted_launch(again: Stage) -> None:
    deployment = Deployment(again.client)
    run_id = deployment.latest_run("demo", Mode.TEST)
    assert run_id
    view = deployment.view(run_id)
    assert view is not None
    assert view.run.status is RunStatus.RUNNING
    assert view.run.execution
    launches = again.client("dynamodb").query(
        TableName=deployment.outputs["TableName"],
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": f"RUN#{run_id}"}, ":sk": {"S": "WAVE#001#LAUNCH#"}},
    )["Items"]
    assert len(launches) == 1
    assert deployment.read_file(run_id, "evidence.json") is None
    described = again.client("stepfunctions").describe_execution(executionArn=view.run.execution)
    assert (described["status"], described["error"]) == ("FAILED", "States.ServiceRestart")


def test_the_service_has_the_job_and_its_time_goes_on(group_killed: Rehearsed, again: Stage) -> None:
    assert again.simulator is not None
    simulator = again.simulator.simulator
    assert simulator.launches() == {"db01": 1, "db02": 1}
    (project,) = simulator.world.projects.values()
    assert project.jobs[-1].kind == "TEST_LAUNCH"
    since_accepted = (simulator.world.now - project.jobs[-1].created).total_seconds()
    assert 0 < since_accepted < 3600
    kept = json.loads((group_killed.folder / "state" / "stage.json").read_text())
    assert again.url == f"http://127.0.0.1:{kept['console']}"


def test_every_instance_keeps_its_id_and_address(group_killed: Rehearsed, again: Stage) -> None:
    assert group_killed.instances
    assert group_killed.instances.items() <= instances(again.aws.ec2_url).items()


def test_the_token_is_in_no_file_and_is_accepted_again(group_killed: Rehearsed, again: Stage) -> None:
    outputs = Deployment(again.client).outputs
    secrets = again.client("secretsmanager")
    assert secrets.get_secret_value(SecretId=outputs["CloudEndureSecretArn"])["SecretString"].startswith(TOKEN)
    assert not files_that_say(group_killed.folder, TOKEN)


def test_every_process_of_the_stage_holds_the_lock(group_killed: Rehearsed, again: Stage) -> None:
    for child in again.aws._children:
        held = [descriptor.readlink() for descriptor in Path(f"/proc/{child.pid}/fd").iterdir()]
        assert group_killed.folder / "state" / "lock" in held


def test_a_directory_in_use_is_refused(group_killed: Rehearsed, again: Stage) -> None:
    refused = cutover(*group_killed.arguments, timeout=60)
    assert refused.returncode == 2
    assert "in use by another stage" in refused.stderr


@pytest.mark.timeout(300)
def test_killed_during_the_first_job_the_same_command_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """The harshest order: what answers dies first, and the service must not take it for an answer."""

    def kill_everything(running: subprocess.Popen[str]) -> None:
        for process in sorted(processes_of(tmp_path), key=lambda each: each == running.pid):
            os.kill(process, signal.SIGKILL)

    one = killed(tmp_path, kill_everything)
    done = cutover(*one.arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "continues the stage in" in done.stdout
    assert "was under way, and goes on" in done.stdout

    seen = evidence(tmp_path / "out")
    assert set(statuses(seen).values()) == {"verified"}
    kept = Memory(tmp_path / "state" / "simulator").counters()
    assert kept is not None
    assert kept["requests"]["POST launchMachines"] == len(seen["waves"]), "exactly one for each wave"
    assert not (tmp_path / "state" / "rehearsal.json").exists()
    assert not processes_of(tmp_path)
