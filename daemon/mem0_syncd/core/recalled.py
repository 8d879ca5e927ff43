"""Which of the memories that a search found are shown: the pure decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES

SUPERSEDED = "superseded"
"""The status of a decision that another one has taken the place of."""

Hit = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shown of what was found; None where it doesn't matter."""

    since: datetime | None = None
    category: str | None = None
    agent: str | None = None
    superseded: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether much of what a search finds may be left out."""
        return self.since is not None or self.category is not None or self.agent is not None


def choose(hits: Iterable[Hit], wanted: Wanted) -> list[Hit]:
    """The hits that are wanted, in their order, each text once.

    A decision that is a best practice as well counts as the decision, unless another project says it. What
    is superseded is left out with all that says the same, unless it is wanted.
    """
    found = list(hits)
    by_text: dict[str, list[Hit]] = {}
    for hit in found:
        by_text.setdefault(str(hit["text"]).strip(), []).append(hit)
    chosen = []
    for alike in by_text.values():
        if not wanted.superseded and any(_status(it) == SUPERSEDED for it in alike):
            continue
        own = [it for it in alike if it["user_id"] != GLOBAL_BEST_PRACTICES]
        chosen += [it for it in own or alike[:1] if _is_wanted(it, wanted)]
    place = {id(hit): number for number, hit in enumerate(found)}
    return sorted(chosen, key=lambda it: place[id(it)])


def date_of(hit: Hit) -> datetime | None:
    """When what a memory says was decided, if it says so, else when the memory was made."""
    for said in ((hit["metadata"] or {}).get("timestamp"), hit.get("created_at")):
        if isinstance(said, str) and (moment := moment_of(said)):
            return moment
    return None


def moment_of(text: str) -> datetime | None:
    """The moment that a text names, in UTC unless it says otherwise; None where it names none."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def since_of(text: str, now: datetime) -> datetime | None:
    """The moment that a person means by a date, or by so many hours, days or weeks: `36h`, `7d`, `2w`."""
    number, unit = text[:-1], text[-1:]
    if number.isdecimal() and len(number) <= 5 and unit in _UNITS:  # noqa: PLR2004 - some 270 years
        return now - int(number) * _UNITS[unit]
    return moment_of(text)


_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def _is_wanted(hit: Hit, wanted: Wanted) -> bool:
    metadata = hit["metadata"] or {}
    if wanted.category is not None and _word(metadata.get("category")) != _word(wanted.category):
        return False
    if wanted.agent is not None and _agent(hit.get("agent_id")) != _agent(wanted.agent):
        return False
    date = date_of(hit)
    return wanted.since is None or (date is not None and date >= wanted.since)


def _status(hit: Hit) -> str:
    return _word((hit["metadata"] or {}).get("status"))


def _word(value: object) -> str:
    return str(value or "").strip().lower()


def _agent(value: object) -> str:
    """An agent by its type alone."""
    return _word(value).rpartition(":")[2]
