"""Sends requests to the daemon over its control socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mem0_syncd.core.progress import Tell, to_nobody
from mem0_syncd.errors import DaemonNotRunning, DaemonUnresponsive, SyncdError
from mem0_syncd.system.state_folder import StateFolder


def ask(
    state: Path, op: str, *, timeout: float = 2.0, tell: Tell | None = None, **fields: Any
) -> dict[str, Any]:
    """The answer of a state folder's daemon; `tell` is called with (done, total) of long work.

    Raises `DaemonNotRunning` if none listens or it stands by, `DaemonUnresponsive` if one listens and sends
    nothing for `timeout` seconds, and `SyncdError` with the daemon's own error.
    """
    try:
        address = StateFolder(state).socket_address.read_text(encoding="utf-8")
    except OSError:
        raise _not_running(state) from None
    return ask_at(address, state, op, timeout=timeout, tell=tell, **fields)


def tell_daemon(
    state: Path, op: str, *, timeout: float = 2.0
) -> DaemonNotRunning | DaemonUnresponsive | None:
    """Ask the daemon for what it would do later by itself; returns why it couldn't be asked, if it couldn't.

    `timeout` is in seconds; raises `SyncdError` with what the daemon answers of its own.
    """
    try:
        ask(state, op, timeout=timeout)
    except (DaemonNotRunning, DaemonUnresponsive) as error:
        return error
    return None


def ask_at(
    address: str, state: Path, op: str, *, timeout: float, tell: Tell | None = None, **fields: Any
) -> dict[str, Any]:
    """The answer of the daemon that listens at an address; raises what `ask` raises."""
    request = {"op": op, **fields} | ({"tell": True} if tell else {})
    try:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with connection:
            connection.settimeout(timeout)
            connection.connect(address)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as file:
                answer = _answer(file, tell or to_nobody)
    # The latter if so many clients wait for an answer that there is no room for one more.
    except (TimeoutError, BlockingIOError):
        raise DaemonUnresponsive(
            "the daemon doesn't answer", where=str(state), remedy="restart it; see: mem0-syncd doctor"
        ) from None
    except OSError:
        raise _not_running(state) from None
    if answer is None:
        raise DaemonNotRunning("the daemon has just ended", where=str(state), remedy="mem0-syncd run")
    if answer.get("standby") and op != "ping":
        raise DaemonNotRunning("the daemon stands by", where=str(state), remedy="see: mem0-syncd status")
    if error := answer.get("error"):
        raise SyncdError(error["what"], where=error["where"], remedy=error["remedy"])
    return answer


def _answer(lines: Iterable[bytes], tell: Tell) -> dict[str, Any] | None:
    """The line that answers, None without one; `tell` is called for those before it."""
    for line in lines:
        said: dict[str, Any] = json.loads(line)
        if "progress" not in said:
            return said
        tell(*said["progress"])
    return None


def _not_running(state: Path) -> DaemonNotRunning:
    return DaemonNotRunning("the daemon isn't running", where=str(state), remedy="start it: mem0-syncd run")
