"""What the same command does after a kill: it goes on where the rehearsal was, and repeats no mode that had ended."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli import rehearse
from cli.deployment import RunView
from cli.plan import load_plan
from cli.progress import Progress
from cutover.plan import Mode, Plan
from cutover.records import Accepted, MachineRecord, MachineStatus, Outcome, RunRecord, RunStatus, WaveRecord
from stage.outside.users import Report
from stage.simulator.around import Person

ROOT = Path(__file__).parents[2]
BOTH = (Mode.TEST, Mode.CUTOVER)
ENDS = {Mode.TEST: Outcome.TESTED, Mode.CUTOVER: Outcome.CUT_OVER}


class Killed(BaseException):
    """Ends the command as kill -9 would: nothing that catches exceptions sees it."""


class World:
    """A stage and its deployment in one, which end every run at once and remember what was asked."""

    def __init__(self) -> None:
        self.runs: list[RunRecord] = []
        self.requested: list[Mode] = []
        self.advanced = 0
        self.users_begun: list[str] = []
        self.people: list[Person] = []
        self.killed_in: Mode | None = None
        self.outcome: Outcome | None = None
        self.machines: tuple[MachineRecord, ...] = ()

    def client(self, service: str) -> Any:
        return None

    def advance(self, seconds: float) -> bool:
        self.advanced += 1
        return True

    def now(self) -> datetime:
        return datetime(2026, 12, 5, 22, 0, tzinfo=UTC)

    def users_begin(self, count: str) -> None:
        self.users_begun.append(count)

    def users_end(self, count: str) -> Report:
        return Report(*[1 + [*self.users_begun, count].index(count)] * 7)

    def put_plan(self, plan: Plan) -> None:
        return

    def put_proofs(self, plan: str, proofs: object) -> None:
        return

    def request_run(self, plan: Plan, mode: Mode) -> None:
        self.requested.append(mode)
        active = [run for run in self.runs if run.mode is mode and run.outcome is None]
        if active:
            run = self.runs.pop()
            run = run.but(attempt=run.attempt + 1)
        else:
            run = RunRecord(f"{plan.name}-{mode}-{len(self.runs)}", plan.name, plan.sha256, mode, 1, None, "now")
        run = run.but(execution=f"arn:{run.id}-{run.attempt}")
        if self.killed_in is not mode:
            run = run.but(outcome=self.outcome or ENDS[mode], status=RunStatus.SUCCEEDED, told=True)
        self.runs.append(run)

    def latest_run(self, plan: str, mode: Mode) -> str | None:
        return next((run.id for run in reversed(self.runs) if run.mode is mode), None)

    def view(self, run_id: str) -> RunView | None:
        waves = ((WaveRecord(1, "db"), self.machines),) if self.machines else ()
        return next((RunView(run, waves) for run in self.runs if run.id == run_id), None)

    def execution_status(self, arn: str) -> str:
        if any(run.execution == arn and run.outcome is None for run in self.runs):
            raise Killed
        return "SUCCEEDED"

    def read_file(self, run_id: str, name: str) -> bytes:
        return run_id.encode()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(rehearse, "Deployment", lambda client: world)
    return world


def carry_out(world: World, state: Path, *modes: Mode, plan: str = "demo") -> tuple[bool, str]:
    said = StringIO()
    folders = {mode: state / "out" / mode for mode in modes}
    rehearsal = rehearse.Rehearsal(load_plan(ROOT / f"plans/{plan}.yaml"), folders, state=state)
    good = rehearsal.carry_out(world, Console(file=said, width=200), sleep=lambda seconds: None)  # type: ignore[arg-type]  # what it needs of a stage
    return good, said.getvalue()


def test_a_mode_that_had_ended_is_reported_and_not_repeated(world: World, tmp_path: Path) -> None:
    world.killed_in = Mode.CUTOVER
    with pytest.raises(Killed):
        carry_out(world, tmp_path, *BOTH)
    world.killed_in = None
    good, said = carry_out(world, tmp_path, *BOTH)
    assert good
    assert "test: run demo-test-0 had ended well, and is not repeated" in said
    assert "cutover: run demo-cutover-1 was under way, and goes on" in said
    assert world.requested == [Mode.TEST, Mode.CUTOVER, Mode.CUTOVER]
    assert [run.id for run in world.runs] == ["demo-test-0", "demo-cutover-1"]
    assert world.runs[-1].attempt == 2
    assert world.advanced == 1, "the seven days pass once"
    assert world.users_begun == ["test", "cutover"], "the users of a mode that goes on are counted on"
    assert json.loads((tmp_path / "out" / "cutover" / "users.json").read_text())["orders"] == 2
    assert json.loads((tmp_path / "out" / "test" / "users.json").read_text())["orders"] == 1
    assert "users: 2 orders, 2 lost, 2 served twice" in said
    assert (tmp_path / "out" / "test" / "evidence.json").read_text() == "demo-test-0"


def test_after_a_rehearsal_that_ended_the_same_command_is_a_new_one(world: World, tmp_path: Path) -> None:
    for _ in range(2):
        good, said = carry_out(world, tmp_path, *BOTH)
        assert good
        assert "goes on" not in said
    assert [run.id for run in world.runs] == ["demo-test-0", "demo-cutover-1", "demo-test-2", "demo-cutover-3"]
    assert world.advanced == 2


def test_a_mode_that_ended_badly_ends_the_rehearsal(world: World, tmp_path: Path) -> None:
    world.outcome = Outcome.REFUSED
    assert not carry_out(world, tmp_path, *BOTH)[0]
    world.outcome = None
    assert carry_out(world, tmp_path, *BOTH)[0]
    assert world.requested == [Mode.TEST, Mode.TEST, Mode.CUTOVER]


def test_killed_before_anything_was_claimed_the_run_is_requested_again(world: World, tmp_path: Path) -> None:
    Progress(tmp_path / "rehearsal.json", load_plan(ROOT / "plans/demo.yaml"), [Mode.TEST]).begin(Mode.TEST, None)
    assert carry_out(world, tmp_path, Mode.TEST)[0]
    assert world.requested == [Mode.TEST]


def test_another_rehearsals_progress_does_not_count(world: World, tmp_path: Path) -> None:
    world.killed_in = Mode.CUTOVER
    with pytest.raises(Killed):
        carry_out(world, tmp_path, *BOTH)
    world.killed_in = None
    assert carry_out(world, tmp_path, Mode.TEST)[0]
    assert world.requested == [Mode.TEST, Mode.CUTOVER, Mode.TEST]


def test_a_machine_that_is_only_accepted_is_not_verified(world: World, tmp_path: Path) -> None:
    word = Accepted("lead@example.com", "answers by hand", "2026-11-28T22:00:00Z")
    world.machines = (MachineRecord("db01", 0, status=MachineStatus.VERIFIED),)
    assert carry_out(world, tmp_path, Mode.TEST)[0]
    world.machines += (MachineRecord("db02", 1, status=MachineStatus.HELD, accepted=word),)
    good, said = carry_out(world, tmp_path, Mode.TEST)
    assert not good
    assert "1 of 2 machines verified" in said
