"""What the CloudEndure client asks for, and what it makes of the answers."""

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import responses

from cutover import cloudendure, cloudendure_answers
from cutover.cloudendure import CloudEndure
from cutover.errors import (
    AuthenticationFailed,
    LaunchUnconfirmed,
    LicenceExpired,
    NotFound,
    PermissionDenied,
    RequestRefused,
    ServiceThrottled,
    ServiceUnavailable,
)
from cutover.machine import JobStatus
from cutover.plan import Mode
from tests.unit.cloudendure_of import BASE, COOKIES, HOST, PROJECT, TOKEN, log_in, ready

# Its project


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        (["Wave 12", "wave 12"], "Wave 12", "p-1"),
        (["Wave 11", "wave 12"], "WAVE 12", "p-2"),
        (["Wave 12 ", "other"], "Wave 12", "p-1"),
    ],
)
def test_a_project_is_found_by_its_name_or_by_the_only_one_alike(service, names, wanted, found):
    log_in(service)
    items = [{"id": f"p-{number}", "name": name} for number, name in enumerate(names, 1)]
    service.get(f"{BASE}/projects", json={"items": items})
    service.get(f"{BASE}/projects/{found}/jobs", json={"items": []})
    assert CloudEndure(HOST, TOKEN, wanted).jobs() == []


@pytest.mark.parametrize("names", [["Wave 11"], ["wave 12", "WAVE 12"], ["Wave 12", "Wave 12"], [], [None]])
def test_a_project_that_is_not_there_or_not_single_is_named_with_those_that_are(service, names):
    log_in(service)
    items = [{"id": f"p-{number}", "name": name} for number, name in enumerate(names, 1)]
    service.get(f"{BASE}/projects", json={"items": items})
    with pytest.raises(NotFound, match="no single project named 'Wave 12'; there are: ") as caught:
        CloudEndure(HOST, TOKEN, "Wave 12").jobs()
    assert all(name in str(caught.value) for name in names if name)


# Its lists


def pages(service: responses.RequestsMock, count: int, cap: int) -> None:
    """Machines m-0 … of a service that gives `cap` at most, whatever is asked for."""

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        params = request.params  # type: ignore[attr-defined]  # added by responses
        offset, limit = int(params["offset"]), int(params["limit"])
        chosen = range(offset, min(offset + min(limit, cap), count))
        return 200, {}, f'{{"items": [{", ".join(f"""{{"id": "m-{n}"}}""" for n in chosen)}]}}'

    service.add_callback("GET", f"{PROJECT}/machines", callback=answer)


@pytest.mark.parametrize(
    ("count", "cap", "asked"),
    [(0, 1500, 1), (3, 1500, 1), (1499, 1500, 1), (1500, 1500, 2), (1501, 1500, 2), (3001, 1500, 3), (230, 100, 3)],
)
def test_a_list_is_read_to_its_end_in_as_few_requests_as_possible(service, count, cap, asked):
    client = ready(service)
    pages(service, count, cap)
    assert len(client.machines()) == count
    assert client.requests["GET machines"] == asked


def test_a_service_that_ignores_the_offset_is_not_asked_for_ever(service):
    client = ready(service)
    service.get(f"{PROJECT}/machines", json={"items": [{"id": f"m-{n}"} for n in range(1500)]})
    assert len(client.machines()) == 1500
    assert client.requests["GET machines"] == 2


def test_a_list_without_an_end_is_not_believed(service, monkeypatch):
    monkeypatch.setattr(cloudendure, "PAGES", 3)
    client = ready(service)
    pages(service, 10_000_000, 1500)
    with pytest.raises(ServiceUnavailable, match="no end of the list after 3 pages"):
        client.machines()


