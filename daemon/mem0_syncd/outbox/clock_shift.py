"""Corrects the moments in the outbox after the clock was set."""

from __future__ import annotations

from mem0_syncd.core.settlement import SLOWEST_REWRITE, Rules
from mem0_syncd.outbox.database import Database

LONGEST_ASKED_SECONDS = 3600.0
"""Seconds that a wait that Mem0 asked for holds over a start: longer ones may be a clock's mistake."""

RECENT_SECONDS = 3600.0
"""Seconds; the moment of an older receipt doesn't matter."""


class ClockShift:
    """The moments that a destination's entries, looks and clock wait for.

    `clamp` is for a clock whose jump nobody saw, and gives up what it can't know. `shift` is no call of it,
    for the jump is known: second looks and the 24 hours of an accepted entry stay as long as they were.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def shift(self, destination: int, seconds: float, now: float) -> None:
        """Restate every moment after the clock jumped by `seconds` to `now`.

        Nothing may be under way. Pushes and look-ups that wait are due at once.
        """
        moments = {"destination": destination, "seconds": seconds, "now": now, "recent": RECENT_SECONDS}
        with self._db.transaction() as sql:
            for statement in _SHIFT:
                sql.execute(statement, moments)

    def clamp(self, destination: int, now: float, rules: Rules) -> None:
        """Restate at a start what depends on how the clock ran since it was noted, which isn't known.

        What is too far off is brought nearer. A wait before something is certain begins again now, for the
        clock may have been set forward. What is due at any start, such as a probe of a destination, is due
        now.
        """
        moments = {
            "destination": destination,
            "now": now,
            "certain": rules.certain_after(now),
            "second": rules.second_look_after(now),
            "rewrite": SLOWEST_REWRITE,
            "asked": now + LONGEST_ASKED_SECONDS,
        }
        with self._db.transaction() as sql:
            for statement in _CLAMP:
                sql.execute(statement, moments)


# A waiting entry's own moment is that of its item, and is read again when it is claimed.
_SHIFT = (
    """
    UPDATE entry SET due_at = MIN(due_at, :now),
        certain_at = CASE WHEN certain_at > 0 THEN certain_at + :seconds ELSE 0 END,
        accepted_at = CASE WHEN accepted_at > 0 THEN accepted_at + :seconds ELSE 0 END
    WHERE destination = :destination
    """,
    """
    UPDATE item SET quiet_until = quiet_until + :seconds
    WHERE destination = :destination AND quiet_until > 0
    """,
    "UPDATE second_look SET due_at = due_at + :seconds WHERE destination = :destination",
    """
    UPDATE owed_deletion SET due_at = due_at + :seconds, delivered_at = delivered_at + :seconds
    WHERE destination = :destination
    """,
    "UPDATE contact SET listed_at = listed_at + :seconds WHERE destination = :destination",
    "UPDATE audit SET at = at + :seconds WHERE destination = :destination",
    # For older ones it doesn't matter whether Mem0 need show them yet.
    """
    UPDATE receipt SET delivered_at = delivered_at + :seconds
    WHERE destination = :destination AND delivered_at > :now - :seconds - :recent
    """,
    """
    UPDATE destination SET retry_at = retry_at + :seconds, asked_until = asked_until + :seconds
    WHERE id = :destination
    """,
)

_CLAMP = (
    """
    UPDATE entry SET due_at = MIN(due_at, :now), certain_at = MIN(certain_at, :certain),
        accepted_at = MIN(accepted_at, :now)
    WHERE destination = :destination AND (due_at > :now OR certain_at > :certain OR accepted_at > :now)
    """,
    """
    UPDATE entry SET certain_at =
        :certain + CASE WHEN memory_id IS NULL AND frozen ->> '$.infer' THEN :rewrite ELSE 0 END
    WHERE destination = :destination AND state = 'unconfirmed'
    """,
    "UPDATE item SET quiet_until = :certain WHERE destination = :destination AND quiet_until > 0",
    "UPDATE second_look SET due_at = :second WHERE destination = :destination AND due_at > :second",
    # A deletion that was begun may be of what Mem0 didn't show yet.
    """
    UPDATE owed_deletion SET due_at = MIN(due_at, :now), delivered_at = :now WHERE destination = :destination
    """,
    "UPDATE audit SET at = :now WHERE destination = :destination AND at > :now",
    # Of what was delivered by a later clock nobody knows when Mem0 surely shows it.
    "UPDATE receipt SET delivered_at = :now WHERE destination = :destination AND delivered_at > :now",
    """
    UPDATE destination SET asked_until = MIN(asked_until, :asked),
        retry_at = MIN(retry_at, MAX(:now, MIN(asked_until, :asked)))
    WHERE id = :destination
    """,
)
