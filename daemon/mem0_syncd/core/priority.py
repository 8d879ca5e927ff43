"""Which decisions are major, and so go before all others."""

from __future__ import annotations

from collections.abc import Collection

from mem0_syncd.core.item import Item, Kind

_WIDE_SCOPES = {"system", "global"}
_HIGH = "high"


def is_weighty(importance: Collection[str], impact: str = "", scope: str = "") -> bool:
    """Whether an entry is important by its own account: its ratings, its impact, and the scope of that."""
    ratings = {rating.lower() for rating in importance}
    return _HIGH in ratings or impact.lower() == _HIGH or scope.lower() in _WIDE_SCOPES


def is_major(item: Item, categories: Collection[str]) -> bool:
    """Whether an item goes at once: a weighty decision, or one of a category that the user has named.

    `categories` are in small letters.
    """
    category = str(item.metadata.get("category", "")).lower()
    return item.kind is Kind.DECISION and (item.weighty or category in categories)
