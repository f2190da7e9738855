"""The AWS CLI, where it is installed, as it is: it has a botocore of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from tests.unit.simulator.mgn_console import DONE, MgnConsole, mgn_console

AWS = shutil.which("aws")


@pytest.mark.skipif(AWS is None, reason="the AWS CLI is not installed")
def test_the_aws_cli_lists_launches_follows_and_reads_the_log():
    with mgn_console(db01={"tested": "9d"}, web01={}) as console:
        servers = asked(console, "describe-source-servers")["items"]
        ids = {one["sourceProperties"]["identificationHints"]["hostname"]: one["sourceServerID"] for one in servers}
        job = asked(console, "start-test", "--source-server-ids", ids["web01"], "--tags", "run=r")["job"]["jobID"]
        console.advance(DONE)
        (found,) = asked(console, "describe-jobs", "--filters", f"jobIDs={job}")["items"]
        assert (found["status"], found["tags"]) == ("COMPLETED", {"run": "r"})
        assert found["participatingServers"][0]["launchStatus"] == "LAUNCHED"
        log = asked(console, "describe-job-log-items", "--job-id", job)["items"]
        assert (log[0]["event"], log[-1]["event"]) == ("JOB_START", "JOB_END")


def asked(console: MgnConsole, *words: str) -> Any:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"AWS_ENDPOINT_URL_MGN": console.url, "AWS_DEFAULT_REGION": "eu-central-1"}
    environment |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_PAGER": ""}
    command = [str(AWS), "mgn", *words, "--output", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
