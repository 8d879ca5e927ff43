"""What delivery needs to know of the destination in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mem0_syncd.core.settlement import Rules


@dataclass(frozen=True, slots=True)
class Connection:
    """How the destination in use is reached: what the courier is started with, and its limits."""

    start: dict[str, Any]
    rules: Rules
    threads: int
    adds_per_minute: int | None
    hang_seconds: float
