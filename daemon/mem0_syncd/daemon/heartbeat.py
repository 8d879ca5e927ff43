"""The heartbeat: checks that the daemon's parts live, replaces some, feeds the manager's watchdog."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import structlog

from mem0_syncd.daemon.liveness import Liveness
from mem0_syncd.daemon.scheduler import Schedule
from mem0_syncd.daemon.sd_notify import Notifier
from mem0_syncd.delivery import Delivery
from mem0_syncd.errors import Problem
from mem0_syncd.system.current_file import CurrentFiles
from mem0_syncd.watcher import Watcher

LOOK_SECONDS = 9.0
SILENT_SECONDS = 18.0
"""Seconds without a sign of life after which a part is replaced or reported, at the next look."""

STUCK_SECONDS = 600.0
"""Seconds that less vital work may stand still before the daemon counts as dead."""

VITAL = ("watcher", "scheduler", "deliver ")

log = structlog.get_logger("heartbeat")


class Heartbeat:
    """Checks each part's sign of life on a thread of its own."""

    def __init__(
        self,
        watcher: Watcher,
        schedule: Schedule,
        deliveries: Iterable[Delivery],
        notifier: Notifier,
        activity: CurrentFiles,
    ) -> None:
        self._watcher, self._schedule, self._deliveries = watcher, schedule, deliveries
        self._notifier, self._activity = notifier, activity
        watchdog = notifier.watchdog_seconds
        self._period = min(LOOK_SECONDS, watchdog / 3) if watchdog else LOOK_SECONDS
        self._liveness = Liveness()
        self._silent: frozenset[str] = frozenset()
        self._pulses = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="heartbeat", daemon=True)
        schedule.add("pulse", self._beat, every=LOOK_SECONDS)

    def start(self) -> None:
        """Begin to check."""
        self._thread.start()

    def stop(self) -> None:
        """End the checks; at the daemon's end silent parts are expected."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(self._period)

    @property
    def problems(self) -> list[Problem]:
        """What stands still now; it is in memory, for the outbox may be what all parts wait for."""
        return [self._problem(part) for part in sorted(self._silent)]

    def look(self) -> None:
        """Check once: replace silent couriers, feed the watchdog if all is well, note what isn't."""
        couriers = {f"courier {it.destination_id}": it for it in self._deliveries}
        looks = self._liveness.look(
            {
                "watcher": self._watcher.sign(),
                "scheduler": self._pulses,
                **self._schedule.signs(),
                # A round waits for answers most of its time; that it takes turns is its sign.
                **{f"deliver {it.destination_id}": it.sign() for it in self._deliveries},
                **{name: delivery.courier_sign() for name, delivery in couriers.items()},
            }
        )
        silent = {part: n * self._period for part, n in looks.items() if n * self._period >= SILENT_SECONDS}
        for name in silent.keys() & couriers.keys():
            couriers[name].end_silent_courier()
            del silent[name]
        if not any(map(_is_fatal, silent.keys(), silent.values())):
            self._notifier.alive()
        for part in silent.keys() - self._silent:
            log.error("part_silent", part=part)
        self._silent = frozenset(silent)

    def _keep(self) -> None:
        while not self._stopped.wait(self._period):
            try:
                self.look()
            except Exception:  # A look that fails doesn't feed the watchdog; the next one may.
                log.exception("heartbeat_failed")

    def _beat(self) -> None:
        self._pulses += 1

    def _problem(self, part: str) -> Problem:
        is_watched = bool(self._notifier.watchdog_seconds)
        remedy = "restart the daemon"
        if is_watched:
            remedy = "nothing: if it stays so, the service manager restarts the daemon"
        place = self._activity.of(self._schedule.thread_of(part))
        if place is not None:
            what = f"no answer from a file of the project {place.project}: {part} stands still there"
            remedy = f"see whether its disk or network folder answers; else {remedy}"
            return Problem(what, str(place.path), remedy)
        where = "the daemon; its log says more"
        return Problem(f"no sign of life of: {part}", where, remedy, needs_you=not is_watched)


def _is_fatal(part: str, seconds: float) -> bool:
    return part.startswith(VITAL) or seconds >= STUCK_SECONDS
