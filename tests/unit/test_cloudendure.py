"""The CloudEndure client against single answers: what it sends, what it makes of every answer, what it never tells."""

import logging
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from cutover import cloudendure, cloudendure_answers
from cutover.cloudendure import CloudEndure
from cutover.cloudendure_session import TIMEOUT
from cutover.errors import (
    AuthenticationFailed,
    CutoverError,
    LaunchUnconfirmed,
    LicenceExpired,
    NotFound,
    PermissionDenied,
    RequestRefused,
    ServiceError,
    ServiceThrottled,
    ServiceUnavailable,
)
from cutover.machine import JobStatus
from cutover.plan import Mode

HOST = "https://console.cloudendure.example"
BASE = f"{HOST}/api/latest"
TOKEN = "-".join(["A1B2"] * 16)
COOKIES = {"session": "session-cookie-of-the-operator", "XSRF-TOKEN": '"xsrf-value-of-the-session"'}
PROJECT = f"{BASE}/projects/p-1"
NOW = datetime(2026, 11, 28, 22, 0, tzinfo=UTC)


@pytest.fixture
def service() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def log_in(service: responses.RequestsMock, base: str = BASE, **changes: Any) -> None:
    cookies = [("Set-Cookie", f"{name}={value}; Path=/") for name, value in COOKIES.items()]
    answer: dict[str, Any] = {"json": {"id": "u-1", "apiToken": TOKEN}, "headers": cookies, **changes}
    service.post(f"{base}/login", **answer)


def ready(service: responses.RequestsMock, **options: Any) -> CloudEndure:
    """A client of a service that logs it in and has one project."""
    log_in(service)
    service.get(f"{BASE}/projects", json={"items": [{"id": "p-1", "name": "Wave 12"}]})
    return CloudEndure(HOST, TOKEN, "Wave 12", **{"clock": lambda: NOW, **options})


def everything_told(error: BaseException) -> str:
    """All that could be printed of an exception, its causes and its contexts."""
    told = ["".join(traceback.format_exception(error))]
    link: BaseException | None = error
    while link is not None:
        told += [str(link), repr(link), repr(vars(link)), repr(link.args)]
        assert not isinstance(link, requests.RequestException), "holds the request that failed"
        if link.__traceback__:
            frames = [frame for frame, _ in traceback.walk_tb(link.__traceback__)]
            told += [repr(frame.f_locals) for frame in frames if "cutover" in frame.f_code.co_filename.split("/")]
        link = link.__cause__ or link.__context__
    return "\n".join(told)


# Where it goes


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://ce.example", "https://ce.example/api/latest"),
        ("https://ce.example/", "https://ce.example/api/latest"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/latest"),
        ("https://ce.example/api/v5/", "https://ce.example/api/v5"),
    ],
)
def test_the_api_is_looked_for_where_the_url_says(service, url, base):
    log_in(service, base)
    service.get(f"{base}/projects", json={"items": [{"id": "p-1", "name": "Wave 12"}]})
    service.get(f"{base}/projects/p-1/jobs", json={"items": []})
    assert CloudEndure(url, TOKEN, "Wave 12").jobs() == []


@pytest.mark.parametrize("url", ["", "ce.example", "ftp://ce.example", "https://", "https://user:pass@ce.example"])
def test_an_unusable_url_is_refused_without_repeating_it(url):
    with pytest.raises(ValueError, match="service's URL") as refused:
        CloudEndure(url, TOKEN, "Wave 12")
    assert "pass@" not in str(refused.value)


def test_nothing_is_sent_before_an_answer_is_needed(service):
    client = CloudEndure(HOST, TOKEN, "Wave 12", clock=lambda: NOW)
    assert client.now().at == NOW
    assert not client.now().from_service
    assert not client.requests


def test_a_307_moves_the_whole_session(service):
    there = "https://eu.cloudendure.example/api/v5"
    log_in(service, status=307, headers={"Location": f"{there}/login"})
    log_in(service, there)
    service.get(f"{there}/projects", json={"items": [{"id": "p-1", "name": "Wave 12"}]})
    service.get(f"{there}/projects/p-1/jobs", json={"items": []})
    CloudEndure(HOST, TOKEN, "Wave 12").jobs()
    assert [call.request.url.split("?")[0] for call in service.calls] == [
        f"{BASE}/login",
        f"{there}/login",
        f"{there}/projects",
        f"{there}/projects/p-1/jobs",
    ]
    assert service.calls[1].request.body == service.calls[0].request.body


