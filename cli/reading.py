"""`cutover messages`: the messages of a plan's whole night, as each audience reads them, before anybody is sent one."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.aws import AsJson
from cli.command import load
from cutover.plan import Plan
from cutover.planned_telling import Audience, Channel

PlanFile = Annotated[Path, typer.Argument(metavar="PLAN", help="The plan: a YAML file.", show_default=False)]
URL = "https://abc123.lambda-url.eu-central-1.on.aws/d/…"
"""Of no page that there is."""
LANGUAGES = {"en": "English", "de": "German"}


def add_to(app: typer.Typer) -> None:
    """`messages`."""
    app.command()(messages)


def messages(
    plan: PlanFile,
    audience: Annotated[list[Audience] | None, typer.Option(help="Only this one; may be given again.")] = None,
    language: Annotated[str, typer.Option(metavar="en|de", help="Only this one; by default both.")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="As a page of documentation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print the whole night as each audience reads it, in English and German. Ids and times are examples."""
    if language not in ("", *LANGUAGES):
        raise typer.BadParameter(f"{language!r} is neither en nor de", param_hint="--language")
    compiled = load(plan)
    found = read(compiled, audience or list(Audience), [language] if language else list(LANGUAGES))
    if as_json:
        typer.echo(json.dumps({"plan": compiled.name, "messages": found}, indent=2, ensure_ascii=False))
    else:
        typer.echo(page(found, compiled.name, in_slack(compiled)) if markdown else plain(found), nl=False)


def read(plan: Plan, audiences: list[Audience], languages: list[str]) -> list[dict[str, Any]]:
    """[{audience, language, chapter, at, news, subject, text}], for each audience its whole night in each language."""
    from cli.sample_night import chapters  # brings the templates along; other commands start without

    found = []
    for each in audiences:
        for language in languages:
            spoken = _spoken(plan, each, language)
            for chapter in chapters(spoken):
                for news, here, letters in chapter.letters():
                    found += [
                        {
                            "audience": each.value,
                            "language": language,
                            "chapter": chapter.title,
                            "at": here.seen,
                            "news": news.value,
                            "subject": letter.subject,
                            "text": letter.text,
                        }
                        for letter in letters
                        if letter.audience is each
                    ]
    return found


def _spoken(plan: Plan, audience: Audience, language: str) -> Plan:
    """The plan with this audience told in this language, whether or not it names it."""
    from dataclasses import replace

    told = plan.telling.audiences | {audience: Channel(language)}
    return replace(plan, telling=replace(plan.telling, audiences=told))


def plain(found: list[dict[str, Any]]) -> str:
    """For a terminal."""
    lines, last = [], ("", "")
    for each in found:
        if (each["audience"], each["language"]) != last:
            last = (each["audience"], each["language"])
            lines += [f"===== {each['audience']}, {LANGUAGES[each['language']]} =====", ""]
        lines += [f"--- {each['at']} · {each['chapter']} · {each['news']}", each["subject"], "", each["text"], ""]
    return "\n".join(lines) + "\n"


def page(found: list[dict[str, Any]], plan: str, extras: list[str]) -> str:
    """docs/messages.md. `extras`: its last sections."""
    lines = [
        "# Messages",
        "",
        "Every message, as it looks: the night of the demo plan as each audience reads it. Made by",
        f"`cutover messages plans/{plan}.yaml --markdown`; a test compares this page with what that prints. Ids and",
        "times are examples; of your own plan, the same command shows yours.",
        "",
        "Who is told what, by which ways and in which language, is in the plan's [`tell`](plan.md). Stakeholders are",
        "told at most six times in a night; the pager is told only what somebody must get up for. What was recorded",
        "(reasons, findings, names) is quoted as it was recorded, whatever the language.",
        "",
    ]
    last: tuple[str, ...] = ("", "", "")
    for each in found:
        if (each["audience"], each["language"]) != last[:2]:
            lines += [f"## {each['audience'].capitalize()}, {LANGUAGES[each['language']]}", ""]
        if (each["audience"], each["language"], each["chapter"]) != last:
            lines += [f"### {each['chapter']}", ""]
            last = (each["audience"], each["language"], each["chapter"])
        lines += [f"**{each['subject']}**", "", "```text", each["text"], "```", ""]
    return "\n".join([*lines, *extras])


def in_slack(plan: Plan) -> list[str]:
    """What a channel of Slack shows of the run, and the letter of somebody who is asked: for docs/messages.md."""
    from cli.sample_night import chapters
    from cutover.invitations import Invitation
    from cutover.night_records import Part
    from cutover.telling.board import board
    from cutover.telling.catalogue import Language, Say
    from cutover.telling.letters import invitation_letter
    from cutover.telling.next_word import next_word
    from cutover.telling.questions import question_text
    from cutover.told_records import Told

    lines: list[str] = []
    for language in Language:
        spoken, say = _spoken(plan, Audience.ENGINEERS, language.value), Say(language)
        cutovers = [chapter for chapter in chapters(spoken) if chapter.title == "The cutover, as planned"]
        told: list[Told] = []
        for news, here, letters in (each for chapter in cutovers for each in chapter.letters()):
            by = next_word(news, here).by
            told.append(Told(len(told) + 1, here.seen, news.value, None, None, tuple(letters), by))
            if here.question is None or here.question.name != Part.USERS.value:
                continue
            shown = [_words(block) for block in board(here, told, say).blocks]
            lines += [f"## In Slack, {LANGUAGES[language.value]}", "", "```text", *shown, "```", ""]
            asked = here.question
            invitation = Invitation(here.run.id, asked.name, asked.asked, asked.by[0], 0)
            letter = invitation_letter(here.run, question_text(asked, say), invitation, asked.deadline, URL, say)
            lines += [f"## To whoever is asked, {LANGUAGES[language.value]}", ""]
            lines += [f"**{letter.subject}**", "", "```text", letter.text, "```", ""]
    return lines


def _words(block: dict[str, Any]) -> str:
    """A block of Slack's as text; instants as Slack shows them where it cannot tell the reader's clock."""
    texts = [block["text"]["text"]] if "text" in block else [each["text"] for each in block["elements"]]
    return html.unescape(re.sub(r"<!date\^[^|]*\|([^>]*)>", r"\1", "\n".join(texts)))
