"""What is known about every item: what is intended, what is proven, what it counts as."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from mem0_syncd.core.enqueue_plan import Known
from mem0_syncd.core.item import Item
from mem0_syncd.outbox.database import Database
from mem0_syncd.outbox.item_status import IN_FLIGHT
from mem0_syncd.outbox.plan_writes import Prepared, apply


class Items:
    """Items, and the entries that planning makes of them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def known(self, destination: int, keys: Collection[str]) -> dict[str, Known]:
        """What is known about the items with these keys; unknown ones are left out."""
        found: dict[str, Known] = {}
        unique = list(dict.fromkeys(keys))
        for start in range(0, len(unique), 500):
            rows = self._db.rows(
                f"""
                SELECT item.sync_key, item.status, project, source, tree, tombstone, tombstone_hash, wish.how,
                    receipt.content_hash AS delivered,
                    MAX(CASE WHEN entry.state = 'pending' THEN entry.content_hash END) AS waiting,
                    MAX(CASE WHEN entry.state IN {IN_FLIGHT} THEN entry.content_hash END) AS in_flight,
                    MAX(CASE WHEN entry.state = 'dead' THEN entry.content_hash END) AS dead
                FROM item LEFT JOIN entry USING (destination, sync_key)
                    LEFT JOIN receipt USING (destination, sync_key)
                    LEFT JOIN wish USING (destination, sync_key)
                WHERE item.destination = ? AND item.sync_key IN (SELECT value FROM json_each(?))
                GROUP BY item.sync_key
                """,  # noqa: S608 - a constant of this module
                (destination, json.dumps(unique[start : start + 500])),
            )
            for row in rows:
                found[row["sync_key"]] = Known(
                    waiting=row["waiting"],
                    in_flight=row["in_flight"],
                    dead=row["dead"],
                    delivered=row["delivered"],
                    dropped=row["tombstone_hash"],
                    withheld=row["status"] == "withheld",
                    skipped=row["status"] == "skipped",
                    project=row["project"],
                    source=row["source"],
                    tree=row["tree"],
                    wanted=row["how"] is not None,
                    forgotten=row["tombstone"] == "forgotten",
                )
        return found

    def apply(self, destination: int, changes: Iterable[Prepared], now: float) -> None:
        """Make the changes of one scan durable, all or none."""
        with self._db.transaction() as sql:
            for prepared in changes:
                apply(sql, destination, prepared, now)

    def counts(self, destination: int) -> dict[tuple[str, str], dict[str, int]]:
        """How many items count as what, by project and kind."""
        tallies: dict[tuple[str, str], dict[str, int]] = {}
        for row in self._db.rows("SELECT * FROM tally WHERE destination = ? AND n > 0", (destination,)):
            tallies.setdefault((row["project"], row["kind"]), {})[row["status"]] = row["n"]
        return tallies

    def has_any(self, project: str) -> bool:
        """Whether any item of a project is known, at any destination."""
        return self._db.row("SELECT 1 FROM tally WHERE project = ? AND n > 0", (project,)) is not None

    def projects(self) -> set[str]:
        """The projects of which any item is known."""
        return {row["project"] for row in self._db.rows("SELECT DISTINCT project FROM tally WHERE n > 0")}

    def tally(self, destination: int, project: str, kind: str) -> dict[str, int]:
        """How many items of a kind of one project count as what."""
        rows = self._db.rows(
            "SELECT status, n FROM tally WHERE destination = ? AND project = ? AND kind = ?",
            (destination, project, kind),
        )
        return {row["status"]: row["n"] for row in rows}

    def redacted(self, destination: int) -> int:
        """In how many items a credential was found."""
        row = self._db.row(
            "SELECT COUNT(*) AS n FROM item INDEXED BY item_redacted"
            " WHERE destination = ? AND redacted <> ''",
            (destination,),
        )
        return int(row["n"]) if row else 0

    def forget_name(self, destination: int, item: Item) -> None:
        """Delete an id by which an item was known, because it holds a secret."""
        with self._db.transaction() as sql:
            sql.execute(
                "UPDATE item SET source_id = NULL"
                " WHERE destination = ? AND project = ? AND source = ? AND source_id = ?",
                (destination, item.project, item.source, item.source_id),
            )

    def count_again(self, destination: int, count: int) -> None:
        """Add to the number of updates that were made because detectors found different things."""
        if count:
            with self._db.transaction() as sql:
                sql.execute(_COUNT_AGAIN, (f"again:{destination}", count))

    def again(self, destination: int) -> int:
        """How many updates were made because detectors found different things."""
        row = self._db.row("SELECT value FROM fact WHERE name = ?", (f"again:{destination}",))
        return int(row["value"]) if row else 0

    def seen_since(self, destination: int, project: str, kind: str, *, since: float) -> int:
        """How many items of a kind were first seen since a moment."""
        row = self._db.row(
            "SELECT COUNT(*) AS n FROM item"
            " WHERE destination = ? AND project = ? AND kind = ? AND seen_at > ?",
            (destination, project, kind, since),
        )
        return int(row["n"]) if row else 0


_COUNT_AGAIN = """
INSERT INTO fact VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value
"""
