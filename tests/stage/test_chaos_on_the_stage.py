"""Ten schedules of chaos through one stage: ten projects and ten runs at once, and what must hold whatever goes wrong.

Each run is told of faults, rules and people's doings that a seed drew for its project alone. What is checked is what
anybody can see from outside: evidence, the table, the bucket, EC2, and the service's own jobs. The plan and the
scenario of each seed are left as files; a failure says the command that replays one.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from boto3.dynamodb.types import TypeDeserializer

from cli.deployment import Deployment, RunView
from cli.plan import load_plan
from cutover.plan import Mode, Plan
from cutover.records import LaunchRecord, LaunchState, RunStatus, whole
from stage.simulator import Scenario
from stage.simulator.chaos import Drawn, draw
from stage.simulator.identity import Identity
from stage.simulator.state import Job, Project
from stage.stage import Stage
from tests.stage.rehearsing import ROOT, files_that_say

SEEDS = (4, 6, 11, 15, 17, 20, 22, 37, 42, 57)
"""Lost and cut answers, hung jobs, late, stopped and vanished targets, kept and protected ones, people who launch."""
SPEED = 240
SECONDS = 480
"""How long ten runs may take, on a busy machine."""
SEED = "ten projects"
SCHEMA = json.loads((ROOT / "docs" / "schemas" / "evidence.schema.json").read_text())
PLAN = """version: 1
name: chaos-{seed}
service: cloudendure
project: Demo {seed}
region: eu-central-1
on_failure: continue
readiness: {{deadline: 1h}}
verify: {{job_deadline: 40m, deadline: 20m}}
poll: {{minimum: 2m}}
waves:
  - {{name: db, machines: [db01, db02]}}
  - {{name: web, machines: [web01]}}
"""


@dataclass
class Played:
    """One seed's run, as it has left everything. `project`: as the service has it."""

    drawn: Drawn
    plan: Plan
    project: Project
    view: RunView
    evidence: dict[str, Any]
    launches: dict[int, list[LaunchRecord]]
    sacred: dict[str, str]
    known: set[str]
    username: str

    @property
    def ours(self) -> list[Job]:
        """The launches that reached the service and were not made in the console."""
        return [job for job in self._tonight if job.user == self.username]

    @property
    def deleted_by_others(self) -> set[str]:
        return {target.instance for job in self._tonight if job.user != self.username for target in job.deleted}

    def may_have_ended(self, machine: str, instance: str) -> bool:
        """Whether a target may have gone after it was verified: its scenario ends it, or somebody launched again."""
        rules = self.project.machines[machine].described.launch
        return instance in self.deleted_by_others or any(rule.then for rule in rules)

    @property
    def _tonight(self) -> list[Job]:
        return [job for job in self.project.jobs if job.mode and job.id not in self.known]

    def machines(self) -> list[dict[str, Any]]:
        return [machine for wave in self.evidence["waves"] for machine in wave["machines"]]


@dataclass
class Night:
    """What ten runs have left on their stage."""

    token: str
    folder: Path
    played: list[Played]
    unfinished: list[str]
    instances: dict[str, str]
    left: list[str]


def a_world(seed: int) -> dict[str, Any]:
    """Two databases and a web server, tested nine days before, alone in a project."""
    return {
        "seed": SEED,
        "clock": {"speed": SPEED},
        "projects": {
            f"Demo {seed}": {
                "subnets": {"demo": "10.20.1.0/24"},
                "security_groups": ["demo"],
                "machines": {name: {"tested": "9d"} for name in ("db01", "db02", "web01")},
            }
        },
    }


def together(drawn: list[Drawn]) -> Scenario:
    """One world with every project as drawn, and each one's faults between it and the client alone.

    A login belongs to no project: only the first draw in which it fails counts.
    """
    projects: dict[str, Any] = {}
    faults: list[dict[str, Any]] = []
    for each in drawn:
        data = each.scenario.data()
        (name,) = data["projects"]
        projects |= data["projects"]
        here = f"/projects/{Identity(SEED).uuid('project', name)}/"
        for fault in data.get("faults", ()):
            method, path = fault["on"].split(" ")
            if path == "/login":
                faults += [] if any("/login" in known["on"] for known in faults) else [fault]
            else:
                below = path.removeprefix("/projects/*/").removeprefix("*") or "*"
                faults.append({**fault, "on": f"{method} {here}{below}"})
    return Scenario.parse({"seed": SEED, "clock": {"speed": SPEED}, "projects": projects, "faults": faults})


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("chaos")
    drawn = [draw(seed, a_world(seed)) for seed in SEEDS]
    plans = [_written(folder, each) for each in drawn]
    with Stage(together(drawn), region="eu-central-1", port=0, logs=folder / "stage") as stage:
        assert stage.simulator is not None
        world = stage.simulator.simulator.world
        projects = {project.name: project for project in world.projects.values()}
        sacred = {name: _sacred(project) for name, project in projects.items()}
        known = {name: {job.id for job in project.jobs} for name, project in projects.items()}
        deployment = Deployment(stage.client)
        for plan in plans:
            deployment.put_plan(plan)
            deployment.request_run(plan, Mode.TEST)
        views = _until_told(deployment, plans)
        records, objects = _records(stage, deployment), _objects(stage, deployment)
        played = [
            Played(
                each,
                plan,
                projects[plan.project],
                view,
                json.loads(objects[f"runs/{view.run.id}/evidence.json"]),
                _launches(records, view),
                sacred[plan.project],
                known[plan.project],
                world.described.account.username,
            )
            for each, plan in zip(drawn, plans, strict=True)
            if (view := views[plan.name]) and _told(view)
        ]
        unfinished = [f"{name}: {view and view.run}" for name, view in views.items() if not _told(view)]
        left = [*map(str, records), *objects.values()]
        yield Night(stage.simulator.token, folder, played, unfinished, _instances(stage), left)


