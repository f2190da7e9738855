"""The same state machines and functions on MGN, which launches job after job and says what became of each server."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from cutover import clients
from cutover import step as steps
from cutover.clients import table
from cutover.launch_room import LIMITS, Limits
from cutover.locks import Locks, project_lock
from cutover.mgn import Mgn
from cutover.night_records import Holder
from cutover.plan import Expectation, Mode, OnDifference, OnFailure, Plan, PollBounds, Wave
from cutover.records import LaunchState, Outcome, RunRecord
from stage.simulator import Simulator
from stage.simulator.spec import State
from tests.statemachines.interpreter import REGION, load_handlers
from tests.statemachines.night import TABLE, WAIVED, Night, a_night, a_plan, a_wave, a_world


@contextmanager
def on_mgn(scenario: dict[str, Any], **more: Any) -> Iterator[Night]:
    with a_night(scenario, **more) as night:
        os.environ["AWS_ENDPOINT_URL_MGN"] = night.console.url
        clients.client.cache_clear()
        clients.client_for_deeds.cache_clear()
        steps._mgn.cache_clear()
        yield night


def a_mgn_plan(*waves: Wave) -> Plan:
    return replace(a_plan(*waves), service="mgn")


def servers(night: Night) -> Counter[str]:
    """How often each machine was launched, by its name."""
    return Counter(night.simulator.launches())


def test_a_test_and_then_its_cutover_are_verified() -> None:
    with on_mgn(a_world({"db01": {}, "web01": {}})) as night:
        plan = a_mgn_plan(a_wave("all", "db01", "web01", test_waiver=WAIVED))
        assert night.run(plan, Mode.TEST)["status"] == "SUCCEEDED"
        assert night.statuses() == {"db01": "verified", "web01": "verified"}
        tested = {each["name"]: each["target"]["instance_id"] for each in night.machines()}
        night.simulator.advance(8 * 86400)
        night.run(plan, Mode.CUTOVER)
        assert night.statuses() == {"db01": "verified", "web01": "verified"}
        assert night.outcome() == "CutOver"
        for each in night.machines():
            assert each["target"]["replaced"] == tested[each["name"]] != each["target"]["instance_id"]


@pytest.mark.timeout(600)
def test_two_hundred_and_fifty_machines_are_launched_by_two_jobs_and_each_once() -> None:
    network = {"subnets": {"demo": "10.20.0.0/20"}}
    fleet = {"count": 250, "name": "srv{n:04}", "machine": {}}
    with on_mgn(a_world({}, project={**network, "fleet": fleet})) as night:
        names = [f"srv{n:04}" for n in range(1, 251)]
        night.run(a_mgn_plan(a_wave("all", *names, poll=PollBounds(180, 900))))
        assert Counter(night.statuses().values()) == {"verified": 250}
        assert servers(night) == Counter(names)
        launches = night.store.launches(night.run_id, 1)
        assert [(each.state, len(each.machines)) for each in launches] == [
            (LaunchState.ACCEPTED, 200),
            (LaunchState.ACCEPTED, 50),
        ]
        assert len(set(night.store.wave(night.run_id, 1).jobs)) == 2


def test_a_completed_job_with_machines_that_failed_ends_with_those_failed() -> None:
    bad = {"launch": [{"target": "conversion_failed"}]}
    with on_mgn(a_world({"a": {}, "b": bad, "c": bad})) as night:
        night.run(a_mgn_plan(a_wave("all", "a", "b", "c", on_failure=OnFailure.CONTINUE)))
        assert night.statuses() == {"a": "verified", "b": "failed", "c": "failed"}
        assert "launch_status" in night.findings("b")


LAUNCH = "POST /projects/*/launchMachines"
TWO = Limits(machines_per_job=2, jobs=20, machines=2)


@pytest.fixture
def two_at_a_time() -> Iterator[None]:
    """A service whose jobs take two servers, and that has two at a time in all."""
    with patch.dict(LIMITS, {"mgn": TWO}):
        yield


def ledger(night: Night) -> list[tuple[LaunchState, int]]:
    return [(each.state, len(each.machines)) for each in night.store.launches(night.run_id, 1)]


def five(**rules: Any) -> Plan:
    return a_mgn_plan(a_wave("all", "a", "b", "c", "d", "e", **rules))


SLOW = {"launch": [{"boot": "15m"}]}
"""Its target boots on while the jobs after its own are launched."""


def fleet(**special: Any) -> dict[str, Any]:
    return {name: special.get(name, {}) for name in "abcde"} | ({} if "a" in special else {"a": SLOW})


def mgn(night: Night) -> Any:
    return boto3.client("mgn", REGION)


def server(night: Night, name: str) -> str:
    """MGN's id of a machine."""
    items = mgn(night).describe_source_servers(filters={})["items"]
    return next(
        str(each["sourceServerID"])
        for each in items
        if each["sourceProperties"]["identificationHints"]["hostname"].split(".")[0] == name
    )


