"""The state folder: its contents, by name. Hooks use it, so it imports next to nothing."""

from __future__ import annotations

from pathlib import Path

OUTBOX = "outbox.sqlite3"
"""The outbox. SQLite's files beside it, and what was set aside of it, begin with the same name."""


class StateFolder:
    """One state folder, and the paths in it; none of them need exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outbox = path / OUTBOX
        self.lock = path / "lock"
        self.holder = path / "holder.json"
        """What the lock's holder writes about itself."""
        self.socket_address = path / "socket"
        """Where the control socket is: a shell elsewhere may not find it."""
        self.spool = path / "spool"
        self.inventories = path / "inventories"
        """Inventories of Mem0, until they are read; at a start, leftovers of a crash."""
        self.store = path / "mem0"
        """The embedded Mem0, unless the settings name another folder for it."""
        self.mem0_home = path / "mem0-home"
        """What mem0ai keeps of its own, and where couriers work."""
        self.refusal = path / "refusal.json"
        """Why the last start was refused."""
        self.hook_log = path / "hook.log"

    def contents(self) -> list[Path]:
        """Those of these paths that exist. No other files, for a person may have named any folder."""
        several = (*self.path.glob("outbox*"), *self.path.glob("hook.log*"))
        single = (
            self.lock,
            self.holder,
            self.socket_address,
            self.spool,
            self.inventories,
            self.store,
            self.mem0_home,
            self.refusal,
        )
        return sorted({*several, *(it for it in single if it.exists())})
