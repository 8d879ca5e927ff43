"""Logging: structlog for all, JSON lines where no person looks on."""

from __future__ import annotations

import logging
import os
import stat
import sys
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from mem0_syncd.imports import without

# structlog would draw tracebacks with rich, and it imports asyncio, which would load OpenSSL: together they
# are a seventh of a daemon that does neither.
with without("rich", "ssl"):
    import structlog

LARGEST_BYTES = 5_000_000
KEPT_FILES = 3
"""How many full files are kept beside the one that is written."""

_SHARED: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(level: str, file: Path | None = None) -> None:
    """Write JSON lines to a file, which is rotated, or to standard error; to a terminal, coloured ones."""
    on_terminal = file is None and sys.stderr.isatty()
    # The values of local variables aren't shown: the API key may be among them.
    last: Any = structlog.processors.JSONRenderer()
    exceptions: list[Any] = [
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        )
    ]
    if on_terminal:
        last = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        exceptions = []
    handler = _handler(file)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_SHARED],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *exceptions, last],
        )
    )
    root = logging.getLogger()
    for former in root.handlers:
        former.close()
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


def _handler(file: Path | None) -> logging.Handler:
    if file is None:
        return logging.StreamHandler(sys.stderr)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _empty_large_stderr()
    return _PrivateFile(file, maxBytes=LARGEST_BYTES, backupCount=KEPT_FILES, encoding="utf-8")


def _empty_large_stderr() -> None:
    """What a crash printed beside the log goes to a file that nobody else rotates."""
    found = os.fstat(2)
    if stat.S_ISREG(found.st_mode) and found.st_size > LARGEST_BYTES:
        os.ftruncate(2, 0)


class _PrivateFile(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return open(handle, "a", encoding="utf-8")  # noqa: PTH123 - a handle has no path; logging closes it
