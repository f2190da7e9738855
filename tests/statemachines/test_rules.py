"""What the plan's rules do: which machines a wave passes without, and what follows one that does not pass."""

from __future__ import annotations

from typing import Any

import pytest

from cutover.plan import Group, Mode, OnFailure, PollBounds, Wave
from tests.statemachines.night import Night, a_night, a_plan, a_wave, a_world

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
        last = night.told()
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
        text = night.told()["text"]
        assert "1 of 2 machines are verified" in text
        assert "db01: verified" in text


OPTIONAL, CRITICAL = {"optional": True}, {"critical": True}
FAILS: dict[str, Any] = {"launch": {"target": "missing"}}
PAUSED: dict[str, Any] = {"replication": {"state": "paused"}}


def three(rules: dict[str, Any], **more: Any) -> Wave:
    """web01, web02 and web03 under these rules of single machines, or of the wave."""
    return a_wave("web", "web01", "web02", "web03", machine_rules=rules, verify_deadline=120, **more)


def launched_together(night: Night) -> list[str]:
    """The names of the machines that the first wave's one accepted launch was for."""
    (launch,) = night.store.launches(night.run_id, 1)
    names = {night.machine_id(name): name for name in ("web01", "web02", "web03")}
    launched = [names[machine] for machine in launch.machines]
    assert night.simulator.launches() == dict.fromkeys(launched, 1), "the intent names exactly what was launched"
    return launched


def test_an_optional_machine_that_is_not_ready_is_left_out_at_the_deadline_and_no_sooner() -> None:
    with a_night(a_world({"web01": {}, "web02": {}, "web03": PAUSED})) as night:
        night.run(a_plan(three({"web03": OPTIONAL}, readiness_deadline=1800)))

        assert night.outcome() == "Tested"
        assert night.statuses() == {"web01": "verified", "web02": "verified", "web03": "postponed"}
        assert night.hours() >= 0.5, "the others waited for it"
        waiting, launched, ended = night.news()[1:]
        assert "who is not ready is left out if the wave can pass without" in waiting["text"]
        assert "launch of 2 machines" in launched["text"]
        assert "web03: postponed" in launched["text"]
        assert ended["subject"] == "[SIMULATED] demo test: Tested, 2 of 3 machines"
        assert "2 of 3 machines verified; web03 postponed, which the plan lets pass" in ended["text"]
        assert "every machine" not in ended["text"].replace("not every machine", "")
        assert "tested: 2 of 3 machines verified" in night.file("summary.md")
        assert launched_together(night) == ["web01", "web02"]


def test_an_optional_machine_that_fails_fails_no_wave() -> None:
    with a_night(a_world({"web01": {}, "web02": {}, "web03": FAILS, "app01": {}})) as night:
        ended = night.run(a_plan(three({"web03": OPTIONAL}, on_failure=OnFailure.HOLD), a_wave("app", "app01")))

        assert ended["status"] == "SUCCEEDED"
        assert night.outcome() == "Tested"
        statuses = {"web01": "verified", "web02": "verified", "web03": "failed", "app01": "verified"}
        assert night.statuses() == statuses, "not held: nobody needs to decide anything"
        assert night.launches() == 2
        assert "web03 failed, which the plan lets pass" in night.evidence()["run"]["reason"]


def test_at_least_n_verified_pass_the_wave_although_one_failed_under_hold() -> None:
    with a_night(a_world({"web01": {}, "web02": FAILS, "web03": {}, "app01": {}})) as night:
        night.run(a_plan(three({}, at_least=2, on_failure=OnFailure.HOLD), a_wave("app", "app01")))

        assert night.outcome() == "Tested"
        assert night.statuses() == {"web01": "verified", "web02": "failed", "web03": "verified", "app01": "verified"}


def test_a_critical_machine_that_fails_fails_the_wave_although_enough_are_verified() -> None:
    with a_night(a_world({"web01": FAILS, "web02": {}, "web03": {}, "app01": {}})) as night:
        night.run(a_plan(three({"web01": CRITICAL}, at_least=2), a_wave("app", "app01")))

        assert night.outcome() == "Failed"
        assert night.statuses() == {"web01": "failed", "web02": "verified", "web03": "verified", "app01": "not_started"}
        assert "web01 failed, and critical" in night.findings("app01")


def test_a_critical_machine_that_is_not_ready_postpones_the_wave_whole() -> None:
    with a_night(a_world({"web01": PAUSED, "web02": {}, "web03": {}})) as night:
        night.run(a_plan(three({"web01": CRITICAL}, at_least=2, readiness_deadline=300)))

        assert night.outcome() == "Postponed"
        assert night.statuses() == {"web01": "postponed", "web02": "not_started", "web03": "not_started"}
        assert night.launches() == 0


