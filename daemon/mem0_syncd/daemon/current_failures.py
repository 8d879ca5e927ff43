"""What is failing in the daemon at this moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import structlog

from mem0_syncd.errors import Problem
from mem0_syncd.system import storage_faults
from mem0_syncd.system.scrubbed_reasons import of_error

log = structlog.get_logger("failures")


class Failures:
    """The last error of each job, until the job succeeds.

    It is in memory, for the outbox may be what can't be written.

    `damage` is the error that shows that the outbox is damaged, once there was one.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._problems: dict[str, Problem] = {}
        self.damage: Exception | None = None

    def __iter__(self) -> Iterator[Problem]:
        return iter(list(self._problems.values()))

    def hear(self, name: str, error: Exception | None) -> None:
        """Record how a job has ended: with an error, or without."""
        if error is None:
            self._problems.pop(name, None)
            return
        what = f"{name}: {of_error(error)}"
        fault = storage_faults.problem_of(error, self._state)
        problem = fault or Problem(what, str(self._state), "it is tried again; see the log")
        if self._problems.get(name) != problem:  # A full disk isn't logged every ten seconds.
            log.error("job_failed", job=name, exc_info=error)
        self._problems[name] = problem
        if storage_faults.is_damage(error):
            self.damage = error