def test_a_307_to_an_address_without_tls_gets_no_token(service):
    log_in(service, status=307, headers={"Location": "http://eu.cloudendure.example/api/v5/login"})
    with pytest.raises(AuthenticationFailed, match="without TLS"):
        CloudEndure(HOST, TOKEN, "Wave 12").jobs()
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    "location", [None, "", "ftp://elsewhere/login", "https://u:p@elsewhere/login", "https://[::1/login"]
)
def test_a_307_to_nowhere_is_a_broken_answer(service, location):
    log_in(service, status=307, headers={"Location": location} if location is not None else {})
    with pytest.raises(ServiceUnavailable):
        CloudEndure(HOST, TOKEN, "Wave 12").jobs()


def test_logins_sent_round_in_circles_end(service):
    log_in(service, status=307, headers={"Location": "/api/latest/login"})
    with pytest.raises(ServiceUnavailable, match="sent on more than"):
        CloudEndure(HOST, TOKEN, "Wave 12").jobs()
    assert len(service.calls) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_only_a_login_may_be_sent_elsewhere(service, status):
    client = ready(service)
    service.get(f"{PROJECT}/jobs", status=status, headers={"Location": f"{BASE}/elsewhere"})
    with pytest.raises(ServiceUnavailable):
        client.jobs()


# The session


def test_every_request_carries_the_cookies_and_the_token_without_its_quotes(service):
    client = ready(service)
    service.get(f"{PROJECT}/jobs", json={"items": []})
    client.jobs()
    login, *others = [call.request for call in service.calls]
    assert "X-XSRF-TOKEN" not in login.headers
    for request in others:
        assert request.headers["X-XSRF-TOKEN"] == "xsrf-value-of-the-session"
        assert "session=session-cookie-of-the-operator" in request.headers["Cookie"]


def test_an_account_without_an_xsrf_cookie_does_without_the_header(service):
    log_in(service, headers=[("Set-Cookie", "session=only-this; Path=/")])
    service.get(f"{BASE}/projects", json={"items": [{"id": "p-1", "name": "Wave 12"}]})
    service.get(f"{PROJECT}/jobs", json={"items": []})
    CloudEndure(HOST, TOKEN, "Wave 12").jobs()
    assert "X-XSRF-TOKEN" not in service.calls[-1].request.headers


def test_a_login_page_instead_of_a_session_is_no_login(service):
    log_in(service, json=None, body="<html>Welcome to the hotel</html>", headers={})
    with pytest.raises(ServiceUnavailable, match="no session cookie"):
        CloudEndure(HOST, TOKEN, "Wave 12").jobs()


def test_a_renewal_does_not_pass_with_the_cookies_of_the_session_before(service):
    client = ready(service)
    service.get(f"{PROJECT}/jobs", status=401)
    with pytest.raises(AuthenticationFailed):
        client.jobs()
    service.replace("POST", f"{BASE}/login", body="<html>Welcome to the hotel</html>")
    with pytest.raises(ServiceUnavailable, match="no session cookie"):
        client.jobs()
    assert "Cookie" not in service.calls[-1].request.headers


def test_a_session_of_45_minutes_is_renewed_before_it_expires(service):
    time = [NOW]
    client = ready(service, clock=lambda: time[0])
    service.get(f"{PROJECT}/jobs", json={"items": []})
    client.jobs()
    time[0] += timedelta(minutes=45)
    client.jobs()
    assert client.requests["POST login"] == 1
    time[0] += timedelta(seconds=1)
    client.jobs()
    assert client.requests == {"POST login": 2, "GET projects": 1, "GET jobs": 3}


