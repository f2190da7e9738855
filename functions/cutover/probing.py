"""Looking at a host from here: does the port answer, does the page say what it should? Nothing is changed by it.

HTTP goes through the proxy that the environment names (HTTP_PROXY, NO_PROXY), if it names one.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SECONDS = 10.0
LONGEST = 15.0
BODY = 65536
"""Bytes of a page that are looked at."""


@dataclass(frozen=True)
class Seen:
    """What was seen, in words, and whether it is what was asked for."""

    passed: bool
    words: str


def look(check: Mapping[str, Any]) -> Seen:
    """One look: {kind: tcp, host, port} or {kind: http, url, status, contains}, with closed and timeout (seconds, at
    most LONGEST). What is no such check is a KeyError, TypeError or ValueError."""
    closed, timeout = bool(check.get("closed")), min(float(check.get("timeout") or SECONDS), LONGEST)
    if check["kind"] == "tcp":
        return tcp(f"{check['host']}:{int(check['port'])}", closed=closed, timeout=timeout)
    if check["kind"] == "http":
        status, contains = int(check.get("status") or 200), str(check.get("contains") or "")
        return http_get(str(check["url"]), status=status, contains=contains, closed=closed, timeout=timeout)
    raise ValueError(f"there is no look of the kind {check['kind']!r}")


def tcp(address: str, *, closed: bool = False, timeout: float = SECONDS) -> Seen:
    """Whether `host:port` takes a connection; with `closed`, that it takes none."""
    host, _, port = address.rpartition(":")
    try:
        with contextlib.closing(socket.create_connection((host.strip("[]"), int(port)), timeout)):
            return Seen(not closed, f"{address} answers")
    except (OSError, ValueError, OverflowError) as error:
        return _no_answer(address, error, closed)


def _no_answer(shown: str, error: Exception, closed: bool) -> Seen:
    """Nothing answers; but whoever could not even be looked for, by a name that is not known here, is not seen to be
    closed."""
    cause = getattr(error, "reason", error)
    looked = isinstance(cause, OSError) and not isinstance(cause, socket.gaierror)
    if not looked and not isinstance(cause, http.client.HTTPException):
        return Seen(False, f"{shown} cannot be looked at ({error})")
    return Seen(closed, f"{shown} does not answer ({error})")


def http_get(
    url: str, *, status: int = 200, contains: str = "", closed: bool = False, timeout: float = SECONDS
) -> Seen:
    """Whether a page answers with this status and text; with `closed`, that none answers with it."""
    shown = without_secrets(url)
    try:
        code, body = _fetched(url, timeout)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return _no_answer(shown, error, closed)
    said = f"{shown} answers {code}"
    if code != status:
        return Seen(closed, said)
    if contains and contains not in body:
        return Seen(closed, f"{said}, without {contains!r}")
    return Seen(not closed, said)


def without_secrets(url: str) -> str:
    """The URL as it may be told: without user, query and fragment."""
    head, _, rest = url.partition("://")
    place = rest.split("?", 1)[0].split("#", 1)[0]
    host, slash, path = place.partition("/")
    return f"{head}://{host.rpartition('@')[2]}{slash}{path}"


class _Stay(urllib.request.HTTPRedirectHandler):
    """An answer that leads elsewhere is an answer, and is looked at as it is."""

    def redirect_request(self, *_: object) -> None:
        return None


def _fetched(url: str, timeout: float) -> tuple[int, str]:
    if not url.startswith(("http://", "https://")):
        raise ValueError("only http and https are looked at")
    opener = urllib.request.build_opener(_Stay)
    try:
        with opener.open(url, timeout=timeout) as answer:
            return answer.status, answer.read(BODY).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read(BODY).decode("utf-8", "replace")
