"""What people tell a run of a deployed Cutover: the answers to what it asks."""

from __future__ import annotations

from cli.deployment import Deployment, NotTaken


class NotAnswered(NotTaken):
    """When an answer does not count; the message says why."""


def answer(deployment: Deployment, run: str, name: str, by: str, yes: bool, reason: str, now: str) -> None:
    """Answer a question of the run, once and in time. `now` is UTC, ISO 8601. Errors: NotAnswered."""
    said = "yes" if yes else "no"
    given = {"answer": said, "answered_by": by, "answered_at": now, "reason": reason}
    condition = "attribute_exists(pk) AND closed = :no AND answer = :none AND contains(#by, :by) AND deadline > :now"
    values = {":no": False, ":none": None, ":by": by, ":now": now}
    if deployment.change(f"RUN#{run}", f"QUESTION#{name}", given, condition, values, {"#by": "by"}):
        return
    raise NotAnswered(_why(deployment, run, name, by, now))


def _why(deployment: Deployment, run: str, name: str, by: str, now: str) -> str:
    view = deployment.view(run)
    if view is None:
        return f"no run {run} is known here; the messages of a run name it"
    question = next((each for each in view.questions if each.name == name), None)
    if question is None:
        asked = ", ".join(each.name for each in view.questions) or "nothing"
        return f"run {run} asks no {name}; it asked: {asked}"
    if question.answer is not None:
        return f"{name} was answered already: {question.answered_by} said {question.answer} at {question.answered_at}"
    if by not in question.by:
        return f"{name} is not asked of {by}, but of {', '.join(question.by)}"
    if question.closed or now >= question.deadline:
        return f"{name} was to be answered by {question.deadline}; no answer counts any more"
    return f"{name} was changed by somebody else at the same time; look again"