def test_all_machines_tells_who_is_only_found_among_the_stopped_ones(service):
    client = ready(service)
    by_all = responses.matchers.query_param_matcher
    service.get(
        f"{PROJECT}/machines",
        json={"items": [{"id": "m-1"}, {"id": "m-2"}]},
        match=[by_all({"all": "true", "offset": 0, "limit": 1500})],
    )
    service.get(f"{PROJECT}/machines", json={"items": [{"id": "m-2"}]}, match=[by_all({"offset": 0, "limit": 1500})])
    listed = {one.id: one.listed_as_replicating for one in client.machines(all_machines=True)}
    assert listed == {"m-1": False, "m-2": True}
    assert client.requests["GET machines"] == 2


def test_a_machine_without_an_id_is_left_out_and_told(service, caplog):
    client = ready(service)
    service.get(f"{PROJECT}/machines", json={"items": [{"id": "m-1"}, {"id": ""}, {}, None, "m-2"]})
    assert [one.id for one in client.machines()] == ["m-1"]
    assert client.dropped == {"machines": 4}
    assert "without an id" in caplog.text


def test_jobs_come_newest_first_and_undated_ones_last(service):
    client = ready(service)
    dates = {"old": "2026-11-28T20:00:00Z", "undated": None, "new": "2026-11-28T23:00:00.5+01:00", "garbled": "soon"}
    service.get(f"{PROJECT}/jobs", json={"items": [{"id": k, "creationDateTime": v} for k, v in dates.items()]})
    assert [job.id for job in client.jobs()] == ["new", "old", "undated", "garbled"]


# Its launch


def test_a_launch_names_each_machine_once_and_asks_for_the_latest_state(service):
    client = ready(service)
    body = {"launchType": "CUTOVER", "items": [{"machineId": "m-1"}, {"machineId": "m-2"}]}
    accepted = {"id": "j-1", "type": "CUTOVER_LAUNCH", "status": "PENDING", "participatingMachines": ["m-1", "m-2"]}
    service.post(
        f"{PROJECT}/launchMachines", status=202, json=accepted, match=[responses.matchers.json_params_matcher(body)]
    )
    (job,) = client.launch(Mode.CUTOVER, ["m-2", "m-1", "m-2"])
    assert (job.id, job.kind, job.status, job.machines) == (
        "j-1",
        "cutover",
        JobStatus.PENDING,
        frozenset({"m-1", "m-2"}),
    )


@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_success_with_a_job_is_accepted(service, status):
    client = ready(service)
    service.post(f"{PROJECT}/launchMachines", status=status, json={"id": "j-1"})
    assert [job.id for job in client.launch(Mode.TEST, ["m-1"])] == ["j-1"]


def test_a_launch_of_nothing_is_never_sent(service):
    with pytest.raises(ValueError, match="needs machines"):
        ready(service).launch(Mode.TEST, [])
    assert not service.calls


@pytest.mark.parametrize(
    "answer",
    [
        {"body": requests.ReadTimeout()},
        {"body": requests.ConnectTimeout()},
        {"body": requests.ConnectionError("aborted")},
        {"body": requests.exceptions.ChunkedEncodingError()},
        {"status": 500},
        {"status": 502, "body": "<html>bad gateway</html>"},
        {"status": 504},
        {"status": 429, "json": {"message": "slowly"}},
        {"status": 408},
        {"status": 302, "headers": {"Location": "/elsewhere"}},
        {"status": 307, "headers": {"Location": f"{PROJECT}/launchMachines"}},
        {"status": 202, "body": ""},
        {"status": 202, "body": "<html>"},
        {"status": 202, "json": {}},
        {"status": 202, "json": {"id": None, "status": "PENDING"}},
        {"status": 204},
    ],
)
def test_a_launch_without_a_clear_answer_is_unconfirmed_and_never_sent_again(service, answer):
    client = ready(service)
    service.post(f"{PROJECT}/launchMachines", **answer)
    with pytest.raises(LaunchUnconfirmed, match="launchMachines"):
        client.launch(Mode.CUTOVER, ["m-1"])
    assert client.requests["POST launchMachines"] == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (402, LicenceExpired),
        (403, PermissionDenied),
        (404, NotFound),
        (409, RequestRefused),
        (422, RequestRefused),
    ],
)
def test_a_refused_launch_says_why_and_is_never_sent_again(service, status, kind):
    client = ready(service)
    service.post(f"{PROJECT}/launchMachines", status=status, json={"message": "Source machines have job in progress"})
    with pytest.raises(kind, match="job in progress"):
        client.launch(Mode.CUTOVER, ["m-1"])
    assert client.requests["POST launchMachines"] == 1


