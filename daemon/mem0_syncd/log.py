"""Logging: structlog for all, JSON lines where no person looks on."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """Let what is imported in the block find modules missing that it could do without."""
    absent = [name for name in names if name not in sys.modules]
    for name in absent:  # None is what import understands as missing
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


# structlog would draw tracebacks with rich, and it imports asyncio, which would load OpenSSL: together they
# are a seventh of a daemon that does neither.
with _without("rich", "ssl"):
    import structlog

_SHARED: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(level: str) -> None:
    """Write to standard error: coloured lines on a terminal, JSON lines elsewhere."""
    on_terminal = sys.stderr.isatty()
    last: Any = structlog.dev.ConsoleRenderer() if on_terminal else structlog.processors.JSONRenderer()
    exceptions = [] if on_terminal else [structlog.processors.dict_tracebacks]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_SHARED],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *exceptions, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # Each job's failure is reported by whoever scheduled it; the others tell of every event and lock.
    for name, least in (
        ("apscheduler", logging.CRITICAL),
        ("filelock", logging.INFO),
        ("watchdog", logging.INFO),
    ):
        logging.getLogger(name).setLevel(least)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
