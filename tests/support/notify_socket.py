"""A service manager's end of systemd's notification protocol."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.daemon import wait_until


class Manager:
    """Hears what a daemon tells its manager."""

    def __init__(self, address: Path) -> None:
        self.environment = {"NOTIFY_SOCKET": str(address)}
        self.heard: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))

    def listen(self) -> None:
        """Take in messages until an empty one comes."""
        with self._socket:
            while message := self._socket.recv(4096).decode():
                self.heard.append(dict(line.split("=", 1) for line in message.splitlines()))

    def stop(self) -> None:
        """Have `listen` return."""
        self._socket.sendto(b"", self._socket.getsockname())

    def count(self, name: str) -> int:
        """How often something was told."""
        return sum(name in message for message in self.heard)

    def wait_for(self, name: str, times: int = 1) -> None:
        """Wait until something was told so many times more."""
        before = self.count(name)
        wait_until(lambda: self.count(name) >= before + times, f"{name}, of {self.heard}")


@contextmanager
def listening(folder: Path) -> Iterator[Manager]:
    """A manager that listens for a block."""
    manager = Manager(folder / "notify")
    thread = threading.Thread(target=manager.listen)
    thread.start()
    try:
        yield manager
    finally:
        manager.stop()
        thread.join()
