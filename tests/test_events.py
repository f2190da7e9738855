"""What is published about events is true: every type has a schema, and a row in the document."""

from __future__ import annotations

import json
import re
from pathlib import Path

from jsonschema import Draft202012Validator

from cutover import changes, typed_events
from cutover.monitor import ReplicationNews

DOCS = Path(__file__).parents[1] / "docs"
SCHEMAS = {file.name: json.loads(file.read_text()) for file in (DOCS / "schemas" / "events").glob("*.schema.json")}
EVENTS = (DOCS / "events.md").read_text()
TYPES = {
    changes.RUN_CHANGED,
    changes.WAVE_CHANGED,
    changes.MACHINE_CHANGED,
    changes.PRODUCTION_CHANGED,
    changes.DECISION,
    changes.JOB_LOG_LINE,
    typed_events.REPLICATION_CHANGED,
}


def test_every_type_has_its_schema_in_the_present_version() -> None:
    assert {schema["title"] for schema in SCHEMAS.values()} == TYPES
    for name, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert name == f"{schema['title'].lower().replace(' ', '-')}.schema.json"
        assert schema["properties"]["version"]["const"] == typed_events.VERSION
        assert all("description" in each for each in schema["properties"].values())


def test_the_document_has_a_row_for_every_type_and_its_schema() -> None:
    rows = dict(re.findall(r"^\| `([A-Z][^`]+)` \|.*\(schemas/events/(.+)\) \|$", EVENTS, re.MULTILINE))
    assert rows == {schema["title"]: name for name, schema in SCHEMAS.items()}


def test_the_document_has_a_row_for_every_piece_of_news() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", EVENTS, re.MULTILINE)) == set(ReplicationNews)


def test_the_example_in_the_document_is_the_one_that_is_proved() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", EVENTS, re.DOTALL)
    assert json.loads(shown) == json.loads((DOCS / "schemas" / "events" / "example-rule.json").read_text())
