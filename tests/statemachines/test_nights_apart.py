"""What a test finds of the night before it in the same process."""

from __future__ import annotations

from tests.statemachines.night import a_night, a_plan, a_wave, a_world


def test_a_second_night_of_a_test_speaks_to_its_own_mgn() -> None:
    """Boto3's clients are kept: one that still pointed at the first night's would find nobody, and refuse."""
    for _ in range(2):
        with a_night(a_world({"db01": {}})) as night:
            night.run(a_plan(a_wave("db", "db01"), service="mgn"))
            assert night.statuses() == {"db01": "verified"}
