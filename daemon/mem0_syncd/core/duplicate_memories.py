"""Which memories are true doubles, and which of them stays: the pure decision.

It is what the second look, the audit and a repair have in common. The rest of them differs in what is listed
(one key, what is new, everything), in what it is held against, and in who may wait for an answer of Mem0.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mem0_syncd.core.memory_payload import SOURCE


@dataclass(frozen=True, slots=True)
class Kept:
    """One memory as Mem0 keeps it, with all that tells a double.

    `created_at` is Mem0's own text. `fingerprint` is that of its text and metadata (see
    `memory.fingerprint`). `origin` is the repository that it names, if it names one.
    """

    id: str
    user_id: str
    source: str
    sync_key: str
    content_hash: str
    created_at: str
    fingerprint: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Double:
    """Memories that say one thing twice: the one that stays, and those that may be deleted."""

    survivor: Kept
    extras: tuple[Kept, ...]


def find_doubles(memories: Iterable[Kept]) -> list[Double]:
    """The true doubles among some memories; the oldest of each stays, then the one with the lowest id.

    Doubles are ours, and equal in user id, key, content and, where both name one, repository. A memory that
    somebody has edited isn't one. Callers leave out memories that Mem0's language model made: one add may
    make several.
    """
    alike: dict[tuple[str, ...], dict[str, Kept]] = {}
    for it in memories:
        if it.source == SOURCE and it.sync_key and it.content_hash:
            what = (it.user_id, it.sync_key, it.content_hash, it.fingerprint)
            alike.setdefault(what, {})[it.id] = it
    parted = (part for some in alike.values() for part in _by_origin(list(some.values())))
    return [_double(part) for part in parted if len(part) > 1]


def is_double_of(extra: Kept, survivor: Kept) -> bool:
    """Whether a memory may be deleted in favour of another; both must have been read again just now."""
    return any(
        double.survivor == survivor and extra in double.extras for double in find_doubles([extra, survivor])
    )


def _by_origin(alike: list[Kept]) -> list[list[Kept]]:
    """Groups of memories that may be doubles; those without an origin join the only origin there is."""
    origins = {it.origin for it in alike if it.origin}
    if len(origins) <= 1:
        return [alike]
    return [[it for it in alike if it.origin == origin] for origin in sorted({*origins, ""})]


def _double(alike: list[Kept]) -> Double:
    survivor, *extras = sorted(alike, key=lambda it: (it.created_at, it.id))
    return Double(survivor, tuple(extras))
