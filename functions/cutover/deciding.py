"""Whether somebody's answer to a question counts, and if not, why: the same by command, by link and in Slack."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cutover import commands
from cutover.night_records import QuestionRecord
from cutover.plan import Plan
from cutover.records import RunRecord, RunStatus

APPROVALS = ("go", "users", "commit")


class Via(StrEnum):
    """How somebody answered."""

    COMMAND = "command"
    LINK = "link"
    SLACK = "slack"


class Why(StrEnum):
    """Why an answer does not count."""

    ANSWERED = "answered"
    ENDED = "ended"
    NOT_ASKED = "not_asked"
    AUTHOR = "author"
    ASKED_ANEW = "asked_anew"
    TOO_LATE = "too_late"


@dataclass(frozen=True)
class Refusal:
    """An answer that does not count: why, and the reason in words."""

    why: Why
    reason: str


def refusal(
    run: RunRecord, plan: Plan, question: QuestionRecord, by: str, now: str, asked: str | None = None
) -> Refusal | None:
    """Why this answer does not count; None: it does. `by`: as the plan calls whoever answers. `asked`: when what they
    answer was asked, where they say so: after a restart it may have been asked anew."""
    if asked is not None and asked != question.asked:
        return Refusal(
            Why.ASKED_ANEW,
            f"{question.name} was asked anew at {question.asked}, and this is of {asked}; answer by the newer message",
        )
    if question.answer is not None:
        why = f": {question.reason}" if question.reason else ""
        return Refusal(
            Why.ANSWERED,
            f"{question.name} was answered already: {question.answered_by} said {question.answer} at "
            f"{question.answered_at}{why}; the first answer counts",
        )
    if over(run):
        return Refusal(
            Why.ENDED, f"run {run.id} has ended ({run.outcome or run.status}); nothing it is told counts any more"
        )
    if by not in question.by:
        return Refusal(Why.NOT_ASKED, f"{question.name} is not asked of {by}, but of {', '.join(question.by)}")
    if not _author_may(plan, question) and by.casefold() == plan.author.casefold():
        return Refusal(
            Why.AUTHOR, f"{by} wrote the plan, and it does not say that its author may answer {question.name}"
        )
    if question.closed or now >= question.deadline:
        return Refusal(
            Why.TOO_LATE,
            f"{question.name} was to be answered by {question.deadline}; no answer counts any more. "
            f"What now: {commands.takeover(run.id)}",
        )
    return None


def answer_update(
    question: QuestionRecord, by: str, yes: bool, reason: str, now: str, via: Via, saw: str = ""
) -> dict[str, Any]:
    """DynamoDB's arguments (UpdateItem) that write an answer, unless the question is decided, too late, not asked of
    them, or asked anew by now."""
    return {
        "UpdateExpression": (
            "SET answer = :answer, answered_by = :who, answered_at = :now, reason = :reason, via = :via, saw = :saw"
        ),
        "ConditionExpression": (
            "closed = :no AND attribute_type(answer, :null) AND contains(#by, :who) AND deadline > :now"
            " AND asked = :asked"
        ),
        "ExpressionAttributeNames": {"#by": "by"},
        "ExpressionAttributeValues": {
            ":answer": "yes" if yes else "no",
            ":who": by,
            ":now": now,
            ":reason": reason,
            ":via": via.value,
            ":saw": saw,
            ":no": False,
            ":null": "NULL",
            ":asked": question.asked,
        },
    }


def over(run: RunRecord) -> bool:
    """Whether the run has come to its end, and is not merely without an execution."""
    return run.status is not RunStatus.RUNNING and not run.interrupted


def _author_may(plan: Plan, question: QuestionRecord) -> bool:
    """Steps done by hand are no approvals: whoever does one may have written the plan."""
    if question.name not in APPROVALS or plan.night is None:
        return True
    return bool(getattr(plan.night, question.name).author_may)
