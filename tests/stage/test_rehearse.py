"""The whole stage, through the command: the deployed template, the bundled functions, a service over HTTP."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from stage.aws.ports import find_free
from stage.simulator import Scenario
from stage.simulator.identity import Identity
from tests.stage.rehearsing import (
    CUTOVER,
    ROOT,
    await_port,
    clean_environment,
    cutover,
    evidence,
    files_that_say,
    processes_of,
    statuses,
)

DEMO = ROOT / "plans" / "demo.yaml"
SCENARIOS = ROOT / "plans" / "scenarios"
TOKEN = str(Scenario.load(SCENARIOS / "demo.yaml").account.token)
EVERYBODY = dict.fromkeys(["db01", "db02", "web01", "web02", "web03"], "verified")


@pytest.fixture
def scenario(tmp_path: Path):
    """Write a scenario that starts from the demo's."""

    def write(text: str) -> Path:
        path = tmp_path / "scenario.yaml"
        path.write_text(f"base: {SCENARIOS / 'demo.yaml'}\n{text}")
        return path

    return write


def test_a_rough_network_costs_no_launch_twice_and_no_machine(tmp_path: Path, scenario) -> None:
    """A lost answer to the launch, expired sessions, 429s and 503s: verified all the same, one launch per wave."""
    rough = scenario(
        "faults:\n"
        "  - {on: POST */launchMachines, nth: 1, drop: true, accepted: true}\n"
        "  - {on: GET */jobs/*, every: 5, expire_sessions: true}\n"
        "  - {on: GET */machines, every: 7, status: 503}\n"
        "  - {on: GET */machines, every: 9, status: 429}\n"
    )

    done = cutover("rehearse", DEMO, "--scenario", rough, "--out", tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    seen = evidence(tmp_path)
    assert statuses(seen) == EVERYBODY
    assert seen["requests"]["POST launchMachines"] == 2
    assert [len(wave["jobs"]) for wave in seen["waves"]] == [1, 1]


def test_a_plan_is_rehearsed_on_mgn_whichever_service_it_names(tmp_path: Path) -> None:
    """The deployed functions find the simulated MGN, and what it tells by itself is heard."""
    plan = ROOT / "plans" / "minimal.yaml"
    done = cutover("rehearse", plan, "--on", "mgn", "--out", tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "on MGN, by --on" in done.stdout
    assert "CloudEndure" not in done.stdout + (tmp_path / "summary.md").read_text()
    seen = evidence(tmp_path)
    Draft202012Validator(json.loads((ROOT / "docs" / "schemas" / "evidence.schema.json").read_text())).validate(seen)
    assert statuses(seen) == {"web01": "verified"}
    assert seen["requests"]["mgn StartTest"] == 1
    assert not any(name.startswith(("GET ", "POST ")) for name in seen["requests"])
    # Whether the wave sleeps when an event comes depends on how busy this machine is.
    assert [*(tmp_path / "stage" / "functions").glob("*FunctionsWake*")], "no event has reached the function"


def test_an_interrupted_rehearsal_leaves_evidence_and_nothing_running(tmp_path: Path) -> None:
    never = SCENARIOS / "never-catches-up.yaml"
    plan = tmp_path / "plan.yaml"
    plan.write_text(DEMO.read_text().replace("deadline: 2h", "deadline: 24h"))
    running = subprocess.Popen(
        [CUTOVER, "rehearse", plan, "--scenario", never, "--out", tmp_path],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert running.stdout is not None
    port = 0
    for line in running.stdout:
        if line.startswith("AWS "):
            port = int(line.split(",")[0].rsplit(":", 1)[1])
        if "not ready" in line:
            break

    running.send_signal(signal.SIGINT)
    said = running.stdout.read()

    assert running.wait(timeout=60) == 1
    assert "interrupted" in said
    seen = evidence(tmp_path)
    assert (seen["run"]["status"], seen["run"]["outcome"]) == ("running", None)
    assert processes_of(tmp_path) == []
    for closed in (port, port + 1):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", closed)) != 0


def test_a_service_elsewhere_is_spoken_to_in_real_time(tmp_path: Path) -> None:
    """The simulator as a service of its own, targets in the stage's EC2, the token from the environment."""
    aws, console = find_free(), find_free()
    plan = tmp_path / "plan.yaml"
    quick = DEMO.read_text().replace("minimum: 15s", "minimum: 1s")
    # Nobody plays the application there, so nothing of it is looked at.
    plan.write_text(re.sub(r"^    verify:.*\n(?:      .*\n)+", "", quick, flags=re.MULTILINE))
    service = subprocess.Popen(
        [CUTOVER, "simulator", "--port", str(console)],
        cwd=ROOT,
        env=clean_environment(AWS_ENDPOINT_URL_EC2=f"http://127.0.0.1:{aws + 1}"),
        stdout=subprocess.DEVNULL,
    )
    try:
        await_port(console)
        done = cutover(
            *(
                "rehearse",
                plan,
                "--service",
                f"http://127.0.0.1:{console}",
                "--aws-port",
                str(aws),
                "--out",
                tmp_path / "out",
            ),
            environment={"CLOUDENDURE_API_TOKEN": TOKEN},
        )
    finally:
        service.terminate()

    assert done.returncode == 0, done.stdout + done.stderr
    assert statuses(evidence(tmp_path / "out")) == EVERYBODY
    assert service.wait(timeout=30) == 0
    assert files_that_say(tmp_path, TOKEN) == []


def test_a_machine_that_never_catches_up_postpones_with_exit_1(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(DEMO.read_text().replace("deadline: 2h", "deadline: 5m"))

    done = cutover("rehearse", plan, "--scenario", SCENARIOS / "never-catches-up.yaml", "--out", tmp_path / "out")

    assert done.returncode == 1, done.stdout + done.stderr
    seen = evidence(tmp_path / "out")
    assert seen["run"]["outcome"] == "Postponed"
    assert "Postponed" in done.stdout


def test_a_cutover_over_a_live_or_a_protected_target_is_refused_and_names_what_it_would_have_deleted(
    tmp_path: Path, scenario
) -> None:
    """Both at once, as already-cut-over.yaml and protected-target.yaml have them; well tested before."""
    machines = "{db01: {cut_over: 2d}, web01: {protected: true}}"
    world = scenario(f"projects:\n  Demo:\n    machines: {machines}\n")
    proofs = tmp_path / "tested.json"
    proofs.write_text(json.dumps(_tested_eight_days_ago(world)))

    done = cutover(
        "rehearse", DEMO, "--mode", "cutover", "--scenario", world, "--after", proofs, "--out", tmp_path / "out"
    )

    assert done.returncode == 1, done.stdout + done.stderr
    seen = evidence(tmp_path / "out")
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert seen["run"]["outcome"] == "Refused"
    assert seen["requests"].get("POST launchMachines", 0) == 0
    assert statuses(seen) == dict.fromkeys(EVERYBODY, "not_started") | {"db01": "refused", "web01": "refused"}
    found = {machine["name"]: machine for wave in seen["waves"] for machine in wave["machines"]}
    for name, field in (("db01", "cutover"), ("web01", "protection")):
        instance = found[name]["replaces"]
        assert instance.startswith("i-")
        (why,) = (each["seen"] for each in found[name]["findings"] if each["field"] == field)
        assert instance in why
        assert instance in summary
        assert instance in done.stdout


def _tested_eight_days_ago(world: Path) -> dict[str, object]:
    """Evidence of a test that verified every machine of the demo in this world."""
    played, now = Scenario.load(world), datetime.now(UTC)
    machines = [
        {"id": Identity(played.seed).uuid("machine", "Demo", name), "status": "verified", "target": None}
        for name in EVERYBODY
    ]
    times = {"started": (now - timedelta(days=8)).isoformat(), "ended": (now - timedelta(days=8)).isoformat()}
    return {
        "schema_version": 1,
        "plan": {"name": "demo"},
        "run": {"id": "demo-test-1", "mode": "test", **times},
        "waves": [{"name": "all", "machines": machines}],
    }


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--service", "ftp://console.example.com"], {"CLOUDENDURE_API_TOKEN": "x"}, "http(s)://host[:port]"),
        (["--service", "http://127.0.0.1:1"], {"CLOUDENDURE_API_TOKEN": "x"}, "nothing answers at http://127.0.0.1:1"),
        (["--service", "http://127.0.0.1:1"], {}, "CLOUDENDURE_API_TOKEN"),
        (["--service", "http://127.0.0.1:1", "--scenario", "x.yaml"], {}, "--service excludes"),
        (["--service", "http://127.0.0.1:1", "--chaos", "7"], {}, "--service excludes"),
        (["--after", "README.md"], {}, "evidence"),
        (["--scenario", "README.md"], {}, "README.md"),
        (["--mode", "sometimes"], {}, "sometimes"),
    ],
)
def test_wrong_use_is_said_before_anything_is_started(arguments, environment, said: str) -> None:
    done = cutover("rehearse", DEMO, *arguments, timeout=60, environment=environment)

    assert done.returncode == 2
    assert said in done.stderr


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = cutover("rehearse", DEMO, "--aws-port", str(port), timeout=60)

    assert done.returncode == 2
    assert str(port) in done.stderr


def test_the_stage_listens_on_this_machine_only(tmp_path: Path) -> None:
    """A simulator served alone answers on 127.0.0.1 and nowhere else."""
    port = find_free()
    service = subprocess.Popen(
        [CUTOVER, "simulator", "--port", str(port)], cwd=ROOT, env=clean_environment(), stdout=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 30
        while port not in (mine := _listening()) and time.monotonic() < until:
            time.sleep(0.1)
        assert mine[port] == {"127.0.0.1"}
    finally:
        service.terminate()
        service.wait(timeout=30)


def _listening() -> dict[int, set[str]]:
    """Local addresses by port, of all sockets that listen (Linux)."""
    found: dict[int, set[str]] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, state = line.split()[1], line.split()[3]
        if state == "0A":
            address, port = local.split(":")
            ip = ".".join(str(each) for each in reversed(bytes.fromhex(address)))
            found.setdefault(int(port, 16), set()).add(ip)
    return found
