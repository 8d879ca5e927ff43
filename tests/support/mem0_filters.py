"""What Mem0 understands by the filters of a listing or a search."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from support.faults import reply
from support.mem0_model import ENTITIES, Memory


class Refusal(Exception):
    """The answer to a request that the Platform doesn't carry out."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(body)
        self.answer = reply(status, body, headers)


def bad_request(why: str) -> Refusal:
    """A 400."""
    return Refusal(400, {"error": why})


Predicate = Callable[[Memory], bool]

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "in": lambda value, wanted: value in wanted,
    "contains": lambda value, wanted: value is not None and wanted in value,
}
ENTITY_OPERATORS = ("eq", "ne", "in")
METADATA_OPERATORS = ("eq", "ne", "contains")
TIME_OPERATORS = ("gt", "gte", "lt", "lte")


def predicate_of(filters: Any) -> Predicate:
    """What Mem0 understands by `filters`, which must name an entity."""
    if not _names_entity(filters):
        raise bad_request("filters must contain at least one of user_id, agent_id, app_id, run_id.")
    return _all_of(filters)


def _names_entity(filters: Any) -> bool:
    if not isinstance(filters, dict):
        return False
    named = (value for key, value in filters.items() if key in ENTITIES)
    if any(not isinstance(value, dict) or "ne" not in value for value in named):
        return True
    return any(_names_entity(part) for key in ("AND", "OR") for part in filters.get(key, ()))


def _all_of(filters: Any) -> Predicate:
    if not isinstance(filters, dict) or not filters:
        raise bad_request("filters must be a non-empty object.")
    # Beside an AND, Mem0 drops an OR without a word.
    tests = [_clause(key, value) for key, value in filters.items() if not (key == "OR" and "AND" in filters)]
    return _every(tests)


def _every(tests: list[Predicate]) -> Predicate:
    # Most conditions have one part, and a look-up runs over every memory.
    return tests[0] if len(tests) == 1 else lambda memory: all(test(memory) for test in tests)


def _clause(key: str, value: Any) -> Predicate:
    if key in ("AND", "OR", "NOT"):
        tests = [_all_of(part) for part in (value if isinstance(value, list) else [value])]
        if key == "AND":
            return _every(tests)
        return lambda memory: any(test(memory) for test in tests) != (key == "NOT")
    if key in ENTITIES:
        if value == "*":
            return lambda memory: getattr(memory, key) is not None
        return _comparison(lambda memory: getattr(memory, key), value, ENTITY_OPERATORS)
    if key in ("created_at", "updated_at") and isinstance(value, dict):
        moments = {name: _moment(text) for name, text in value.items()}
        return _comparison(lambda memory: getattr(memory, key), moments, TIME_OPERATORS)
    if key == "metadata" and isinstance(value, dict):
        tests = [_metadata_clause(name, wanted) for name, wanted in value.items()]
        return _every(tests)
    raise bad_request(f"Invalid filter: {key!r}.")


def _metadata_clause(name: str, wanted: Any) -> Predicate:
    return _comparison(lambda memory: memory.metadata.get(name), wanted, METADATA_OPERATORS)


def _comparison(value_of: Callable[[Memory], Any], wanted: Any, allowed: tuple[str, ...]) -> Predicate:
    comparisons = wanted if isinstance(wanted, dict) else {"eq": wanted}
    if not comparisons.keys() <= set(allowed):
        raise bad_request(f"Invalid operator among {sorted(comparisons)}; known here: {', '.join(allowed)}.")
    return _every([_compared(value_of, OPERATORS[name], other) for name, other in comparisons.items()])


def _compared(
    value_of: Callable[[Memory], Any], operate: Callable[[Any, Any], bool], other: Any
) -> Predicate:
    return lambda memory: operate(value_of(memory), other)


def _moment(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise bad_request(f"Not a date: {text!r}.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def day(text: Any) -> date | None:
    return _moment(text).date() if text is not None else None