def _written(folder: Path, drawn: Drawn) -> Plan:
    """The plan for what was drawn, left with its scenario for who wants to replay it."""
    path = folder / f"chaos-{drawn.seed}.yaml"
    path.write_text(PLAN.format(seed=drawn.seed))
    (folder / f"scenario-{drawn.seed}.yaml").write_text(drawn.scenario.text(str(drawn)))
    return load_plan(path)


def _sacred(project: Project) -> dict[str, str]:
    """The targets that no launch may delete, by instance."""
    return {
        machine.target.instance: machine.name
        for machine in project.machines.values()
        if machine.target
        and (machine.described.protected or machine.described.target_tags or machine.described.cut_over is not None)
    }


def _told(view: RunView | None) -> bool:
    return view is not None and view.run.outcome is not None and view.run.told


def _until_told(deployment: Deployment, plans: list[Plan]) -> dict[str, RunView | None]:
    """Every plan's run once all have ended and were told, or as they are when their time is over."""
    views: dict[str, RunView | None] = dict.fromkeys(plan.name for plan in plans)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and not all(map(_told, views.values())):
        time.sleep(0.5)
        for name in (name for name, view in views.items() if not _told(view)):
            run = deployment.latest_run(name, Mode.TEST)
            views[name] = deployment.view(run) if run else None
    return views


def _launches(records: list[dict[str, Any]], view: RunView) -> dict[int, list[LaunchRecord]]:
    """The ledger, by wave."""
    return {
        wave.number: [
            LaunchRecord.from_json(each)
            for each in records
            if each["pk"] == f"RUN#{view.run.id}" and each["sk"].startswith(f"WAVE#{wave.number:03}#LAUNCH#")
        ]
        for wave, _ in view.waves
    }


def _instances(stage: Stage) -> dict[str, str]:
    """The state of every instance, by id."""
    return {
        each["InstanceId"]: each["State"]["Name"]
        for page in stage.client("ec2").get_paginator("describe_instances").paginate()
        for reservation in page["Reservations"]
        for each in reservation["Instances"]
    }


def _records(stage: Stage, deployment: Deployment) -> list[dict[str, Any]]:
    """Every record of the table."""
    read = TypeDeserializer().deserialize
    pages = stage.client("dynamodb").get_paginator("scan").paginate(TableName=deployment.outputs["TableName"])
    return [{name: whole(read(value)) for name, value in item.items()} for page in pages for item in page["Items"]]


def _objects(stage: Stage, deployment: Deployment) -> dict[str, str]:
    """Every object of the bucket, by key."""
    s3, bucket = stage.client("s3"), deployment.outputs["BucketName"]
    keys = [
        each["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for each in page.get("Contents", ())
    ]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode(errors="replace") for key in keys}


def hold(night: Night, broken: Iterable[tuple[Played, str]]) -> None:
    """Fail with what was broken, and the command that replays each seed it was broken under."""
    assert night.played, "nothing was carried out"
    said = [
        f"{words}\n  {played.drawn}\n  replay: .venv/bin/cutover rehearse {night.folder}/{played.plan.name}.yaml"
        f" --scenario {night.folder}/scenario-{played.drawn.seed}.yaml"
        for played, words in broken
    ]
    assert not said, "\n".join(said)


def test_every_run_ends_and_is_told(night: Night) -> None:
    assert night.unfinished == []
    assert len(night.played) == len(SEEDS)
    hold(night, ((one, "still running") for one in night.played if one.view.run.status is RunStatus.RUNNING))
    assert {"Tested", "Failed", "Refused"} <= {str(one.view.run.outcome) for one in night.played}, "chaos of every kind"


