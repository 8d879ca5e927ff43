"""Where each thread works in the watched folders: a disk that hangs is reported by project and file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class WorkPlace:
    """A file of a project, by its path in it; it changes from file to file during the work."""

    project: str
    folder: Path
    file: str = "."

    @property
    def path(self) -> Path:
        """The file's full path."""
        return self.folder / self.file

    def move(self, file: str) -> None:
        """Set the next file of the project."""
        self.file = file


class CurrentFiles:
    """The places of all threads; for any thread."""

    def __init__(self) -> None:
        self._places: dict[int, WorkPlace] = {}

    @contextmanager
    def at(self, place: WorkPlace) -> Iterator[None]:
        """Set where this thread works, for the block."""
        thread = threading.get_ident()
        self._places[thread] = place
        try:
            yield
        finally:
            self._places.pop(thread, None)

    def of(self, thread: int | None) -> WorkPlace | None:
        """Where a thread works; None if it isn't in a watched folder."""
        return None if thread is None else self._places.get(thread)
