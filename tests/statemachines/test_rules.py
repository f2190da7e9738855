"""What the plan's rule does with the waves after one that failed."""

from __future__ import annotations

import pytest

from cutover.plan import OnFailure
from tests.statemachines.night import a_night, a_plan, a_wave, a_world

WORLD = a_world({"db01": {"launch": {"target": "missing"}}, "db02": {}, "web01": {}})


@pytest.mark.parametrize(
    ("rule", "failed", "next_wave", "launches"),
    [
        (OnFailure.HOLD, "held", "not_started", 1),
        (OnFailure.STOP, "failed", "not_started", 1),
        (OnFailure.CONTINUE, "failed", "verified", 2),
    ],
)
def test_a_failed_machine_does_what_the_plan_says(rule: OnFailure, failed: str, next_wave: str, launches: int) -> None:
    with a_night(WORLD) as night:
        first = a_wave("db", "db01", "db02", on_failure=rule, verify_deadline=120)
        ended = night.run(a_plan(first, a_wave("web", "web01")))

        assert ended["status"] == "FAILED", "no rule makes a failed machine a good end"
        assert night.statuses() == {"db01": failed, "db02": "verified", "web01": next_wave}
        assert night.launches() == launches
        last = night.news()[-1]
        assert last["outcome"] == "Failed"
        assert "db01" in last["text"]
        if rule is not OnFailure.CONTINUE:
            assert f"the plan's rule is {rule.value}" in night.findings("web01")


def test_a_postponed_wave_ends_the_run_whatever_the_rule() -> None:
    with a_night(a_world({"db01": {"replication": {"state": "paused"}}, "web01": {}})) as night:
        first = a_wave("db", "db01", on_failure=OnFailure.CONTINUE, readiness_deadline=60)
        night.run(a_plan(first, a_wave("web", "web01")))

        assert night.outcome() == "Postponed"
        assert night.statuses() == {"db01": "postponed", "web01": "not_started"}
        assert night.launches() == 0


def test_a_run_whose_second_wave_is_postponed_keeps_what_the_first_proved() -> None:
    with a_night(a_world({"db01": {}, "web01": {"replication": {"state": "paused"}}})) as night:
        night.run(a_plan(a_wave("db", "db01"), a_wave("web", "web01", readiness_deadline=60)))

        assert night.outcome() == "Postponed"
        assert night.statuses() == {"db01": "verified", "web01": "postponed"}
        text = night.news()[-1]["text"]
        assert "1 of 2 machines are verified" in text
        assert "db01: verified" in text
