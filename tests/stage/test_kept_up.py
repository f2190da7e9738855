"""`cutover stage` as its user has it: started, taken part in, stopped, and started again with what it had."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from tests.stage.rehearsing import CUTOVER, ROOT, clean_environment, cutover, processes_of

DEMO = ROOT / "plans" / "demo.yaml"


@contextmanager
def stage(folder: Path) -> Iterator[dict[str, str]]:
    """The AWS variables that it prints; interrupted at the end, it ends with 0."""
    command = [str(CUTOVER), "stage", "--json", "--state", str(folder / "state"), "--logs", str(folder / "logs")]
    with Popen(command, cwd=ROOT, env=clean_environment(), stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        said: dict[str, Any] = json.loads(process.stdout.readline())
        assert said["region"] == "eu-central-1"
        yield dict(each.split("=", 1) for each in said["export"].split())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def plans(variables: dict[str, str]) -> list[str]:
    listed = cutover("plan", "list", "--json", environment=variables)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    return [each["plan"] for each in json.loads(listed.stdout)["plans"]]


def test_a_stage_is_taken_part_in_and_goes_on_with_what_it_had(tmp_path: Path) -> None:
    with stage(tmp_path) as variables:
        assert plans(variables) == []
        assert cutover("plan", "put", DEMO, environment=variables).returncode == 0
        assert plans(variables) == ["demo"]
    assert processes_of(tmp_path) == []
    with stage(tmp_path) as again:
        assert plans(again) == ["demo"]
        assert again == variables, "at the same place"
