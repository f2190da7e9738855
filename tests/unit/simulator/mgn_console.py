"""boto3 before a served simulator whose clock is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config

from stage.simulator import Clock, Scenario, Simulator, serve
from tests.unit.simulator.conftest import PROJECT, START

DONE = 900.0
"""Seconds in which any job ends, but for those that hang."""


class MgnConsole:
    """A client, and the world that it sees."""

    def __init__(self, simulator: Simulator, url: str) -> None:
        self.simulator, self.url = simulator, url
        self.mgn: Any = boto3.client(
            "mgn",
            region_name="eu-central-1",
            endpoint_url=url,
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def servers(self, **filters: Any) -> dict[str, Any]:
        pages = self.mgn.get_paginator("describe_source_servers").paginate(filters=filters)
        found = [one for page in pages for one in page["items"]]
        return {
            one["sourceProperties"]["identificationHints"].get("hostname", one["sourceServerID"]): one for one in found
        }

    def server(self, name: str) -> Any:
        return self.servers()[name]

    def ids(self, *names: str) -> list[str]:
        servers = self.servers()
        return [servers[name]["sourceServerID"] for name in names or servers]

    def ready(self, state: str, *names: str) -> None:
        """Bring servers' lifecycles into a state."""
        for id in self.ids(*names):
            self.mgn.change_server_life_cycle_state(sourceServerID=id, lifeCycle={"state": state})

    def start(self, *names: str, mode: str = "test", tags: dict[str, str] | None = None) -> str:
        servers = self.servers()
        waiting = [one for one in names or servers if servers[one]["lifeCycle"]["state"] != "READY_FOR_CUTOVER"]
        if mode == "cutover" and waiting:
            self.ready("READY_FOR_CUTOVER", *waiting)
        call = {"test": self.mgn.start_test, "cutover": self.mgn.start_cutover}[mode]
        return str(call(sourceServerIDs=self.ids(*names), tags=tags or {})["job"]["jobID"])

    def job(self, job: str) -> Any:
        return self.mgn.describe_jobs(filters={"jobIDs": [job]})["items"][0]

    def statuses(self, job: str) -> dict[str, str]:
        names = {one["sourceServerID"]: name for name, one in self.servers().items()}
        return {names[one["sourceServerID"]]: one["launchStatus"] for one in self.job(job)["participatingServers"]}

    def log(self, job: str) -> list[tuple[str, str | None]]:
        """Event and server, oldest first."""
        names = {one["sourceServerID"]: name for name, one in self.servers().items()}
        pages = self.mgn.get_paginator("describe_job_log_items").paginate(jobID=job)
        items = [one for page in pages for one in page["items"]]
        return [(one["event"], names.get(one.get("eventData", {}).get("sourceServerID"))) for one in items]

    def advance(self, seconds: float) -> None:
        self.simulator.advance(seconds)

    def refused(self, call: str, **asked: Any) -> Any:
        """The answer to a call that is refused."""
        try:
            getattr(self.mgn, call)(**asked)
        except self.mgn.exceptions.ClientError as error:
            return error.response
        raise AssertionError(f"{call} was not refused")


@contextmanager
def mgn_console(
    *, project: Any = None, scenario: Any = None, ec2: Any = None, told: Any = None, **machines: Any
) -> Iterator[MgnConsole]:
    """A small project; keywords are the machines, `project` and `scenario` change the rest."""
    described = PROJECT | {"machines": machines or PROJECT["machines"]} | (project or {})
    parsed = Scenario.parse({"seed": "tests", "projects": {"Demo": described}} | (scenario or {}))
    more = {} if told is None else {"events": told}
    simulator = Simulator(parsed, ec2, Clock(START, 0), sleep=lambda _: None, **more)
    with serve(simulator) as served:
        yield MgnConsole(simulator, served.url)
