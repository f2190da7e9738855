"""What a scenario says of everything around the replication service: the application, other hosts, and the people."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from stage.simulator.faults import Fault
from stage.simulator.terms import Duration, Strict, one_or_more

HostName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
Port = Annotated[int, Field(ge=1, le=65535)]
Path = Annotated[str, Field(pattern=r"^/")]
Status = Annotated[int, Field(ge=100, le=599)]


class Application(Strict):
    """What the machines of a project are there for: users write orders into it, one `every` so long.

    `host`: the users' address, which leads to the source until it is switched to the targets; for `ttl` after a switch
    some users are still led to where it was before. `control`: where its hooks answer (see stage.outside). `project`
    and `machines`: what it runs on, by default all machines of the first project. `faults` befall its hooks.
    """

    host: HostName = "shop.example"
    control: HostName = "control.shop.example"
    every: Annotated[Duration, Field(gt=timedelta())] = timedelta(seconds=20)
    ttl: Duration = timedelta(seconds=60)
    project: str | None = None
    machines: Annotated[list[str], Field(min_length=1)] | None = None
    faults: list[Fault] = Field(default_factory=list)

    @model_validator(mode="after")
    def _hosts_differ(self) -> Self:
        if self.host == self.control:
            raise ValueError("control: hooks need a host of their own, apart from the users' address")
        return self

    @model_validator(mode="after")
    def _faults_befall_hooks(self) -> Self:
        wrong = [fault.on for fault in self.faults if fault.effect not in ("status", "drop", "delay")]
        if wrong:
            raise ValueError(f"faults: of a hook there are status, drop and delay; seen another on {', '.join(wrong)}")
        return self


class Host(Strict):
    """What answers at a host of this name; of a machine's name: at that machine's target.

    `tcp`: the ports that take a connection. `http`: the status by path; any other path is 404. A running target that
    has no such entry takes every connection and answers 200 on every path.
    """

    tcp: Annotated[list[Port], BeforeValidator(one_or_more)] = Field(default_factory=list)
    http: dict[Path, Status] = Field(default_factory=dict)


class Reply(Strict):
    """What somebody answers, `after` how long (by default the person's own), how many `times`."""

    answer: Literal["yes", "no"]
    reason: str = ""
    after: Duration | None = None
    times: Annotated[int, Field(ge=1, le=10)] = 1


def _reply(value: object) -> object:
    return {"answer": value} if isinstance(value, str) else value


class Person(Strict):
    """Somebody who is asked: `answers` by the question's name (go, users, commit) or by the manual step's, which is
    `undo-` and its name where it is undone.

    What is not among them stays unanswered. `who`: as the plan names them.
    """

    who: str
    answers: dict[str, Annotated[Reply, BeforeValidator(_reply)]]
    after: Duration = timedelta(minutes=1)

    def reply(self, *names: str) -> Reply | None:
        """What they answer to a question that goes by any of these names."""
        return next((self.answers[name] for name in names if name in self.answers), None)


def check_around(application: Application | None, projects: dict[str, Any]) -> None:
    """ValueError when the application runs on what is not there. `projects`: machines' names by project."""
    if application is None:
        return
    project = application.project or next(iter(projects))
    if project not in projects:
        raise ValueError(f"application: project {project!r} is unknown; there are: {', '.join(projects)}")
    for name in application.machines or []:
        if name not in projects[project]:
            raise ValueError(f"application: machine {name!r} is unknown in project {project}")
