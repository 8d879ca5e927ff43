"""A loopback Platform in a process of its own, and the ways to send to it without mem0-syncd."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVER = Path(__file__).parents[1] / "support" / "mem0_platform.py"

TODAY = """
import argparse, os
os.environ["MEM0_TELEMETRY"] = "False"
from mem0 import MemoryClient
parser = argparse.ArgumentParser()
parser.add_argument("--text")
parser.add_argument("--user-id")
given = parser.parse_args()
client = MemoryClient(api_key=os.environ["MEM0_API_KEY"], host=os.environ["MEM0_HOST"])
client.add([{"role": "user", "content": given.text}], user_id=given.user_id, infer=False)
"""
"""What hooks do today, once an item: a process, its imports, one add."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a Platform is served, and by which process."""

    url: str
    pid: int


@contextmanager
def platform(*options: str) -> Iterator[Server]:
    """A Platform that shares no interpreter with what is measured."""
    process = subprocess.Popen(
        [sys.executable, str(SERVER), "--port", "0", *options],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SERVER.parents[1]), *sys.path])},
    )
    assert process.stdout is not None
    try:
        yield Server(process.stdout.readline().decode().strip(), process.pid)
    finally:
        process.kill()
        process.wait()


def bare_client(url: str, count: int, threads: int) -> float:
    """Adds a second of mem0ai's client alone."""
    os.environ["MEM0_TELEMETRY"] = "False"
    from mem0 import MemoryClient

    client = MemoryClient(api_key="m0-test", host=url)

    def add(number: int) -> None:
        client.add(
            [{"role": "user", "content": f"Bare decision number {number}"}],
            user_id="bare-decisions",
            metadata={"number": number},
            infer=False,
        )

    begin = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(add, range(count)))
    return count / (time.perf_counter() - begin)


def process_per_item(url: str, count: int) -> float:
    """Adds a second of one Python process an item, one after the other."""
    environment = {**os.environ, "MEM0_API_KEY": "m0-test", "MEM0_HOST": url}
    begin = time.perf_counter()
    for number in range(count):
        subprocess.run(
            [sys.executable, "-c", TODAY, "--text", f"Decision number {number}", "--user-id", "today"],
            env=environment,
            check=True,
            capture_output=True,
        )
    return count / (time.perf_counter() - begin)