def test_a_401_renews_the_session_once_and_only_once(service):
    client = ready(service)
    service.get(f"{PROJECT}/jobs", status=401)
    with pytest.raises(AuthenticationFailed):
        client.jobs()
    assert client.requests == {"POST login": 2, "GET projects": 1, "GET jobs": 2}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthenticationFailed),
        (403, AuthenticationFailed),
        (402, LicenceExpired),
        (429, ServiceThrottled),
        (400, RequestRefused),
        (500, ServiceUnavailable),
        (503, ServiceUnavailable),
        (302, ServiceUnavailable),
    ],
)
def test_a_refused_login_is_sent_once(service, status, kind):
    log_in(service, status=status, json={"message": "no"})
    with pytest.raises(kind) as refused:
        CloudEndure(HOST, TOKEN, "Wave 12").jobs()
    assert type(refused.value) is kind
    assert (refused.value.status, refused.value.message) == (status, "no")
    assert len(service.calls) == 1


def test_a_netrc_entry_does_not_become_an_authorization(service, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine console.cloudendure.example login someone password hunter2\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    client = ready(service)
    service.get(f"{PROJECT}/jobs", json={"items": []})
    client.jobs()
    assert all("Authorization" not in call.request.headers for call in service.calls)


def test_every_request_has_its_timeouts(service):
    client = ready(service)
    service.get(f"{PROJECT}/jobs", json={"items": []})
    client.jobs()
    assert TIMEOUT == (5, 20)
    assert all(call.request.req_kwargs["timeout"] == TIMEOUT for call in service.calls)


def test_requests_itself_retries_nothing():
    assert requests.Session().get_adapter(HOST).max_retries.total == 0  # type: ignore[attr-defined]  # HTTPAdapter has it


# Its errors


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RequestRefused),
        (402, LicenceExpired),
        (403, PermissionDenied),
        (404, NotFound),
        (405, RequestRefused),
        (408, ServiceUnavailable),
        (409, RequestRefused),
        (422, RequestRefused),
        (429, ServiceThrottled),
        (500, ServiceUnavailable),
        (502, ServiceUnavailable),
        (504, ServiceUnavailable),
    ],
)
def test_an_error_says_what_was_asked_and_what_the_service_said_and_asks_no_second_time(service, status, kind):
    client = ready(service)
    service.get(f"{PROJECT}/replicas/r-1", status=status, json={"message": "not today", "code": "x"})
    with pytest.raises(ServiceError) as caught:
        client.replica("r-1")
    error = caught.value
    assert type(error) is kind
    assert (error.method, error.path, error.status) == ("GET", "/projects/p-1/replicas/r-1", status)
    assert error.message == "not today"
    assert client.requests["GET replica"] == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"message": null}', ""),
        ('{"message": null, "code": "tagLimitReached"}', "tagLimitReached"),
        ('{"message": {"nested": 1}}', ""),
        ("", ""),
        ("[]", ""),
        ("[" * 100_000, "[" * 300),
        ("<html><head><style>p {}</style><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
        ("a" * 1000, "a" * 300),
        ("\xff\xfe", "ÿþ"),
    ],
)
def test_any_error_body_becomes_a_short_message(service, body, message):
    client = ready(service)
    service.get(f"{PROJECT}/jobs", status=500, body=body)
    with pytest.raises(ServiceUnavailable) as caught:
        client.jobs()
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (requests.ConnectTimeout(), "no connection within 5 s"),
        (requests.ReadTimeout(), "no answer within 20 s"),
        (requests.ConnectionError(ConnectionRefusedError(111, "refused")), "the connection failed or was dropped"),
        (requests.exceptions.SSLError(), "no TLS connection"),
        (requests.exceptions.ProxyError(), "the proxy did not connect"),
        (requests.exceptions.ChunkedEncodingError(), "the exchange broke (ChunkedEncodingError)"),
        (OSError("bare"), "the exchange broke (OSError)"),
    ],
)
def test_no_answer_is_told_in_words_without_the_request(service, broken, words):
    client = ready(service)
    service.get(f"{PROJECT}/jobs", body=broken)
    with pytest.raises(ServiceUnavailable) as caught:
        client.jobs()
    assert caught.value.status is None
    assert caught.value.message == words
    assert caught.value.__context__ is None


@pytest.mark.parametrize("body", ["", "<html>", "[]", "null", "{}", '{"items": null}', '{"items": {}}', '{"items": "'])
def test_half_an_answer_is_no_answer(service, body):
    client = ready(service)
    service.get(f"{PROJECT}/machines", body=body)
    with pytest.raises(ServiceUnavailable, match="half an answer"):
        client.machines()


