"""The state folder: what is kept in it, by name; hooks look here, so it imports next to nothing."""

from __future__ import annotations

from pathlib import Path

OUTBOX = "outbox.sqlite3"
"""The outbox; what SQLite keeps beside it, and what was set aside of it, begins with the same name."""


class StateFolder:
    """One state folder, and the place of everything in it; none of it need be there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outbox = path / OUTBOX
        self.lock = path / "lock"
        self.holder = path / "holder.json"
        """What the lock's holder says of itself."""
        self.socket_address = path / "socket"
        """Where the control socket is: a shell elsewhere may not find it."""
        self.spool = path / "spool"
        self.inventories = path / "inventories"
        """Of what Mem0 holds, until they are read; what is there at a start was left by a crash."""
        self.store = path / "mem0"
        """The embedded Mem0, unless the settings name another folder for it."""
        self.mem0_home = path / "mem0-home"
        """What mem0ai keeps of its own, and where couriers work."""
        self.refusal = path / "refusal.json"
        """Why the last start was refused."""
        self.hook_log = path / "hook.log"

    def contents(self) -> list[Path]:
        """What is there of all these; of other files none, for a person may have named any folder."""
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
