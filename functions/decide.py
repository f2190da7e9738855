"""Take people's decisions: by a page of their own, and by buttons in Slack. Input: a request to the function's URL.

    GET  /d/<id>   shows what is asked, and changes nothing: scanners of links decide nothing
    POST /d/<id>   decides, once
    POST /slack    a button that somebody pressed, signed by Slack

Answers: 200 shown; 303 decided; 400 not understood; 401 not signed by Slack; 403 not theirs to decide; 404 no such
link; 409 decided before, or taken before; 410 too late; 503 not now, and nothing was decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from cutover.deciding_requests import by_link, by_slack
from cutover.errors import CutoverError
from cutover.page import refused
from cutover.settings import Settings
from cutover.step import log, open_store
from cutover.telling.catalogue import ENGLISH
from cutover.web import LARGEST, Request, Response, plain

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """{statusCode, headers, body}. Neither ids nor bodies are logged."""
    try:
        response = _answer(Request.read(event))
    except (CutoverError, BotoCoreError, ClientError) as error:
        log().error(f"{type(error).__name__}: {error}")
        response = refused(503, ENGLISH("page.later"))
    log().info(f"answered {response.status}")
    return response.to_lambda()


def _answer(request: Request) -> Response:
    if len(request.body) > LARGEST:
        return plain(413, "too large\n")
    settings = Settings()
    if request.path == "/slack":
        if request.method != "POST":
            return plain(405, "POST only\n", allow="POST")
        return by_slack(open_store(settings), settings, request)
    if request.path.startswith("/d/") and request.path.count("/") == 2:
        if request.method not in ("GET", "HEAD", "POST"):
            return plain(405, "GET or POST only\n", allow="GET, HEAD, POST")
        return by_link(open_store(settings), request, request.path.removeprefix("/d/"))
    return refused(404, ENGLISH("page.unknown"))
