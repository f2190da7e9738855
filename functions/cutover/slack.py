"""Slack's Web API, as far as runs need it: post, edit, find. https://docs.slack.dev/reference/methods

Each request is sent once: what Slack does not take comes again with its queue. Whatever was posted carries a mark
(message metadata), by which it is recognised when its answer was lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from cutover.errors import CutoverError
from cutover.slack_access import API
from cutover.telling.board import Shown

SECONDS = 10
MARK = "cutover_run"
_AGAIN = ("internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "rate_limited")
"""What Slack answers that asking again may cure."""
GONE = ("message_not_found", "cant_update_message", "thread_not_found")
"""What it answers of a message that somebody has deleted."""
_PAGES = 10
"""Of 200 each: so far is looked for a message whose answer was lost."""

Mark = dict[str, Any]


class SlackError(CutoverError):
    """When Slack did not take a message; never raised itself, only its kinds."""


class SlackBusy(SlackError):
    """When Slack does not answer, fails, or asks to wait. `seconds`: for how long, None where it does not say.
    `perhaps`: it may have taken it all the same."""

    def __init__(self, said: str, seconds: int | None = None, *, perhaps: bool = True) -> None:
        super().__init__(f"Slack does not take it now: {said}")
        self.seconds, self.perhaps = seconds, perhaps


class SlackRefused(SlackError):
    """When Slack refuses what it was asked for. `code` is its own, e.g. channel_not_found."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Slack refuses it: {code}")
        self.code = code


class Slack:
    """One workspace, by a bot's token."""

    def __init__(self, token: str, api: str = API) -> None:
        self._client = WebClient(token=token, base_url=api, timeout=SECONDS, retry_handlers=[])

    def post(self, channel: str, shown: Shown, mark: Mark, thread: str | None = None) -> tuple[str, str]:
        """Post to a channel, by its id or #name, or into a thread of it; the channel's id and the timestamp that names
        the message. SlackBusy, SlackRefused."""
        answer = self._ask(
            "chat_postMessage",
            channel=channel,
            text=shown.text,
            blocks=shown.blocks,
            thread_ts=thread,
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": MARK, "event_payload": mark},
        )
        return str(answer["channel"]), str(answer["ts"])

    def write_to(self, member: str, text: str) -> None:
        """Write to somebody directly, by their member id. SlackBusy, SlackRefused."""
        self._ask("chat_postMessage", channel=member, text=text, unfurl_links=False, unfurl_media=False)

    def edit(self, channel: str, ts: str, shown: Shown) -> None:
        """Say something else in a message; its mark stays. SlackBusy, SlackRefused."""
        self._ask("chat_update", channel=channel, ts=ts, text=shown.text, blocks=shown.blocks)

    def find(self, channel: str, mark: Mark, thread: str | None = None) -> tuple[str, str] | None:
        """A message that carries this mark, among the newest of a channel or all of a thread: where, and its timestamp.
        SlackBusy; SlackRefused where the bot may not read there."""
        id_ = channel if not channel.startswith("#") else self._id_of(channel[1:])
        if id_ is None:
            return None
        method = "conversations_replies" if thread else "conversations_history"
        where: dict[str, Any] = {"channel": id_, "ts": thread} if thread else {"channel": id_}
        for page in self._pages(method, **where, include_all_metadata=True):
            for message in page["messages"]:
                if (message.get("metadata") or {}).get("event_payload") == mark:
                    return id_, str(message["ts"])
        return None

    def _id_of(self, name: str) -> str | None:
        for page in self._pages("conversations_list", exclude_archived=True, types="public_channel,private_channel"):
            for channel in page["channels"]:
                if channel["name"] == name:
                    return str(channel["id"])
        return None

    def _pages(self, method: str, **given: Any) -> Iterator[Any]:
        cursor = ""
        for _ in range(_PAGES):
            page = self._ask(method, **given, limit=200, **({"cursor": cursor} if cursor else {}))
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _ask(self, method: str, **given: Any) -> Any:
        try:
            return getattr(self._client, method)(**given)
        except SlackApiError as error:
            raise _meaning(error) from None  # its text would repeat the request, and what was in it
        except (SlackClientError, OSError, HTTPException) as error:
            raise SlackBusy(type(error).__name__) from None


def _meaning(error: SlackApiError) -> SlackError:
    status = int(getattr(error.response, "status_code", 0) or 0)
    headers = {str(name).lower(): value for name, value in (getattr(error.response, "headers", None) or {}).items()}
    data = error.response.data if isinstance(error.response.data, dict) else {}
    code = str(data.get("error") or f"HTTP {status}")
    if status == 429 or status >= 500 or code in _AGAIN:
        wait = str(headers.get("retry-after", ""))
        limited = status == 429 or code in ("ratelimited", "rate_limited")
        said = code if status < 500 else f"HTTP {status}"
        return SlackBusy(said, int(wait) if wait.isdigit() else None, perhaps=not limited)
    return SlackRefused(code)
