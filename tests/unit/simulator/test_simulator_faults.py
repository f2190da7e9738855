"""What goes wrong between client and server, and what the simulator counts."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import Client

LAUNCH = "POST /projects/*/launchMachines"


def with_faults(console: Any, *faults: Any) -> Any:
    return console(scenario={"faults": list(faults)})


def test_the_nth_matching_request_fails_and_no_other(console):
    one = with_faults(console, {"on": "GET /me", "nth": [2, 3], "status": 503, "message": "away"})
    assert [one.ask("GET", "/me").status_code for _ in range(4)] == [200, 503, 503, 200]
    assert one.ask("GET", "/clouds").status_code == 200


def test_a_fraction_of_requests_fails_the_same_way_every_time(console):
    def statuses() -> list[int]:
        one = with_faults(console, {"on": "GET /me", "fraction": 0.3, "status": 429})
        return [one.ask("GET", "/me").status_code for _ in range(50)]

    assert statuses() == statuses()
    assert 5 < statuses().count(429) < 25


def test_a_fault_may_be_bound_to_a_time_and_a_number_of_strikes(console):
    one = with_faults(console, {"on": "GET /me", "after": "10m", "until": "20m", "times": 1, "status": 500})
    assert one.ask("GET", "/me").status_code == 200
    one.advance(600)
    assert [one.ask("GET", "/me").status_code for _ in range(2)] == [500, 200]


def test_sessions_can_end_in_the_middle_of_everything(console):
    one = with_faults(console, {"on": "GET /me", "nth": 2, "expire_sessions": True})
    assert [one.ask("GET", "/me").status_code for _ in range(3)] == [200, 401, 401]
    one.login()
    assert one.ask("GET", "/me").status_code == 200


def test_an_answer_may_be_slow_in_real_time(console):
    one = with_faults(console, {"on": "GET /me", "nth": 2, "delay": "3s"})
    assert [one.ask("GET", "/me").status_code for _ in range(2)] == [200, 200]
    assert one.slept == [3]


def test_a_launch_refused_with_503_was_not_accepted(console):
    one = with_faults(console, {"on": LAUNCH, "status": 503})
    assert one.post_launch("db01").status_code == 503
    assert one.get(f"{one.project}/jobs")["items"] == []


@pytest.mark.parametrize(("accepted", "launches"), [(True, {"db01": 1}), (False, {})])
def test_a_dropped_launch_may_or_may_not_have_been_accepted(console, accepted, launches):
    one = with_faults(console, {"on": LAUNCH, "nth": 1, "drop": True, "accepted": accepted})
    with pytest.raises(ConnectionResetError):
        one.post_launch("db01")
    counted = Client(one.simulator).get("/_simulator/requests").get_json()
    assert counted["requests"]["POST launchMachines"] == 1
    assert counted["launches"] == launches
    assert len(one.get(f"{one.project}/jobs")["items"]) == len(launches)


@pytest.mark.parametrize(("body", "sent"), [("half", "cut"), ("torn", "cut"), ("empty", "")])
def test_an_answer_may_end_before_its_json_does(console, body, sent):
    one = with_faults(console, {"on": "GET /clouds", "nth": 1, "body": body})
    broken, whole = one.ask("GET", "/clouds"), one.ask("GET", "/clouds")
    assert (broken.status_code, whole.status_code) == (200, 200)
    assert broken.text == (whole.text[: len(whole.text) // 2] if sent else "")
    announced = len(whole.text) if body == "torn" else len(broken.text)
    assert int(broken.headers["Content-Length"]) == announced


@pytest.mark.parametrize(("accepted", "status", "launches"), [(True, 202, {"db01": 1}), (False, 200, {})])
def test_a_launch_whose_answer_is_cut_may_or_may_not_have_been_accepted(console, accepted, status, launches):
    one = with_faults(console, {"on": LAUNCH, "nth": 1, "body": "half", "accepted": accepted})
    answer = one.post_launch("db01")
    assert answer.status_code == status
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(answer.text)
    assert one.simulator.launches() == launches


def test_a_refusal_is_never_cut_nor_changed(console):
    change = {"answer": {"omit": ["message"]}}
    one = with_faults(console, *({"on": "GET /projects/*"} | effect for effect in ({"body": "empty"}, change)))
    answer = one.ask("GET", "/projects/unknown")
    assert (answer.status_code, answer.json) == (404, {"message": "Project not found: unknown"})


def test_the_date_header_may_be_wrong_while_dates_in_bodies_are_right(console):
    one = with_faults(console, {"on": "GET *", "after": "10m", "clock": {"skew": "-2h"}})
    assert one.ask("GET", "/me").headers["Date"] == "Sat, 05 Dec 2026 22:00:00 GMT"
    one.advance(600)
    answer = one.ask("GET", "/extendedAccountInfo")
    assert answer.headers["Date"] == "Sat, 05 Dec 2026 20:10:00 GMT"
    assert answer.json["dateTime"]["dateTime"] == "2026-12-05T22:10:00.000000+00:00"


def test_dates_in_bodies_may_be_wrong_while_the_date_header_is_right(console):
    one = with_faults(console, {"on": "GET */machines", "nth": 2, "clock": {"skew": "1h", "in": "bodies"}})
    right = one.machines()["db01"]["replicationInfo"]["lastConsistencyDateTime"]
    answer = one.ask("GET", f"{one.project}/machines")
    assert answer.headers["Date"] == "Sat, 05 Dec 2026 22:00:00 GMT"
    wrong = answer.json["items"][0]["replicationInfo"]["lastConsistencyDateTime"]
    assert datetime.fromisoformat(wrong) - datetime.fromisoformat(right) == timedelta(hours=1)
    assert answer.json["items"][0]["sourceProperties"]["name"] == "db01"


def test_fields_of_every_item_may_be_missing_null_or_unheard_of(console):
    backlog = "items.*.replicationInfo.backloggedStorageBytes"
    changes = {"items.*.replicationStatus": "MOVING", "items.0.license": None, "items.9.license": None}
    one = with_faults(console, {"on": "GET */machines", "times": 1, "answer": {"omit": [backlog], "set": changes}})
    machines, later = one.machines(), one.machines()
    for name in ("db01", "web01"):
        assert "backloggedStorageBytes" not in machines[name]["replicationInfo"]
        assert machines[name]["replicationStatus"] == "MOVING"
        assert (later[name]["replicationStatus"], later[name]["replicationInfo"]["backloggedStorageBytes"]) == (
            "STARTED",
            0,
        )
    assert [one["license"] is None for one in machines.values()] == [True, False]


def test_several_faults_strike_one_answer_together(console):
    one = with_faults(
        console,
        {"on": "GET /me", "body": "half"},
        {"on": "GET /me", "clock": {"skew": "5m"}},
        {"on": "GET /me", "delay": "2s"},
        {"on": "GET /me", "times": 1, "status": 503},
    )
    answer = one.ask("GET", "/me")
    assert (answer.status_code, one.slept) == (503, [2])
    assert answer.headers["Date"] == "Sat, 05 Dec 2026 22:05:00 GMT"
    answer = one.ask("GET", "/me")
    assert (answer.status_code, answer.headers["Date"]) == (200, "Sat, 05 Dec 2026 22:05:00 GMT")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(answer.text)


def test_requests_are_counted_by_operation_without_a_session(console):
    one = console()
    one.launch("db01")
    counted = Client(one.simulator).get("/_simulator/requests").json
    assert counted == {
        "requests": {"POST login": 1, "GET projects": 1, "GET machines": 1, "POST launchMachines": 1},
        "launches": {"db01": 1},
    }


def test_the_clock_can_be_read_and_moved_forward_without_a_session(console):
    anyone = Client(console().simulator)
    assert anyone.get("/_simulator/clock").json == {"now": "2026-12-05T22:00:00.000000+00:00", "speed": 0}
    moved = anyone.post("/_simulator/clock", json={"advance_seconds": 90.5})
    assert moved.get_json()["now"] == "2026-12-05T22:01:30.500000+00:00"
    wrongs: list[Any] = [{}, {"advance_seconds": -1}, {"advance_seconds": "90"}, []]
    for wrong in wrongs:
        assert anyone.post("/_simulator/clock", json=wrong).status_code == 422
    assert anyone.get("/_simulator/nothing").status_code == 404


def test_the_log_names_requests_but_never_a_secret(console, caplog):
    caplog.set_level("DEBUG")
    one = console()
    one.machines()
    assert "POST /api/latest/login 200" in caplog.text
    for secret in (one.simulator.token, one.simulator.password, one.headers["X-XSRF-TOKEN"]):
        assert secret.strip('"') not in caplog.text