@pytest.mark.usefixtures("two_at_a_time")
def test_a_wave_larger_than_a_job_is_launched_job_after_job() -> None:
    with on_mgn(a_world(fleet())) as night:
        night.run(five())
        assert set(night.statuses().values()) == {"verified"}
        assert servers(night) == Counter("abcde")
        assert ledger(night) == [(LaunchState.ACCEPTED, 2), (LaunchState.ACCEPTED, 2), (LaunchState.ACCEPTED, 1)]
        assert [each["news"] for each in night.news()].count("launched") == 3
        tags = [each["tags"] for each in mgn(night).describe_jobs()["items"]]
        assert [each["cutover:launch"] for each in tags] == ["3", "2", "1"]
        assert {(each["cutover:run"], each["cutover:wave"]) for each in tags} == {(night.run_id, "1")}


@pytest.mark.usefixtures("two_at_a_time")
def test_behind_a_job_that_never_ends_nothing_more_is_launched() -> None:
    with on_mgn(a_world(fleet(), project={"jobs": {"hangs": True}})) as night:
        night.run(five(job_deadline=1800))
        assert night.statuses() == {
            "a": "unknown",
            "b": "unknown",
            "c": "postponed",
            "d": "postponed",
            "e": "postponed",
        }
        assert servers(night) == Counter("ab")
        assert "job after job" in night.findings("e")


def then(act: Callable[[Night], None], after: int, found: list[Night]) -> Callable[[Simulator, float], None]:
    """`act` once so many machines have been launched, while a Wait passes."""

    def waited(simulator: Simulator, seconds: float) -> None:
        if found and sum(simulator.launches().values()) >= after:
            act(found.pop())
        simulator.advance(seconds)

    return waited


@pytest.mark.usefixtures("two_at_a_time")
def test_what_waits_for_its_turn_when_the_run_is_aborted_is_never_launched() -> None:
    found: list[Night] = []
    with on_mgn(a_world(fleet()), waited=then(Night.abort, 2, found)) as night:
        found.append(night)
        night.run(five())
        assert night.statuses() == {"a": "verified", "b": "verified", "c": "aborted", "d": "aborted", "e": "aborted"}
        assert servers(night) == Counter("ab")


@pytest.mark.usefixtures("two_at_a_time")
def test_one_that_stops_replicating_while_it_waits_for_its_turn_is_left_out_of_a_wave_that_passes_without_it() -> None:
    def pause(night: Night) -> None:
        project = next(iter(night.simulator.world.projects.values()))
        night.simulator.world.switch_replication(project.machines[night.machine_id("d")], State.PAUSED)

    found: list[Night] = []
    with on_mgn(a_world(fleet()), waited=then(pause, 2, found)) as night:
        found.append(night)
        night.run(five(at_least=4))
        statuses = night.statuses()
        assert statuses.pop("d") == "postponed"
        assert set(statuses.values()) == {"verified"}
        assert servers(night) == Counter("abce")
        assert night.outcome() == "Tested"
        assert "Paused" in night.findings("d")


@pytest.mark.usefixtures("two_at_a_time")
def test_the_looks_at_what_waits_for_its_turn_are_counted() -> None:
    def pause(night: Night) -> None:
        project = next(iter(night.simulator.world.projects.values()))
        night.simulator.world.switch_replication(project.machines[night.machine_id("d")], State.PAUSED)

    found: list[Night] = []
    few = [patch(f"{module}.LOOKS", 6) for module in ("cutover.readiness", "verify_targets", "launch_targets")]
    with few[0], few[1], few[2], on_mgn(a_world(fleet()), waited=then(pause, 2, found)) as night:
        found.append(night)
        night.run(five(at_least=4, verify_deadline=30 * 86400, job_deadline=86400))
        assert night.statuses()["d"] == "postponed"
        assert servers(night) == Counter("abce")
        assert 4 < night.wave_states().count("LaunchTargets") < 20


@pytest.mark.usefixtures("two_at_a_time")
def test_a_wave_that_cannot_pass_any_more_launches_no_further_job_and_keeps_what_it_has() -> None:
    broken = {"launch": [{"target": "conversion_failed"}]}
    with on_mgn(a_world(fleet(a=broken))) as night:
        night.run(five())
        assert servers(night) == Counter("ab")
        assert night.statuses()["a"] == "failed"
        assert night.statuses()["b"] == "verified"
        assert {night.statuses()[name] for name in "cde"} == {"postponed"}
        assert "job after job" in night.findings("c")


