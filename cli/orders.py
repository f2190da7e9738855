"""What people tell a run of a deployed Cutover: answers to what it asks, and orders; written once, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cli.deployment import Deployment, RunView
from cli.refusals import NoSuchRun, Raced, asked_by, may_abort, may_answer, may_name, may_order
from cutover import commands
from cutover.deciding import Via, answer_update
from cutover.night_records import Order, Wish


def answer(deployment: Deployment, run: str, name: str, by: str, yes: bool, reason: str, now: str) -> None:
    """Answer a question of the run, once and in time. `now` is UTC, RFC 3339. Errors: NotTaken."""

    def write(view: RunView) -> bool:
        question = asked_by(view, name)
        may_answer(view, deployment.plan_of(view.run), question, by, now)
        update = answer_update(question, by, yes, reason, now, Via.COMMAND)
        return deployment.write_if(run, ("Update", f"QUESTION#{name}", update), _unended())

    _once(deployment, run, write)


def put_order(deployment: Deployment, run: str, order: Order) -> Order:
    """Order something of the run: as it was written, its machine as the run calls it. Errors: NotTaken."""

    def write(view: RunView) -> bool:
        wanted = may_order(view, order)
        put = {"Item": wanted.to_json(), "ConditionExpression": "attribute_not_exists(pk)"}
        needed = {
            Wish.RESUME: "attribute_type(#hold, :map) AND #hold.deadline > :now",
            Wish.ROLLBACK: "attribute_type(closed, :string) AND attribute_type(committed, :null)"
            " AND attribute_type(#back, :null)"
            + ("" if order.data_stays else " AND attribute_type(switching, :null) AND attribute_type(opened, :null)"),
        }.get(order.wish)
        operations = [("Put", "ORDER", put), _unended()]
        if needed:
            operations.append(("ConditionCheck", "NIGHT", _night_is(needed, order.at)))
        return deployment.write_if(run, *operations)

    return may_name(_once(deployment, run, write), order)


def abort(deployment: Deployment, run: str, by: str, reason: str, at: str) -> RunView:
    """Mark the run: what was not launched is not launched any more; the run as it was then. Errors: NotTaken.

    Behind closed doors the run goes back to the source; once users may be on the targets only an order does that. A
    run whose execution has died is left for good. `at` is UTC, RFC 3339.
    """

    def write(view: RunView) -> bool:
        may_abort(view)
        dead = view.run.interrupted
        mark = {
            "UpdateExpression": "SET aborted = :yes, aborted_by = :by, abort_reason = :why, aborted_at = :at",
            "ConditionExpression": "aborted = :no AND " + ("interrupted = :yes" if dead else "#status = :running"),
            "ExpressionAttributeValues": {":yes": True, ":no": False, ":by": by, ":why": reason, ":at": at}
            | ({} if dead else {":running": "running"}),
        } | ({} if dead else {"ExpressionAttributeNames": {"#status": "status"}})
        here = (
            "attribute_not_exists(pk) OR (attribute_type(switching, :null) AND attribute_type(opened, :null)"
            " AND attribute_type(#back, :null))"
        )
        checks = [] if dead else [("ConditionCheck", "NIGHT", _night_is(here, at))]
        return deployment.write_if(run, ("Update", "META", mark), *checks)

    return _once(deployment, run, write)


def _once(deployment: Deployment, run: str, write: Callable[[RunView], bool]) -> RunView:
    """Look, refuse what can be refused in words, write under conditions; lost a race, look and refuse again.

    The run as it was just before it was written to.
    """
    for _ in range(2):
        view = deployment.view(run)
        if view is None:
            raise NoSuchRun(f"no run {run} is known here; the messages of a run and its evidence name it")
        if write(view):
            return view
    raise Raced(f"run {run} changed in the same moment, and nothing was written; look again: {commands.takeover(run)}")


def _unended() -> tuple[str, str, dict[str, Any]]:
    """The run goes on, or is to be started again."""
    return (
        "ConditionCheck",
        "META",
        {
            "ConditionExpression": "#status = :running OR interrupted = :yes",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":running": "running", ":yes": True},
        },
    )


def _night_is(condition: str, now: str) -> dict[str, Any]:
    """A check of the night's record, with the names and values that its condition uses."""
    values = {":null": "NULL", ":map": "M", ":string": "S", ":now": now}
    return {
        "ConditionExpression": condition,
        "ExpressionAttributeValues": {name: value for name, value in values.items() if name in condition},
        "ExpressionAttributeNames": {f"#{name}": name for name in ("hold", "back") if f"#{name}" in condition},
    }
