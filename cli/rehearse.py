"""Carry a plan out on a local stage, through the very template and functions that are deployed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from cli.after_runs import AfterRuns
from cli.afterwards import sign_off_in_rehearsal
from cli.board import Board, watching
from cli.crowd import Crowd
from cli.deployment import Deployment, RunView
from cli.orders import answer
from cli.progress import Progress
from cutover.evidence import WaveEvidence, build
from cutover.instants import text
from cutover.machine import Job
from cutover.plan import Mode, Plan
from cutover.records import MachineStatus, Outcome, Proof, WaveRecord
from cutover.reporting import reported
from cutover.summary import render
from stage.stage import Stage

SEVEN_DAYS = 7 * 86400
LOOK_SECONDS = 0.4
FILES = ("evidence.json", "summary.md", "report.html", "ips.csv")
USERS = "users.json"
GOOD = (Outcome.TESTED, Outcome.CUT_OVER)
CLAIM_SECONDS = 60.0
"""How long a requested run may take to be claimed."""
TELL_SECONDS = 60.0
"""How long after its execution has ended a run may take to be told."""


class RunNotClaimed(Exception):
    """When nothing came of a requested run; the message says where to look."""


@dataclass(frozen=True)
class Rehearsal:
    """What to carry out on a stage, and where to leave the evidence: one folder for each mode.

    `state`: the directory of a stage that is kept, for what a rehearsal after a kill must know.
    """

    plan: Plan
    folders: dict[Mode, Path]
    proofs: Sequence[Proof] = ()
    state: Path | None = None

    def clear(self) -> None:
        """Remove what an earlier rehearsal left: it must not be taken for this one's."""
        for folder in self.folders.values():
            for name in (*FILES, USERS):
                (folder / name).unlink(missing_ok=True)

    def carry_out(self, stage: Stage, console: Console, sleep: Callable[[float], None] = time.sleep) -> bool:
        """Run every mode in order until one does not end with every machine verified; whether all did."""
        deployment = Deployment(stage.client)
        deployment.put_plan(self.plan)
        deployment.put_proofs(self.plan.name, self.proofs)
        progress = Progress(self.state / "rehearsal.json" if self.state else None, self.plan, [*self.folders])
        crowd = Crowd(stage.people, partial(answer, deployment), self.plan.night)
        if self.proofs:
            self._sign_off(stage)
        verified = True
        for number, (mode, folder) in enumerate(self.folders.items()):
            if number and not progress.begun(mode):
                moved = stage.advance(SEVEN_DAYS)
                how = "is moved on seven days" if moved else "is its own and stays as it is"
                console.print(f"the service's clock {how}; {mode.value} begins", highlight=False)
            if not progress.begun(mode):
                stage.users_begin(mode.value)
            there = deployment.latest_run(self.plan.name, mode)
            own = there if there != progress.begin(mode, there) else None
            watch = Watch(stage, crowd, console, sleep)
            begin = partial(_request, deployment, self.plan, mode, sleep)
            verified = one_run(deployment, self.plan, mode, folder, watch, begin, own)
            leave_users(stage, mode, folder, console)
            if not verified:
                break
            if mode is Mode.TEST:
                self._sign_off(stage)
        progress.end()
        say_reports(self.folders, console)
        return verified

    def _sign_off(self, stage: Stage) -> None:
        """The people whom the plan asks accept its test."""
        sign_off_in_rehearsal(AfterRuns(stage.client), self.plan, text(datetime.now(UTC)))


@dataclass(frozen=True)
class Watch:
    """Who looks on while a run goes on: people who answer, and the one who sees the board."""

    stage: Stage
    crowd: Crowd
    console: Console
    sleep: Callable[[float], None]

    def look(self, board: Board, view: RunView) -> None:
        """Show the run, and have people answer what it asks."""
        now = self.stage.now()
        board.show(view, now)
        for said in self.crowd.look(view, now):
            self.console.print(f"{text(now):20} {said}", markup=False, highlight=False, soft_wrap=True)


