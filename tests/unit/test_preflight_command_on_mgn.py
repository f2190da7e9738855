"""The command's preflight of a plan on MGN: the real client, a simulated service, moto's AWS, no token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from cli.main import app
from cutover import clients
from stage.simulator import Clock, Scenario, Simulator, serve
from tests.service_quotas import service_quotas
from tests.statemachines.interpreter import REGION, aws
from tests.statemachines.night import BEGIN, a_world

PLAN = """\
version: 1
name: demo
service: mgn
region: eu-central-1
on_failure: stop
expect:
  test: {subnet: demo, instance_type: t3.medium}
  cutover: {subnet: demo, instance_type: t3.medium}
waves: [{name: db, machines: [MACHINES]}]
"""
TAGGED = {"mgn": {"tags": {"Wave": "3"}}}
IN_WAVE = {"mgn": {"wave": "Wave 4"}}


@contextmanager
def preflighted(tmp_path: Path, machines: str, *options: str, **account: Any) -> Iterator[Any]:
    """What the command says of a plan of these machines, in a world of four servers."""
    world = a_world({"db01": TAGGED, "db02": TAGGED, "web01": IN_WAVE, "spare": {}}, project={"mgn": account})
    file = tmp_path / "plan.yaml"
    file.write_text(PLAN.replace("MACHINES", machines))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("ACCESS_KEY_ID", "stage"), ("SECRET_ACCESS_KEY", "stage"), ("DEFAULT_REGION", REGION)):
            patch.setenv(f"AWS_{name}", value)
        with aws(), service_quotas(boto3.client("service-quotas", REGION), {}):
            simulator = Simulator(Scenario.parse(world), ec2=boto3.client("ec2", REGION), clock=Clock(BEGIN, speed=0))
            with serve(simulator) as console:
                patch.setenv("AWS_ENDPOINT_URL_MGN", console.url)
                clients.client.cache_clear()
                clients.client_for_deeds.cache_clear()
                done = CliRunner().invoke(app, ["preflight", str(file), *options], env={"COLUMNS": "200"})
                done.simulator = simulator  # type: ignore[attr-defined]  # for what was asked of it
                yield done
    clients.client.cache_clear()
    clients.client_for_deeds.cache_clear()


def test_machines_that_are_named_are_looked_at_and_nothing_is_changed(tmp_path: Path) -> None:
    with preflighted(tmp_path, "db01, web01") as done:
        assert done.exit_code == 0, done.output
        assert "demo test: 0 errors" in done.output
        assert "2 machines; nothing was changed" in done.output
        assert all(name.startswith(("Describe", "Get", "List")) for name in done.simulator.requests)


def test_who_is_meant_by_a_selection_now_is_told(tmp_path: Path) -> None:
    with preflighted(tmp_path, "{tagged: {Wave: '3'}}, {in_mgn_wave: Wave 4}", "--json") as done:
        assert done.exit_code == 0, done.output
        seen = json.loads(done.output)
        assert {*seen["machines"]} == {"db01", "db02", "web01"}
        told = [each["seen"] for each in seen["run"] if each["field"] == "selection"]
        assert told == ["tagged Wave=3 chose 2: db01, db02", "wave Wave 4 chose 1: web01"]


def test_what_a_run_would_be_refused_for_is_an_error(tmp_path: Path) -> None:
    with preflighted(tmp_path, "{tagged: {Wave: '5'}}") as done:
        assert done.exit_code == 1
        assert "error: run: selection: seen tagged Wave=5 chooses none of the service's machines" in done.output


@pytest.mark.parametrize("machines", ["db01", "{tagged: {Wave: '3'}}"])
def test_an_account_that_was_never_set_up_is_told_in_one_finding(tmp_path: Path, machines: str) -> None:
    with preflighted(tmp_path, machines, initialized=False) as done:
        assert done.exit_code == 1
        (error,) = [line for line in done.output.splitlines() if line.startswith("error")]
        assert error.startswith("error: run: session: seen 400: UninitializedAccountException")
        assert "MGN is initialised in the plan's account and region, eu-central-1" in error
