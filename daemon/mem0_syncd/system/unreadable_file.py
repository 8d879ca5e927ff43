"""Why a file of a watched folder isn't read; imports next to nothing, because hooks use it, too."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mem0_syncd.core.position import Position
    from mem0_syncd.errors import Problem


class Reason(Enum):
    """The rule by which a file or folder was refused."""

    LINK_LEAVES = "a link leads out of the folder"
    LINK_CIRCLE = "links lead to links without end"
    THROUGH_A_LINK = "what is written, or watched, is reached through a link"
    NOT_A_FILE = "something else than a regular file is in its place"
    NOT_A_FOLDER = "something else than a folder is in its place"
    OWNER = "it belongs to another user"
    TOO_LARGE = "it is longer than a file of its kind may be"
    TOO_MANY = "a folder holds more than may be listed"
    CHANGING = "it was changed while it was opened"


class Unreadable(Exception):
    """A file as a whole can't be understood; a writer may be at work on it."""

    def __init__(
        self, what: str, *, place: Position | None = None, remedy: str, needs_you: bool = True
    ) -> None:
        super().__init__(what)
        self.what, self.place, self.remedy, self.needs_you = what, place, remedy, needs_you

    def problem(self, path: str) -> Problem:
        """The problem for a person, of the file at `path`."""
        from mem0_syncd.errors import Problem

        where = self.place.within(path) if self.place else path
        return Problem(self.what, where, self.remedy, self.needs_you)


class RefusedFile(Unreadable):
    """A file or folder that isn't touched, by the rule `reason`."""

    def __init__(self, reason: Reason, what: str, remedy: str) -> None:
        # A file that only changed while it was looked at is looked at again.
        super().__init__(what, remedy=remedy, needs_you=reason is not Reason.CHANGING)
        self.reason = reason
