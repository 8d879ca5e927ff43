"""Signs of life: which parts of the daemon have stood still, whatever the clocks do."""

from __future__ import annotations

from collections.abc import Hashable, Mapping


class Liveness:
    """Compares each part's sign of life with those of the looks before.

    Looks are counted, not seconds. After a machine has slept, or a process was stopped, one look finds no
    change, but not several.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[Hashable, int]] = {}

    def look(self, signs: Mapping[str, Hashable | None]) -> dict[str, int]:
        """How many looks in a row found each part's sign the same as before.

        A part whose sign is None has nothing to do, and needn't give one.
        """
        seen = {}
        for part, sign in signs.items():
            before, looks = self._seen.get(part, (None, 0))
            seen[part] = sign, looks + 1 if sign is not None and sign == before else 0
        self._seen = seen
        return {part: looks for part, (_, looks) in seen.items()}
