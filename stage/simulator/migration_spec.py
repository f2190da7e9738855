"""What a scenario says that MGN alone shows: of a source server, and of the account."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from stage.simulator.terms import Strict, one_or_more


class PostLaunchAction(Strict):
    """An SSM document that is run in a launched server; it fails where commands do."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{3,128}$")]
    must_succeed: bool = True


class MgnServer(Strict):
    """A source server in MGN: its `tags`, and the `application` and `wave` it is in (a wave without an application has
    one of its own name). `hostname`: false where the agent did not tell one. `archived`: put out of sight long ago.

    `post_launch_actions`: what is run in it after a launch; `actions_after`: after which.
    """

    tags: dict[str, str] = Field(default_factory=dict)
    application: str | None = None
    wave: str | None = None
    hostname: bool = True
    archived: bool = False
    replication_type: Literal["AGENT_BASED", "SNAPSHOT_SHIPPING"] = "AGENT_BASED"
    post_launch_actions: Annotated[list[PostLaunchAction], BeforeValidator(one_or_more)] = Field(default_factory=list)
    actions_after: Literal["TEST_AND_CUTOVER", "CUTOVER_ONLY", "TEST_ONLY"] = "TEST_AND_CUTOVER"

    @property
    def group(self) -> str | None:
        """The application's name, if it is in one."""
        return self.application or self.wave


class MgnAccount(Strict):
    """MGN in the account and region of a project: whether anybody set it up, and its quotas.

    `jobs`: how many may run at once (L-FE2EBE17); `servers_in_jobs`: how many servers they may have together
    (L-4FF77426).
    """

    initialized: bool = True
    jobs: Annotated[int, Field(ge=1)] = 20
    servers_in_jobs: Annotated[int, Field(ge=1)] = 200
