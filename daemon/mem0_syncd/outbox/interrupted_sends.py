"""What was being sent when a daemon or a courier died: it may be in Mem0, and is looked for."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mem0_syncd.core.settlement import MOST_SENDS, SLOWEST_REWRITE
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.item_status import IN_FLIGHT, restate


class InterruptedSends:
    """The entries that are `sending`, of which nobody may hear any more."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def doubt(self, destination: int, now: float, certain_at: float, *, under_way: Iterable[int] = ()) -> int:
        """Take what a dead deliverer left `sending` for unconfirmed, and make every look-up due.

        What Mem0's language model may still be rewriting is certain only when it can be done with that.
        What is `under_way`, by its entries' ids, is in good hands. A death is no item's fault: however
        many there were, what is found nowhere is sent once more.
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
