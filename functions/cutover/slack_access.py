"""How Slack is reached: what the operator has put into its secret.

https://hooks.slack.com/services/…                            an incoming webhook, the simple way
{"token": "xoxb-…", "signing_secret": "…", "api": "https://…"} a bot; `signing_secret` where its buttons may decide,
                                                               `api` where Slack's API is elsewhere
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

API = "https://slack.com/api/"
_LOCAL = "http://127.0.0.1:"


@dataclass(frozen=True)
class SlackAccess:
    """One of the two ways, or neither. What opens them is never shown."""

    webhook: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    api: str = API


def read_access(secret: str) -> SlackAccess:
    """From the secret's value. What is neither a URL nor such JSON is taken for none: nobody has set it up."""
    secret = secret.strip()
    if _reachable(secret):
        return SlackAccess(webhook=secret)
    try:
        given = json.loads(secret)
    except ValueError:
        return SlackAccess()
    if not isinstance(given, dict):
        return SlackAccess()
    token, signing, api = (given.get(name) for name in ("token", "signing_secret", "api"))
    return SlackAccess(
        token=token if isinstance(token, str) else "",
        signing_secret=signing if isinstance(signing, str) else "",
        api=api if isinstance(api, str) and _reachable(api) else API,
    )


def _reachable(url: str) -> bool:
    """Over https, or on this machine: a stage's, or a test's."""
    return url.startswith(("https://", _LOCAL))
