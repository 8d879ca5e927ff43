"""The JSON Schemas that the documentation publishes, and what `--json` prints, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def check(name: str, document: Any) -> None:
    """Fail unless a document is as its published schema says, and has no field that this doesn't name.

    Users get a schema that lets later versions add fields; here an added field is one that was forgotten.
    """
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(_closed(schema), format_checker=FormatChecker()).validate(document)


def _closed(schema: Any) -> Any:
    """The schema with every object closed whose fields it names."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if closed.get("type") == "object" and "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed
