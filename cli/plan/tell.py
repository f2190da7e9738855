"""Who is told of a plan's runs, by which ways and in which language, as it is written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cli.plan.block import Block
from cli.plan.fields import Line, Text
from cutover.planned_telling import Audience, Channel, Person, Telling

Topic = Annotated[
    str,
    Text(
        r"^cutover-[A-Za-z0-9_-]{1,248}$",
        "a topic that a plan may name is called cutover-…, and is in the deployment's account and region",
        "write its name, not its ARN",
    ),
]
SlackChannel = Annotated[
    str,
    Text(r"^(#[^\s#@,:A-Z]{1,80}|[CG][A-Z0-9]{8,20})$", "a Slack channel is #name, or its id", "write it like '#erp'"),
]
SlackMember = Annotated[
    str, Text(r"^[UW][A-Z0-9]{6,20}$", "a member of Slack goes by an id, U…", "copy the member ID from the profile")
]


class AudienceBlock(Block):
    """How an audience is reached."""

    language: Literal["en", "de"] = Field(default="en", description="English, or German.")
    topic: Topic | None = Field(
        default=None,
        description="The SNS topic it is told by. Left out: the deployment's own; subscriptions filter by `audience`.",
        examples=["cutover-erp-owners"],
    )
    slack: SlackChannel | None = Field(
        default=None,
        description="The Slack channel that has a message for each run, kept up to date, and its news in the thread.",
        examples=["#erp-cutover"],
    )


class PersonBlock(Block):
    """How somebody who is asked gets a link of their own."""

    topic: Topic | None = Field(
        default=None,
        description="An SNS topic that they alone are subscribed to.",
        examples=["cutover-to-lead"],
    )
    slack: SlackMember | None = Field(
        default=None,
        description="Their member id in Slack: they are written to directly, and what they click counts as theirs.",
        examples=["U024BE7LH"],
    )


class Tell(Block):
    """Who is told, and how things are called where plain language is spoken."""

    application: Line | None = Field(
        default=None, description="What stakeholders call the application. Left out: the plan's name.", examples=["ERP"]
    )
    source: Line | None = Field(default=None, description="What they call where it runs today.", examples=["Munich"])
    target: Line | None = Field(default=None, description="What they call where it is moved to.", examples=["AWS"])
    stakeholders: AudienceBlock | None = Field(
        default=None, description="Plain language, at most six messages in a night. Left out: they are not told."
    )
    engineers: AudienceBlock | None = Field(
        default=None, description="Every phase, milestone and finding. Left out: in English, by the deployment's topic."
    )
    pager: AudienceBlock | None = Field(
        default=None,
        description="Only what somebody must get up for: a hold, stale data, a failure, a silence. Left out: nobody.",
    )
    people: dict[Line, PersonBlock] = Field(
        default_factory=dict,
        description="Whoever is asked for an approval, as `by` calls them: by which way they get a link of their own.",
        examples=[{"lead@example.com": {"slack": "U024BE7LH"}}],
    )


def compiled_telling(given: Tell) -> Telling:
    """What the functions read."""
    written = {audience: getattr(given, audience.value) for audience in Audience}
    audiences = {audience: _channel(each) for audience, each in written.items() if each is not None}
    return Telling(
        application=given.application or "",
        source=given.source or "",
        target=given.target or "",
        audiences={Audience.ENGINEERS: Channel(), **audiences},
        people={name: Person(each.topic or "", each.slack or "") for name, each in given.people.items()},
    )


def _channel(given: AudienceBlock) -> Channel:
    return Channel(given.language, given.topic or "", given.slack or "")
