"""The commands for what comes after a run, and for proving a launch that somebody made by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from cli.aws import speaks_aws
from cli.command import fail, load, note, refuse, say
from cli.command import out as output
from cli.plan.fields import seconds
from cutover import leftovers as core
from cutover.instants import text
from cutover.plan import Mode, Plan
from cutover.records import MachineStatus, Outcome
from cutover.words import duration

if TYPE_CHECKING:
    from cli.after_runs import AfterRuns
    from cli.deployment import RunView

LOOK_SECONDS = 5.0
LOOKS = 180
"""A command looks for a quarter of an hour; asked again, it goes on."""
CLAIM_SECONDS = 60.0
GOOD = (Outcome.TESTED, Outcome.CUT_OVER)

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as its messages name it.", show_default=False)]
By = Annotated[str, typer.Option(help="Who decides it.")]


def add_to(app: typer.Typer) -> None:
    """These commands, in the order of their days."""
    for command in (observe, signoff, cleanup, finalize, leftovers):
        app.command()(speaks_aws(command))


def observe(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="The plan: a YAML file.", show_default=False)],
    mode: Annotated[Mode, typer.Option(help="What is launched by hand.")],
    out: Annotated[
        Path | None, typer.Option(help="Where evidence goes; by default out/PLAN NAME/observe-MODE/.")
    ] = None,
) -> None:
    """Prove launches that somebody makes in the service's console: find, verify, tag, report; launch nothing."""
    compiled = load(plan)
    with _deployment() as deployment:
        view = _observed(deployment, compiled, mode, time.sleep)
        folder = out or Path("out") / compiled.name / f"observe-{mode.value}"
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("evidence.json", "summary.md", "ips.csv", "report.html"):
            content = deployment.read_file(view.run.id, name)
            if content is not None:
                (folder / name).write_bytes(content)
                say(f"{'report' if name == 'report.html' else 'evidence'}: {folder / name}")
    verified = [each for each in view.machines() if each.status is MachineStatus.VERIFIED]
    outcome = view.run.outcome.value if view.run.outcome else "no end"
    say(f"{compiled.name} {mode.value}, observed: {outcome}, {len(verified)} of {len(view.machines())} verified")
    say("Production: this run launched, stopped and moved nothing.")
    raise typer.Exit(0 if view.run.outcome in GOOD and len(verified) == len(view.machines()) else 1)


def signoff(
    plan: Annotated[str, typer.Argument(metavar="PLAN_NAME", help="The plan's name.", show_default=False)],
    by: By,
    machine: Annotated[
        list[str] | None, typer.Option(help="Only this machine's test; may be given several times.")
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help="The test is not accepted: no cutover follows it.")] = False,
    reason: Annotated[str, typer.Option(help="Why; a rejection needs one.")] = "",
) -> None:
    """Accept the verified tests of a plan, or reject them: a plan may ask for it before its cutover."""
    if not by.strip() or (reject and not reason.strip()):
        refuse("a sign-off names who (--by), and a rejection why (--reason)")
    with _deployment() as deployment:
        words = deployment.sign_off(plan, by, text(datetime.now(UTC)), machine or (), rejected=reject, reason=reason)
    for word in words:
        whose = "every machine" if word.machine == "*" else f"machine {word.machine}"
        done = f"rejected by {by}: {reason}" if reject else f"signed off by {by}"
        say(f"the test of {whose} in {', '.join(word.runs)} is {done}")


def cleanup(run: RunId, by: By = "an operator") -> None:
    """Delete the test targets that a run has left, through the service: never a live one, never one that is kept."""
    with _deployment() as deployment:
        answer = _until_done(lambda: deployment.clean_up(run, by), time.sleep)
    _end(answer, "production is not touched: only test targets of this run were asked for")


def finalize(
    run: RunId,
    by: By,
    confirm: Annotated[str, typer.Option(metavar="PLAN_NAME", help="The plan's name once more: there is no way back.")],
) -> None:
    """Remove the sources of a committed cutover from the service, for good: agents, replication and staging."""
    if not by.strip():
        refuse("a finalizing names who (--by)")
    with _deployment() as deployment:
        answer = _until_done(lambda: deployment.finalize(run, by, confirm), time.sleep)
    _end(answer, "production: TARGET; the targets stay")


