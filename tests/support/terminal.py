"""A command on a real terminal, typed at and read from."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from functools import partial
from typing import Any

import pexpect

from support.daemon import PATIENCE

LEAVES_SCREEN = "\x1b[?1049l"
CLEARS = "\x1b[2J"


def spawn(
    environment: Mapping[str, str], *words: str, rows: int = 40, columns: int = 110, **more: str
) -> Any:
    """A mem0-syncd command on a terminal of its own; `more` adds to its environment."""
    return typed_at([sys.executable, "-m", "mem0_syncd", *words], {**environment, **more}, rows, columns)


def typed_at(command: list[str], environment: Mapping[str, str], rows: int = 40, columns: int = 110) -> Any:
    """Any command on a terminal of its own."""
    program, *arguments = command
    return pexpect.spawn(
        program,
        arguments,
        env={**environment, "TERM": "xterm-256color"},
        dimensions=(rows, columns),
        encoding="utf-8",
        timeout=2 * PATIENCE,
        # A test run in the background of a shell ignores Ctrl-C, and so would its children.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )


def finish(child: Any) -> tuple[int, str]:
    """What a command printed to its end, and its exit code."""
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, child.before.replace("\r\n", "\n")
