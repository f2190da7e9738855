"""Looks at the application on launched targets, as they are written. They change nothing, and may be repeated.

Exactly one kind in each: a port, a page, or an SSM document that is run inside of the machine.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from cli.plan.block import Block
from cli.plan.fields import Document, Duration, Line, TargetUrl, refusal, seconds
from cutover.plan import ApplicationCheck, Look

KINDS = ("tcp", "http", "ssm")
SYSTEMS = ("linux", "windows")
TOGETHER = {"status": "http", "contains": "http", "parameters": "ssm"}
"""Keys that say more about a kind, and about no other one."""
LONGEST_LOOK = 15
"""Seconds that one look at a port or a page may take; a command may take longer."""
_TIMEOUT = {"tcp": 10, "http": 10, "ssm": 600}


def _whom(value: Any) -> Any:
    if value in SYSTEMS or (isinstance(value, list) and value and all(isinstance(each, str) for each in value)):
        return value
    raise refusal("linux, windows, or a list of machines of the plan", "write `for: windows` or `for: [db01]`")


class Check(Block):
    """One look at the application on a target. Exactly one of `tcp`, `http` and `ssm`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [kind]} for kind in KINDS],
            "dependentRequired": {key: [kind] for key, kind in TOGETHER.items()},
        }
    )

    name: Line | None = Field(
        default=None,
        description="What it is called in evidence. Left out: by its kind and subject.",
        examples=["login"],
    )
    tcp: int | None = Field(
        default=None, ge=1, le=65535, description="This port of the target takes a connection.", examples=[5432]
    )
    http: TargetUrl | None = Field(
        default=None,
        description="A page answers, without a redirect. `{ip}` stands for the target's private address.",
        examples=["http://{ip}/health"],
    )
    status: int = Field(default=200, ge=100, le=599, description="`http`: the status of its answer.")
    contains: Line | None = Field(default=None, description="`http`: a text of its answer's body.", examples=["ready"])
    ssm: Document | None = Field(
        default=None,
        description="This SSM document succeeds inside of the machine. It only looks: it may be run several times.",
        examples=["check-domain-trust"],
    )
    parameters: dict[Line, list[str]] | None = Field(
        default=None,
        description="`ssm`: the document's parameters, each a list of texts.",
        examples=[{"site": ["fra"]}],
    )
    for_: Annotated[Literal["linux", "windows"] | list[str] | None, BeforeValidator(_whom)] = Field(
        default=None,
        alias="for",
        description="Which machines it is made on: `linux`, `windows`, or a list of them. Left out: all.",
        examples=["windows"],
        json_schema_extra={"uniqueItems": True, "minItems": 1},
    )
    timeout: Duration | None = Field(
        default=None, description="How long one look may take: `10s`, at most `15s`; with `ssm`, one command: `10m`."
    )

    @property
    def kind(self) -> Look:
        """Which of the three it is."""
        return Look.TCP if self.tcp is not None else Look.HTTP if self.http is not None else Look.SSM

    @property
    def called(self) -> str:
        """Its name, or one made of what it looks at."""
        subject = self.tcp or self.http or self.ssm
        return self.name or f"{self.kind.value} {subject}"

    def is_for(self, *labels: str | None) -> bool:
        """Whether it is made on a machine that goes by one of these labels, whatever its operating system."""
        if not isinstance(self.for_, list):
            return True
        named = {each.casefold() for each in self.for_}
        return any(label.casefold() in named for label in labels if label)

    def compiled(self) -> ApplicationCheck:
        """As the functions read it."""
        return ApplicationCheck(
            name=self.called,
            look=self.kind,
            subject=str(self.tcp or self.http or self.ssm),
            arguments={key: list(values) for key, values in (self.parameters or {}).items()},
            status=self.status,
            contains=self.contains or "",
            os=self.for_ if isinstance(self.for_, str) else "",
            timeout=seconds(self.timeout) if self.timeout else _TIMEOUT[self.kind.value],
        )