def test_a_launch_met_by_401_is_sent_again_after_one_renewal(service):
    client = ready(service)
    service.post(f"{PROJECT}/launchMachines", status=401)
    service.post(f"{PROJECT}/launchMachines", status=202, json={"id": "j-1"})
    assert [job.id for job in client.launch(Mode.TEST, ["m-1"])] == ["j-1"]
    assert client.requests == {"POST login": 2, "GET projects": 1, "POST launchMachines": 2}


def test_a_launch_met_by_401_twice_was_not_done(service):
    client = ready(service)
    service.post(f"{PROJECT}/launchMachines", status=401)
    with pytest.raises(AuthenticationFailed):
        client.launch(Mode.TEST, ["m-1"])
    assert client.requests["POST launchMachines"] == 2


def test_a_launch_after_a_renewal_is_as_unconfirmed_as_any(service):
    client = ready(service)
    service.post(f"{PROJECT}/launchMachines", status=401)
    service.post(f"{PROJECT}/launchMachines", status=503)
    with pytest.raises(LaunchUnconfirmed):
        client.launch(Mode.TEST, ["m-1"])


@pytest.mark.parametrize(("status", "kind"), [(503, ServiceUnavailable), (429, ServiceThrottled)])
def test_a_login_that_fails_before_a_launch_is_no_unconfirmed_launch(service, status, kind):
    log_in(service, status=status)
    with pytest.raises(kind):
        CloudEndure(HOST, TOKEN, "Wave 12").launch(Mode.TEST, ["m-1"])


def test_a_renewal_that_fails_after_a_401_is_no_unconfirmed_launch(service):
    client = ready(service)
    service.post(f"{PROJECT}/launchMachines", status=401)
    client.requests.clear()
    service.get(f"{PROJECT}/jobs", json={"items": []})
    client.jobs()
    service.replace("POST", f"{BASE}/login", status=503)
    with pytest.raises(ServiceUnavailable):
        client.launch(Mode.TEST, ["m-1"])
    assert client.requests["POST launchMachines"] == 1


