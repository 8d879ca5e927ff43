"""The heap that the daemon's threads share."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAPS = """
import sqlite3, threading
from mem0_syncd.system import lean_heap as heap

def work(ready, go_on):
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t AS SELECT randomblob(1000)")
    ready.set()
    go_on.wait()

{begin}
go_on = threading.Event()
for _ in range(4):
    ready = threading.Event()
    threading.Thread(target=work, args=(ready, go_on)).start()
    ready.wait()
starts = [int(line.split("-")[0], 16) for line in open("/proc/self/maps") if " rw-p " in line]
print(sum(start % (64 << 20) == 0 for start in starts))
go_on.set()
"""
"""How many heaps besides the first one a process has whose threads all allocate; glibc aligns them."""


def heaps(begin: str) -> int:
    """How many there are after a process has begun in a way."""
    code = HEAPS.format(begin=begin)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_threads_allocate_from_one_heap() -> None:
    """Where each would have one of its own."""
    if sys.platform != "linux" or not heaps("pass"):
        pytest.skip("this C library doesn't give each thread a heap of its own")
    assert heaps("heap.share()") == 0
