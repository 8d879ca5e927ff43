"""Starts a courier that only opens its destination, and ends it."""

from __future__ import annotations

import queue
from collections.abc import Mapping
from typing import Any

from mem0_syncd.courier.process import Courier

PATIENCE_SECONDS = 60.0
"""Seconds; with a cold disk the import of mem0ai takes long."""


def open_once(start: Mapping[str, Any], environ: Mapping[str, str]) -> Mapping[str, Any]:
    """What a courier that is started like this, with some variables of `environ`, reports of its destination.

    Its `account`; or the outcome that it can't be opened with, an `error`, or `ENDED`.
    """
    heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    courier = Courier(start, lambda _, message: heard.put(message), environ)
    try:
        courier.send({"id": 1, "verb": "open", "begin_within": PATIENCE_SECONDS})
        while "ready" in (message := heard.get(timeout=PATIENCE_SECONDS)):
            pass
    except queue.Empty:
        return {"error": f"no answer in {PATIENCE_SECONDS:.0f} s"}
    finally:
        courier.close()
    return message