class CutsLaunches(BaseHTTPRequestHandler):
    """Answers everything on connections that stay open, and hangs up on a launch."""

    protocol_version = "HTTP/1.1"
    received: list[str]

    def do_POST(self) -> None:
        self.received.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/launchMachines"):
            self.close_connection = True
        else:
            self._answer()

    def do_GET(self) -> None:
        self.received.append(self.path)
        self._answer()

    def _answer(self) -> None:
        body = b'{"items": [{"id": "p-1", "name": "Wave 12"}]}'
        self.send_response(200)
        for name, value in COOKIES.items():
            self.send_header("Set-Cookie", f"{name}={value}; Path=/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not to stderr."""


def test_a_launch_whose_connection_is_cut_arrives_exactly_once():
    """Over a real socket: neither requests nor urllib3 nor http.client sends it again by itself."""
    received: list[str] = []
    handler = type("Handler", (CutsLaunches,), {"received": received})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, requests.Session() as session:
        session.trust_env = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            client = CloudEndure(f"http://127.0.0.1:{server.server_port}", TOKEN, "Wave 12", session=session)
            with pytest.raises(LaunchUnconfirmed, match="dropped"):
                client.launch(Mode.CUTOVER, ["m-1"])
        finally:
            session.close()
            server.shutdown()
            thread.join()
    assert received == [
        "/api/latest/login",
        "/api/latest/projects?offset=0&limit=1500",
        "/api/latest/projects/p-1/launchMachines",
    ]


# The project's terms


def with_project(service: responses.RequestsMock, **project: Any) -> CloudEndure:
    client = ready(service)
    service.get(PROJECT, json={"id": "p-1", "name": "Wave 12", **project})
    return client


@pytest.mark.parametrize(
    ("named", "ids"), [(["l-2"], ["l-2"]), (["l-9"], ["l-1", "l-2"]), (None, ["l-1", "l-2"]), ("l-2", ["l-1", "l-2"])]
)
def test_licences_are_those_the_project_names_or_else_all_of_the_account(service, named, ids):
    client = with_project(service, licensesIDs=named)
    service.get(f"{BASE}/licenses", json={"items": [{"id": "l-1"}, {"id": "l-2"}]})
    assert [each.id for each in client.licences()] == ids


@pytest.mark.parametrize(
    ("given", "expires", "unreadable"),
    [
        ("2026-12-31T00:00:00Z", datetime(2026, 12, 31, tzinfo=UTC), None),
        (None, None, None),
        ("", None, None),
        ("never", None, "never"),
        (12, None, "12"),
    ],
)
def test_a_licences_end_that_cannot_be_read_is_not_taken_for_none(given, expires, unreadable):
    seen: Any = cloudendure_answers.licence(
        {"id": "l-1", "expirationDateTime": given, "durationFromStartOfUse": "P90D"}
    )
    assert (seen.expires_at, seen.unreadable, seen.lasts) == (expires, unreadable, "P90D")


SETTINGS = {"id": "c-1", "subnetId": "subnet-1", "usePrivateIp": True, "converterType": "c5.xlarge"}


def test_replication_settings_are_the_projects_own_in_our_words(service):
    client = with_project(service, replicationConfiguration="c-1")
    own = {**SETTINGS, "replicatorSecurityGroupIDs": ["sg-1", "", None], "volumeEncryptionKey": "arn:aws:kms:::key/k"}
    service.get(f"{PROJECT}/replicationConfigurations", json={"items": [{"id": "c-0"}, own]})
    seen: Any = client.replication_settings()
    assert (seen.subnet, seen.security_groups, seen.key) == ("subnet-1", ("sg-1",), "arn:aws:kms:::key/k")
    assert (seen.private, seen.converter_type) == (True, "c5.xlarge")


@pytest.mark.parametrize(("items", "subnet"), [([], None), ([SETTINGS], "subnet-1"), ([SETTINGS, {"id": "c-2"}], None)])
def test_replication_settings_nobody_names_are_the_only_ones_or_none(service, items, subnet):
    client = with_project(service)
    service.get(f"{PROJECT}/replicationConfigurations", json={"items": items})
    seen: Any = client.replication_settings()
    assert (seen.subnet if seen else None) == subnet


def test_a_machine_comes_with_its_disks_and_its_licence_as_far_as_they_are_told():
    disks = [{"name": "c:0", "size": "5", "isProtected": False}, {"size": None}, "garbage"]
    licence = {"licenseId": "l-1", "startOfUseDateTime": "2026-09-01T00:00:00Z"}
    seen: Any = cloudendure_answers.machine(
        {"id": "m-1", "sourceProperties": {"disks": disks}, "license": licence}, listed_as_replicating=True
    )
    assert [(each.name, each.size_bytes, each.replicated) for each in seen.disks] == [
        ("c:0", 5, False),
        ("", None, None),
        ("", None, None),
    ]
    assert (seen.licence.id, seen.licence.since) == ("l-1", datetime(2026, 9, 1, tzinfo=UTC))
    bare: Any = cloudendure_answers.machine({"id": "m-1"}, listed_as_replicating=True)
    assert (bare.licence, bare.disks) == (None, ())


def test_a_job_says_who_asked_for_it():
    seen: Any = cloudendure_answers.job({"id": "j-1", "initiatedBy": "operator@example.com"})
    assert seen.initiated_by == "operator@example.com"
