"""Login and sessions: a cookie and a header that must both come back, for an hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

from stage.simulator.identity import Identity
from stage.simulator.scenario import Account

_ATTEMPTS = 5
_LOCKED_FOR = timedelta(minutes=10)


class Denied(Exception):
    """Not let in. `status`: 401, 402, 403 or 429 as the contract says; the message is for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Session:
    """What the client holds: the `session` cookie and the value of its XSRF-TOKEN cookie."""

    cookie: str
    xsrf: str
    until: datetime


class Sessions:
    """Who is logged in."""

    def __init__(self, account: Account, identity: Identity) -> None:
        self.account = account
        self.token = account.token or identity.token("token")
        self.password = account.password or identity.token("password", groups=4)
        self._identity = identity
        self._open: dict[str, Session] = {}
        self._opened = 0
        self._failed: list[datetime] = []

    def login(self, body: dict[str, Any], now: datetime) -> Session:
        """By `userApiToken`, which goes first, or by `username` and `password`."""
        self._failed = [at for at in self._failed if now - at < _LOCKED_FOR]
        if len(self._failed) >= _ATTEMPTS:
            raise Denied(429, "Too many failed logins, try again later")
        if not self._accepts(body):
            self._failed.append(now)
            raise Denied(401, "Invalid credentials")
        if not self.account.licensed:
            raise Denied(402, "No active license found on this account")
        self._failed.clear()
        self._opened += 1
        uuid = self._identity.uuid
        session = Session(uuid("session", self._opened), uuid("xsrf", self._opened), now + self.account.session)
        self._open[session.cookie] = session
        return session

    def check(self, cookie: str | None, header: str | None, now: datetime) -> None:
        """Both halves of the session must be there; the header may keep the cookie's quotes."""
        session = self._open.get(cookie or "")
        if session is None or session.until <= now:
            raise Denied(401, "Session expired or missing")
        if not compare_digest((header or "").strip('"').encode(), session.xsrf.encode()):
            raise Denied(403, "X-XSRF-TOKEN header is missing or wrong")

    def logout(self, cookie: str | None) -> None:
        """Forget one session."""
        self._open.pop(cookie or "", None)

    def forget(self) -> None:
        """Forget all of them, as a restarted console would."""
        self._open.clear()

    def _accepts(self, body: dict[str, Any]) -> bool:
        if body.get("userApiToken"):
            return _same(body["userApiToken"], self.token)
        return _same(body.get("username"), self.account.username) and _same(body.get("password"), self.password)


def _same(given: object, right: str) -> bool:
    return isinstance(given, str) and compare_digest(given.encode(), right.encode())
