"""Checks the answers of a server before they are used."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mem0_syncd.destinations.base import Hit, Remote

LONGEST_ID = 200
MOST_IDS = 100
"""Memories that one add may have made."""

_ID = re.compile(rf"[!-~]{{1,{LONGEST_ID}}}")
_PATHS = re.compile(r"[/\\?#%]")
_LONGEST_NAME = 200


class Misunderstood(Exception):
    """An answer hasn't the form of Mem0's answers."""


def id_of(value: Any) -> str:
    """The id of a memory or an event: a short ASCII word, one part of an address; else ''."""
    if isinstance(value, int) and not isinstance(value, bool):  # as some stores count
        value = str(value)
    return value if isinstance(value, str) and _ID.fullmatch(value) and not _PATHS.search(value) else ""


def object_of(answer: Any) -> Mapping[str, Any]:
    """An answer that is an object; raises `Misunderstood`."""
    if not isinstance(answer, dict):
        raise Misunderstood("an answer of Mem0 isn't an object")
    return answer


def results_of(answer: Any) -> list[Mapping[str, Any]]:
    """The `results` of an answer; raises `Misunderstood`."""
    results = object_of(answer).get("results")
    if not isinstance(results, list) or not all(isinstance(it, dict) for it in results):
        raise Misunderstood("`results` of an answer of Mem0 isn't a list of objects")
    return results


def count_of(answer: Mapping[str, Any]) -> int:
    """How many memories a listing reports; raises `Misunderstood`."""
    count = answer.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise Misunderstood("`count` of an answer of Mem0 isn't a number of memories")
    return count


def remote_of(it: Any) -> Remote:
    """One memory; raises `Misunderstood`."""
    it = object_of(it)
    return Remote(
        _id(it),
        _text(it, "memory"),
        _metadata(it),
        _moment(it.get("created_at")),
        _text(it, "user_id"),
        _text(it, "agent_id"),
    )


def hit_of(it: Mapping[str, Any], user_id: str | None = None) -> Hit:
    """One memory that a search found; raises `Misunderstood`."""
    score = it.get("score") or 0.0
    if not isinstance(score, int | float) or not math.isfinite(score):
        raise Misunderstood("a score of Mem0's isn't a number")
    whose = _text(it, "user_id") if user_id is None else user_id
    made = _moment(it.get("created_at"))
    return Hit(_id(it), _text(it, "memory"), whose, float(score), _metadata(it), made, _text(it, "agent_id"))


def account_of(answer: Any) -> str:
    """The owner of the key, by a ping's answer; raises `Misunderstood`."""
    names = [_name(object_of(answer).get(name)) for name in ("org_id", "project_id", "user_email")]
    return "/".join(filter(None, names[:2])) or names[2]


def _id(it: Mapping[str, Any]) -> str:
    number = id_of(it.get("id"))
    if not number:
        raise Misunderstood("the id of a memory of Mem0's isn't a short word")
    return number


def _text(it: Mapping[str, Any], name: str) -> str:
    value = it.get(name)
    if value is not None and not isinstance(value, str):
        raise Misunderstood(f"`{name}` of a memory of Mem0's isn't text")
    # Half a character, which JSON may carry, can neither be stored nor sent.
    return (value or "").encode("utf-8", "replace").decode()


def _metadata(it: Mapping[str, Any]) -> dict[str, Any]:
    value = it.get("metadata")
    if value is not None and not isinstance(value, dict):
        raise Misunderstood("`metadata` of a memory of Mem0's isn't an object")
    return value or {}


def _moment(value: Any) -> str:
    """A time as Mem0 writes it; else ''."""
    try:
        datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return ""
    return str(value)


def _name(value: Any) -> str:
    if value is not None and not isinstance(value, str | int):
        raise Misunderstood("an account's name isn't text")
    name = "" if value is None else str(value)
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise Misunderstood("an account's name isn't a short text")
    return name
