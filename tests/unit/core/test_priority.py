"""Which decisions go before all others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mem0_syncd.core.item import Kind
from mem0_syncd.core.priority import is_major, is_weighty
from support.builders import item


@pytest.mark.parametrize(
    ("importance", "impact", "scope", "expected"),
    [
        ([], "", "", False),
        (["", "low"], "medium", "module", False),
        (["", "High"], "", "", True),
        ([], "HIGH", "", True),
        ([], "", "System", True),
        ([], "", "global", True),
        (["higher"], "highest", "systems", False),
    ],
)
def test_an_entry_weighs_what_it_says(
    importance: list[str], impact: str, scope: str, *, expected: bool
) -> None:
    """In capital letters or small ones, and in whole words."""
    assert is_weighty(importance, impact, scope) is expected


def test_a_category_of_the_users_own_makes_a_decision_major() -> None:
    """However the source writes it."""
    decision = replace(item(), metadata={"category": "Security"})
    assert is_major(decision, {"security"})
    assert not is_major(decision, {"architecture"})
    assert not is_major(replace(decision, metadata={}), {"security"})


@pytest.mark.parametrize("kind", Kind)
def test_only_decisions_are_major(kind: Kind) -> None:
    """A best practice of a weighty decision waits like any other."""
    weighty = replace(item(), kind=kind, weighty=True)
    assert is_major(weighty, set()) is (kind is Kind.DECISION)