def test_an_optional_machine_that_is_refused_when_the_run_opens_is_left_out_and_an_unclear_launch_still_found() -> None:
    lost = [{"on": "POST /projects/*/launchMachines", "nth": 1, "drop": True, "accepted": True}]
    with a_night(a_world({"web01": {}, "web02": {}, "app01": {}}, faults=lost)) as night:
        night.run(a_plan(three({"web03": OPTIONAL}), a_wave("app", "app01")))

        assert night.outcome() == "Tested"
        assert night.statuses() == {
            "web01": "verified",
            "web02": "verified",
            "web03": "refused",
            "app01": "verified",
        }
        assert "no machine with name web03" in night.findings("web03")
        assert len(night.machine("web03")["findings"]) == 1
        assert night.launches() == 2


def test_one_that_is_cut_over_by_hand_while_the_others_are_waited_for_is_left_out() -> None:
    lagging = {"replication": {"state": "lagging", "behind": "3h", "for": "40m"}}
    with a_night(a_world({"web01": {}, "web02": lagging, "web03": {}})) as night:
        night.start(a_plan(three({}, at_least=2)), Mode.TEST)
        night.launch_by_hand("web03", mode="cutover")
        night.workflows.wait(night.execution)

        assert night.statuses() == {"web01": "verified", "web02": "verified", "web03": "refused"}
        assert night.outcome() == "Tested"
        assert "cut over at" in night.findings("web03")


def test_a_wave_of_which_nothing_could_be_launched_passes_and_proves_nothing() -> None:
    with a_night(a_world({"web01": PAUSED, "web02": PAUSED, "web03": PAUSED})) as night:
        night.run(a_plan(three(dict.fromkeys(("web01", "web02", "web03"), OPTIONAL), readiness_deadline=300)))

        assert night.outcome() == "Postponed"
        assert set(night.statuses().values()) == {"postponed"}
        assert night.launches() == 0


def test_an_optional_machine_whose_fate_is_unknown_lets_the_wave_pass_and_is_told() -> None:
    stays_open = {"answer": {"set": {"status": "STARTED"}}}
    never_boots = {"launch": {"checks": "impaired"}}
    with a_night(a_world({"web01": {}, "web02": {}, "web03": never_boots}, project={"jobs": stays_open})) as night:
        night.run(a_plan(three({"web03": OPTIONAL}, poll=PollBounds(minimum=300, maximum=900))))

        assert night.statuses() == {"web01": "verified", "web02": "verified", "web03": "unknown"}
        assert night.outcome() == "Tested"
        assert "web03 unknown, which the plan lets pass" in night.told()["text"]


def canary_first(**more: Any) -> tuple[Wave, Wave]:
    """What a plan with `canary: web01` compiles to."""
    return a_wave("web-canary", "web01", canary=True, verify_deadline=120, **more), a_wave("web", "web02", "web03")


def test_a_verified_canary_is_followed_by_the_rest() -> None:
    with a_night(a_world({"web01": {}, "web02": {}, "web03": {}})) as night:
        night.run(a_plan(*canary_first()))

        assert night.outcome() == "Tested"
        assert set(night.statuses().values()) == {"verified"}
        assert night.launches() == 2
        assert "goes ahead: the rest follows only if it is verified" in night.news()[0]["text"]


def test_nothing_follows_a_canary_that_fails_even_where_the_plan_would_continue() -> None:
    with a_night(a_world({"web01": FAILS, "web02": {}, "web03": {}})) as night:
        night.run(a_plan(*canary_first(on_failure=OnFailure.CONTINUE)))

        assert night.outcome() == "Failed"
        assert night.statuses() == {"web01": "failed", "web02": "not_started", "web03": "not_started"}
        assert night.launches() == 1
        assert "the canary web01 is failed; nothing follows it" in night.findings("web02")


def test_who_was_left_out_keeps_its_verdict_when_the_launch_of_the_others_is_refused() -> None:
    faults = [{"on": "POST /projects/*/launchMachines", "status": 402}]
    with a_night(a_world({"web01": {}, "web02": {}, "web03": PAUSED}, faults=faults)) as night:
        night.run(a_plan(three({"web03": OPTIONAL}, readiness_deadline=60)))

        assert night.outcome() == "Refused"
        assert night.statuses() == {"web01": "refused", "web02": "refused", "web03": "postponed"}
        assert [each["field"] for each in night.machine("web03")["findings"]] == ["replication"]


@pytest.mark.parametrize(("db01", "web01", "outcome"), [({}, "verified", "Tested"), (FAILS, "held", "Failed")])
def test_waves_that_are_launched_together_share_a_request_and_are_judged_in_their_order(
    db01: dict[str, Any], web01: str, outcome: str
) -> None:
    groups = (Group("db"), Group("web"))
    with a_night(a_world({"db01": db01, "web01": {}})) as night:
        both = a_wave(
            "db+web", "db01", "web01", machine_rules={"web01": {"group": 1}}, groups=groups, verify_deadline=120
        )
        night.run(a_plan(both))

        assert night.launches() == 1
        assert night.statuses()["web01"] == web01
        assert night.outcome() == outcome
        assert "web01 (web): " in night.told()["text"]
        if web01 == "held":
            assert "db does not pass" in night.findings("web01")
