"""Logging: structlog for all; JSON lines, coloured lines on a terminal."""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Callable, Mapping
from io import StringIO, TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

from mem0_syncd.system import output
from mem0_syncd.system.lean_imports import without
from mem0_syncd.system.scrubbed_reasons import scrub, without_keys
from mem0_syncd.system.terminal_safety import visible, visible_lines

# structlog would draw tracebacks with rich, and it imports asyncio, which would load OpenSSL: together they
# are a seventh of a daemon that needs neither.
with without("rich", "ssl"):
    import structlog
    from structlog.typing import EventDict

LARGEST_BYTES = 5_000_000
KEPT_FILES = 3
"""Full files that are kept beside the one that is written."""

_FOREIGN = {"event", "exception", "reason", "what", "where", "remedy", "problems", "error"}
"""Fields that may quote a server, a library or a file; others hold ids, which look like tokens."""

_SHARED: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configure(level: str, file: Path | None = None) -> None:
    """Write JSON lines to a file, which is rotated, or to standard error; to a terminal, coloured ones."""
    on_terminal = file is None and output.is_talk_seen()
    # The values of local variables aren't shown: the API key may be among them.
    last: Any = structlog.processors.JSONRenderer()
    exceptions: list[Any] = [
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        )
    ]
    if on_terminal:
        last = structlog.dev.ConsoleRenderer(exception_formatter=_print_traceback)
        exceptions = []
    tidy = [_without_secrets, _harmless] if on_terminal else [_without_secrets]
    handler = _handler(file)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_SHARED],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *exceptions, *tidy, last],
        )
    )
    root = logging.getLogger()
    for former in root.handlers:
        former.close()
    root.handlers = [handler]
    threading.excepthook = _tell_of_thread
    root.setLevel(level.upper())
    # A job's failure is logged by the code that scheduled it; the others log every event and lock.
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
        return logging.StreamHandler(output.for_logs())
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _empty_large_stderr()
    return _PrivateFile(file, maxBytes=LARGEST_BYTES, backupCount=KEPT_FILES, encoding="utf-8")


def _without_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Remove the process's keys from all fields, and credentials from the fields that quote others."""
    return {name: _clean(value, scrub if name in _FOREIGN else without_keys) for name, value in event.items()}


def _harmless(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Make all fields harmless for a terminal."""
    return {name: _clean(value, visible) for name, value in event.items()}


def _clean(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {_clean(name, clean): _clean(it, clean) for name, it in value.items()}
    if isinstance(value, list):
        return [_clean(it, clean) for it in value]
    return value


def _print_traceback(stream: TextIO, failure: Any) -> None:
    plain = StringIO()
    structlog.dev.plain_traceback(plain, failure)
    stream.write("\n".join(visible_lines(scrub(plain.getvalue()))))


def _tell_of_thread(ended: threading.ExceptHookArgs) -> None:
    """Log the error that ended a thread, which Python would print unscrubbed."""
    structlog.get_logger("threads").error("thread_failed", exc_info=ended.exc_value)


def _empty_large_stderr() -> None:
    """Empty a large file of crash output beside the log, which nothing else rotates."""
    found = os.fstat(2)
    if stat.S_ISREG(found.st_mode) and found.st_size > LARGEST_BYTES:
        os.ftruncate(2, 0)


class _PrivateFile(RotatingFileHandler):
    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        return open(handle, "a", encoding="utf-8")  # noqa: PTH123 - a handle has no path; logging closes it
