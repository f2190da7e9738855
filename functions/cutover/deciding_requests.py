"""Requests by which somebody looks at what is asked, or decides it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import requests
from slack_sdk.signature import SignatureVerifier

from cutover.deciding import Refusal, Via, Why
from cutover.decisions import Decision, find, write
from cutover.errors import RunNotFound
from cutover.instants import text
from cutover.invitations import opened, sealed
from cutover.page import decided, refused, to_decide
from cutover.plan import Plan
from cutover.settings import Settings
from cutover.slack_access import read_access
from cutover.step import local_now, log, secret
from cutover.store import Store
from cutover.telling import board
from cutover.telling.catalogue import ENGLISH, Say
from cutover.web import Request, Response, plain

STATUS = {
    Why.ANSWERED: 409,
    Why.NOT_ASKED: 403,
    Why.AUTHOR: 403,
    Why.ENDED: 410,
    Why.ASKED_ANEW: 410,
    Why.TOO_LATE: 410,
}
REASON = 500
"""Characters of a reason that are kept."""
TAKEN = 900
"""Seconds that a signed request is remembered: Slack's signatures are good for 300 before and after."""
SECONDS = (2, 3)
"""To connect, and to answer: Slack waits three seconds for us."""
SLACK = "hooks.slack.com"


def by_link(store: Store, request: Request, id_: str) -> Response:
    """Whoever has the link is whom it was sent to. GET and HEAD change nothing."""
    invitation = store.invited(id_)
    if invitation is None or not invitation.by:
        return refused(404, ENGLISH("page.unknown"))
    try:
        decision = find(store, invitation)
    except RunNotFound:
        return refused(404, ENGLISH("page.unknown"))
    by, now = invitation.by, _now(decision)
    if request.method != "POST":
        return _shown(decision, by, now, id_)
    return _decided(decision, by, now, id_, request)


def _shown(decision: Decision, by: str, now: str, id_: str, mistake: str = "") -> Response:
    answered, shown = decision.answered(by), decision.shown()
    if answered is not None:
        return decided(shown, by, answered)
    no = decision.refused(by, now)
    if no is not None:
        return refused(STATUS[no.why], no.reason, decision.language)
    saw, seal = sealed(id_, shown.text)
    return to_decide(shown, by, decision.deadline, saw, seal, mistake)