def leftovers(
    older_than: Annotated[str, typer.Option(metavar="DURATION", help="Only what is older, as in 30m, 1d.")] = "1d",
) -> None:
    """Report what launches and runs left behind in EC2, with its age and what to do. Looks, and deletes nothing."""
    try:
        age = timedelta(seconds=seconds(older_than))
    except ValueError:
        refuse(f"--older-than: seen {older_than!r}; write it like 30m, 12h or 1d")
    with _deployment() as deployment:
        seen = deployment.in_ec2()
        named = {core.run_of(each) for each in seen} - {""}
        found = core.judge(seen, {each: deployment.run(each) for each in sorted(named)}, datetime.now(UTC), age)
    table = Table("thing", "what it is", "run", "age", "do", box=box.SIMPLE)
    for each in found:
        table.add_row(*map(Text, (each.id, each.what, each.run or "-", duration(each.age), each.remedy)))
    note(leftovers=[{**asdict(each), "age": int(each.age.total_seconds())} for each in found], looked_at=len(seen))
    if found:
        output().print(table)
    say(f"{len(found)} left over of {len(seen)} looked at, older than {older_than}; nothing was changed")


def sign_off_in_rehearsal(deployment: AfterRuns, plan: Plan, at: str) -> None:
    """On a stage the people whom the plan asks accept what was tested there, in time."""
    asked = next((wave.sign_off for wave in plan.waves if wave.sign_off), None)
    for by in asked.by if asked else ():
        deployment.sign_off(plan.name, by, min(at, asked.until or at) if asked else at, reason="rehearsed")


def _observed(deployment: AfterRuns, plan: Plan, mode: Mode, sleep: Callable[[float], None]) -> RunView:
    """Begin the run, and say what changes until it was told. Interrupted, the run goes on."""
    from cli.board import Lines  # with the run's records

    deployment.put_plan(plan)
    before = deployment.latest_run(plan.name, mode, observe=True)
    active = deployment.view(before) if before else None
    running = active is not None and active.run.outcome is None
    deployment.request_run(plan, mode, observe=True)
    until = time.monotonic() + CLAIM_SECONDS
    while (run_id := deployment.latest_run(plan.name, mode, observe=True)) == before and not running:
        if time.monotonic() > until:
            fail("no run was claimed; see the log of the start function")
        sleep(LOOK_SECONDS / 10)
    say(f"run {run_id} observes; launch the machines in the service's console, or have launched them today")
    lines = Lines(output())
    while True:
        view = deployment.view(str(run_id))
        if view is not None:
            lines.show(view)
            if view.run.outcome and view.run.told:
                return view
            if view.run.execution and deployment.execution_status(view.run.execution) != "RUNNING" and view.run.outcome:
                return view
        sleep(LOOK_SECONDS / 5)


def _until_done(look: Callable[[], dict[str, Any]], sleep: Callable[[float], None]) -> dict[str, Any]:
    """Ask and look again, for as long as there is something on its way."""
    said = ""
    for _ in range(LOOKS):
        answer = look()
        if answer["reason"] != said:
            said = answer["reason"]
            say(said)
        if answer["verdict"] != "wait":
            return answer
        sleep(LOOK_SECONDS)
    return answer


def _end(answer: dict[str, Any], production: str) -> NoReturn:
    note(**answer)
    for each in answer["machines"]:
        say(f"  {each['label']} {each['instance'] or 'without a target'}: {each['fate']}")
        for finding in each["findings"]:
            say(f"    {finding['field']}: seen {finding['seen']}; rule: {finding['rule']}; do: {finding['remedy']}")
    if answer["verdict"] == "wait":
        say("not at its end yet; the same command goes on with it")
    say(production)
    left = any(each["fate"] == "stays" for each in answer["machines"])
    raise typer.Exit(0 if answer["verdict"] == "done" and not left else 1)


@contextmanager
def _deployment() -> Iterator[AfterRuns]:
    """The deployed Cutover, by the usual AWS variables; what it refuses is said, with exit code 1."""
    import boto3  # the commands that speak to nobody start without it

    from cli.after_runs import AfterRuns, NotDone
    from cli.deployment import NotDeployed

    try:
        yield AfterRuns(boto3.client)
    except (NotDeployed, NotDone) as error:
        fail(str(error))
