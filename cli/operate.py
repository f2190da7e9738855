"""The commands of a night: answer what a run asks, order what it shall do, take it over. By the usual AWS variables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli.aws import AsJson, in_words, speaks_aws
from cli.command import fail, note, refuse, say
from cutover import commands
from cutover.night_records import Holder, NightRecord, Order, Wish

if TYPE_CHECKING:
    from cli.deployment import Deployment, RunView

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as its messages name it.", show_default=False)]
Machine = Annotated[str, typer.Argument(metavar="MACHINE", help="As the plan calls it.", show_default=False)]
By = Annotated[str, typer.Option(help="Who says so; as the plan names them where it asks.", show_default=False)]
Reason = Annotated[str, typer.Option(help="Why; the messages and the evidence say it.", show_default=False)]
PERHAPS = Annotated[str, typer.Option(help="Why.", show_default=False)]


class Question(StrEnum):
    """What people are asked in a night."""

    GO = "go"
    USERS = "users"
    COMMIT = "commit"


def add_to(app: typer.Typer) -> None:
    """These commands, in the order of a night."""
    for command in (approve, done, verify, accept, resume, rollback, takeover, abort):
        app.command()(speaks_aws(command))


def approve(
    run: Run,
    question: Annotated[Question, typer.Argument(metavar="QUESTION", help="go, users or commit.", show_default=False)],
    by: By,
    no: Annotated[bool, typer.Option("--no", help="The answer is no; it needs a reason.")] = False,
    reason: PERHAPS = "",
) -> None:
    """Answer a question of a run, once and in time: yes, or --no. Exit 1, with why, where the answer does not count."""
    _named(by, reason if no else None, "a no")
    from cli.orders import answer

    with _telling(run) as (deployment, view, now):
        answer(deployment, run, question.value, by, not no, reason, now)
        said = f"no ({reason})" if no else "yes"
        say(f"{question.value} of {run}: {by} says {said}, written at {now}; it is taken up at the next look")
        _production(view)


def done(
    run: Run,
    step: Annotated[
        str, typer.Argument(metavar="STEP", help="Its name in the plan, or power_off-1.", show_default=False)
    ],
    by: By,
    failed: Annotated[bool, typer.Option("--failed", help="It cannot be done; it needs a reason.")] = False,
    reason: PERHAPS = "",
) -> None:
    """Say that a step done by hand is done, or undone where it is being undone; or --failed."""
    _named(by, reason if failed else None, "a step that failed")
    from cli.orders import answer
    from cli.refusals import question_of_step

    with _telling(run) as (deployment, view, now):
        name = question_of_step(view, deployment.plan_of(view.run), step)
        answer(deployment, run, name, by, not failed, reason, now)
        became = f"cannot be done ({reason})" if failed else "is done"
        say(f"{name} of {run}: {by} says that it {became}, written at {now}; it is taken up at the next look")
        _production(view)


def verify(run: Run, machine: Machine, by: By, reason: PERHAPS = "") -> None:
    """Have a machine that failed judged again, as it is now."""
    _order(run, Wish.VERIFY, by, reason, machine=machine)


def accept(run: Run, machine: Machine, by: By, reason: Reason) -> None:
    """Take a machine that failed for verified, as it is: a person has looked, and says why."""
    _named(by, reason, "an acceptance")
    _order(run, Wish.ACCEPT, by, reason, machine=machine)


def resume(run: Run, by: By, reason: PERHAPS = "") -> None:
    """Have a run that holds go on: what failed is tried again."""
    _order(run, Wish.RESUME, by, reason)


def rollback(
    run: Run,
    by: By,
    reason: Reason,
    data_stays: Annotated[
        bool, typer.Option("--data-stays", help="Known: what users entered on the targets stays there.")
    ] = False,
) -> None:
    """Have a run go back to the source: targets stopped, what was done undone, doors opened."""
    _named(by, reason, "a way back")
    _order(run, Wish.ROLLBACK, by, reason, data_stays=data_stays)


def takeover(run: Run, as_json: AsJson = False) -> None:
    """Print what is done, what is open, who serves users, and what to do by hand, in order. Changes nothing."""
    from cli.sheet import lines
    from cutover.takeover import sheet

    with _telling(run) as (deployment, view, now):
        night = view.night or NightRecord()
        plan = deployment.plan_of(view.run)
        made = sheet(plan, view.run, night, view.steps, view.questions, view.waves, now, view.order)
    if as_json:
        typer.echo(json.dumps(made.to_json(), indent=2))
        return
    for line in lines(made):
        typer.echo(line)


def abort(run: Run, by: By, reason: Reason) -> None:
    """Abort a run: nothing more is launched, what was launched is followed to its end.

    Once its doors are closed it goes back to the source; once users are on the targets it is refused: see rollback.
    """
    _named(by, reason, "an abort")
    from cli.orders import abort as mark

    with _telling(run) as (deployment, _, now):
        view = mark(deployment, run, by, reason, now)
        night = view.night or NightRecord()
        if view.run.interrupted:
            say(f"{run} is aborted: its execution is dead, and nobody starts it again. What it left is done by hand")
        elif night.closed is not None:
            say(f"{run} is aborted: nothing more is launched, and it goes back to the source at its next look")
        else:
            say(f"{run} is aborted: nothing more is launched")
        _production(view)


def _order(run: str, wish: Wish, by: str, reason: str, *, machine: str = "", data_stays: bool = False) -> None:
    _named(by, None, "")
    from cli.orders import put_order

    with _telling(run) as (deployment, view, now):
        order = put_order(deployment, run, Order(wish, by, reason, now, machine, data_stays))
        what = " ".join(each for each in (wish.value, order.machine) if each)
        say(f"{what} of {run}: ordered by {by} at {now}; it is taken up at the next look, and told")
        if view.run.interrupted:
            say("Its execution is dead: that is once the run is started again")
        _production(view)


@contextmanager
def _telling(run: str) -> Iterator[tuple[Deployment, RunView, str]]:
    """The deployment, the run as it is, and the instant; what is refused is said, with exit code 1."""
    import boto3  # the commands that speak to nobody start without it
    from botocore.exceptions import BotoCoreError, ClientError

    from cli.deployment import Deployment, NotDeployed, NotTaken

    try:
        deployment = Deployment(boto3.client)
        view = deployment.view(run)
        if view is None:
            fail(f"no run {run} is known here; the messages of a run and its evidence name it")
        now = deployment.now(view)
        note(run=run, at=now)
        yield deployment, view, now
    except (NotDeployed, NotTaken) as error:
        fail(str(error))
    except (BotoCoreError, ClientError) as error:
        fail(f"{in_words(error)}; see what is written: {commands.takeover(run)}")


def _named(by: str, reason: str | None, what: str) -> None:
    if reason is not None and (not by.strip() or not reason.strip()):
        refuse(f"{what} names who (--by) and why (--reason)")
    if not by.strip():
        refuse("--by is empty; it names who says so")


def _production(view: RunView) -> None:
    night = view.night or NightRecord()
    note(production={"holder": night.holder.value, "since": night.since})
    since = f" since {night.since}" if night.since else ""
    users = {Holder.SOURCE: "users are on the source", Holder.NOBODY: "users are shut out"}
    say(f"Production: {night.holder.value.upper()}{since}; {users.get(night.holder, 'users are on the targets')}")
