"""The catalogue says everything in both languages, with the same facts, and the code asks for nothing it lacks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import UndefinedError, meta

from cutover.night_records import Part
from cutover.records import Level, MachineStatus, Outcome
from cutover.telling.catalogue import ENGLISH, Language, Say, _environment, sentences
from cutover.telling.messages import News

EVERYBODY = {"app", "source", "target"}
"""Facts that every plain sentence is given; each language uses those that it needs."""
FOLDER = Path(__file__).parents[2] / "functions" / "cutover" / "telling"


def facts(sentence: str) -> set[str]:
    return meta.find_undeclared_variables(_environment().parse(sentence))


def asked_for() -> Iterator[tuple[str, set[str] | None]]:
    """Every key that is written out in the code, with the facts it is given; None where they come as a mapping."""
    for path in sorted([*FOLDER.glob("*.py"), *FOLDER.parent.glob("deci*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("say", "_say"):
                given = {each.arg for each in node.keywords}
                yield str(node.args[0].value), None if None in given else {str(each) for each in given}


def test_both_languages_have_the_same_sentences_with_the_same_facts() -> None:
    english, german = sentences(Language.ENGLISH), sentences(Language.GERMAN)
    assert set(english) == set(german)
    for key, sentence in english.items():
        assert facts(sentence) - EVERYBODY == facts(german[key]) - EVERYBODY, key


def test_a_german_sentence_is_not_an_english_one_left_behind() -> None:
    english, german = sentences(Language.ENGLISH), sentences(Language.GERMAN)
    alike = {key for key, sentence in english.items() if sentence == german[key] and len(sentence.split()) > 3}
    assert alike == {"board.last", "pager.about", "plain.span"}


def test_the_code_asks_for_sentences_that_are_there_with_all_their_facts() -> None:
    found = list(asked_for())
    assert len(found) > 150
    for key, given in found:
        wanted = facts(sentences(Language.ENGLISH)[key])
        if given is not None:
            assert wanted <= given | (EVERYBODY if key.startswith("plain.") else set()), key


def test_no_sentence_is_left_that_nobody_says() -> None:
    speakers = [*FOLDER.glob("*.py"), *FOLDER.parent.glob("*.py"), *FOLDER.parents[1].glob("*.py")]
    code = "\n".join(path.read_text("utf-8") for path in [*speakers, *FOLDER.parent.glob("page/*")] if path.is_file())
    composed = re.findall(r'f"([a-z]+\.[a-z_]*)\{', code)
    for key in sentences(Language.ENGLISH):
        assert re.search(rf"[\"']{re.escape(key)}[\"']", code) or any(key.startswith(each) for each in composed), key


@pytest.mark.parametrize("language", list(Language))
def test_every_value_that_is_named_has_its_word(language: Language) -> None:
    say = Say(language)
    for part in Part:
        assert say(f"part.{part.value}")
    for status in (*MachineStatus, *Level):
        assert say(f"machine.{status.value}")
    for outcome in Outcome:
        assert say(f"ended.{outcome.value}")
        if outcome is not Outcome.CUT_OVER:
            assert say(f"plain.test_{outcome.value}", app="Shop", target="AWS", good=1, total=2)
    for news in (News.ENDED, News.LATE, News.DIED, News.OVERDUE):
        assert say(f"next.after_{news.value}")


def test_a_fact_that_is_missing_is_an_error_and_no_gap() -> None:
    with pytest.raises(UndefinedError):
        ENGLISH("closed.since")
    with pytest.raises(KeyError):
        ENGLISH("closed.sinse")


def test_no_message_says_success() -> None:
    for language in Language:
        assert not [key for key, each in sentences(language).items() if re.search(r"success|erfolg(?!t)", each, re.I)]