def _decided(decision: Decision, by: str, now: str, id_: str, request: Request) -> Response:
    say, form = Say(decision.language), request.form
    if form is None or form.get("answer") not in ("yes", "no"):
        return refused(400, say("page.no_answer"), decision.language)
    no = decision.refused(by, now)
    if no is not None:
        return _not_taken(decision, by, no)
    saw = opened(id_, form.get("saw", ""), form.get("seal", ""))
    if saw is None:
        return _shown(decision, by, now, id_, say("page.not_as_sent"))
    yes, reason = form["answer"] == "yes", " ".join(form.get("reason", "").split())[:REASON]
    if not yes and not reason:
        return _shown(decision, by, now, id_, say("page.needs_reason"))
    if not write(decision, by, yes, reason, now, Via.LINK, saw):
        return _not_taken(decision.again(), by, None)
    log().info(f"decided by link: {'yes' if yes else 'no'}")
    return Response(303, "", {"Location": f"/d/{id_}", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def _not_taken(decision: Decision, by: str, no: Refusal | None) -> Response:
    """An answer that did not count: somebody was before, or it is too late."""
    answered = decision.answered(by)
    if answered is not None:
        return decided(decision.shown(), by, answered, 409)
    if no is None:
        return refused(409, Say(decision.language)("page.not_as_sent"), decision.language)
    return refused(STATUS[no.why], no.reason, decision.language)


def by_slack(store: Store, settings: Settings, request: Request) -> Response:
    """A button: Slack says who pressed it, and signs that it says so."""
    access = read_access(secret(settings.slack_secret))
    if not access.signing_secret:
        return plain(404, "no signing secret is set up\n")
    stamp, signature = (request.headers.get(f"x-slack-{name}", "") for name in ("request-timestamp", "signature"))
    if not stamp.isdigit() or not SignatureVerifier(access.signing_secret).is_valid(request.body, stamp, signature):
        return plain(401, "not signed by Slack, or too long ago\n")
    if not store.take(signature, int(local_now().timestamp()) + TAKEN):
        return plain(409, "taken before\n")
    pressed = _pressed(request)
    if pressed is None:
        return plain(400, "no button of ours\n")
    user, yes, id_, payload = pressed
    invitation = store.invited(id_)
    if invitation is None:
        return _tell(payload, 404, ENGLISH("page.unknown"))
    try:
        decision = find(store, invitation)
    except RunNotFound:
        return _tell(payload, 404, ENGLISH("page.unknown"))
    say, by = Say(decision.language), _person(decision.plan, user)
    if by is None or (invitation.by and by != invitation.by):
        return _tell(payload, 403, say("page.slack_who"))
    now = _now(decision)
    no = decision.refused(by, now)
    if no is not None:
        return _tell(payload, STATUS[no.why], no.reason)
    if not write(decision, by, yes, "", now, Via.SLACK, decision.shown().text):
        return _tell(payload, 409, _already(decision.again(), by))
    log().info(f"decided in Slack: {'yes' if yes else 'no'}")
    _replace(payload, say("page.slack_written", by=by, answer=_word(yes, decision)))
    return plain(200, "")


def _already(decision: Decision, by: str) -> str:
    """That somebody was faster, and what they said."""
    say, answered = Say(decision.language), decision.answered(by)
    if answered is None:
        return say("page.later")
    return say("page.answered", by=answered.by, answer=_word(answered.yes, decision), at=answered.at)


def _word(yes: bool, decision: Decision) -> str:
    shown = decision.shown()
    return shown.yes if yes else shown.no


def _pressed(request: Request) -> tuple[str, bool, str, dict[str, Any]] | None:
    """Who pressed which button, of which id; and what Slack sent. None: nothing of ours."""
    try:
        payload = json.loads((request.form or {}).get("payload", ""))
        (action,) = payload["actions"]
        user, name, id_ = str(payload["user"]["id"]), str(action["action_id"]), str(action["value"])
    except (KeyError, TypeError, ValueError):
        return None
    return (user, name == board.YES, id_, payload) if name in (board.YES, board.NO) else None


def _person(plan: Plan, user: str) -> str | None:
    """Who this member of Slack is to the plan."""
    return next((name for name, person in plan.telling.people.items() if person.slack == user), None)


def _tell(payload: dict[str, Any], status: int, words: str) -> Response:
    """Refuse, and say so to whoever pressed the button, and to nobody else."""
    _send(payload, {"response_type": "ephemeral", "replace_original": False, "text": words})
    return plain(status, words + "\n")


def _replace(payload: dict[str, Any], words: str) -> None:
    """Take the buttons away and say who has decided."""
    blocks = (payload.get("message") or {}).get("blocks") or []
    _send(payload, {"replace_original": True, "text": words, "blocks": board.decided(blocks, words)})


def _send(payload: dict[str, Any], said: dict[str, Any]) -> None:
    """To where Slack wants to hear; what was decided is decided, whether or not that works."""
    url = str(payload.get("response_url", ""))
    on_stage = Settings().simulated and url.startswith("http://127.0.0.1:")
    if not on_stage and not (url.startswith("https://") and urlsplit(url).hostname == SLACK):
        return
    try:
        requests.post(url, json=said, timeout=SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        log().warning(f"Slack was not told what became of a button: {type(error).__name__}")


def _now(decision: Decision) -> str:
    """AWS's clock, and never before what the run has recorded by its service's."""
    return max(text(local_now()), decision.seen)
