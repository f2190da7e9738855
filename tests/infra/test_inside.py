"""Where the probe stands: outside of any VPC, or where the context says, with no right that its code could use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.bundle import ROOT
from infra.node import node_environment
from tests.infra.template import Template

SUBNETS, GROUPS = ["subnet-0a1b2c3d", "subnet-1a2b3c4d"], ["sg-0a1b2c3d"]


def app(out: Path, **context: Any) -> subprocess.CompletedProcess[str]:
    """As the CDK's command line runs it with `-c` of each."""
    given = {"PATH": os.environ["PATH"], **node_environment(), "CDK_OUTDIR": str(out)}
    given |= {"CDK_CONTEXT_JSON": json.dumps(context)}
    return subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def attached(assembly: Path, tmp_path_factory: pytest.TempPathFactory) -> Template:
    out = tmp_path_factory.mktemp("attached")
    done = app(out, probe_subnets=",".join(SUBNETS), probe_security_groups=GROUPS)
    assert done.returncode == 0, done.stderr
    return Template(out / "Cutover.template.json")


def test_as_it_is_deployed_without_a_word_it_stands_outside_and_may_do_nothing(template: Template) -> None:
    assert "VpcConfig" not in template.properties(template.function("probe"))
    assert {action for action, _ in template.rights_of(template.function("probe"))} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }


def test_it_is_attached_to_the_subnets_of_the_context_and_nothing_else_is(attached: Template) -> None:
    placed = {
        id_: it["Properties"]["VpcConfig"]
        for id_, it in attached.of("Lambda::Function").items()
        if "VpcConfig" in it["Properties"]
    }
    assert placed == {attached.function("probe"): {"SubnetIds": SUBNETS, "SecurityGroupIds": GROUPS}}
    told = attached.properties(attached.function("verify_targets"))["Environment"]["Variables"]
    assert told["CUTOVER_PROBE_PLACE"] == "inside subnet-0a1b2c3d, subnet-1a2b3c4d"


def test_what_lambda_needs_to_attach_it_is_denied_to_its_code(attached: Template) -> None:
    statements = [
        statement
        for policy in attached.of("IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "ec2:CreateNetworkInterface" in statement["Action"]
    ]
    allowed, denied = statements
    assert (allowed["Effect"], denied["Effect"]) == ("Allow", "Deny")
    assert allowed["Action"] == denied["Action"]
    assert denied["Condition"] == {"Null": {"lambda:SourceFunctionArn": "false"}}


@pytest.mark.parametrize(
    ("context", "missing"),
    [
        ({"probe_security_groups": "sg-0a1b2c3d"}, "probe_subnets"),
        ({"probe_subnets": SUBNETS}, "probe_security_groups"),
    ],
)
def test_one_without_the_other_is_refused_with_what_to_do(
    assembly: Path, context: dict[str, Any], missing: str, tmp_path: Path
) -> None:
    done = app(tmp_path / "out", **context)
    assert done.returncode == 1
    assert f"no {missing}" in done.stderr
    assert f"Add `-c {missing}=" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_page_people_decide_by_command_and_nothing_is_public(assembly: Path, tmp_path: Path) -> None:
    done = app(tmp_path, decision_page="no")
    assert done.returncode == 0, done.stderr
    without = Template(tmp_path / "Cutover.template.json")
    assert without.of("Lambda::Url") == {}
    assert not [it for it in without.of("Lambda::Permission").values() if it["Properties"]["Principal"] == "*"]
    assert "DecisionUrl" not in without.json["Outputs"]
    told = without.properties(without.function("invite"))["Environment"]["Variables"]
    assert "CUTOVER_DECIDE_URL" not in told