@pytest.mark.parametrize(("kind", "ask"), [("jobs", CloudEndure.job), ("replicas", CloudEndure.replica)])
@pytest.mark.parametrize("body", ["{}", '{"id": null}', '{"id": "another"}', '{"items": []}'])
def test_an_answer_about_something_else_is_no_answer(service, kind, ask, body):
    client = ready(service)
    service.get(f"{PROJECT}/{kind}/x-1", body=body)
    with pytest.raises(ServiceUnavailable, match="half an answer"):
        ask(client, "x-1")


def test_an_id_cannot_lead_out_of_its_path(service):
    client = ready(service)
    service.get(f"{PROJECT}/replicas/..%2F..%2Fusers%3Fx", json={"id": "../../users?x"})
    assert client.replica("../../users?x").id == "../../users?x"


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


# Its reading


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        ("2026-11-28T22:00:00Z", NOW),
        ("2026-11-28T22:00:00+00:00", NOW),
        ("2026-11-28T23:00:00.0+01:00", NOW),
        ("2026-11-28T22:00:00.5Z", NOW + timedelta(milliseconds=500)),
        ("2026-11-28T22:00:00.123456789Z", NOW + timedelta(microseconds=123456)),
        (" 2026-11-28T22:00:00Z ", NOW),
        ("2026-11-28T22:00:00", None),
        ("2026-11-28", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        (1764367200, None),
        ({}, None),
    ],
)
def test_an_instant_is_read_in_all_its_spellings_or_not_at_all(given, instant):
    assert cloudendure_answers.at(given) == instant


@pytest.mark.parametrize(
    ("given", "number"),
    [
        *[(0, 0), (2**40, 2**40), ("12", 12), (1e9, 10**9)],
        *[(garbage, None) for garbage in (1.5, True, "", "a lot", None, (), float("nan"), float("inf"))],
    ],
)
def test_a_number_is_read_or_not_at_all(given, number):
    assert cloudendure_answers.number(given) == number


FULL: dict[str, Any] = {
    "id": "m-1",
    "isAgentInstalled": True,
    "replicationStatus": "STARTED",
    "replica": "r-1",
    "sourceProperties": {"name": "web1.example.com"},
    "lifeCycle": {
        "lastTestLaunchDateTime": "2026-11-20T10:00:00Z",
        "lastTestLaunchJobId": "j-1",
        "lastCutoverDateTime": "2026-11-27T10:00:00.25+00:00",
        "lastCutoverJobId": "j-2",
    },
    "replicationInfo": {
        "totalStorageBytes": 100,
        "replicatedStorageBytes": 90,
        "backloggedStorageBytes": 10,
        "rescannedStorageBytes": 1,
        "lastConsistencyDateTime": "2026-11-28T21:59:00Z",
        "nextConsistencyEstimatedDateTime": "2026-11-28T22:01:00Z",
        "lastScanStartDateTime": "2026-11-01T00:00:00Z",
        "lastSeenDateTime": "2026-11-28T21:59:59Z",
        "initiationStates": {
            "items": [
                {"steps": [{"name": "OLD", "status": "FAILED", "message": "earlier attempt"}]},
                {"steps": [{"name": "NEW", "status": "SUCCEEDED", "message": None}]},
            ],
            "estimatedNextAttemptDateTime": "2026-11-28T22:05:00Z",
        },
    },
}


def test_a_machine_is_read_whole():
    found = cloudendure_answers.machine(FULL, listed_as_replicating=True)
    assert found is not None
    assert (found.id, found.name, found.replica) == ("m-1", "web1.example.com", "r-1")
    seen, life = found.replication, found.life_cycle
    assert (seen.status, seen.agent_installed) == ("STARTED", True)
    assert (seen.total_bytes, seen.replicated_bytes, seen.backlog_bytes, seen.rescanned_bytes) == (100, 90, 10, 1)
    assert seen.consistent_at == NOW - timedelta(minutes=1)
    assert seen.next_consistent_at == NOW + timedelta(minutes=1)
    assert seen.scan_started_at == datetime(2026, 11, 1, tzinfo=UTC)
    assert seen.seen_at == NOW - timedelta(seconds=1)
    assert seen.next_attempt_at == NOW + timedelta(minutes=5)
    assert seen.steps == (("NEW", "SUCCEEDED", ""),)
    assert life.tested_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert life.cut_over_at == datetime(2026, 11, 27, 10, 0, 0, 250_000, tzinfo=UTC)
    assert (life.test_job, life.cutover_job) == ("j-1", "j-2")


@pytest.mark.parametrize("nothing", [None, ""])
def test_omitted_null_and_empty_are_alike(nothing):
    bare = cloudendure_answers.machine({"id": "m-1"}, listed_as_replicating=True)
    emptied = {key: "m-1" if key == "id" else nothing for key in FULL}
    info = dict.fromkeys(FULL["replicationInfo"], nothing)
    assert cloudendure_answers.machine(emptied, listed_as_replicating=True) == bare
    assert cloudendure_answers.machine({"id": "m-1", "replicationInfo": info}, listed_as_replicating=True) == bare


def test_a_backlog_that_cannot_be_read_is_not_no_backlog():
    garbled = {"id": "m-1", "replicationInfo": {"backloggedStorageBytes": {"GiB": 6}}}
    found = cloudendure_answers.machine(garbled, listed_as_replicating=True)
    assert found is not None
    assert found.replication.backlog_bytes == cloudendure_answers.UNREADABLE


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2026-11-28T22:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def garbled(shape: Any) -> st.SearchStrategy[Any]:
    """The shape with anything in place of any of its parts."""
    if isinstance(shape, dict):
        return JSON | st.fixed_dictionaries({}, optional={key: garbled(value) for key, value in shape.items()})
    if isinstance(shape, list):
        return JSON | st.lists(st.one_of([garbled(value) for value in shape]), max_size=3)
    return JSON | st.just(shape)


JOB = {
    "id": "j-1",
    "type": "TEST_LAUNCH",
    "status": "STARTED",
    "creationDateTime": "2026-11-28T22:00:00Z",
    "endDateTime": "2026-11-28T22:10:00Z",
    "participatingMachines": ["m-1"],
    "log": [{"logDateTime": "2026-11-28T22:00:00Z", "message": "Job started"}],
    "targetMachines": [{"source_machine_id": "m-1", "target_instance_id": "i-1"}],
}
REPLICA = {"id": "r-1", "machine": "m-1", "machineCloudId": "i-1", "jobId": "j-1", "cloudEndureCreationDateTime": "x"}


@settings(max_examples=300, deadline=None)
@given(garbled(FULL), garbled(JOB), garbled(REPLICA))
def test_no_answer_whatsoever_breaks_the_reading(machine, job, replica):
    cloudendure_answers.machine(machine, listed_as_replicating=True)
    cloudendure_answers.job(job)
    cloudendure_answers.replica(replica)


def test_a_job_is_read_whole():
    job = cloudendure_answers.job(JOB)
    assert job is not None
    assert (job.id, job.kind, job.status, job.status_as_given) == ("j-1", "test", JobStatus.STARTED, "STARTED")
    assert (job.created_at, job.ended_at) == (NOW, NOW + timedelta(minutes=10))
    assert job.machines == frozenset({"m-1"})
    assert [(line.at, line.message) for line in job.log] == [(NOW, "Job started")]
    assert job.instances == {"m-1": "i-1"}


@pytest.mark.parametrize(
    ("given", "kind"),
    [("TEST_LAUNCH", "test"), ("CUTOVER_LAUNCH", "cutover"), ("RECOVERY_LAUNCH", "RECOVERY_LAUNCH"), (None, "")],
)
def test_a_jobs_kind_is_our_mode_or_the_services_own_word(given, kind):
    job = cloudendure_answers.job({**JOB, "type": given})
    assert job is not None
    assert job.kind == kind


@pytest.mark.parametrize("given", ["ABORTED", "completed", None, 7])
def test_an_unknown_job_status_has_not_ended_and_keeps_its_word(given):
    job = cloudendure_answers.job({**JOB, "status": given})
    assert job is not None
    assert job.status is JobStatus.UNKNOWN
    assert not job.status.ended
    assert job.status_as_given == (given if isinstance(given, str) else "")


