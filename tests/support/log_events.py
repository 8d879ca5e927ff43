"""The events that the program logs, read from its source; docs/logs.md has them as a table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mem0_syncd

PAGE = Path(__file__).parents[2] / "docs" / "logs.md"
LEVELS = {"debug": "debug", "info": "info", "warning": "warning", "error": "error", "exception": "error"}

_ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| (?P<level>\w+) \| (?P<fields>.*?) ?\| [^|]+ \|$", re.MULTILINE)


@dataclass(frozen=True)
class LogCall:
    """One call of a logger: `name` is None for an event that isn't a plain text.

    Of a call that `has_more` some fields come from a mapping.
    """

    place: str
    name: str | None
    level: str
    fields: frozenset[str]
    has_more: bool = False


def calls() -> Iterator[LogCall]:
    """Every call of a logger in the program."""
    folder = Path(mem0_syncd.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _is_log_call(node.func):
                yield _call(f"{path.relative_to(folder)}:{node.lineno}", node)


def documented() -> dict[str, LogCall]:
    """The rows of the page's table, by event."""
    rows = _ROW.finditer(PAGE.read_text(encoding="utf-8"))
    return {
        row["name"]: LogCall(
            PAGE.name, row["name"], row["level"], frozenset(re.findall(r"`(\w+)`", row["fields"]))
        )
        for row in rows
    }


def _is_log_call(func: ast.expr) -> bool:
    return (
        isinstance(func, ast.Attribute)
        and func.attr in LEVELS
        and bool(re.fullmatch(r"log|_log\(\)|structlog\.get_logger\(.*\)", ast.unparse(func.value)))
    )


def _call(place: str, node: ast.Call) -> LogCall:
    assert isinstance(node.func, ast.Attribute)
    event = node.args[0] if node.args else None
    name = event.value if isinstance(event, ast.Constant) and isinstance(event.value, str) else None
    fields = {it.arg for it in node.keywords if it.arg and it.arg != "exc_info"}
    if node.func.attr == "exception" or any(it.arg == "exc_info" for it in node.keywords):
        fields.add("exception")
    has_more = any(it.arg is None for it in node.keywords)
    return LogCall(place, name, LEVELS[node.func.attr], frozenset(fields), has_more)
