"""Login, cookies, the XSRF header, and how long they last."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from stage.simulator.clock import Clock
from stage.simulator.scenario import Scenario
from stage.simulator.simulator import Simulator


def test_the_xsrf_cookie_is_in_double_quotes_and_both_spellings_of_the_header_are_taken(console):
    one = console()
    login = one.http.post("/api/latest/login", json={"userApiToken": one.simulator.token})
    cookie = next(line for line in login.headers.getlist("Set-Cookie") if line.startswith("XSRF-TOKEN="))
    value = cookie.split("=", 1)[1].split(";")[0]
    assert value.startswith('"')
    assert value.endswith('"')
    for header in (value, value.strip('"')):
        assert one.http.get("/api/latest/me", headers={"X-XSRF-TOKEN": header}).status_code == 200


def test_the_cookie_alone_is_not_enough(console):
    one = console()
    assert one.http.get("/api/latest/projects").status_code == 403
    assert one.http.get("/api/latest/projects", headers={"X-XSRF-TOKEN": "wrong"}).status_code == 403


def test_without_a_session_everything_is_401(console):
    answer = Client(console().simulator).get("/api/latest/projects")
    assert (answer.status_code, set(answer.get_json())) == (401, {"message"})


def test_username_and_password_log_in_too(console):
    one = console()
    body = {"username": "operator@example.com", "password": one.simulator.password}
    answer = one.http.post("/api/v5/login", json=body)
    assert answer.status_code == 200
    assert answer.json["apiToken"] == one.simulator.token


def test_a_session_lasts_an_hour_of_the_simulators_time(console):
    one = console()
    one.advance(3599)
    assert one.ask("GET", "/me").status_code == 200
    one.advance(1)
    assert one.ask("GET", "/me").status_code == 401
    one.login()
    assert one.ask("GET", "/me").status_code == 200


def test_logout_ends_the_session(console):
    one = console()
    assert one.ask("POST", "/logout").status_code == 204
    assert one.ask("GET", "/me").status_code == 401


def test_too_many_failed_logins_lock_the_account_for_a_while(console):
    one = console()
    wrong = {"userApiToken": "nonsense"}
    statuses = [one.http.post("/api/latest/login", json=wrong).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    one.advance(601)
    assert one.http.post("/api/latest/login", json={"userApiToken": one.simulator.token}).status_code == 200


def test_an_account_without_a_licence_is_402(console):
    scenario = Scenario.parse(
        {
            "account": {"licensed": False},
            "projects": {"Demo": {"subnets": {"a": "10.20.1.0/24"}, "security_groups": ["a"]}},
        }
    )
    simulator = Simulator(scenario, clock=Clock(scenario.clock.begin(console().simulator.world.now), 0))
    answer = Client(simulator).post("/api/latest/login", json={"userApiToken": simulator.token})
    assert answer.status_code == 402


def test_an_account_may_live_at_another_base(console):
    one = console(scenario={"account": {"redirect": "/api/v5/login"}})
    answer = one.http.post("/api/latest/login", json={"userApiToken": one.simulator.token})
    assert (answer.status_code, answer.headers["Location"]) == (307, "http://localhost/api/v5/login")


@pytest.mark.parametrize("path", ["/projects/", "/projects"])
def test_trailing_slashes_are_forgiven_and_every_base_serves(console, path):
    one = console(scenario={"account": {"redirect": None}})
    for base in ("/api/latest", "/api/v5"):
        assert one.http.get(base + path, headers=one.headers).status_code == 200


def test_the_date_header_is_the_simulators_clock(console):
    one = console()
    one.advance(90)
    answer = one.ask("GET", "/extendedAccountInfo")
    assert answer.headers["Date"] == "Sat, 05 Dec 2026 22:01:30 GMT"
    assert answer.json["dateTime"] == {"dateTime": "2026-12-05T22:01:30.000000+00:00"}


def test_what_is_not_there_is_404_and_a_wrong_method_405(console):
    one = console()
    assert one.ask("GET", "/nothing").status_code == 404
    assert one.ask("DELETE", "/me").status_code == 405
    assert one.http.get("/elsewhere").status_code == 404
