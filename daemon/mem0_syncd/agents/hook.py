"""The program of Claude Code's hooks: it takes an event in, answers, and never delays or fails a session.

An ending session's event is durable before the answer. The session's files are snapshotted at that moment,
too. They are redacted first, which takes longer than a hook may. So a process of its own does it after the
answer, and then completes the event. Unredacted they are in memory only.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mem0_syncd.ingest import spool
from mem0_syncd.system import paths
from mem0_syncd.system.state_folder import StateFolder
from mem0_syncd.system.unreadable_file import Reason, RefusedFile, Unreadable
from mem0_syncd.system.untrusted_folder import LONGEST_SESSION, UntrustedFolder, above

ANSWER = '{"continue": true, "suppressOutput": true}'
"""The answer to Claude Code, whatever happened."""

SPOOLED, SCAN = "spool", "scan"
"""The requests to the daemon: take in the spool, or read what has changed and deliver it."""

STATE_FIELDS = ("current_task", "task", "next_steps", "status", "session_id")
BLOCKER_FIELDS = ("description", "resolved")
"""The fields that `sources.session_summary` reads. The rest of those files is private, and isn't kept."""

_Found = TypeVar("_Found")

_ENDS = ("SessionEnd", "PreCompact")
_STATE, _BLOCKERS = ".claude/context/session/state.json", ".claude/logs/blockers.jsonl"
_STDIN_SECONDS = 0.5
_LONGEST_STDIN = 1 << 20
_LONGEST_LOG = 1 << 18
_LONGEST_ID = 256
_UNDER_WAY = "its snapshot isn't complete"


def main() -> None:
    """Take in the event on stdin and answer on stdout; raises nothing."""
    try:
        _take_in(_read_stdin())
    except BaseException as error:  # noqa: BLE001 - a session mustn't see what goes wrong here, not even Ctrl-C
        _log(error)
    with contextlib.suppress(OSError):
        os.write(1, f"{ANSWER}\n".encode())


def reduce_state(data: bytes) -> str:
    """What a session's summary needs of its state file, without secrets; raises `Unreadable`."""
    from mem0_syncd.sources.base import fields_of, parse_json

    told = fields_of(parse_json(data))
    return _redacted({name: told[name] for name in STATE_FIELDS if name in told})


def reduce_blockers(data: bytes) -> str:
    """What a session's summary needs of its blockers, without secrets; other lines are left out."""
    from mem0_syncd.sources.jsonl import split

    entries = [raw.value for raw in split(data) if isinstance(raw.value, dict)]
    lines = [_redacted({name: entry[name] for name in BLOCKER_FIELDS if name in entry}) for entry in entries]
    return "".join(f"{line}\n" for line in lines)


def _take_in(data: bytes) -> None:
    told = json.loads(data)
    state = paths.state_dir()
    hook = told.get("hook_event_name")
    if hook not in _ENDS:
        _poke(state, SCAN)
        return
    cwd = told.get("cwd")
    cwd = cwd if isinstance(cwd, str) and cwd else os.getcwd()  # noqa: PTH109 - as text, like the hook's
    root = _root(Path(os.path.realpath(cwd)))
    if root is None:
        return
    files, refusals = _read(root)
    has_files = any(data is not None for data in files.values())
    session_id = told.get("session_id")
    event = {
        "event": "session",
        "session_id": session_id[:_LONGEST_ID] if isinstance(session_id, str) else None,
        "cwd": cwd,
        "hook": hook,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "root": str(root),
        "state": None,
        "blockers": None,
        "note": _UNDER_WAY if has_files else "; ".join(refusals) or None,
    }
    if has_files:
        begun = spool.begin(state, event)
        _behind(state, lambda: spool.complete(begun, {**event, **_snapshot(files, refusals)}))
    else:
        spool.put(state, event)
        _poke(state, SPOOLED)


def _root(cwd: Path) -> Path | None:
    """The folder, here or above, that holds a session's files; else the nearest with a `.claude`."""
    found = [folder for folder in above(cwd) if _has_claude(folder)]
    if not found:
        found = [folder for folder in above(cwd, trusted=paths.trusted_folders()) if _has_claude(folder)]
    # A folder within the project may have a `.claude` too: Claude Code keeps permissions there.
    with_session = (it for it in found if _has(it, _STATE) or _has(it, _BLOCKERS))
    return next(with_session, found[0] if found else None)


def _has_claude(folder: Path) -> bool:
    try:
        return _touch(folder, lambda opened: opened.is_folder(".claude"))
    except (RefusedFile, OSError):
        return False


