"""How a plan file is read: YAML 1.2, strictly, with the line of every fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.plan import InvalidPlan, Problem, load_plan
from cli.plan.source import LARGEST, read

MINIMAL = """\
version: 1
name: shop
service: cloudendure
project: Shop
region: eu-central-1
on_failure: stop
waves:
  - name: web
    machines: [web01]
"""


def refused(tmp_path: Path, content: str | bytes) -> list[Problem]:
    path = tmp_path / "plan.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InvalidPlan) as caught:
        load_plan(path)
    return list(caught.value.problems)


def data(tmp_path: Path, text: str):
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return read(path).data


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("22:00", "22:00"),  # YAML 1.1: 1320
        ("0123", 123),  # YAML 1.1: 83
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),  # YAML 1.1: 1000
        ("yes", "yes"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("2030-06-01", "2030-06-01"),  # YAML 1.1: a date
        ("2030-06-01T09:00:00Z", "2030-06-01T09:00:00Z"),
        ("1e3", 1000.0),
        ("-.inf", float("-inf")),
        ("=", "="),
        ("'7'", "7"),
        ('"true"', "true"),
        ("|\n  a\n  b", "a\nb\n"),
        ("9" * 5000, float("inf")),  # longer than Python turns into an int
    ],
)
def test_plain_values_follow_the_core_schema_of_yaml_1_2(tmp_path, written, value):
    got = data(tmp_path, f"key: {written}\n")["key"]
    assert got == value
    assert type(got) is type(value)


def test_a_key_called_on_stays_text(tmp_path):
    assert data(tmp_path, "on: x\ny: z\n") == {"on": "x", "y": "z"}


def test_every_value_has_the_line_and_column_of_its_key_or_item(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("a:\n  b: 1\n  c:\n    - x\n    - {d: y}\n", encoding="utf-8")
    places = {key: (place.line, place.column) for key, place in read(path).places.items()}
    assert places == {
        (): (1, 1),
        ("a",): (1, 1),
        ("a", "b"): (2, 3),
        ("a", "c"): (3, 3),
        ("a", "c", 0): (4, 7),
        ("a", "c", 1): (5, 7),
        ("a", "c", 1, "d"): (5, 8),
    }


def test_every_key_that_stands_twice_is_told_with_both_lines_and_the_first_counts(tmp_path):
    text = (
        MINIMAL.replace("region: eu-central-1", "region: eu-central-1\nname: other\nregion: nowhere") + "name: third\n"
    )
    assert [(problem.line, problem.field, problem.seen, problem.rule) for problem in refused(tmp_path, text)] == [
        (6, "name", "the key 'name'", "a key stands once, and it is on line 2 already"),
        (7, "region", "the key 'region'", "a key stands once, and it is on line 5 already"),
        (12, "name", "the key 'name'", "a key stands once, and it is on line 2 already"),
    ]


@pytest.mark.parametrize(
    ("line", "field", "seen", "rule"),
    [
        ("tags: &all {a: b}", "tags", "a mapping", "a plan has no anchors and aliases (&all)"),
        ("tags: *all", "tags", "the alias *all", "a plan has no anchors and aliases"),
        (
            "tags: !!python/object/apply:os.system {a: b}",
            "tags",
            "a mapping",
            "(tag:yaml.org,2002:python/object/apply:os",
        ),
        ("tags: {a: !!str 1}", "tags.a", "1", "a plan has no YAML tags"),
        ("tags: {!!str 1: b}", "tags", "the key 1", "a key is text"),
        ("tags: {&k a: b}", "tags", "the key 'a'", "a plan has no anchors and aliases (&k)"),
        ("tags: {*k : b}", "tags", "the key the alias *k", "a key is text"),
        ("tags: {7: [b, {c: d}]}", "tags", "the key 7", "a key is text"),
        ("tags: {? [a, b] : [c]}", "tags", "the key that is no text", "a key is text"),
        ("tags: {<<: {a: b}}", "tags", "the key '<<'", "YAML 1.2 has no merge keys"),
        (r'tags: {a: "\ud800"}', "tags.a", r"'\ud800'", "no halves of surrogate pairs"),
        (r'tags: {a: "\0"}', "tags.a", r"'\x00'", "text has no control characters"),
        (r'tags: {"\e": a}', "tags", r"the key '\x1b'", "text has no control characters"),
        ("tags:", "tags", "nothing", "every key and every item has a value"),
        ("tags: {a: ~}", "tags.a", "~", "every key and every item has a value"),
    ],
)
def test_what_yaml_allows_and_a_plan_does_not_is_told_once_with_its_line(tmp_path, line, field, seen, rule):
    (problem,) = refused(tmp_path, MINIMAL + line + "\n")
    assert (problem.line, problem.field) == (10, field)
    assert problem.seen.startswith(seen)
    assert rule in problem.rule


def test_an_alias_bomb_is_refused_without_being_expanded(tmp_path):
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 30))
    assert {problem.line for problem in refused(tmp_path, bomb)} >= set(range(1, 31))


@pytest.mark.parametrize(
    ("content", "line", "seen"),
    [
        ("", 1, "an empty file"),
        ("# nothing yet\n", 1, "an empty file"),
        ("---\n...\n", 1, "nothing"),
        ("- web01\n", 1, "a list"),
        ("just text\n", 1, "'just text'"),
        (MINIMAL + "---\n" + MINIMAL, 10, "a second document"),
        ("%YAML 1.1\n---\n" + MINIMAL, 2, "%YAML 1.1"),
        ("a: " + "[" * 30 + "]" * 30, 1, "nesting 21 deep"),
        ("a: " + "[" * 100_000, 1, "nesting 21 deep"),
        (b"name: sh\xf6p\n", 1, "the byte 0xf6"),
        ((MINIMAL + "a: b\n").encode("utf-16"), 1, "the byte 0xff"),
        ("a: b\nc: \x07\n", 2, "the character '\\x07'"),
        (b"#" * (LARGEST + 1), None, "a larger file"),
    ],
)
def test_a_file_that_is_no_plan_is_one_problem_that_says_what_was_seen(tmp_path, content, line, seen):
    (problem,) = refused(tmp_path, content)
    assert (problem.line, problem.field, problem.seen) == (line, "plan", seen)
    assert problem.rule
    assert problem.remedy


@pytest.mark.parametrize(
    ("text", "line", "seen"),
    [
        ("name: a\nregion: b: c\n", 2, "mapping values are not allowed here"),
        ("name: a\nproject: 'open\n", 3, "while scanning a quoted scalar that begins on line 2"),
        ("name: a\n\tregion: b\n", 2, "that cannot start any token"),
        ("name: a\nwaves: [b\n", 3, "that begins on line 2"),
        ("name: @a\n", 1, "found character '@' that cannot start any token"),
    ],
)
def test_a_syntax_error_is_one_problem_with_its_line(tmp_path, text, line, seen):
    (problem,) = refused(tmp_path, text)
    assert problem.line == line
    assert seen in problem.seen
    assert "\n" not in str(problem)


def test_a_missing_file_and_a_directory_are_problems_too(tmp_path):
    for path, seen in ((tmp_path / "none.yaml", "No such file or directory"), (tmp_path, "Is a directory")):
        with pytest.raises(InvalidPlan) as caught:
            load_plan(str(path))
        assert str(caught.value) == (
            f"{path}: plan: seen {seen}; rule: a plan is one YAML file; do: give the path of a plan file"
        )


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert load_plan(path).name == "shop"
