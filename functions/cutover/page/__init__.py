"""The page on which somebody decides. Pure; it brings Jinja2 along: it is imported only where a page is asked for."""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from cutover.decisions import Answered, Shown
from cutover.telling.catalogue import Language, Say
from cutover.web import Response, page

_NOTHING = {
    "shown": None,
    "answered": None,
    **dict.fromkeys(("by", "deadline", "saw", "seal", "mistake", "refused"), ""),
}
"""What a page does not say."""


def to_decide(shown: Shown, by: str, deadline: str, saw: str, seal: str, mistake: str = "") -> Response:
    """The question, all that hangs on it, and a button for each answer. `mistake`: what was wrong with the answer that
    was just given; then the page says so, with status 400."""
    facts = {"by": by, "deadline": deadline, "saw": saw, "seal": seal, "mistake": mistake}
    return _made(400 if mistake else 200, shown.language, shown=shown, **facts)


def decided(shown: Shown, by: str, answered: Answered, status: int = 200) -> Response:
    """Who has decided what. 200 for whoever looks, 409 for whoever comes second."""
    return _made(status, shown.language, shown=shown, by=by, answered=answered)


def refused(status: int, reason: str, language: Language = Language.ENGLISH) -> Response:
    """Nothing can be decided here, and why."""
    return _made(status, language.value, refused=reason)


def _made(status: int, language: str, **facts: object) -> Response:
    html = _template().render({**_NOTHING, **facts}, say=Say(Language(language)), language=language)
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    return page(status, html, style[1] if style else "")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("cutover.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("decision.html.j2")
