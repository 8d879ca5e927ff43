"""What the service manager is told."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mem0_syncd.daemon.sd_notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> socket.socket:
    """A manager that listens in the temporary folder."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify"))
    listener.setblocking(False)
    return listener


def test_each_state_is_told_in_systemds_words(tmp_path: Path, manager: socket.socket) -> None:
    """One datagram each."""
    with manager:
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        notifier.ready("2 projects")
        notifier.alive()
        notifier.status("held")
        notifier.reloading()
        notifier.stopping()
        heard = [manager.recv(1000).decode() for _ in range(5)]
    assert heard[:3] == ["READY=1\nSTATUS=2 projects", "WATCHDOG=1", "STATUS=held"]
    assert heard[3].startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert heard[4] == "STOPPING=1"


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="only Linux has abstract sockets")
def test_a_manager_may_listen_at_an_abstract_address() -> None:
    """As in a container."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0mem0-syncd-test-{os.getpid()}")
        Notifier({"NOTIFY_SOCKET": f"@mem0-syncd-test-{os.getpid()}"}).alive()
        assert listener.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_nobody_need_listen(environ: dict[str, str]) -> None:
    """Without a manager, or with one that is gone, the daemon goes on."""
    notifier = Notifier(environ)
    notifier.ready("")
    notifier.alive()


def test_a_manager_that_hangs_keeps_nobody_waiting(tmp_path: Path, manager: socket.socket) -> None:
    """What it doesn't take in is not told."""
    with manager:
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _ in range(2000):  # more than any queue holds
            notifier.alive()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "1500000"}, 1.5),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_a_watchdog_counts_if_it_is_for_this_process(environ: dict[str, str], seconds: float | None) -> None:
    """A child of another service inherits its variables, which mean nothing to it."""
    assert Notifier(environ).watchdog_seconds == seconds
