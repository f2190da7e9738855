"""What a function is told by its environment: the one place that reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping


class SettingMissing(Exception):
    """When a function was deployed without something it needs."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the environment variable {name} is not set; the stack sets it for the functions that need it"
        )


class Settings:
    """Read on use, so that a function needs only what it touches. Values are names, ARNs and URLs, never secrets."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    @property
    def region(self) -> str:
        """Where this function runs; Lambda sets it."""
        return self._get("AWS_REGION")

    @property
    def table(self) -> str:
        return self._get("CUTOVER_TABLE")

    @property
    def bucket(self) -> str:
        return self._get("CUTOVER_BUCKET")

    @property
    def bus(self) -> str:
        return self._get("CUTOVER_BUS")

    @property
    def topic(self) -> str:
        return self._get("CUTOVER_TOPIC")

    @property
    def plan_machine(self) -> str:
        return self._get("CUTOVER_PLAN_MACHINE")

    @property
    def schedule_group(self) -> str:
        return self._get("CUTOVER_SCHEDULE_GROUP")

    @property
    def scheduler_role(self) -> str:
        return self._get("CUTOVER_SCHEDULER_ROLE")

    @property
    def clean_up(self) -> str:
        """The ARN of the function that cleans up."""
        return self._get("CUTOVER_CLEAN_UP")

    @property
    def undelivered(self) -> str:
        """The ARN of the queue for what a schedule could not deliver."""
        return self._get("CUTOVER_UNDELIVERED")

    @property
    def probe(self) -> str:
        return self._get("CUTOVER_PROBE")

    @property
    def probe_place(self) -> str:
        return self._get("CUTOVER_PROBE_PLACE")

    @property
    def cloudendure_url(self) -> str:
        return self._get("CLOUDENDURE_URL")

    @property
    def cloudendure_secret(self) -> str:
        return self._get("CLOUDENDURE_SECRET")

    @property
    def slack_secret(self) -> str:
        return self._get("SLACK_SECRET")

    @property
    def slack_queue(self) -> str:
        """The URL of the queue whose messages are written to Slack, one after another for each run."""
        return self._get("CUTOVER_SLACK_QUEUE")

    @property
    def decide_url(self) -> str:
        """Where people decide, ending with a slash; "" where there is no such page."""
        return self._environment.get("CUTOVER_DECIDE_URL", "")

    @property
    def simulated(self) -> bool:
        """Whether this deployment is a stage: said in every piece of evidence."""
        return self._get("SIMULATED") == "true"

    def _get(self, name: str) -> str:
        value = self._environment.get(name)
        if not value:
            raise SettingMissing(name)
        return value
