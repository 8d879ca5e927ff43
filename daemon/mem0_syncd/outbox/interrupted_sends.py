"""Looks up what was being sent when a daemon or a courier died: it may be in Mem0."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mem0_syncd.core.settlement import MOST_SENDS, SLOWEST_REWRITE
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.item_status import IN_FLIGHT, restate


class InterruptedSends:
    """The entries that are `sending` with no process to report their outcome."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def doubt(self, destination: int, now: float, certain_at: float, *, under_way: Iterable[int] = ()) -> int:
        """Make what a dead process left `sending` unconfirmed, and make every look-up due.

        What Mem0's language model may still be rewriting is certain only after its time. Entries with an id
        in `under_way` still have a living process. A death isn't an item's fault: after any number of them,
        what is found nowhere is sent once more.
        """
        but = json.dumps(list(under_way))
        with self._db.transaction() as sql:
            left = sql.execute(
                "UPDATE entry SET state = 'unconfirmed', sends = MIN(sends, ?), certain_at = MAX(certain_at,"
                " ? + CASE WHEN memory_id IS NULL AND frozen ->> '$.infer' THEN ? ELSE 0 END)"
                " WHERE state = 'sending' AND destination = ?"
                " AND id NOT IN (SELECT value FROM json_each(?)) RETURNING sync_key",
                (MOST_SENDS - 1, certain_at, SLOWEST_REWRITE, destination, but),
            ).fetchall()
            for row in left:
                restate(sql, destination, row["sync_key"])
            sql.execute(
                f"UPDATE entry SET due_at = ? WHERE destination = ? AND state IN {IN_FLIGHT}"  # noqa: S608
                " AND id NOT IN (SELECT value FROM json_each(?))",
                (now, destination, but),
            )
        return len(left)
