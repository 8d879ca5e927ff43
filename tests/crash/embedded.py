"""A shop whose Mem0 is a folder."""

from __future__ import annotations

import pickle
import shutil
import signal
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from crash.shop import Shop
from crash.stock import Kept
from support.embedded_store import memories
from support.reckoning import Differences, compare


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
        # A copy, for whoever opens a store that was left in the middle of a transaction changes it.
        with TemporaryDirectory() as folder:
            for file in files[0].parent.glob("storage.sqlite*"):
                shutil.copy(file, folder)
            with closing(sqlite3.connect(Path(folder) / files[0].name)) as store:
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
        """What isn't as it is to be; a copy of a store that is being written to says nothing."""
        try:
            return super().differences()
        except (OSError, sqlite3.DatabaseError) as error:
            return Differences(other=(str(error),))

    def reopen(self) -> Differences:
        """Stop the daemon, and compare with what mem0.Memory alone reads."""
        self.daemon.send(signal.SIGTERM)
        self.daemon.wait_for_end()
        wanted = {it.text for it in self.wanted()}
        return compare(wanted, [it["memory"] for it in memories(self.daemon.state / "mem0")])
