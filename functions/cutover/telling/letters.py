"""What somebody is sent who is asked to decide: a letter for them alone, with their link."""

from __future__ import annotations

from cutover.invitations import Invitation
from cutover.records import RunRecord
from cutover.telling.catalogue import Say
from cutover.telling.messages import Message, subject


def invitation_letter(
    run: RunRecord, question: str, invitation: Invitation, deadline: str, url: str, say: Say
) -> Message:
    """The question, until when, and the link. `deadline`: "" where there is none."""
    about = say("page.invitation_about", plan=run.plan, mode=run.mode.value, name=invitation.question)
    until = deadline or say("page.no_deadline")
    text = say("page.invitation", by=invitation.by, question=question, deadline=until, url=url)
    return Message(subject(run, about), f"{text}\n{say('word.run', run=run.id)}")
