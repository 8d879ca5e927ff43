"""The daemon's end of a courier that ends, one way or another."""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.courier.process import ENDED, Courier
from support.daemon import wait_until

START = {"destination": "platform", "config": {}, "account": "", "threads": 2, "mem0_dir": ""}
START |= {"redact": "redact", "redact_allow": []}


def open_files() -> int:
    """How many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted as Linux tells them")
@pytest.mark.parametrize(
    "end",
    [Courier.close, Courier.kill, lambda courier: os.kill(courier.pid, signal.SIGKILL)],
    ids=["closed", "killed by the daemon", "killed by somebody else"],
)
def test_a_courier_that_ends_leaves_neither_threads_nor_files(end: Callable[[Courier], Any]) -> None:
    """Couriers come and go, and crash, for as long as the daemon lives."""
    threads, files = threading.active_count(), open_files()
    heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    courier = Courier(START, lambda _courier, message: heard.put(message), os.environ)
    assert open_files() > files
    end(courier)
    assert heard.get(timeout=30) == ENDED
    wait_until(lambda: threading.active_count() <= threads, "the end of its threads")
    assert open_files() == files
