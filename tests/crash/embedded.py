"""A shop whose Mem0 is a folder."""

from __future__ import annotations

import pickle
import signal
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing

from crash.shop import Shop
from crash.stock import Differences, Kept
from support.embedded_store import memories


class EmbeddedShop(Shop):
    """A shop whose Mem0 is a folder."""

    def destination(self) -> Mapping[str, str]:
        """None is named, and there is no key: that means the folder."""
        return {}

    def memories(self) -> list[Kept]:
        """What the store's file holds, as Qdrant writes it."""
        files = list((self.daemon.state / "mem0").glob("qdrant/collection/*/storage.sqlite"))
        if not files:
            return []
        with closing(sqlite3.connect(f"{files[0].as_uri()}?mode=ro", uri=True)) as store:
            points = [pickle.loads(row[0]) for row in store.execute("SELECT point FROM points")]
        return [
            Kept(
                str(point.id),
                f"{point.payload['user_id']}: {point.payload['data']}",
                (point.payload["sync_key"], point.payload["content_hash"]),
            )
            for point in points
        ]

    def differences(self) -> Differences:
        """What isn't as it is to be; a store with half a transaction is for the next courier to mend."""
        try:
            return super().differences()
        except sqlite3.OperationalError as error:
            return Differences(other=(str(error),))

    def reopen(self) -> Differences:
        """Stop the daemon, and compare with what mem0.Memory alone reads."""
        self.daemon.send(signal.SIGTERM)
        self.daemon.wait_for_end()
        there = Counter(it["memory"] for it in memories(self.daemon.state / "mem0"))
        wanted = {it.text for it in self.wanted()}
        doubled = tuple(text for text, count in there.items() if count > 1)
        return Differences(tuple(wanted - there.keys()), doubled, tuple(there.keys() - wanted))
