"""The problems of one file's entries: the first are reported, the others counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType

from mem0_syncd.errors import Problem

MOST_TOLD = 20
"""Problems of one file that are reported one by one; the others are counted."""


class EntryProblems:
    """The problems of one file's entries, by the entries' digests, in their order."""

    __slots__ = ("_kept", "problems")

    def __init__(self, problems: Mapping[bytes, tuple[Problem, ...] | int] = MappingProxyType({})) -> None:
        """`problems` are the known ones: themselves, or their number."""
        self.problems = dict(problems)
        self._kept = sum(len(known) for known in problems.values() if isinstance(known, tuple))

    def add(self, digest: bytes, problems: Sequence[Problem]) -> None:
        """Add the problems of an entry to those that are known."""
        if not problems:
            return
        known = self.problems.get(digest, ())
        if isinstance(known, tuple) and (self._kept < MOST_TOLD or known):
            said = tuple(dict.fromkeys([*known, *problems]))[:MOST_TOLD]
            self._kept += len(said) - len(known)
            self.problems[digest] = said
        elif more := sum(not it.is_note for it in problems):  # what is no alarm isn't missed
            self.problems[digest] = more + (known if isinstance(known, int) else 0)

    def add_known(self, digest: bytes, before: EntryProblems) -> bool:
        """Add the known problems of an entry; returns whether it must be read again to report them."""
        known = before.problems.get(digest, ())
        if isinstance(known, int) and self._kept < MOST_TOLD:
            return True
        if isinstance(known, int):
            self.problems[digest] = known
        else:
            self.add(digest, known)
        return False

    def without(self, digests: AbstractSet[bytes]) -> EntryProblems:
        """The same without those of some entries."""
        if not self.problems:
            return NO_PROBLEMS
        return EntryProblems({digest: it for digest, it in self.problems.items() if digest not in digests})

    def told(self, path: str) -> list[Problem]:
        """The problems to be reported, the last of which says how many more there are."""
        kept = [it for known in self.problems.values() if isinstance(known, tuple) for it in known]
        counted = sum(known for known in self.problems.values() if isinstance(known, int))
        return kept[:MOST_TOLD] + and_more(len(kept[MOST_TOLD:]) + counted, path)


NO_PROBLEMS = EntryProblems()
"""What is remembered of files without any, of which there are very many; nothing is ever added to it."""


def at_most(problems: Iterable[Problem]) -> list[Problem]:
    """The first problems of one origin, and how many more there are."""
    told = list(problems)
    is_told_already = len(told) <= MOST_TOLD + 1
    return (
        told if is_told_already else told[:MOST_TOLD] + and_more(len(told) - MOST_TOLD, told[MOST_TOLD].where)
    )


def and_more(count: int, where: str) -> list[Problem]:
    """The problem that stands for `count` others; none if there are none."""
    remedy = "see to the others first: then these are named"
    return [Problem(f"and {count:,} more", where, remedy)] if count else []
