"""What a compiled plan says of its messages: who is told by which ways, in which language, and how things are named."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

TOPICS = "cutover-"
"""How the names begin of topics that a plan may name; docs/deploy.md says it, the deployed rights hold it."""


class Audience(StrEnum):
    """Who is told: people who wait for the application, people who do the work, and whoever is on call."""

    STAKEHOLDERS = "stakeholders"
    ENGINEERS = "engineers"
    PAGER = "pager"


@dataclass(frozen=True)
class Channel:
    """How an audience is reached. `language`: en or de. `topic`: the SNS topic's name, "" for the deployment's own.
    `slack`: a channel, as #name or by its id; "": none."""

    language: str = "en"
    topic: str = ""
    slack: str = ""


@dataclass(frozen=True)
class Person:
    """How somebody who is asked gets a link of their own. `topic`: an SNS topic's name; `slack`: a member's id."""

    topic: str = ""
    slack: str = ""


@dataclass(frozen=True)
class Telling:
    """`application`, `source`, `target`: how stakeholders call them. `people`: by what the plan calls them in `by`.

    Without an entry, an audience is not told by itself; engineers always have one.
    """

    application: str = ""
    source: str = ""
    target: str = ""
    audiences: dict[Audience, Channel] = field(default_factory=lambda: {Audience.ENGINEERS: Channel()})
    people: dict[str, Person] = field(default_factory=dict)


def read_telling(data: dict[str, Any]) -> Telling:
    """From the compiled plan's JSON."""
    return Telling(
        **{
            **data,
            "audiences": {Audience(name): Channel(**each) for name, each in data["audiences"].items()},
            "people": {name: Person(**each) for name, each in data["people"].items()},
        }
    )
