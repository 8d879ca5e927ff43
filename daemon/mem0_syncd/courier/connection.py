"""What delivery needs to know about the destination in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mem0_syncd.core.settlement import Rules


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach the destination in use: what the courier is started with, and the destination's limits."""

    start: dict[str, Any]
    rules: Rules
    threads: int
    adds_per_minute: int | None
    hang_seconds: float