def test_every_launch_is_in_one_entry_of_the_ledger_and_no_wave_has_two(night: Night) -> None:
    def broken() -> Iterator[tuple[Played, str]]:
        for one in night.played:
            for wave, launches in one.launches.items():
                accepted = sum(each.state is LaunchState.ACCEPTED for each in launches)
                if accepted > 1:
                    yield one, f"wave {wave} was accepted {accepted} times"
            mine: Counter[int] = Counter()
            for job in one.ours:
                owners = [wave for wave, launches in one.launches.items() for each in launches if _owns(each, job)]
                mine.update(owners)
                if len(owners) != 1:
                    yield one, f"job {job.id} of {sorted(job.participants)} belongs to {owners or 'nobody'}"
            yield from ((one, f"wave {wave} has {count} jobs") for wave, count in mine.items() if count > 1)

    hold(night, broken())
    assert sum(len(one.ours) for one in night.played) >= len(SEEDS), "most of them launched"


def _owns(launch: LaunchRecord, job: Job) -> bool:
    """Whether the ledger's entry stands for the job: names it, or may yet find it."""
    if launch.state.settled:
        return job.id in launch.jobs
    return frozenset(launch.machines) == frozenset(job.participants)


def test_who_is_verified_has_a_target_that_its_own_job_made_and_that_passed_every_check(night: Night) -> None:
    def broken() -> Iterator[tuple[Played, str]]:
        for one in night.played:
            made = {target.instance: (job.id, target.machine) for job in one.ours for target in job.targets}
            for wave in one.evidence["waves"]:
                jobs = {job["id"] for job in wave["jobs"]}
                for machine in (each for each in wave["machines"] if each["status"] == "verified"):
                    who, instance = machine["name"], str((machine["target"] or {}).get("instance_id"))
                    job, of = made.get(instance, ("none", "nobody"))
                    if job not in jobs or of != machine["id"]:
                        yield one, f"{who} is verified by {instance}, which no job of its wave made for it"
                    if not machine["checks"] or not all(check["passed"] for check in machine["checks"]):
                        yield one, f"{who} is verified with checks {machine['checks']}"
                    if night.instances.get(instance) != "running" and not one.may_have_ended(machine["id"], instance):
                        yield one, f"{who} is verified by {instance}, which is {night.instances.get(instance)}"

    hold(night, broken())
    verified = [each for one in night.played for each in one.machines() if each["status"] == "verified"]
    assert len(verified) >= len(SEEDS), "most of them succeeded"


def test_every_machine_is_in_the_evidence_and_who_is_not_verified_has_a_finding(night: Night) -> None:
    def broken() -> Iterator[tuple[Played, str]]:
        for one in night.played:
            jsonschema.validate(one.evidence, SCHEMA)
            if [each["name"] for each in one.machines()] != ["db01", "db02", "web01"]:
                yield one, f"the evidence names {[each['name'] for each in one.machines()]}"
            for machine in one.machines():
                if machine["status"] != "verified" and not machine["findings"]:
                    yield one, f"{machine['name']} is {machine['status']} for no reason"

    hold(night, broken())


def test_no_live_kept_or_protected_target_is_deleted_by_a_run(night: Night) -> None:
    gone = (
        (one, f"{instance}, the target of {name}, is {night.instances.get(instance, 'gone')}")
        for one in night.played
        for instance, name in one.sacred.items()
        if instance not in one.deleted_by_others and night.instances.get(instance) not in ("running", "stopped")
    )

    hold(night, gone)
    assert any(one.sacred for one in night.played), "there is something to lose"


def test_what_is_checked_can_be_broken_and_the_seed_is_said(night: Night) -> None:
    """The same night, told otherwise than it was."""

    def told(**otherwise: Any) -> Night:
        return replace(night, played=[replace(one, **otherwise) for one in night.played])

    def without_findings(one: Played) -> Played:
        bare = json.loads(json.dumps(one.evidence))
        for machine in (each for wave in bare["waves"] for each in wave["machines"]):
            machine["findings"] = []
        return replace(one, evidence=bare)

    every_launch = test_every_launch_is_in_one_entry_of_the_ledger_and_no_wave_has_two
    every_target = test_who_is_verified_has_a_target_that_its_own_job_made_and_that_passed_every_check
    every_finding = test_every_machine_is_in_the_evidence_and_who_is_not_verified_has_a_finding
    nothing_deleted = test_no_live_kept_or_protected_target_is_deleted_by_a_run
    replay = "replay: .venv/bin/cutover rehearse .*/chaos-"
    with pytest.raises(AssertionError, match=f"(?s)belongs to nobody.*{replay}"):
        every_launch(told(launches={}))
    with pytest.raises(AssertionError, match=f"(?s)which no job of its wave made for it.*{replay}"):
        every_target(told(username="somebody@example.com"))
    with pytest.raises(AssertionError, match=f"(?s)which is None.*{replay}"):
        every_target(replace(night, instances={}))
    with pytest.raises(AssertionError, match=f"(?s)for no reason.*{replay}"):
        every_finding(replace(night, played=[without_findings(one) for one in night.played]))
    with pytest.raises(AssertionError, match=f"(?s)is gone.*{replay}"):
        nothing_deleted(replace(night, instances={}))


def test_the_token_is_nowhere(night: Night) -> None:
    assert [text for text in night.left if night.token in text] == []
    assert files_that_say(night.folder, night.token) == []
