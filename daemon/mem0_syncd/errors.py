"""Errors, written in one style: what, where, remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person should know, and the way out of it.

    `needs_you` is whether it waits for a person; what doesn't is mended without one. What `is_note` is no
    alarm: nothing is lost or late because of it, whatever a person does.
    """

    what: str
    where: str
    remedy: str
    needs_you: bool = True
    is_note: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The problem as `status --json` shows it."""
        return {name: value for name, value in asdict(self).items() if name != "is_note"}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Problem:
        """The problem that `as_dict` wrote, maybe of another version; raises `KeyError` for anything else."""
        # Earlier versions had only words for it.
        needs_you = said.get("needs_you", not said["remedy"].startswith("nothing"))
        return cls(said["what"], said["where"], said["remedy"], bool(needs_you))


def is_want_of_handles(error: BaseException) -> bool:
    """Whether a file couldn't be opened because too many are open, which says nothing about the file."""
    return isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what led to it, the last first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


class SyncdError(Exception):
    """An error that ends a command; it prints as what, where and remedy."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.problem = Problem(what, where, remedy)

    def __str__(self) -> str:
        parts = [self.problem.what]
        if self.problem.where:
            parts.append(f"  where:  {self.problem.where}")
        if self.problem.remedy:
            parts.append(f"  remedy: {self.problem.remedy}")
        return "\n".join(parts)


class DaemonNotRunning(SyncdError):
    """A command needs the daemon, and none answers."""

    exit_code = 3


class DaemonUnresponsive(SyncdError):
    """A daemon listens, and doesn't answer."""


class BadConfiguration(SyncdError):
    """A setting is missing, unknown or malformed."""

    exit_code = 78


class StateFolderBusy(SyncdError):
    """Another process delivers from this state folder."""


class OutboxUnusable(SyncdError):
    """The outbox is of an older schema, or can't be read."""


class OutboxTooNew(OutboxUnusable):
    """The outbox is of a newer version of mem0-syncd."""

    exit_code = 78


class OutboxDamaged(OutboxUnusable):
    """The outbox is broken, or another file is in its place."""
