"""The deliveries of one state folder: one for each destination in use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from mem0_syncd.delivery.delivery import Delivery
from mem0_syncd.outbox import DestinationRow


class Deliveries:
    """Makes a delivery when its destination is first needed; for any thread."""

    def __init__(self, make: Callable[[DestinationRow], Delivery]) -> None:
        self._make = make
        self._by_id: dict[int, Delivery] = {}
        self._making = threading.Lock()
        self._paused = False

    def to(self, destination: DestinationRow) -> Delivery:
        """The delivery to a destination."""
        with self._making:
            if destination.id not in self._by_id:
                delivery = self._by_id[destination.id] = self._make(destination)
                delivery.paused = self._paused
            return self._by_id[destination.id]

    def __iter__(self) -> Iterator[Delivery]:
        with self._making:
            return iter(list(self._by_id.values()))

    def courier_pids(self) -> list[int]:
        """The process ids of the running couriers."""
        pids = [delivery.courier_pid for delivery in self]
        return [pid for pid in pids if pid is not None]

    def pause(self, *, paused: bool) -> None:
        """Begin nothing more at any destination, or go on."""
        with self._making:
            self._paused = paused
            for delivery in self._by_id.values():
                delivery.paused = paused

    def close(self, seconds: float) -> None:
        """End all couriers after what is under way, `seconds` at most for all together."""
        threads = [threading.Thread(target=_close, args=(delivery, seconds)) for delivery in self]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def _close(delivery: Delivery, seconds: float) -> None:
    delivery.drain(seconds)
    delivery.close()
