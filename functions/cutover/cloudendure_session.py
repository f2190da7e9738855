"""The one place that speaks HTTP to CloudEndure: logs in, sends, and turns every failure into an error of ours.

Nothing is sent twice, with one exception: after a 401, which says that nothing was done, the session is renewed once
and the request sent again. Waiting and retrying belong to the state machine.

No secret leaves: `requests` exceptions hold the request they failed on (the login's body, the cookies), so they are put
into our words and never chained, and what the service says is cleaned of the secrets it may echo.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from cutover.cloudendure_secrets import Secret, TokenLogin, XsrfHeader, without_tokens
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
from cutover.migration_service import Now

LOGIN = "/login"
API = "/api/latest"
TIMEOUT = (5.0, 20.0)
"""Seconds to connect, and to wait for the next byte of the answer."""

RENEW_AFTER = timedelta(minutes=45)
"""Sessions are said to last an hour; nothing documents it."""

MOVES = 3
"""How often one login may be sent on to another base."""

_MARKUP = re.compile(r"<(?:script|style)\b.*?</(?:script|style)\s*>|<[^>]*>", re.DOTALL | re.IGNORECASE)
_SHORTEST_SECRET = 8

_KINDS: Mapping[int, type[ServiceError]] = {
    HTTPStatus.UNAUTHORIZED: AuthenticationFailed,
    HTTPStatus.PAYMENT_REQUIRED: LicenceExpired,
    HTTPStatus.FORBIDDEN: PermissionDenied,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.REQUEST_TIMEOUT: ServiceUnavailable,  # whether anything was done is as open as after a 5xx
    HTTPStatus.TOO_MANY_REQUESTS: ServiceThrottled,
}


class CloudEndureSession:
    """A logged-in conversation with one CloudEndure account. Not for use by several threads at once.

    `url`: scheme://host[:port], with a path where the API is not at /api/latest. ValueError when it is no such URL.
    """

    def __init__(self, url: str, token: str, http: requests.Session, clock: Callable[[], datetime]) -> None:
        self.requests: Counter[str] = Counter()
        self._entry = self._base = base_of(url)
        self._token = Secret(token.strip())
        self._http = http
        self._clock = clock
        self._since: datetime | None = None
        self._date: datetime | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._entry!r})"

    def now(self) -> Now:
        """The Date of the last answer that had one; our clock before the first. As old as that answer is."""
        return Now(self._date, from_service=True) if self._date else Now(self._clock(), from_service=False)

    def call(
        self,
        method: str,
        path: str,
        operation: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The JSON object that answers this request; raises the kinds of ServiceError. `operation`: for the count.

        An error whose path is LOGIN says that the request itself was never accepted for processing.
        """
        return self._object(self._done(method, path, operation, params, body), method, path)

    def tell(self, method: str, path: str, operation: str, *, body: Mapping[str, Any]) -> None:
        """The same for a request that is answered without a body (204)."""
        self._done(method, path, operation, None, body)

    def _done(
        self,
        method: str,
        path: str,
        operation: str,
        params: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
    ) -> requests.Response:
        """The answer to a request, in a session that is renewed when need be; only one that says it was done."""
        if self._since is None or abs(self._clock() - self._since) > RENEW_AFTER:
            self._log_in()
        answer = self._send(self._base, method, path, operation, XsrfHeader(), params, body)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            self._log_in()
            answer = self._send(self._base, method, path, operation, XsrfHeader(), params, body)
        self._refuse_unless_done(answer, method, path)
        return answer

    def _log_in(self) -> None:
        self._since, base = None, self._entry
        for _ in range(MOVES + 1):
            self._http.cookies.clear()
            answer = self._send(base, "POST", LOGIN, "POST login", auth=TokenLogin(self._token))
            if answer.status_code != HTTPStatus.TEMPORARY_REDIRECT:
                break
            base = self._moved(base, answer)
        else:
            raise ServiceUnavailable("POST", LOGIN, answer.status_code, f"sent on more than {MOVES} times")
        if answer.status_code == HTTPStatus.FORBIDDEN:
            raise AuthenticationFailed("POST", LOGIN, answer.status_code, self._words(answer))
        self._refuse_unless_done(answer, "POST", LOGIN)
        if not len(self._http.cookies):
            raise ServiceUnavailable("POST", LOGIN, answer.status_code, "half an answer: no session cookie")
        self._base, self._since = base, self._clock()

    def _moved(self, base: str, answer: requests.Response) -> str:
        """The base that a 307 names: its Location without the last segment, /login."""
        status, location = answer.status_code, self._token.removed_from(answer.headers.get("Location", ""))
        try:
            moved = base_of(urljoin(base + LOGIN, location).removesuffix(LOGIN)) if location else ""
        except ValueError:
            moved = ""
        if not moved:
            raise ServiceUnavailable("POST", LOGIN, status, "sent on without a usable Location")
        if base.startswith("https:") and not moved.startswith("https:"):
            raise AuthenticationFailed("POST", LOGIN, status, "sent on to an address without TLS; the token stays here")
        return moved

    def _send(
        self,
        base: str,
        method: str,
        path: str,
        operation: str,
        auth: AuthBase,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        self.requests[operation] += 1
        try:
            answer = self._http.request(
                method,
                base + path,
                params=params,
                json=body,
                headers={"Accept": "application/json"},
                auth=auth,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        except (OSError, HTTPError, ValueError) as broken:  # those of requests, and the few of urllib3 it lets through
            failure = _transport_words(broken)
        else:
            self._note_date(answer)
            return answer
        # Outside the except block, or the exception that holds our request would travel along as __context__.
        raise ServiceUnavailable(method, path, None, failure)

    def _note_date(self, answer: requests.Response) -> None:
        try:
            date = parsedate_to_datetime(answer.headers.get("Date", ""))
            self._date = date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            return

    def _refuse_unless_done(self, answer: requests.Response, method: str, path: str) -> None:
        status = answer.status_code
        if 200 <= status < 300:
            return
        if status in _KINDS:
            kind = _KINDS[status]
        elif 400 <= status < 500:
            kind = RequestRefused
        else:  # 5xx, and redirects, which only a login may answer
            kind = ServiceUnavailable
        raise kind(method, path, status, self._words(answer))

    def _object(self, answer: requests.Response, method: str, path: str) -> dict[str, Any]:
        try:
            found = json.loads(self._text(answer))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ServiceUnavailable(method, path, answer.status_code, "half an answer: not a JSON object")
        return found

    def _words(self, answer: requests.Response) -> str:
        """The service's own message; for a page of HTML its text; at most 300 characters, "" when there is none."""
        text = self._text(answer)
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            said: object = _MARKUP.sub(" ", text)
        else:
            said = (body.get("message") or body.get("code")) if isinstance(body, dict) else None
        words = " ".join(said.split()) if isinstance(said, str) else ""
        for cookie in self._http.cookies:
            secret = (cookie.value or "").strip('"')
            if len(secret) >= _SHORTEST_SECRET:
                words = Secret(secret).removed_from(words)
        return words[:300]

    def _text(self, answer: requests.Response) -> str:
        """The body, which the API defines as UTF-8 JSON, without our token or any other of its kind."""
        text = answer.content.decode("utf-8-sig", errors="replace")
        return without_tokens(self._token.removed_from(text))


def base_of(url: str) -> str:
    """The API's base under `url`, without a slash at the end. ValueError when it is no plain http or https URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the service's URL must read http(s)://host[:port][/path]")
    if "@" in parts.netloc:
        raise ValueError("the service's URL must not carry a user or password")
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or API, "", ""))


def _transport_words(broken: Exception) -> str:
    """What broke, without the request: our words for the kind, and the system's own for the innermost cause."""
    match broken:
        case requests.exceptions.ConnectTimeout():
            said = f"no connection within {TIMEOUT[0]:.0f} s"
        case requests.exceptions.Timeout():
            said = f"no answer within {TIMEOUT[1]:.0f} s"
        case requests.exceptions.SSLError():
            said = "no TLS connection"
        case requests.exceptions.ProxyError():
            said = "the proxy did not connect"
        case requests.exceptions.ConnectionError():
            said = "the connection failed or was dropped"
        case _:
            said = f"the exchange broke ({type(broken).__name__})"
    cause: BaseException | None = broken
    reason = ""
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            reason = cause.strerror
        cause = cause.__cause__ or cause.__context__
    return f"{said}: {reason}" if reason else said