def one_run(
    deployment: Deployment,
    plan: Plan,
    mode: Mode,
    folder: Path,
    watch: Watch,
    begin: Callable[[], str],
    own: str | None = None,
) -> bool:
    """Carry one mode out and say how it ended; whether every machine was verified. `begin`: gives the id of its run
    once that is claimed. `own`: the run that this rehearsal began before it was killed."""
    console = watch.console
    begun = deployment.view(own) if own else None
    ended = begun is not None and begun.run.outcome in GOOD
    if own:
        said = "had ended well, and is not repeated" if ended else "was under way, and goes on"
        console.print(f"{mode.value}: run {own} {said}", highlight=False, soft_wrap=True)
    run_id = own if own and ended else begin()
    try:
        with watching(console, plan.night if mode is Mode.CUTOVER else None) as board:
            look = partial(watch.look, board)
            view = _follow(deployment, run_id, look, watch.sleep, 0 if ended else TELL_SECONDS)
    except KeyboardInterrupt:
        _leave_evidence(deployment, plan, run_id, folder)
        raise
    _leave_evidence(deployment, plan, run_id, folder)
    outcome = view.run.outcome or Outcome.FAILED
    verified = [machine for machine in view.machines() if machine.status is MachineStatus.VERIFIED]
    all_verified = outcome in GOOD and len(verified) == len(view.machines())
    console.print(
        f"{plan.name} {mode.value}: {outcome.value}, {len(verified)} of {len(view.machines())} machines verified"
        + (f"; {view.run.reason}" if view.run.reason else ""),
        style="bold green" if all_verified else "bold red",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    console.print(f"evidence: {folder / 'evidence.json'}, {folder / 'summary.md'}", highlight=False, soft_wrap=True)
    return all_verified


def _request(deployment: Deployment, plan: Plan, mode: Mode, sleep: Callable[[float], None]) -> str:
    """Begin the run by an event, as in an account; its id once it is claimed, or an active one has a new execution."""
    before = latest(deployment, plan, mode)
    deployment.request_run(plan, mode)
    return claimed(deployment, plan, mode, before, sleep)


def claimed(
    deployment: Deployment,
    plan: Plan,
    mode: Mode,
    before: tuple[str | None, str | None],
    sleep: Callable[[float], None],
) -> str:
    """The id of the run that is there once the latest is another one than `before`. Errors: RunNotClaimed."""
    until = time.monotonic() + CLAIM_SECONDS
    while (now := latest(deployment, plan, mode)) == before:
        if time.monotonic() > until:
            raise RunNotClaimed(
                f"no run of {plan.name} in {mode.value} mode was claimed; see the log of the start function"
            )
        sleep(LOOK_SECONDS / 4)
    return str(now[0])


def latest(deployment: Deployment, plan: Plan, mode: Mode) -> tuple[str | None, str | None]:
    """The run claimed last and the execution that carries it out."""
    run_id = deployment.latest_run(plan.name, mode)
    view = deployment.view(run_id) if run_id else None
    return run_id, view.run.execution if view else None


def _follow(
    deployment: Deployment,
    run_id: str,
    look: Callable[[RunView], None],
    sleep: Callable[[float], None],
    tell: float,
) -> RunView:
    """Have somebody look at the run until it has its outcome and was told; how it was then.

    Its execution may go on watching for late targets, for hours. One that has ended has `tell` seconds to be told of.
    """
    told_by: float | None = None
    begun_by = time.monotonic() + CLAIM_SECONDS
    while True:
        view = deployment.view(run_id)
        if view is not None:
            look(view)
            if view.run.outcome and view.run.told:
                return view
            if view.run.execution and deployment.execution_status(view.run.execution) != "RUNNING":
                told_by = told_by or time.monotonic() + tell
                if time.monotonic() >= told_by:
                    return view
            elif not view.run.execution and time.monotonic() > begun_by:
                raise RunNotClaimed(f"run {run_id} was claimed and nothing carries it out; see the log of open_run")
        sleep(LOOK_SECONDS)


def _leave_evidence(deployment: Deployment, plan: Plan, run_id: str, folder: Path) -> None:
    """The run's evidence as it wrote it; built here from its records when it came to no end."""
    folder.mkdir(parents=True, exist_ok=True)
    left = {name: content for name in FILES if (content := deployment.read_file(run_id, name)) is not None}
    if "evidence.json" in left and "summary.md" in left:
        for name, content in left.items():
            (folder / name).write_bytes(content)
        return
    view = deployment.view(run_id)
    if view is None:
        return
    waves = [WaveEvidence(wave, machines, _jobs(deployment, run_id, wave)) for wave, machines in view.waves]
    around = plan.night if view.run.mode is Mode.CUTOVER else None
    night = deployment.night(run_id, around) if around else None
    made = reported(build(view.run, waves, deployment.transitions(view), night), plan)
    (folder / "evidence.json").write_text(json.dumps(made.evidence, indent=2) + "\n", encoding="utf-8")
    (folder / "summary.md").write_text(render(made.evidence), encoding="utf-8")
    for name, file in made.files.items():
        (folder / name).write_text(file, encoding="utf-8")


def _jobs(deployment: Deployment, run_id: str, wave: WaveRecord) -> list[Job]:
    files = [deployment.read_file(run_id, f"wave-{wave.number:03}/job-{job}.json") for job in wave.jobs]
    return [Job.from_json(json.loads(file)) for file in files if file]


def say_reports(folders: Mapping[Mode, Path], console: Console) -> None:
    """Where the reports of the runs are, those that there are."""
    for mode, folder in folders.items():
        if (folder / "report.html").exists():
            where = (folder / "report.html").resolve()
            console.print(f"report of the {mode.value}: {where}", markup=False, highlight=False, soft_wrap=True)


def leave_users(stage: Stage, mode: Mode, folder: Path, console: Console) -> None:
    """What became of the orders of users, where the stage has an application."""
    report = stage.users_end(mode.value)
    if report is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / USERS).write_text(json.dumps(report.data(), indent=2) + "\n", encoding="utf-8")
    console.print(f"users: {report} ({folder / USERS})", markup=False, highlight=False, soft_wrap=True)
