"""Starts deliveries: the schedule runs each one when something may be due at its destination."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from mem0_syncd.daemon.scheduler import Schedule
from mem0_syncd.delivery import Delivery
from mem0_syncd.engine.engine import Engine

BEAT_SECONDS = 60.0
"""Seconds after which delivery looks for what is due by itself, should a wake-up be lost."""


class DeliveryTrigger:
    """Runs an engine's deliveries, and ends idle couriers; for any thread."""

    def __init__(self, engine: Engine, schedule: Schedule, before_probe: Callable[[], None]) -> None:
        """`before_probe` is called before a held destination is probed."""
        self._engine, self._schedule = engine, schedule
        self._before_probe = before_probe
        self._added: set[int] = set()
        self._adding = threading.Lock()

    def by(self, seconds: float) -> None:
        """Have what is due delivered within so many seconds."""
        for delivery in self._engine.deliveries_in_use():
            self._add(delivery)
            self._schedule.by(_work("deliver", delivery), seconds)

    def soon(self) -> None:
        """Have what is due delivered now."""
        for delivery in self._engine.deliveries:
            delivery.nudge()
        self.by(0.0)

    def _add(self, delivery: Delivery) -> None:
        with self._adding:
            if delivery.destination_id not in self._added:
                self._added.add(delivery.destination_id)
                work = partial(self._deliver, delivery)
                self._schedule.add(_work("deliver", delivery), work, every=BEAT_SECONDS)
                self._schedule.add(_work("rest", delivery), partial(self._rest, delivery))

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.is_to_be_probed_after_a_hold():
            self._before_probe()
        wait = delivery.run()
        if wait is not None:
            self._schedule.by(_work("deliver", delivery), wait)
        self._schedule.by(_work("rest", delivery), self._engine.settings.courier_idle_seconds)

    def _rest(self, delivery: Delivery) -> None:
        wait = delivery.rest(self._engine.settings.courier_idle_seconds)
        if delivery.courier_pid is not None:
            self._schedule.by(_work("rest", delivery), wait)


def _work(name: str, delivery: Delivery) -> str:
    return f"{name} {delivery.destination_id}"
