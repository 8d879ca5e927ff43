"""Adds a value to the text of the configuration file; all other lines stay as they are."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any


def with_value(text: str, table: str, key: str, value: str | list[str]) -> str:
    """The text with one more value, in a table or, if `table` is '', above all tables.

    Raises `ValueError` if one more line can't do that.
    """
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
    header = re.search(rf"^[ \t]*\[[ \t]*{re.escape(table)}[ \t]*\][^\n]*(\n|\Z)", text, re.MULTILINE)
    if not table:
        changed = line + text
    elif header is not None:
        changed = f"{text[: header.end()].rstrip()}\n{line}{text[header.end() :]}"
    else:
        apart = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        changed = f"{text}{apart}[{table}]\n{line}"
    said: dict[str, Any] = tomllib.loads(changed)
    if (said[table] if table else said)[key] != value:
        raise ValueError(f"{key} would not be {value!r}")
    return changed