@pytest.mark.parametrize(
    ("given", "machines"),
    [(None, None), ("", None), ("m-1", None), (["m-1", None], None), ([], frozenset()), (["m-2"], frozenset({"m-2"}))],
)
def test_a_jobs_machines_are_known_whole_or_not_at_all(given, machines):
    job = cloudendure_answers.job({**JOB, "participatingMachines": given})
    assert job is not None
    assert job.machines == machines


def test_unreadable_log_lines_keep_their_place():
    job = cloudendure_answers.job({**JOB, "log": [None, {"message": None}, {"message": "Job finished"}]})
    assert job is not None
    assert [line.message for line in job.log] == ["", "", "Job finished"]


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


# Its clock


def test_the_time_is_that_of_the_last_answer(service):
    client = ready(service)
    service.get(f"{PROJECT}/jobs", json={"items": []}, headers={"Date": "Sat, 28 Nov 2026 22:00:00 GMT"})
    client.jobs()
    assert (client.now().at, client.now().from_service) == (NOW, True)


def test_an_error_tells_the_time_as_well(service):
    client = ready(service)
    service.get(f"{PROJECT}/jobs", status=404, headers={"Date": "Sat, 28 Nov 2026 22:00:00 GMT"})
    with pytest.raises(NotFound):
        client.jobs()
    assert client.now().from_service


@pytest.mark.parametrize("date", ["", "late", "Sat, 99 Nov 2026 22:00:00 GMT"])
def test_an_unreadable_date_leaves_us_with_our_own_clock(service, date):
    client = ready(service)
    service.get(f"{PROJECT}/jobs", json={"items": []}, headers={"Date": date})
    client.jobs()
    assert (client.now().at, client.now().from_service) == (NOW, False)


# Its secrets


def secrets_in(text: str) -> list[str]:
    known = {"token": TOKEN, "session": COOKIES["session"], "xsrf": COOKIES["XSRF-TOKEN"].strip('"')}
    return [name for name, secret in known.items() if secret in text]


ECHO = f"token {TOKEN}, cookie session={COOKIES['session']}, header {COOKIES['XSRF-TOKEN']}"


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500, "json": {"message": ECHO}},
        {"status": 403, "body": f"<pre>{ECHO}</pre>"},
        {"status": 409, "json": {"message": None, "code": ECHO}},
        {"status": 401, "json": {"message": ECHO}},
        {"status": 202, "body": ECHO},
        {"body": requests.ConnectionError(ECHO)},
        {"body": requests.exceptions.InvalidURL(ECHO)},
    ],
)
def test_no_failure_tells_a_secret(service, answer, caplog):
    caplog.set_level(logging.DEBUG)
    client = ready(service)
    service.post(f"{PROJECT}/launchMachines", **answer)
    with pytest.raises(CutoverError) as caught:
        client.launch(Mode.CUTOVER, ["m-1"])
    assert secrets_in(everything_told(caught.value) + caplog.text) == []


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 401, "json": {"message": f"no such token: {TOKEN}"}},
        {"status": 307, "headers": {"Location": f"http://elsewhere.example/login?token={TOKEN}"}},
        {"status": 307, "headers": {"Location": f"ftp://elsewhere.example/{TOKEN}"}},
        {"status": 200, "json": {"apiToken": TOKEN}, "headers": {}},
        {"body": requests.ConnectionError(f"could not send {TOKEN}")},
    ],
)
def test_no_failed_login_tells_the_token(service, answer, caplog):
    caplog.set_level(logging.DEBUG)
    log_in(service, **{"json": None, **answer})
    client = CloudEndure(HOST, TOKEN, "Wave 12")
    with pytest.raises(CutoverError) as caught:
        client.jobs()
    assert secrets_in(everything_told(caught.value) + caplog.text) == []


def test_the_client_does_not_show_its_token(service):
    client = ready(service)
    client.machines  # noqa: B018  # bound methods show their client
    service.get(f"{PROJECT}/jobs/j-1", json={**JOB, "log": [{"message": f"with {TOKEN}"}]})
    job = client.job("j-1")
    shown = [repr(client), repr(vars(client)), repr(vars(client._session)), repr(client.machines), repr(job)]
    assert secrets_in("\n".join(shown).replace(repr(client._session._http.cookies), "")) == []


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
