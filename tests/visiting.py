"""Visiting the page where people decide, as Lambda's function URL hands requests on."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import decide
from tests.statemachines.interpreter import Context

SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """What the function said."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def words(self) -> str:
        """What can be read on the page."""
        text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", self.body, flags=re.DOTALL)
        return " ".join(unescape(text).split())

    def field(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.body)
        assert found is not None, f"no field {name}"
        return unescape(found[1])


def visit(
    method: str, path: str, form: dict[str, str] | None = None, headers: dict[str, str] | None = None, body: str = ""
) -> Answer:
    """One request."""
    sent = urlencode(form) if form is not None else body
    event = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {**({"content-type": FORM} if form is not None else {}), **(headers or {})},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "192.0.2.1"}},
        "body": b64encode(sent.encode()).decode(),
        "isBase64Encoded": True,
    }
    context: Any = Context()
    said = decide.handler(event, context)
    return Answer(said["statusCode"], said["headers"], said["body"])


def answer(path: str, what: str, reason: str = "", **changed: str) -> Answer:
    """Look, and press a button."""
    looked = visit("GET", path)
    form = {"answer": what, "reason": reason, "saw": looked.field("saw"), "seal": looked.field("seal")}
    return visit("POST", path, {**form, **changed})


def signed(payload: dict[str, Any], at: float | None = None, secret: str = SIGNING) -> dict[str, Any]:
    """A request as Slack signs it: https://docs.slack.dev/authentication/verifying-requests-from-slack."""
    body, stamp = urlencode({"payload": json.dumps(payload)}), str(int(time.time() if at is None else at))
    seal = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "content-type": FORM,
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={seal}",
    }
    return {"headers": headers, "body": body}


class _Handler(BaseHTTPRequestHandler):
    def _hand_on(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        said = visit(self.command, self.path, headers=headers, body=self.rfile.read(length).decode())
        body = said.body.encode() if self.command != "HEAD" else b""
        self.send_response(said.status)
        for name, value in {**said.headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_POST = _hand_on

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def served() -> Iterator[str]:
    """The page at a URL of this machine, for a browser; it ends with a slash."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
