"""CloudEndure's secrets: how they are kept, proved with, and taken out of texts. What shows one is a fault."""

from __future__ import annotations

import re

import requests
from requests.auth import AuthBase

_TOKEN = re.compile(r"(?:[A-Z0-9]{4}-){15}[A-Z0-9]{4}")
_XSRF = re.compile(r'(?:^|;\s*)XSRF-TOKEN="?([^";]*)')
_REMOVED = "[removed]"


class Secret:
    """A text that shows itself only to who asks: not in a repr, in a log or among a traceback's variables."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def removed_from(self, text: str) -> str:
        """A text without this secret in it."""
        return text.replace(self._text, _REMOVED) if self._text else text


class TokenLogin(AuthBase):
    """Writes the login's body as late as can be, so that no variable of ours ever holds it."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.prepare_body(data=None, files=None, json={"userApiToken": self._token.reveal()})
        return request


class XsrfHeader(AuthBase):
    """Repeats the XSRF-TOKEN cookie of this very request, without its quotes, as the header the service compares.

    Having an `auth` at all keeps `requests` from looking for one in ~/.netrc; the environment's proxies and CA bundles
    (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE) stay in force, for companies have them.
    """

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        cookie = _XSRF.search(request.headers.get("Cookie", ""))
        if cookie:  # old accounts were given none, and do without the header
            request.headers["X-XSRF-TOKEN"] = cookie[1]
        return request


def without_tokens(text: str) -> str:
    """A text without anything of the shape of an API token, ours or another's."""
    return _TOKEN.sub(_REMOVED, text)