@pytest.mark.usefixtures("two_at_a_time")
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"drop": True, "accepted": True}, {"status": 429}])
def test_whatever_becomes_of_one_launch_each_machine_is_launched_once(fault: dict[str, Any], nth: int) -> None:
    with on_mgn(a_world(fleet(), faults=[{"on": LAUNCH, "nth": nth, **fault}])) as night:
        night.run(five())
        assert set(night.statuses().values()) == {"verified"}
        assert servers(night) == Counter("abcde")
        assert [state for state, _ in ledger(night)].count(LaunchState.ACCEPTED) == 3


@pytest.mark.usefixtures("two_at_a_time")
@pytest.mark.parametrize("died", [1, 2])
def test_a_run_whose_execution_died_between_two_jobs_goes_on_with_what_is_left(died: int) -> None:
    def dies(event: dict[str, Any]) -> Any:
        calls.append(event)
        if len(calls) == died + 1:
            night.kill()
        return handlers["LaunchTargets"](event)

    calls: list[Any] = []
    handlers = load_handlers()
    with on_mgn(a_world(fleet()), handlers={"LaunchTargets": dies}) as night:
        plan = five()
        night.run(plan)
        night.tell_if_dead()
        night.run(plan)
        assert set(night.statuses().values()) == {"verified"}
        assert servers(night) == Counter("abcde")


def test_a_job_that_still_terminates_a_server_is_waited_for_and_then_it_is_launched() -> None:
    with on_mgn(a_world({"a": {"tested": "9d"}, "b": {}})) as night:
        busy = server(night, "a")
        mgn(night).change_server_life_cycle_state(sourceServerID=busy, lifeCycle={"state": "READY_FOR_TEST"})
        mgn(night).terminate_target_instances(sourceServerIDs=[busy])
        night.run(a_mgn_plan(a_wave("all", "a", "b")))
        assert night.statuses() == {"a": "verified", "b": "verified"}
        told = [each["text"] for each in night.news() if each["news"] == "waiting"]
        assert any("TERMINATE" in each for each in told)
        assert ledger(night) == [(LaunchState.ACCEPTED, 2)]


def test_another_job_in_the_account_forbids_nothing() -> None:
    with on_mgn(a_world({"a": {}, "other": {}}, project={"jobs": {"conversion": "3h"}})) as night:
        mgn(night).start_test(sourceServerIDs=[server(night, "other")])
        night.run(a_mgn_plan(a_wave("all", "a", job_deadline=5 * 3600)))
        assert night.statuses() == {"a": "verified"}
        assert "waiting" not in [each["news"] for each in night.news()]
        assert mgn(night).describe_jobs()["items"][1]["creationDateTime"] < "2026-11-28T09:01"


def test_another_run_that_launches_in_the_project_is_not_waited_for() -> None:
    with on_mgn(a_world({"a": {}})) as night:
        other = RunRecord("other-1", "other", "ab", Mode.TEST, 1, None, "2026-11-28T08:00:00Z")
        night.store.claim(other.but(lease="2026-12-31T00:00:00Z"))
        assert Locks(table(TABLE), other.id).take([project_lock("mgn", "Demo")], "2026-11-28T09:00:00Z") == {}
        night.run(a_mgn_plan(a_wave("all", "a")))
        assert night.statuses() == {"a": "verified"}
        assert "waiting" not in [each["news"] for each in night.news()]


def test_a_target_made_of_an_earlier_snapshot_is_judged_by_the_last_one_before_the_launch() -> None:
    with on_mgn(a_world({"a": {"launch": [{"stale": "3h"}]}, "b": {"launch": [{"stale": "2m"}]}})) as night:
        night.run(a_mgn_plan(a_wave("all", "a", "b", test_waiver=WAIVED, on_failure=OnFailure.CONTINUE)), Mode.CUTOVER)
        assert night.statuses() == {"a": "failed", "b": "verified"}
        assert "data up to 2026-11-28 06:00:00 UTC" in night.findings("a")
        (job,) = night.store.wave(night.run_id, 1).jobs
        assert str(night.store.read_job(night.run_id, 1, job).log).count("USING_PREVIOUS_SNAPSHOT") == 2


