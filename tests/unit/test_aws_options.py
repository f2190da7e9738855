"""Every command that speaks to AWS takes --profile, --region and --json, and says what AWS refuses in words."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
import typer
from botocore import xform_name
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from typer.testing import CliRunner

from cli.aws import NEEDED, in_words, speaks_aws
from cli.command import fail, note, say
from cli.main import app

ROOT = Path(__file__).parents[2]
SPEAKS_TO_NOBODY = {"check", "messages", "rehearse", "stage", "simulator"}
SERVERS = {"simulator"}


def commands() -> Iterator[tuple[str, set[str]]]:
    """Every command with its options."""
    group: Any = typer.main.get_command(app)
    for name, command in group.commands.items():
        for inner, each in getattr(command, "commands", {"": command}).items():
            yield f"{name} {inner}".strip(), {option for one in each.params for option in one.opts}


@pytest.mark.parametrize(("name", "options"), list(commands()))
def test_every_command_has_its_options(name: str, options: set[str]) -> None:
    assert ("--json" in options) == (name not in SERVERS)
    assert ({"--profile", "--region"} <= options) == (name not in SPEAKS_TO_NOBODY)


def given(*arguments: str, does: Any) -> Any:
    one = typer.Typer()
    one.command()(speaks_aws(does))
    return CliRunner().invoke(one, arguments)


def told() -> None:
    note(run="demo-1")
    say("it is told")


def test_what_is_said_is_one_object_for_machines() -> None:
    assert given(does=told).stdout == "it is told\n"
    assert json.loads(given("--json", does=told).stdout) == {"done": True, "run": "demo-1", "said": ["it is told"]}


def refused() -> None:
    told()
    fail("it is too late", 2)


def test_a_refusal_is_one_too_and_ends_as_it_does_for_people() -> None:
    plain, machine = given(does=refused), given("--json", does=refused)
    assert (plain.exit_code, machine.exit_code) == (2, 2)
    assert plain.stderr == "it is too late\n"
    assert machine.stderr == ""
    assert json.loads(machine.stdout) == {
        "done": False,
        "run": "demo-1",
        "said": ["it is told"],
        "error": "it is too late",
    }


def test_a_profile_and_a_region_hold_for_one_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text("[profile night]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    seen: list[Any] = []

    def look() -> None:
        session = boto3.client("sts")
        seen.append((session.meta.region_name, session._get_credentials().access_key))

    with patch.object(boto3, "DEFAULT_SESSION", None):
        assert given("--profile", "night", "--region", "eu-west-3", does=look).exit_code == 0
        assert boto3.DEFAULT_SESSION is None
    assert seen == [("eu-west-3", "a")]
    unknown = given("--profile", "nobody", does=look)
    assert (unknown.exit_code, unknown.stderr) == (
        1,
        "The config profile (nobody) could not be found; --profile names one of the AWS configuration\n",
    )


def client_error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


TABLE = "arn:aws:dynamodb:eu-central-1:111122223333:table/t"
DENIED = f"User: arn:aws:iam::111122223333:user/x is not authorized to perform: dynamodb:Query on resource: {TABLE}"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            client_error("AccessDeniedException", DENIED, "Query"),
            f"not permitted: dynamodb:Query on {TABLE}, to read plans and runs; allow it",
        ),
        (
            client_error("AccessDenied", "Access Denied", "PutObject"),
            "not permitted: s3:PutObject, to store a compiled",
        ),
        (
            client_error("UnauthorizedOperation", "You are not authorized.", "DescribeVolumes"),
            "not permitted: ec2:DescribeVolumes, to look for what launches left behind",
        ),
        (client_error("AccessDenied", "no", "SomethingElse"), "not permitted: SomethingElse; allow it"),
        (client_error("ExpiredTokenException", "…", "Query"), "credentials for AWS are expired or wrong"),
        (client_error("Throttling", "slow down", "Query"), "AWS did not take it: An error occurred (Throttling)"),
        (NoCredentialsError(), "no credentials for AWS are set; use --profile"),
        (NoRegionError(), "no AWS region is set; use --region"),
        (EndpointConnectionError(endpoint_url="https://x"), "AWS cannot be spoken to: Could not connect"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_aws_refuses_is_said_in_words(error: Exception, said: str, as_json: bool) -> None:
    def does() -> None:
        raise error

    ended = given(*["--json"] * as_json, does=does)
    assert ended.exit_code == 1
    words = json.loads(ended.stdout)["error"] if as_json else ended.stderr
    assert said in words
    assert in_words(error) == words.strip()
    assert "Traceback" not in ended.output


def asked_of_aws() -> set[str]:
    """The operations that the commands' own code calls, by their names in boto3."""
    found = set()
    for path in sorted((ROOT / "cli").rglob("*.py")):
        if path.name in ("preflight.py", "time_travel.py"):  # these name what they may not do; the stage allows all
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            whose = ast.unparse(node.func.value)
            if node.func.attr in ("get_paginator", "_pages") and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
            elif re.match(r"(self\._client\(|scheduler$)", whose) and node.func.attr not in (
                "get_paginator",
                "paginate",
            ):
                found.add(node.func.attr)
    return found - {"get_caller_identity"}  # nobody needs to be allowed that


def test_what_commands_need_is_listed_and_nothing_else() -> None:
    operations = {xform_name(operation) for operation, _ in NEEDED.values()} - {"pass_role"}
    assert operations == asked_of_aws()


def test_the_documented_policy_is_what_commands_need() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text()
    listed = dict(re.findall(r"^\| `([\w-]+:\w+)` \| (.+) \|$", text, re.MULTILINE))
    assert listed == {action: purpose for action, (_, purpose) in NEEDED.items()}
