"""The commands that start runs, look at them, and fetch what they left. By the usual AWS variables, or --profile."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.aws import AsJson, speaks_aws
from cli.command import fail, out, say
from cli.plan_commands import Name, stored
from cutover.instants import instant
from cutover.plan import Mode
from cutover.records import Record

if TYPE_CHECKING:
    from cli.deployment import RunView
    from cli.stored_plans import StoredPlans
    from cutover.planned_night import Night

LOOK_SECONDS = 5.0
LOOKS = 17_280
"""Looks at one run: a day of them. Whoever looks on for longer gives the command again."""

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as its messages name it.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """These commands, in the order of a run."""
    for command in (start, status, history, report):
        app.command()(speaks_aws(command))


def start(
    name: Name,
    mode: Annotated[Mode, typer.Option(help="What the run does.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start a run of a stored plan now, and print its id: the same one while a run of that plan and mode is active."""
    with stored() as deployment:
        version = deployment.find(name)
        if not yes:
            asked = f"Start a {mode.value} of plan {name}, {version.sha256[:12]}, stored {version.put_at}, now?"
            typer.confirm(asked, abort=True, err=True)
        began = deployment.start(version, mode)
    typer.echo(json.dumps(began, indent=2) if as_json else began["run"])


def status(
    of: Annotated[str, typer.Argument(metavar="RUN|NAME", help="A run's id, or a plan's name.", show_default=False)],
    watch: Annotated[bool, typer.Option("--watch", help="Look on until the run has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """How a run stands, or the latest run of a plan. Exit 0 whatever its outcome is."""
    from cli.board import draw  # brings boto3 along

    with stored() as deployment:
        run = of if deployment.view(of) else deployment.latest_of(of)
        view = deployment.view(run) if run else None
        if view is None:
            fail(f"no run {of} is known here, and no run of a plan of that name; see cutover plan list")
        planned = deployment.plan_of(view.run).night if view.run.mode is Mode.CUTOVER else None
        if watch and not as_json:
            view = _look_on(deployment, view, planned)
        elif not as_json:
            out().print(draw(view, planned, instant(deployment.now(view))))
    if as_json:
        document = {
            "run": _plain(view.run),
            "night": _plain(view.night),
            "waves": [{**_plain(wave), "machines": [_plain(each) for each in some]} for wave, some in view.waves],
            "steps": [_plain(each) for each in view.steps],
            "questions": [_plain(each) for each in view.questions],
        }
        typer.echo(json.dumps(document, indent=2, default=str))
    elif view.run.outcome:
        say(f"{view.run.id}: {view.run.outcome.value}" + (f"; {view.run.reason}" if view.run.reason else ""))
    elif watch:
        say(f"{view.run.id} has not ended within a day; to look on, give the command again")


def _look_on(deployment: StoredPlans, view: RunView, planned: Night | None) -> RunView:
    """Show the run until it has ended, a day at the longest; as it was then."""
    from cli.board import watching

    with watching(out(), planned) as board:
        for _ in range(LOOKS):
            board.show(view, instant(deployment.now(view)))
            if view.run.outcome:
                break
            time.sleep(LOOK_SECONDS)
            view = deployment.view(view.run.id) or view
    return view


def history(name: Name, as_json: AsJson = False) -> None:
    """The runs of a plan, oldest first, and the versions that were stored of it."""
    with stored() as deployment:
        runs = deployment.runs_of(name)
        versions = deployment.versions(name)
    if as_json:
        document = {"plan": name, "runs": [_plain(each) for each in runs], "versions": [asdict(v) for v in versions]}
        typer.echo(json.dumps(document, indent=2, default=str))
        return
    for version in versions:
        say(f"{version.put_at}  version {version.sha256[:12]} stored by {version.put_by}")
    for run in runs:
        outcome = run.outcome.value if run.outcome else run.status.value
        say(
            f"{run.claimed}  {run.id}  {outcome}  version {run.sha256[:12]}" + (f"  {run.reason}" if run.reason else "")
        )
    if not runs:
        say(f"no run of plan {name} is recorded here")


def report(
    run: Run,
    folder: Annotated[Path | None, typer.Option("--out", help="Where it goes; by default out/RUN/.")] = None,
    as_json: AsJson = False,
) -> None:
    """Download what a run left: report.html, ips.csv, evidence.json, summary.md, job logs and what else is there."""
    into = folder or Path("out") / run
    with stored() as deployment:
        names = deployment.files_of(run)
        if not names:
            fail(f"run {run} has left nothing yet; see how it stands: cutover status {run}")
        for name in names:
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            (into / name).write_bytes(deployment.read_file(run, name) or b"")
    if as_json:
        typer.echo(json.dumps({"run": run, "folder": str(into), "files": names}, indent=2))
        return
    for name in names:
        say(str(into / name))
    if "report.html" in names:
        say(f"report: {(into / 'report.html').resolve()}")


def _plain(record: Record | None) -> dict[str, Any]:
    return record.to_json() if record else {}
