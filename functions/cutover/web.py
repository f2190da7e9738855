"""A request to a Lambda function URL and its answer.

Shapes: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads (version 2.0).
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

LARGEST = 512 * 1024
"""Bytes of a body that are read; a page with a thousand machines on it sends back a tenth."""
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """`headers`: by name in lower case. `body`: as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> Request:
        body = event.get("body") or ""
        return cls(
            method=str(event["requestContext"]["http"]["method"]).upper(),
            path=str(event["rawPath"]),
            headers={str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()},
            body=b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        )

    @property
    def form(self) -> dict[str, str] | None:
        """What a form sent, the first of each name; None where it is no form."""
        if self.headers.get("content-type", "").split(";")[0].strip().lower() != FORM:
            return None
        try:
            pairs = parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
        except ValueError:  # more fields than any form of ours has
            return None
        return dict(reversed(pairs))  # the first of each name


@dataclass(frozen=True)
class Response:
    """What the function URL sends."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_lambda(self) -> dict[str, Any]:
        """{statusCode, headers, body, isBase64Encoded}."""
        return {"statusCode": self.status, "headers": dict(self.headers), "body": self.body, "isBase64Encoded": False}


def page(status: int, html: str, style: str) -> Response:
    """A page that loads nothing, is framed by nobody, sent on to nobody, and kept nowhere. `style`: the only one that
    may apply, as it stands in the page."""
    allowed = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return Response(
        status,
        html,
        {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": (
                f"default-src 'none'; style-src 'sha256-{allowed}'; form-action 'self'; base-uri 'none'; "
                "frame-ancestors 'none'"
            ),
            **_EVERY,
        },
    )


def plain(status: int, text: str, **headers: str) -> Response:
    """A line of text."""
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    policy = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
    return Response(status, text, {"Content-Type": "text/plain; charset=utf-8", **policy, **_EVERY, **named})


_EVERY = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
