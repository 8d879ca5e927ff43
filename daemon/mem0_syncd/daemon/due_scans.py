"""Which folders are to be scanned, from when on, and which of them is next."""

from __future__ import annotations

import threading
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

SIDE_BY_SIDE = 4
"""Projects with news that are scanned in turns; half as many without, and one that is large."""


@dataclass
class DueScan:
    """What is to be scanned of a folder: all, or what looks changed only; and from when on (monotonic).

    It `is_large` if that took long the last time.
    """

    folder: Path
    changed_only: bool
    due: float
    is_urgent: bool = False
    is_large: bool = False


class DueScans:
    """The scans that are due some time, one of each folder; for any thread."""

    def __init__(self) -> None:
        # Apart, so that with very many folders the next one is found without a look at all of them.
        self._news: dict[Path, DueScan] = {}
        self._routine: dict[Path, DueScan] = {}
        self._resting: dict[Path, float] = {}
        self._lock = threading.Lock()

    def add(self, scan: DueScan) -> None:
        """Have a folder scanned; two scans of one folder become one that serves both."""
        with self._lock:
            for known in (self._news.pop(scan.folder, None), self._routine.pop(scan.folder, None)):
                if known is not None:
                    scan.changed_only &= known.changed_only
                    scan.due = min(scan.due, known.due)
                    scan.is_urgent |= known.is_urgent
            (self._news if scan.is_urgent else self._routine)[scan.folder] = scan

    def rest(self, folder: Path, until: float | None) -> None:
        """Let the others go before a folder whose scan is long, and itself from `until` (monotonic) on.

        None ends that.
        """
        with self._lock:
            self._resting.pop(folder, None)
            if until is not None:
                self._resting[folder] = until

    def take(self, under_way: AbstractSet[Path], now: float, *, has_large: bool) -> DueScan | None:
        """The scan to begin beside those under way, the news first and what is large last; None if none is.

        `has_large` tells whether a large one is under way.
        """
        with self._lock:
            for is_large in (False, True) if self._resting and not has_large else (False,):
                for scans, most in ((self._news, SIDE_BY_SIDE), (self._routine, SIDE_BY_SIDE // 2)):
                    if len(under_way) >= most:
                        continue
                    for folder, scan in scans.items():
                        if (folder in self._resting) is not is_large or folder in under_way:
                            continue
                        if self._due(scan) <= now:
                            scan.is_large = is_large
                            return scans.pop(folder)
        return None

    def earliest(self) -> float | None:
        """When the first of them is due (monotonic); None where there is none."""
        with self._lock:
            return min(map(self._due, (*self._news.values(), *self._routine.values())), default=None)

    def _due(self, scan: DueScan) -> float:
        return max(scan.due, self._resting.get(scan.folder, 0.0))
