"""Where each thread is at work in the watched folders: a disk that hangs is named by project and file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class WorkPlace:
    """A file of a project, by its path in it; while work goes on, from one file to the next."""

    project: str
    folder: Path
    file: str = "."

    @property
    def path(self) -> Path:
        """The file's whole path."""
        return self.folder / self.file

    def move(self, file: str) -> None:
        """Go on at another file of the project."""
        self.file = file


class CurrentFiles:
    """The places of all threads; for any thread."""

    def __init__(self) -> None:
        self._places: dict[int, WorkPlace] = {}

    @contextmanager
    def at(self, place: WorkPlace) -> Iterator[None]:
        """Say where this thread is, for the block."""
        thread = threading.get_ident()
        self._places[thread] = place
        try:
            yield
        finally:
            self._places.pop(thread, None)

    def of(self, thread: int | None) -> WorkPlace | None:
        """Where a thread is, if it is in a watched folder."""
        return None if thread is None else self._places.get(thread)
