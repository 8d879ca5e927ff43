"""How long to wait before the next try."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter, in seconds."""

    base: float = 1.0
    cap: float = 60.0

    def ceiling(self, step: int) -> float:
        """The longest wait of a step (the first is 0)."""
        return min(self.cap, self.base * 2.0 ** min(step, 32))

    def wait(self, step: int, rng: random.Random, *, at_least: float = 0.0) -> float:
        """A random wait for a step; `at_least` is a floor that the cap doesn't lower.

        Full jitter spreads best (AWS Architecture Blog, "Exponential Backoff And Jitter").
        """
        return max(at_least, rng.uniform(0.0, self.ceiling(step)))
