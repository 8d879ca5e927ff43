"""What the exceptions of two dozen stores and their embedders mean, by their names."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from mem0_syncd.core.outcome import Held, Later, Refused, Unknown
from mem0_syncd.destinations.own_store_errors import outcome_of_error


def called(name: str, says: str = "no", base: type[Exception] = Exception, **attributes: Any) -> Exception:
    """An exception of a library that isn't installed here."""
    error = type(name, (base,), attributes)(says)
    assert isinstance(error, Exception)
    return error


def caused(error: Exception, by: Exception) -> Exception:
    """An exception raised from another one."""
    error.__cause__ = by
    return error


TABLE = [
    (called("PoolTimeout"), Later),
    (called("APIConnectionError"), Later),
    (called("RateLimitError"), Later),
    (ConnectionRefusedError("refused"), Later),
    (caused(called("ResponseHandlingException"), httpx.ConnectError("refused")), Later),
    (caused(called("ResponseHandlingException"), httpx.ReadTimeout("late")), Unknown),
    (called("OperationalError"), Unknown),
    (called("UnexpectedResponse", status_code=500), Unknown),
    (called("UnexpectedResponse", status_code=401), Held),
    (called("AuthenticationError"), Held),
    (called("UndefinedTable", base=called("ProgrammingError").__class__), Later),
    (ModuleNotFoundError("No module named 'psycopg'"), Held),
    (called("UntranslatableCharacter", base=called("DataError").__class__), Refused),
    (ValueError("not a memory"), Refused),
    (called("DataException", "expected 768 dimensions, not 384", base=called("DataError").__class__), Held),
    (KeyError("x"), Unknown),
]


@pytest.mark.parametrize(("error", "expected"), TABLE, ids=[f"{type(row[0]).__name__}" for row in TABLE])
def test_an_exception_means(error: Exception, expected: type) -> None:
    """Surely not sent, a person's business, this item's fault, or a doubt."""
    outcome = outcome_of_error(error)
    assert isinstance(outcome, expected)
    assert type(error).__name__ in outcome.reason


def test_a_reason_is_the_first_line() -> None:
    """PostgreSQL repeats what it was given on those that follow."""
    assert "whole text" not in outcome_of_error(ValueError("no\nDETAIL: the whole text")).reason
