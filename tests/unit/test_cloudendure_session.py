"""The session with CloudEndure: where it goes, how it is kept, what its failures are called, and its clock."""

from datetime import timedelta

import pytest
import requests

from cutover.cloudendure import CloudEndure
from cutover.cloudendure_session import TIMEOUT
from cutover.errors import (
    AuthenticationFailed,
    LicenceExpired,
    NotFound,
    PermissionDenied,
    RequestRefused,
    ServiceError,
    ServiceThrottled,
    ServiceUnavailable,
)
from tests.unit.cloudendure_of import BASE, HOST, NOW, PROJECT, TOKEN, log_in, ready

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
