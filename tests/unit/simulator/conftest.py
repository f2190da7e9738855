"""A console in process, its clock moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.test import Client

from stage.simulator import Clock, Scenario, Simulator

START = datetime(2026, 12, 5, 22, 0, tzinfo=UTC)
PROJECT = {
    "subnets": {"db": "10.20.1.0/24", "web": "10.20.2.0/24"},
    "security_groups": ["db", "web"],
    "machines": {"db01": {}, "web01": {"subnet": "web", "security_groups": ["web"]}},
}


class Console:
    """A logged-in client of a simulator, and its clock."""

    def __init__(self, simulator: Simulator, slept: list[float]) -> None:
        self.simulator = simulator
        self.slept = slept
        self.http = Client(simulator)
        self.base = "/api/latest"
        self.headers: dict[str, str] = {}
        self.login()
        self.project = self.base + "/projects/" + self.get("/projects")["items"][0]["id"]

    def login(self) -> None:
        body = {"userApiToken": self.simulator.token}
        self.http.post(f"{self.base}/login", json=body, follow_redirects=True)
        cookie = self.http.get_cookie("XSRF-TOKEN")
        self.headers = {"X-XSRF-TOKEN": cookie.value if cookie else ""}

    def ask(self, method: str, path: str, **more: Any) -> Any:
        url = path if path.startswith("/api") else self.base + path
        return self.http.open(url, method=method, headers=self.headers, **more)

    def get(self, path: str) -> Any:
        response = self.ask("GET", path)
        assert response.status_code == 200, response.text
        return response.json

    def machines(self, query: str = "?all=true") -> dict[str, Any]:
        return {one["sourceProperties"]["name"]: one for one in self.get(f"{self.project}/machines{query}")["items"]}

    def post_launch(self, *names: str, mode: str = "TEST") -> Any:
        known = self.machines()
        items = [{"machineId": known[name]["id"]} for name in names]
        return self.ask("POST", f"{self.project}/launchMachines", json={"launchType": mode, "items": items})

    def launch(self, *names: str, mode: str = "TEST") -> str:
        response = self.post_launch(*names, mode=mode)
        assert response.status_code == 202, response.text
        assert response.json["status"] == "PENDING"
        return str(response.json["id"])

    def listed(self) -> list[str]:
        """The ids of the jobs that the project shows."""
        return [job["id"] for job in self.get(f"{self.project}/jobs")["items"]]

    def job(self, job: str) -> Any:
        return self.get(f"{self.project}/jobs/{job}")

    def messages(self, job: str) -> list[str]:
        return [line["message"] for line in self.job(job)["log"]]

    def replica(self, name: str) -> Any:
        return self.get(f"{self.project}/replicas/{self.machines()[name]['replica']}")

    def advance(self, seconds: float) -> None:
        self.simulator.advance(seconds)


@pytest.fixture
def console() -> Callable[..., Console]:
    """A console for a small project; keywords are the machines, `project` and `scenario` change the rest."""

    def make(
        project: Any = None,
        scenario: Any = None,
        ec2: Any = None,
        **machines: Any,
    ) -> Console:
        described = PROJECT | {"machines": machines or PROJECT["machines"]} | (project or {})
        slept: list[float] = []
        parsed = Scenario.parse({"seed": "tests", "projects": {"Demo": described}} | (scenario or {}))
        return Console(Simulator(parsed, ec2, Clock(START, 0), sleep=slept.append), slept)

    return make
