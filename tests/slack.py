"""A Slack to test with: one workspace on 127.0.0.1 that answers as Slack's Web API does, and fails as told.

What it keeps is what people would see: messages by channel, in order, with every text they ever had.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "xoxb-test-token"  # of a Slack that only this process knows


@dataclass
class Message:
    """A message as it stands, and every text it had."""

    channel: str
    ts: str
    thread: str | None
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None
    texts: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Everything in it that can be read."""
        return json.dumps(self.blocks, ensure_ascii=False)


class Slack(ThreadingHTTPServer):
    """`trouble`: what the next requests meet, one for each: a status, "drop" (nothing is taken, no answer), "lose"
    (taken, and the answer lost), an error code; None: nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.trouble: list[Any] = []
        self.messages: list[Message] = []
        self.asked: list[str] = []
        self.channels = {"#cutover": "C0CUTOVER01", "#shop": "C0SHOPOWNER", "#on-call": "C0ONCALLXXX"}
        self.readable, self.count = True, 0

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/"

    def posted(self, channel: str = "#cutover") -> list[Message]:
        """The messages of a channel that are in no thread."""
        return [each for each in self._in(channel) if each.thread is None]

    def replies(self, channel: str = "#cutover") -> list[str]:
        """What the threads of a channel have, in order."""
        return [each.text for each in self._in(channel) if each.thread is not None]

    def _in(self, channel: str) -> list[Message]:
        return [each for each in self.messages if each.channel == self.channels.get(channel, channel)]

    def answer(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        """What Slack says to this."""
        self.asked.append(method)
        match method:
            case "chat.postMessage":
                return self._post(given)
            case "chat.update":
                return self._update(given)
            case "conversations.list":
                found = [{"id": id_, "name": name[1:]} for name, id_ in self.channels.items()]
                return {"ok": True, "channels": found}
            case "conversations.history" | "conversations.replies":
                if not self.readable:
                    return {"ok": False, "error": "missing_scope"}
                thread = given.get("ts")
                seen = [
                    {"ts": each.ts, "metadata": each.metadata}
                    for each in self._in(given["channel"])
                    if each.thread == thread
                ]
                return {"ok": True, "messages": seen}
        return {"ok": False, "error": "unknown_method"}

    def _post(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = given["channel"]
        id_ = self.channels.get(channel, channel)
        if id_ not in self.channels.values() and not id_.startswith("U"):
            return {"ok": False, "error": "channel_not_found"}
        if "blocks" in given:
            _check(given["blocks"])
        self.count += 1
        ts = f"{1_800_000_000 + self.count}.000100"
        made = Message(id_, ts, given.get("thread_ts"), given["text"], given.get("blocks", []), given.get("metadata"))
        made.texts.append(made.words)
        self.messages.append(made)
        return {"ok": True, "channel": id_, "ts": ts}

    def _update(self, given: dict[str, Any]) -> dict[str, Any]:
        found = next((each for each in self._in(given["channel"]) if each.ts == given["ts"]), None)
        if found is None:
            return {"ok": False, "error": "message_not_found"}
        _check(given["blocks"])
        found.text, found.blocks = given["text"], given["blocks"]
        found.texts.append(found.words)
        return {"ok": True, "channel": found.channel, "ts": found.ts}


def _check(blocks: list[dict[str, Any]]) -> None:
    """Slack's own limits: what breaks one is refused there as invalid_blocks."""
    assert 0 < len(blocks) <= 50
    for block in blocks:
        assert block["type"] in ("header", "section", "context", "actions"), block
        if block["type"] == "header":
            assert 0 < len(block["text"]["text"]) <= 150
        if block["type"] == "section":
            assert 0 < len(block["text"]["text"]) <= 3000
        if block["type"] == "context":
            assert 0 < len(block["elements"]) <= 10
        for each in block.get("elements", []):
            if each["type"] == "button":
                assert 0 < len(each["text"]["text"]) <= 75
                assert 0 < len(each["value"]) <= 2000
                assert len(each["confirm"]["confirm"]["text"]) <= 30


class _Handler(BaseHTTPRequestHandler):
    server: Slack

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        is_json = "json" in self.headers["Content-Type"]
        given = json.loads(body) if is_json else dict(parse_qsl(body))
        method, trouble = self.path.rsplit("/", 1)[-1], self.server.trouble.pop(0) if self.server.trouble else None
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._say(200, {"ok": False, "error": "invalid_auth"})
        elif trouble == "drop":
            self.close_connection = True
        elif trouble == "lose":
            self.server.answer(method, given)
            self.close_connection = True
        elif trouble == 429:
            self._say(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "7"})
        elif isinstance(trouble, int):
            self._say(trouble, {"ok": False, "error": "internal_error"})
        elif trouble is not None:
            self._say(200, {"ok": False, "error": trouble})
        else:
            self._say(200, self.server.answer(method, given))

    def _say(self, status: int, answer: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def a_slack() -> Iterator[Slack]:
    """A workspace that nobody else knows."""
    with Slack() as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()
