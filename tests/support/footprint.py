"""What a process takes of the machine, as Linux tells it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Footprint:
    """One process at one moment: resident memory, open files, threads, and the CPU time used so far."""

    mib: float
    files: int
    threads: int
    cpu_seconds: float


def footprint(pid: int) -> Footprint | None:
    """The footprint of a process; None when it is gone."""
    process = Path("/proc", str(pid))
    try:
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        # The name, in brackets, may hold spaces; the times are the 12th and 13th fields behind it.
        times = (process / "stat").read_text().rpartition(")")[2].split()
        return Footprint(
            mib=int(status["VmRSS"].split()[0]) / 1024,
            files=sum(1 for _ in (process / "fd").iterdir()),
            threads=int(status["Threads"]),
            cpu_seconds=(int(times[11]) + int(times[12])) / _TICKS,
        )
    except (OSError, KeyError):
        return None


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the straight line that fits some points best; 0 for fewer than two."""
    if len(points) < 2:
        return 0.0
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    spread = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / spread if spread else 0.0
