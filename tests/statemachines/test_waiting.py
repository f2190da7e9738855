"""Waiting for replication and for the project: within bounds, told once, nothing launched at the end of patience."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest

from cutover import readiness
from cutover.plan import PollBounds
from stage.simulator.spec import State
from tests.statemachines.interpreter import load_handlers
from tests.statemachines.night import a_night, a_plan, a_wave, a_world


def test_a_lagging_machine_is_waited_for_and_then_launched() -> None:
    lagging = {"replication": {"state": "lagging", "behind": "3h", "for": "40m"}}
    with a_night(a_world({"db01": lagging, "db02": {}})) as night:
        night.run(a_plan(a_wave("db", "db01", "db02")))

        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        assert night.launches() == 1
        assert night.hours() > 40 / 60
        told = [news for news in night.news() if news["news"] == "waiting"]
        assert len(told) == 1
        assert "1 of 2 machines are ready" in told[0]["text"]
        assert "db01 (lag 3:00:00 (limit 5:00)" in told[0]["text"]
        assert "Gives up at 2026-11-28T10:00:00Z" in told[0]["text"]


def test_a_machine_that_never_catches_up_postpones_its_wave_with_nothing_launched() -> None:
    laggard = {"replication": {"state": "lagging", "behind": "45m"}}
    with a_night(a_world({"db01": {}, "db02": laggard, "web01": {}})) as night:
        ended = night.run(a_plan(a_wave("db", "db01", "db02"), a_wave("web", "web01")))

        assert ended["status"] == "SUCCEEDED"
        assert night.states()[-1] == "Postponed"
        assert night.launches() == 0
        assert night.statuses() == {"db01": "not_started", "db02": "postponed", "web01": "not_started"}
        seen = night.machine("db02")["findings"][0]
        assert seen["seen"].startswith("Lagging: lag 45:")
        assert "limit 5:00" in seen["seen"]
        assert seen["rule"] == "Continuous Data Replication, lag at most 5:00, by 2026-11-28 10:00:00 UTC"
        assert "db02" in night.findings("db01")
        assert night.hours() == pytest.approx(1, abs=0.01)
        assert "Postponed" in night.news()[-1]["subject"]


def test_a_wait_lasts_until_its_deadline_though_its_looks_are_counted() -> None:
    rules = {"readiness_deadline": 30 * 86400, "poll": PollBounds(minimum=30, maximum=900)}
    paused = a_world({"db01": {"replication": {"state": "paused"}}})
    with patch.object(readiness, "LOOKS", 40), a_night(paused) as night:
        night.run(a_plan(a_wave("db", "db01", **rules)))

        assert night.statuses() == {"db01": "postponed"}
        assert night.machine("db01")["findings"][0]["seen"].startswith("Paused")
        assert night.hours() == pytest.approx(30 * 24, abs=0.1)
        assert 38 <= night.wave_states().count("CheckReadiness") <= 41
        assert night.launches() == 0


@pytest.mark.parametrize(
    ("replication", "said"),
    [
        ({"state": "stopped"}, "Stopped"),
        ({"state": "disconnected", "behind": "2h"}, "Disconnected"),
        ({"state": "initial_sync", "progress": 40}, "Initial sync"),
    ],
)
def test_a_machine_that_does_not_replicate_is_named_with_its_label(replication: dict[str, object], said: str) -> None:
    with a_night(a_world({"db01": {"replication": replication}})) as night:
        night.run(a_plan(a_wave("db", "db01", readiness_deadline=600, poll=PollBounds(minimum=200, maximum=900))))

        assert night.statuses() == {"db01": "postponed"}
        assert night.machine("db01")["findings"][-1]["seen"].startswith(said)
        assert night.launches() == 0


def test_a_machine_that_falls_behind_between_the_look_and_the_launch_is_not_launched() -> None:
    def pausing(event: dict[str, Any]) -> Any:
        project = next(iter(night.simulator.world.projects.values()))
        night.simulator.world.switch_replication(project.machines[night.machine_id("db02")], State.PAUSED)
        return handlers["LaunchTargets"](event)

    handlers = load_handlers()
    with a_night(a_world({"db01": {}, "db02": {}}), handlers={"LaunchTargets": pausing}) as night:
        night.run(a_plan(a_wave("db", "db01", "db02", poll=PollBounds(minimum=600, maximum=900))))

        assert night.wave_states().count("LaunchTargets") == 1
        assert night.statuses() == {"db01": "not_started", "db02": "postponed"}
        assert night.launches() == 0


def test_a_project_busy_with_another_job_is_waited_for() -> None:
    with a_night(a_world({"db01": {}, "other": {}})) as night:
        night.launch_by_hand("other")
        night.run(a_plan(a_wave("db", "db01")))

        assert night.statuses() == {"db01": "verified"}
        assert night.simulator.launches() == {"db01": 1, "other": 1}
        told = [news for news in night.news() if news["news"] == "waiting"]
        assert len(told) == 1
        assert "the project Demo is busy: job" in told[0]["text"]
        assert "started by operator@example.com" in told[0]["text"]


def test_a_project_that_stays_busy_postpones_the_wave() -> None:
    with a_night(a_world({"db01": {}, "other": {}}, project={"jobs": {"hangs": True}})) as night:
        night.launch_by_hand("other")
        night.run(a_plan(a_wave("db", "db01", poll=PollBounds(minimum=300, maximum=900))))

        assert night.states()[-1] == "Postponed"
        assert night.statuses() == {"db01": "postponed"}
        assert "one job at a time in a project" in night.findings("db01")
        assert night.simulator.launches() == {"other": 1}
        assert night.hours() == pytest.approx(1, abs=0.01)


def test_a_busy_project_is_waited_for_even_when_its_job_is_of_the_same_machines() -> None:
    """Somebody launches the very machines by hand: their job is not ours, and what it made is what ours replaces."""
    with a_night(a_world({"db01": {}, "db02": {}})) as night:
        night.launch_by_hand("db01")
        night.run(a_plan(a_wave("db", "db01", "db02")))

        assert night.statuses() == {"db01": "verified", "db02": "verified"}
        assert night.simulator.launches() == {"db01": 2, "db02": 1}
        assert night.machine("db01")["target"]["replaced"]
        assert night.machine("db02")["target"]["replaced"] is None


def test_a_service_out_of_reach_before_the_launch_postpones() -> None:
    away = [{"on": "GET /projects/*/machines", "after": "1m", "status": 503}]
    lagging = {"replication": {"state": "lagging", "behind": "3h", "for": "40m"}}
    with a_night(a_world({"db01": lagging}, faults=away)) as night:
        night.run(a_plan(a_wave("db", "db01", readiness_deadline=86400)))

        assert night.states()[-1] == "Postponed"
        assert night.statuses() == {"db01": "postponed"}
        assert "ServiceUnavailable" in night.findings("db01")
        assert night.launches() == 0


def test_a_service_out_of_reach_from_the_start_postpones() -> None:
    with a_night(a_world({"db01": {}}, faults=[{"on": "* *", "status": 503}])) as night:
        night.run(a_plan())

        assert night.states()[-1] == "Postponed"
        assert night.statuses() == {"db01": "postponed"}
        assert night.evidence()["run"]["clock"] == "service", "an answer of 503 has a Date, too"


def test_a_token_that_is_not_accepted_refuses_at_once() -> None:
    with a_night(a_world({"db01": {}}, faults=[{"on": "POST /login", "status": 403}])) as night:
        night.run(a_plan())

        assert night.states()[-1] == "Refused"
        assert "AuthenticationFailed" in night.findings("db01")
        assert "put a valid API token" in night.findings("db01")
        assert night.asked()["POST login"] == 1, "never a loop on a refused login"


def test_throttling_and_lapses_in_between_change_nothing_but_time() -> None:
    rough = [
        {"on": "GET *", "every": 25, "expire_sessions": True},
        {"on": "GET *", "every": 9, "status": 429},
        {"on": "GET *", "fraction": 0.1, "status": 503},
        {"on": "GET /projects/*/jobs/*", "nth": 4, "drop": True},
    ]
    with a_night(a_world({"db01": {}, "db02": {}, "web01": {}}, faults=rough)) as night:
        night.run(a_plan(a_wave("db", "db01", "db02"), a_wave("web", "web01")))

        assert set(night.statuses().values()) == {"verified"}
        assert night.simulator.launches() == {"db01": 1, "db02": 1, "web01": 1}


def test_a_session_that_expires_in_every_wait_is_renewed() -> None:
    with a_night(a_world({"db01": {}}, account={"session": "20s"})) as night:
        night.run(a_plan())

        assert night.statuses() == {"db01": "verified"}
        assert night.asked()["POST login"] > 3
