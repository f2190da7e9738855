"""The commands for plans stored with a deployed Cutover. By the usual AWS variables, or --profile and --region."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.aws import AsJson, speaks_aws
from cli.command import fail, load, say
from cutover.plan import WHEN_READY, Mode, Plan

if TYPE_CHECKING:
    from cli.stored_plans import StoredPlans

Name = Annotated[str, typer.Argument(metavar="NAME", help="The plan's name.", show_default=False)]
File = Annotated[Path, typer.Argument(metavar="PLAN", help="The plan: a YAML file.", show_default=False)]
Sha = Annotated[str, typer.Option("--version", metavar="SHA256", help="Its hash, or how it begins.")]


def add_to(plans: typer.Typer, app: typer.Typer) -> None:
    """`plan put` and its neighbours, and those that stand by themselves."""
    plans.command("list")(speaks_aws(listed))
    for command in (put, show, diff, remove):
        plans.command()(speaks_aws(command))
    for command in (schedule, unschedule):
        app.command()(speaks_aws(command))


def put(plan: File, as_json: AsJson = False) -> None:
    """Store a plan with the deployed Cutover, and schedule the modes it names a time for."""
    compiled = load(plan)
    with stored() as deployment:
        version = deployment.store(compiled)
        scheduled = _schedule(deployment, compiled)
    if as_json:
        typer.echo(json.dumps({**asdict(version), "key": compiled.key, "scheduled": scheduled}, indent=2))
        return
    say(f"stored as {compiled.key}")
    _say_scheduled(compiled, scheduled)


def listed(as_json: AsJson = False) -> None:
    """The plans that are stored, with who stored them and when."""
    with stored() as deployment:
        plans = deployment.all()
    if as_json:
        typer.echo(json.dumps({"plans": [asdict(each) for each in plans]}, indent=2))
        return
    for each in plans:
        say(f"{each.plan}  {each.sha256[:12]}  {each.put_at}  {each.put_by}")
    if not plans:
        say("no plan is stored here")


def show(name: Name, version: Sha = "", as_json: AsJson = False) -> None:
    """A stored plan, compiled, and all its versions."""
    with stored() as deployment:
        found = deployment.find(name, version)
        plan = json.loads(deployment.read(found).canonical())
        versions = deployment.versions(name)
    if as_json:
        document = {**asdict(found), "versions": [asdict(each) for each in versions], "compiled": plan}
        typer.echo(json.dumps(document, indent=2))
        return
    for each in versions:
        mark = "*" if each == found else " "
        say(f"{mark} {each.sha256[:12]}  {each.put_at}  {each.put_by}")
    say(json.dumps(plan, indent=2))


def diff(
    name: Annotated[str, typer.Argument(metavar="NAME|PLAN", help="A plan's name, or a file.", show_default=False)],
    before: Annotated[str, typer.Option("--from", metavar="SHA256", help="By default the current version.")] = "",
    after: Annotated[str, typer.Option("--to", metavar="SHA256", help="Of a name: by default the current one.")] = "",
    as_json: AsJson = False,
) -> None:
    """What differs between two versions, or between what is stored and a file. Exit 0 without differences, 1 with."""
    from cli.differences import differences

    file = load(Path(name)) if Path(name).is_file() else None
    with stored() as deployment:
        plan = file.name if file else name
        old = deployment.read(deployment.find(plan, before))
        new = file or deployment.read(deployment.find(plan, after))
    found = differences(old, new)
    if as_json:
        document = {"plan": plan, "from": old.sha256, "to": new.sha256, "differences": [asdict(each) for each in found]}
        typer.echo(json.dumps(document, indent=2))
    else:
        for each in found:
            say(str(each))
        if not found:
            say("no difference")
    raise typer.Exit(1 if found else 0)


def remove(name: Name, as_json: AsJson = False) -> None:
    """Remove a plan and its schedules. Refused while a run carries it out; runs keep the plan they began with."""
    with stored() as deployment:
        deployment.remove(name)
    typer.echo(json.dumps({"plan": name, "removed": True})) if as_json else say(
        f"{name} is removed, with its schedules"
    )


def schedule(name: Name, as_json: AsJson = False) -> None:
    """Make the schedules of a stored plan anew."""
    with stored() as deployment:
        plan = deployment.read(deployment.find(name))
        scheduled = _schedule(deployment, plan)
    if as_json:
        typer.echo(json.dumps({"plan": name, "sha256": plan.sha256, "scheduled": scheduled}, indent=2))
        return
    _say_scheduled(plan, scheduled)
    if not scheduled:
        say(f"{name} names no time; start it by hand, or name one in `schedule`")


def unschedule(name: Name, as_json: AsJson = False) -> None:
    """Take the schedules of a plan away: nothing of it begins by itself until it is scheduled again."""
    with stored() as deployment:
        removed = deployment.unschedule(name)
    if as_json:
        typer.echo(json.dumps({"plan": name, "removed": removed}, indent=2))
        return
    say(f"{name}: nothing begins by itself; removed: {', '.join(removed) or 'no schedule was there'}")


@contextmanager
def stored() -> Iterator[StoredPlans]:
    """The deployment's plans; what is refused is said, with exit code 1."""
    import boto3  # the commands that speak to nobody start without it

    from cli.deployment import NotDeployed
    from cli.stored_plans import InUse, NotStarted, NotStored, StoredPlans

    try:
        yield StoredPlans(boto3.client)
    except (NotDeployed, NotStored, NotStarted, InUse) as error:
        fail(str(error))


def _schedule(deployment: StoredPlans, plan: Plan) -> dict[str, str]:
    """When each mode begins by itself; by mode."""
    made = deployment.put_schedules(plan)
    deployment.watch(plan)
    return {mode.value: at for mode, at in plan.schedule.items() if mode in made or at == WHEN_READY}


def _say_scheduled(plan: Plan, scheduled: dict[str, str]) -> None:
    for mode, at in scheduled.items():
        if at == WHEN_READY:
            say(f"{mode} begins by itself once all machines are ready")
        else:
            say(f"{mode} begins by itself at {at}: schedule {plan.name}-{Mode(mode).value}")
    for mode in sorted(each.value for each in plan.schedule if each.value not in scheduled):
        say(f"{mode} does not begin by itself: its time, {plan.schedule[Mode(mode)]}, has passed")
