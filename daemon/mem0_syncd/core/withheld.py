"""Why an item is known and doesn't leave the machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Why(StrEnum):
    """The reasons for withholding an item. The outbox stores the values, so they never change."""

    KEPT_HOME = "kept home"
    """Its `sharing_scope` is local. Nothing overrules that: no other file, line or user."""

    NOT_DUE = "not due"
    """Its `pending_sync` is false."""

    TOO_SHORT = "too short"
    FOREIGN_SCOPE = "foreign scope"
    """It is queued for a user id of another project."""

    SECRET_NAME = "secret name"  # noqa: S105 - no password
    """Its id or its time holds what looks like a credential."""

    OTHER_KIND = "other kind"
    """Its kind is not among those of its project."""

    EXCLUDED = "excluded"
    """Its project excludes its id, category or file."""

    AWAITS_CONSENT = "awaits consent"
    """Its project's user hasn't agreed yet that best practices go to the scope of all projects."""

    DECLINED = "declined"
    """Its project's user has declined that best practices go to the scope of all projects."""

    FORGOTTEN = "forgotten"
    """A person doesn't want it in any Mem0."""


_BY_CONSENT = {Why.OTHER_KIND, Why.EXCLUDED, Why.AWAITS_CONSENT, Why.DECLINED}


@dataclass(frozen=True, slots=True)
class Withheld:
    """One reason, and the kind, pattern or user id that it is `of`, if any."""

    why: Why
    of: str = ""

    @property
    def is_by_consent(self) -> bool:
        """Whether the reason is the project's consent, and not the item itself."""
        return self.why in _BY_CONSENT

    @property
    def stored(self) -> str:
        """The reason as the outbox keeps it."""
        return f"{self.why}: {self.of}" if self.of else str(self.why)


KEPT_HOME = Withheld(Why.KEPT_HOME)
FORGOTTEN = Withheld(Why.FORGOTTEN)
