"""A loopback Mem0 that says when it has stored something."""

from __future__ import annotations

from collections.abc import Iterable

from crash.board import Board
from support.mem0_model import Memory
from support.mem0_platform import Mem0Platform
from support.reckoning import content_of


class NotedMem0(Mem0Platform):
    """A Mem0 that says on the board what it has stored, in the moment when it has."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board
        self.kept: list[Memory] = []
        self.event_seconds = 0.1
        self.extract = lambda text: [text]

    def _keep(self, memory: Memory) -> Memory:
        with self._lock:
            kept = super()._keep(memory)
            self.kept.append(kept)
            self._board.note(f"commit {' '.join(content_of(memory))}")
        return kept

    def go_back(self, kept: Iterable[Memory]) -> None:
        """Hold what was kept up to some moment, in that order, and nothing else."""
        with self._lock:
            self._versions.clear()
            self._ids_with.clear()
            for memory in kept:
                self._keep(memory)