def _has(folder: Path, name: str) -> bool:
    """Whether there is such a file, even one that isn't read, which is then to be reported."""
    try:
        return _touch(folder, lambda opened: opened.stat(name)) is not None
    except RefusedFile as error:
        return error.reason is not Reason.NOT_A_FILE
    except OSError:
        return False


def _read(root: Path) -> tuple[dict[str, bytes | None], list[str]]:
    """A session's files, and why one isn't read; of a long list of blockers the last whole lines."""
    files: dict[str, bytes | None] = {_STATE: None, _BLOCKERS: None}
    refusals = []
    for name in files:
        try:
            files[name] = _touch(root, partial(_read_one, name))
        except RefusedFile as error:
            refusals.append(f"{name}: {error.what}")
        except OSError:
            continue
    return files, refusals


def _read_one(name: str, opened: UntrustedFolder) -> bytes:
    return (opened.read_end if name == _BLOCKERS else opened.read)(name, LONGEST_SESSION)


def _touch(folder: Path, what: Callable[[UntrustedFolder], _Found]) -> _Found:
    """Run `what` on a folder; the user's settings are read only if it fails without what they allow."""
    try:
        return what(UntrustedFolder(folder))
    except RefusedFile:
        if not (trusted := paths.trusted_folders()):
            raise
        return what(UntrustedFolder(folder, trusted=trusted))


def _snapshot(files: Mapping[str, bytes | None], refusals: Sequence[str]) -> dict[str, str | None]:
    """The fields of an event with the contents of the session's files, and why they are incomplete, if so."""
    state, blockers, notes = files[_STATE], files[_BLOCKERS], list(refusals)
    reduced = None
    if state is not None:
        try:
            reduced = reduce_state(state)
        except Unreadable as error:
            notes.append(f"{_STATE}: {error.what}")
    return {
        "state": reduced,
        "blockers": reduce_blockers(blockers) if blockers is not None else None,
        "note": "; ".join(notes) or None,
    }


def _redacted(document: Mapping[str, Any]) -> str:
    """A document as JSON without secrets, also those that only an escape, or a field's name, gives away."""
    from mem0_syncd.redact import redact

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return redact(value)[0]
        if isinstance(value, list):
            return [clean(member) for member in value]
        if isinstance(value, dict):
            return {redact(name)[0]: clean(member) for name, member in value.items()}
        return value

    # Lone surrogates, which JSON allows, aren't text to other programs.
    text = json.dumps(clean(document), ensure_ascii=False).encode("utf-8", "replace").decode()
    text = redact(text)[0]
    json.loads(text)  # What isn't JSON any more is refused: half a document may say something false.
    return text


def _behind(state: Path, work: Callable[[], None]) -> None:
    """Do the work in a process of its own, which outlives this one, and then wake the daemon."""
    if os.fork():
        return
    try:
        # Out of the session's reach, and off the pipe that it reads until all writers have closed it.
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in range(3):
            os.dup2(nowhere, number)
        work()
    except BaseException as error:  # noqa: BLE001 - nothing may get past the end of this process
        _log(error)
    finally:
        with contextlib.suppress(BaseException):
            _poke(state, SPOOLED)
        os._exit(0)


def _poke(state: Path, op: str) -> None:
    """Send the daemon a request, without waiting for an answer, or for a daemon that is stuck or gone."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.setblocking(False)
        connection.connect(StateFolder(state).socket_address.read_text(encoding="utf-8"))
        connection.send(json.dumps({"op": op}).encode() + b"\n")


def _read_stdin() -> bytes:
    """The first JSON object on stdin; the writer may leave the pipe open, or never write at all."""
    data, deadline = b"", time.monotonic() + _STDIN_SECONDS
    if sys.stdin is None or os.isatty(0):
        return data
    while len(data) < _LONGEST_STDIN:
        if not select.select([0], [], [], max(0.0, deadline - time.monotonic()))[0]:
            break
        chunk = os.read(0, 1 << 16)
        data += chunk
        if not chunk or _is_whole(data):
            break
    return data


def _is_whole(data: bytes) -> bool:
    if not data.rstrip().endswith(b"}"):
        return False
    try:
        json.loads(data)
    except ValueError:
        return False
    return True


def _log(error: BaseException) -> None:
    """Log an error by its kind and place alone: its message may quote the session."""
    with contextlib.suppress(Exception):
        path = StateFolder(paths.make_private(paths.state_dir())).hook_log
        if path.exists() and path.stat().st_size > _LONGEST_LOG:
            path.replace(path.with_suffix(".log.1"))
        trace = error.__traceback__
        while trace and trace.tb_next:
            trace = trace.tb_next
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
        why = f": {error.strerror}" if isinstance(error, OSError) else ""
        line = (
            f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {type(error).__name__}{why} at {place}\n"
        )
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)
