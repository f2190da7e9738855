"""The plan's JSON Schema, published for editors. `python -m cli.plan.schema` writes it anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from cli.plan.model import AuthorPlan

FILE = Path(__file__).parents[2] / "docs" / "schemas" / "plan.schema.json"


class _Published(GenerateJsonSchema):
    """A key that is not set is left out: null is refused, and is no default either."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return (
            self.generate_inner(schema["schema"]) if schema.get("default") is None else super().default_schema(schema)
        )


def published() -> str:
    """The text of the schema file."""
    schema: dict[str, Any] = AuthorPlan.model_json_schema(schema_generator=_Published)
    return json.dumps({"$schema": _Published.schema_dialect, **schema}, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(published(), encoding="utf-8")
