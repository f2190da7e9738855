"""Send whoever is asked a link of their own, by the way that the plan names for them. Input: a RunNews event.

A link lets whoever has it answer. So it goes to one person, and to no topic, channel, log or event that others read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover.clients import client
from cutover.decisions import find
from cutover.errors import MessageNotSent, RunNotFound
from cutover.invitations import SIGN_OFF, Invitation
from cutover.inviting import given, lasting
from cutover.planned_telling import Person
from cutover.records import Outcome
from cutover.settings import Settings
from cutover.slack import Slack, SlackError
from cutover.slack_access import read_access
from cutover.step import Step, local_now, log, secret
from cutover.telling.catalogue import Say
from cutover.telling.letters import invitation_letter
from cutover.telling.messages import Message, News

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{invited: how many}. Called again, it invites whom it could not reach before, and nobody twice.

    MessageNotSent when somebody could not be reached; the others have their links by then.
    """
    news, here = event["detail"], Step({"run": event["detail"]["run"]}, context)
    if not here.settings.decide_url:
        return {"invited": 0}
    invited, failed = 0, None
    for invitation in _invitations(here, news):
        person = here.plan.telling.people.get(invitation.by, Person())
        if not (person.topic or person.slack) or _was_invited(here, invitation):
            continue
        try:
            _send(here, invitation, person)
            invited += 1
        except (BotoCoreError, ClientError, SlackError) as error:
            failed = error
    if failed is not None:
        raise MessageNotSent(f"somebody did not get their link: {failed}") from failed
    return {"invited": invited}


def _invitations(here: Step, news: dict[str, Any]) -> list[Invitation]:
    """Who is asked by this news."""
    run, now = here.run, local_now()
    if news["news"] == News.ASKED:
        asked = here.store.question(run.id, news["question"])
        if asked is None or asked.answer is not None or asked.closed:
            return []
        expires = lasting(asked.deadline, now)
        return [Invitation(run.id, asked.name, asked.asked, by, expires) for by in asked.by]
    if news["news"] == News.ENDED and run.outcome is Outcome.TESTED and not run.observe:
        signers = next((wave.sign_off for wave in here.plan.waves if wave.sign_off), None)
        at = run.ended or run.claimed
        expires = lasting(signers.until or at if signers else at, now)
        return [Invitation(run.id, SIGN_OFF, at, by, expires) for by in (signers.by if signers else ())]
    return []


def _was_invited(here: Step, each: Invitation) -> bool:
    return here.store.was_invited(each.run, each.question, each.asked, each.by)


def _send(here: Step, invitation: Invitation, person: Person) -> None:
    try:
        decision = find(here.store, invitation)
    except RunNotFound:
        return
    url = f"{here.settings.decide_url}d/{given(here.store, invitation)}"
    say = Say(decision.language)
    message = invitation_letter(here.run, decision.shown().question, invitation, decision.deadline, url, say)
    reached = [_by_topic(here.settings, person.topic, message)] if person.topic else []
    reached += [_by_slack(here.settings, person.slack, message)] if person.slack else []
    if any(reached):
        here.store.note_invited(invitation.run, invitation.question, invitation.asked, invitation.by)
    else:
        log().warning(f"{invitation.by} has no way that leads to them: no Slack bot is set up")


def _by_topic(settings: Settings, name: str, message: Message) -> bool:
    arn = settings.topic.rpartition(":")[0] + ":" + name
    attributes = {"audience": {"DataType": "String", "StringValue": "approver"}}
    client("sns").publish(TopicArn=arn, Subject=message.subject, Message=message.text, MessageAttributes=attributes)
    return True


def _by_slack(settings: Settings, member: str, message: Message) -> bool:
    access = read_access(secret(settings.slack_secret))
    if not access.token:
        return False
    Slack(access.token, access.api).write_to(member, message.text)
    return True