def test_what_the_service_is_set_to_launch_is_corrected_in_the_template() -> None:
    expect = Expectation(instance_type="m5.xlarge", public_ip=True, copy_tags=False)
    rules = {"expect": expect, "launch_configuration": OnDifference.CORRECT}
    with on_mgn(a_world({"a": {}, "b": {}})) as night:
        night.run(a_mgn_plan(a_wave("all", "a", "b", **rules)))
        assert night.statuses() == {"a": "verified", "b": "verified"}
        passed = {check["name"]: check["passed"] for check in night.machine("a")["checks"]}
        assert passed["instance_type"] is passed["public_ip"] is True
        assert "copy_tags was true and has been set to false" in night.findings("a")


def call(night: Night, function: str, **more: str) -> dict[str, Any]:
    return dict(night.workflows.invoke(function, {"run": night.run_id, "by": "lead@example.com", **more}))


def until_done(night: Night, function: str, **more: str) -> dict[str, Any]:
    for _ in range(20):
        answer = call(night, function, **more)
        if answer["verdict"] != "wait":
            break
        night.simulator.advance(600)
    return answer


def test_test_targets_are_cleaned_up() -> None:
    with on_mgn(a_world({"a": {}, "b": {}})) as night:
        night.run(a_mgn_plan(a_wave("all", "a", "b")))
        assert night.statuses() == {"a": "verified", "b": "verified"}
        done = until_done(night, "CleanUp")
        assert done["verdict"] == "done"
        assert {each["label"]: each["fate"] for each in done["machines"]} == {"a": "gone", "b": "gone"}


def test_the_sources_of_a_committed_cutover_are_finalized_and_archived() -> None:
    with on_mgn(a_world({"a": {}, "b": {}})) as night:
        night.run(a_mgn_plan(a_wave("all", "a", "b", test_waiver=WAIVED)), Mode.CUTOVER)
        assert night.outcome() == Outcome.CUT_OVER.value
        record = night.store.night(night.run_id)
        committed = record.but(committed="2026-12-09T10:00:00Z", holder=Holder.TARGET, since="2026-12-05T22:00:00Z")
        night.store.write_night(night.run_id, committed)
        done = until_done(night, "Finalize", confirm="demo")
        assert done["verdict"] == "done"
        assert {each["label"]: each["fate"] for each in done["machines"]} == {"a": "gone", "b": "gone"}
        archived = mgn(night).describe_source_servers(filters={"isArchived": True})["items"]
        assert len(archived) == 2


@pytest.mark.parametrize("shown", ["by the listing", "by EC2 alone"])
def test_an_old_test_instance_never_passes_as_the_cutovers(shown: str) -> None:
    """The cutover brings nothing, and what the test had launched is still there, or even shown as the target."""
    with on_mgn(a_world({"a": {"tested": "9d", "launch": [{"target": "missing"}]}, "b": {"tested": "9d"}})) as night:
        old, id, job = night.target_of("a"), server(night, "a"), "mgnjob-00000000000000001"
        listed = Mgn._listed

        def stale(service: Mgn) -> dict[str, dict[str, Any]]:
            found = listed(service)
            found[id] = {
                **found[id],
                "launchedInstance": {"ec2InstanceID": old, "jobID": job, "firstBoot": "SUCCEEDED"},
            }
            return found

        with patch.object(Mgn, "_listed", stale if shown == "by the listing" else listed):
            night.run(
                a_mgn_plan(a_wave("all", "a", "b", test_waiver=WAIVED, on_failure=OnFailure.CONTINUE)), Mode.CUTOVER
            )
        assert night.statuses() == {"a": "failed", "b": "verified"}
        target = night.machine("a")["target"]
        assert target is None or target["instance_id"] != old
        assert night.outcome() != Outcome.CUT_OVER.value


def test_a_launch_refused_for_a_job_that_terminates_is_sent_once_that_has_ended() -> None:
    """The terminate job begins after the last look, so that only the refusal tells of it."""
    send, busy = Mgn.launch, list[str]()

    def launch(service: Mgn, *asked: Any, **more: Any) -> Any:
        if not busy:
            busy.append(server(night, "a"))
            mgn(night).change_server_life_cycle_state(sourceServerID=busy[0], lifeCycle={"state": "READY_FOR_TEST"})
            mgn(night).terminate_target_instances(sourceServerIDs=busy)
        return send(service, *asked, **more)

    with patch.object(Mgn, "launch", launch), on_mgn(a_world({"a": {"tested": "9d"}, "b": {}})) as night:
        night.run(a_mgn_plan(a_wave("all", "a", "b")))
        assert night.statuses() == {"a": "verified", "b": "verified"}
        assert servers(night) == Counter("ab")
        assert ledger(night) == [(LaunchState.REFUSED, 2), (LaunchState.ACCEPTED, 2)]
