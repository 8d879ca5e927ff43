"""Notifies the service manager that started the daemon, by systemd's protocol."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping


class Notifier:
    """Sends the daemon's state to the manager; does nothing if no manager listens."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """`environ` says where the manager listens, and how long it waits for a sign of life."""
        self._address = environ.get("NOTIFY_SOCKET", "")
        if self._address.startswith("@"):  # Linux's abstract sockets
            self._address = "\0" + self._address[1:]
        is_ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        usec = environ.get("WATCHDOG_USEC", "")
        self.watchdog_seconds = int(usec) / 1e6 if is_ours and usec.isdecimal() else None

    def ready(self, status: str) -> None:
        """The daemon has begun, or has read its settings again."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """The daemon reads its settings again; `ready` follows."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The daemon ends, once what is under way has had its time."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """All vital parts live; to be sent well within `watchdog_seconds` of the last time."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """What the manager shows beside the daemon's state."""
        self._send(f"STATUS={text}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # The daemon's work doesn't depend on a manager that is away, and doesn't wait for one that hangs.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.setblocking(False)
            manager.connect(self._address)
            manager.sendall(message.encode())
