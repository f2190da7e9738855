"""Over HTTP, the way the public CloudEndure scripts call: nothing of ours on the client's side."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from moto.server import ThreadedMotoServer

from stage.simulator import Clock, Opening, Scenario, ServedSimulator, Simulator, ec2_client, serve
from stage.simulator.cloud import Ec2Refused
from stage.simulator.targets import Ec2

START = datetime(2026, 12, 5, 22, 0, tzinfo=UTC)
SCENARIO = {
    "seed": "served",
    "projects": {
        "Demo": {
            "subnets": {"db": "10.20.1.0/24"},
            "security_groups": ["db"],
            "machines": {"db01": {"tested": "9d"}},
        }
    },
}


def served(**changes: object) -> ServedSimulator[Simulator]:
    return serve(Simulator(Scenario.parse(SCENARIO | changes), clock=Clock(START, 0)))


@pytest.fixture
def console() -> Iterator[ServedSimulator[Simulator]]:
    with served() as one:
        yield one


@pytest.mark.parametrize("strip", [False, True], ids=["as the cookie jar gives it", "without quotes"])
def test_a_public_script_logs_in_lists_launches_follows_and_reads_the_replica(console, strip):
    host = f"{console.url}/api/latest/"
    session = requests.Session()
    headers = {"Content-Type": "application/json"}
    login = session.post(host + "login", data=json.dumps({"userApiToken": console.token}), headers=headers)
    assert login.status_code == 200
    token = session.cookies["XSRF-TOKEN"]
    headers["X-XSRF-TOKEN"] = token.strip('"') if strip else token

    projects = json.loads(session.get(host + "projects", headers=headers).text)["items"]
    project = next(one["id"] for one in projects if one["name"] == "Demo")
    url = f"{host}projects/{project}"
    machines = json.loads(session.get(f"{url}/machines?offset=0&limit=1500&all=true", headers=headers).text)["items"]
    machine = next(one for one in machines if one["sourceProperties"]["name"].lower() == "db01")

    body = {"items": [{"machineId": machine["id"]}], "launchType": "CUTOVER"}
    launched = session.post(f"{url}/launchMachines", data=json.dumps(body), headers=headers)
    assert launched.status_code == 202
    job = launched.json()
    while job["status"] in ("PENDING", "STARTED"):
        requests.post(f"{console.url}/_simulator/clock", json={"advance_seconds": 60}, timeout=10)
        job = session.get(f"{url}/jobs/{job['id']}", headers=headers).json()
    assert (job["status"], job["log"][-1]["message"]) == ("COMPLETED", "Job finished")

    after = session.get(f"{url}/machines/{machine['id']}", headers=headers).json()
    assert "lastCutoverDateTime" in after["lifeCycle"]
    replica = session.get(f"{url}/replicas/{after['replica']}", headers=headers).json()
    assert replica["machineCloudId"].startswith("i-")
    assert session.get(f"{url}/replicas/{machine['replica']}", headers=headers).status_code == 404


def test_a_client_that_builds_its_own_headers_and_asks_for_plain_text_is_served(console):
    base = f"{console.url}/api/latest"
    body = json.dumps({"username": "operator@example.com", "password": console.simulator.password})
    login = requests.post(f"{base}/login", data=body, headers={"Content-Type": "application/json"}, timeout=10)
    cookies = login.cookies.get_dict()
    headers = {
        "Cookie": f"session={cookies['session']}; XSRF-TOKEN={cookies['XSRF-TOKEN']}",
        "X-XSRF-TOKEN": cookies["XSRF-TOKEN"].strip('"'),
        "Accept": "text/plain",
    }
    answer = requests.get(f"{base}/projects/", headers=headers, timeout=10)
    assert answer.json()["items"][0]["name"] == "Demo"


def test_a_redirected_login_is_followed_by_requests_and_the_new_base_serves():
    with served(account={"redirect": "/api/v5/login"}) as console:
        session = requests.Session()
        login = session.post(f"{console.url}/api/latest/login", json={"userApiToken": console.token})
        assert [one.status_code for one in login.history] == [307]
        base = login.url.rpartition("/")[0]
        assert base.endswith("/api/v5")
        session.headers["X-XSRF-TOKEN"] = session.cookies["XSRF-TOKEN"]
        assert session.get(f"{base}/projects").status_code == 200


def test_a_launch_whose_answer_is_lost_was_accepted():
    fault = {"on": "POST /projects/*/launchMachines", "nth": 1, "drop": True, "accepted": True}
    with served(faults=[fault]) as console:
        base = f"{console.url}/api/latest"
        session = requests.Session()
        session.post(f"{base}/login", json={"userApiToken": console.token})
        session.headers["X-XSRF-TOKEN"] = session.cookies["XSRF-TOKEN"]
        project = session.get(f"{base}/projects").json()["items"][0]["id"]
        machine = session.get(f"{base}/projects/{project}/machines").json()["items"][0]["id"]
        body = {"launchType": "TEST", "items": [{"machineId": machine}]}
        with pytest.raises(requests.ConnectionError):
            session.post(f"{base}/projects/{project}/launchMachines", json=body)
        newest = session.get(f"{base}/projects/{project}/jobs").json()["items"][0]
        assert (newest["status"], newest["participatingMachines"]) == ("PENDING", [machine])


def test_a_torn_answer_breaks_off_in_the_middle_of_what_it_announced():
    with served(faults=[{"on": "POST /login", "nth": 1, "body": "torn", "accepted": True}]) as console:
        login = {"userApiToken": console.token}
        with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
            requests.post(f"{console.url}/api/latest/login", json=login, timeout=10)
        assert requests.post(f"{console.url}/api/latest/login", json=login, timeout=10).status_code == 200


def test_there_is_one_date_header_and_it_is_the_simulators(console):
    answer = requests.get(f"{console.url}/api/latest/me", timeout=10)
    assert answer.headers["Date"] == "Sat, 05 Dec 2026 22:00:00 GMT"


def test_a_closed_simulator_answers_nobody_and_leaves_no_thread():
    before = threading.active_count()
    console = served()
    console.close()
    console.close()
    assert threading.active_count() == before
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{console.url}/_simulator/clock", timeout=5)


def test_a_taken_port_is_an_error(console):
    with pytest.raises(OSError, match="in use"):
        serve(console.simulator, port=int(console.url.rpartition(":")[2]))


def test_targets_are_made_on_time_in_the_ec2_of_the_endpoint_even_when_nobody_asks(monkeypatch):
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", f"http://{host}:{port}")
        ec2 = ec2_client("eu-central-1")
        assert ec2 is not None
        simulator = Simulator(Scenario.parse(SCENARIO), ec2, Clock(START, 0))
        made = threading.Event()
        simulator.world.later(simulator.world.now.replace(hour=23), made.set)
        with serve(simulator):
            simulator.clock.advance(7200)
            assert made.wait(20)
        found = ec2.describe_instances(Filters=[{"Name": "tag-key", "Values": ["CloudEndure creation time"]}])
        assert len(found["Reservations"]) == 1
    finally:
        moto.stop()


def test_the_stages_ec2_is_told_how_status_checks_come_out(monkeypatch):
    told: list[tuple[str, dict[str, str]]] = []

    class StageEc2(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
            self.send_response(404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), StageEc2)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", f"http://127.0.0.1:{server.server_port}")
        client = ec2_client("eu-central-1")
        assert client is not None
        Ec2(client).status("i-0abc", "impaired")
        Ec2(client).fail_commands("i-0abc")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert told == [
        ("/_stage/instances/i-0abc/status", {"instance_status": "impaired", "system_status": "ok"}),
        ("/_stage/instances/i-0abc/commands", {"status": "Failed"}),
    ]


def test_a_simulator_whose_ec2_is_not_up_yet_says_503_until_it_is() -> None:
    tries = iter([Ec2Refused("Could not connect"), Ec2Refused("Could not connect")])

    def make() -> Simulator:
        if error := next(tries, None):
            raise error
        return Simulator(Scenario.parse(SCENARIO))

    with serve(Opening(make, "token")) as console:
        answers = [requests.get(f"{console.url}/api/latest/projects", timeout=5) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 401]
    assert answers[0].json() == {"message": "EC2 does not answer yet: Could not connect"}
