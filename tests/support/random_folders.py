"""Random hostile folders: what a stranger may put where a project's files, or git's, are looked for."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from support.hostile_world import BLOCKERS, SOURCES, STATE, SYNC_STATE, TOML

NOBODY = 65534
IS_ROOT = os.geteuid() == 0

FILES = (TOML, SYNC_STATE, STATE, BLOCKERS, *SOURCES)
FOLDERS = (
    *(".claude", ".claude/coordination", ".claude/logs", ".claude/memory", ".claude/context"),
    *(".claude/context/session", ".claude/worktrees", ".git", ".git/worktrees", ".git/objects", ".git/refs"),
)
GITS = (
    *(".git", ".git/HEAD", ".git/index", ".git/config", ".git/commondir", ".git/shallow", ".git/packed-refs"),
    *(".git/worktrees/a/gitdir", ".git/worktrees/a/commondir", ".git/objects/info/alternates"),
    *(".git/refs/heads/main", ".git/objects/pack/pack-1.idx", ".claude/worktrees/a/.git", ".claude/.git"),
)


@dataclass(frozen=True)
class Thing:
    """One thing at one path: `what` it is, and what it holds or leads to."""

    path: bytes
    what: str
    data: bytes = b""
    size: int = 0
    mode: int | None = None
    owner: int | None = None


@dataclass(frozen=True)
class Folder:
    """A hostile folder, as a list of what is put into it in this order."""

    things: tuple[Thing, ...] = field(default=())

    def build(self, root: Path) -> None:
        """Make it; what can't be put where it should is left out, and nothing is put through a link."""
        top = os.fsencode(root)
        os.makedirs(top, exist_ok=True)  # noqa: PTH103 - bytes
        for thing in self.things:
            path = top + b"/" + thing.path
            with contextlib.suppress(OSError, ValueError):
                if _make_way(top, thing.path):
                    _remove(path)
                    _make(thing, path, root)
                    if thing.mode is not None and thing.what != "link":
                        os.chmod(path, thing.mode)  # noqa: PTH101 - bytes
                    if thing.owner is not None and IS_ROOT:
                        os.chown(path, thing.owner, thing.owner, follow_symlinks=False)


def _make_way(top: bytes, path: bytes) -> bool:
    """Make the folders that a path leads through; returns whether they are folders, and no links."""
    way = top
    for part in path.split(b"/")[:-1]:
        way += b"/" + part
        if not os.path.lexists(way):
            os.mkdir(way)  # noqa: PTH102 - bytes
        if not stat.S_ISDIR(os.lstat(way).st_mode):
            return False
    return True


def _remove(path: bytes) -> None:
    if os.path.lexists(path):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            os.rmdir(path)  # noqa: PTH106 - bytes; one that isn't empty stays
        else:
            os.unlink(path)  # noqa: PTH108 - bytes


def _make(thing: Thing, path: bytes, root: Path) -> None:
    match thing.what:
        case "file":
            with open(path, "wb") as file:  # noqa: PTH123 - bytes
                file.write(thing.data)
                if thing.size:
                    file.truncate(thing.size)
        case "link":
            os.symlink(thing.data.replace(b"{root}", os.fsencode(root)), path)  # noqa: PTH211 - bytes
        case "pipe":
            os.mkfifo(path)
        case "folder":
            os.mkdir(path)  # noqa: PTH102 - bytes
        case "socket":
            with socket.socket(socket.AF_UNIX) as made:
                made.bind(path)
        case "device" if IS_ROOT:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        case "nest":
            for depth in range(1, 1 + thing.size):
                os.mkdir(path + b"/d" * (depth - 1) if depth > 1 else path)  # noqa: PTH102 - bytes


# What files say

NAMES = st.sampled_from(
    [
        "id",
        "decision_id",
        "title",
        "summary",
        "description",
        "status",
        "category",
        "timestamp",
        "date",
        "impact",
        "rationale",
        "metadata",
        "agent",
        "agent_id",
        "pattern",
        "text",
        "outcome",
        "generalizable",
        "user_id",
        "content",
        "what",
        "why",
        "type",
        "kind",
        "is_generalizable",
        "sharing_scope",
        "current_task",
        "task",
        "next_steps",
        "session_id",
        "resolved",
        "synced_decisions",
        "mem0_syncd",
        "decisions",
        "pending_count",
        "last_sync",
        "version",
        "destination",
        "kinds",
        "exclude",
        "read",
    ]
)
ODD = st.sampled_from(
    [
        *("innocent", "innocent-decisions", "orchestkit-global-best-practices", "../../innocent", "platform"),
        *("embedded", "server", "local", "high", "DEC-20260105-0001", "2026-01-05T10:00:01Z", ""),
        *("\x1b]52;c;AAAA\x07", "\u202eevil", "a\nb\r\nc", "\ud800", "\x00", "$(touch PWNED)", "x" * 20_000),
        *(
            "\uff49\uff4e\uff4e\uff4f\uff43\uff45\uff4e\uff54",
            "\u0130nnocent",
            "inno\u200bcent",
            "i\u0306nnocent",
            "INNOCENT",
            " innocent ",
        ),
        *("9" * 5_000, "1e999", "https://u:p@[::1]:99999/", "A text that is long enough to be one"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | ODD | st.text(max_size=20)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)
DOCUMENTS = (
    VALUES
    | st.dictionaries(st.just("decisions"), st.lists(VALUES, max_size=4), min_size=1)
    | st.dictionaries(st.sampled_from(["synced_decisions", "mem0_syncd"]), st.lists(ODD) | VALUES, min_size=1)
)


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _as_toml(pairs: dict[str, Any]) -> bytes:
    # JSON's scalars and lists are TOML's too, but for null.
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in pairs.items()).encode()


TEXTS = st.one_of(
    DOCUMENTS.map(_as_json),
    st.lists(VALUES, max_size=5).map(lambda values: b"\n".join(map(_as_json, values)) + b"\n"),
    st.dictionaries(NAMES, ODD | st.lists(ODD, max_size=3) | st.integers(), max_size=4).map(_as_toml),
    st.binary(max_size=200),
    st.sampled_from(
        [
            *(b"", b"\0" * 5_000, b"[" * 50_000, b"{},".join([b""] * 50_000), b"\n" * 100_000),
            *(b"id = " + b"[" * 5_000, b"x\n" * 5_000, b'{"a":' * 20_000, b"\xff\xfe" * 100),
            b'{"decisions": [' + b",".join([b'{"title": "The same again"}'] * 2_000) + b"]}",
        ]
    ),
    st.sampled_from(
        [
            *(
                "gitdir: ../innocent/.git",
                "gitdir: .claude/x",
                "gitdir: /dev/zero",
                "gitdir: .",
                "gitdir: \0",
            ),
            *(
                "gitdir: ../private/.git/worktrees/a\n",
                "ref: refs/heads/main\n",
                "ref: ../../../../.bashrc\n",
            ),
            *("../../private/.git", "/", "0" * 40 + "\n", "f" * 64 + " refs/heads/main\n"),
        ]
    ).map(str.encode),
)

UP = b"../" * 12
TARGETS = st.one_of(
    st.sampled_from(
        [
            *(
                b"/dev/zero",
                b"/dev/full",
                b"/dev/tty",
                b"/proc/self/fd/0",
                b"/proc/self/mem",
                b"/proc/self/root",
            ),
            *(
                b"/",
                b".",
                b"..",
                b"../..",
                b"self",
                b"{root}",
                b"{root}/.claude",
                b"/nonexistent/x",
                b"x" * 300,
            ),
            *(b"{root}/../private", b"{root}/../innocent", b"{root}/../../.ssh/id_ed25519", b"/etc/passwd"),
            *(
                b"{root}/../../.bashrc",
                b"{root}/../../.claude",
                b"{root}/../../new-file",
                b"{root}/../../.aws",
            ),
            *(
                b"{root}/../innocent/.git",
                b"{root}/../private/.claude",
                b"loop-a",
                b"loop-b",
                b"\xff",
                b"a\nb",
            ),
        ]
    ),
    st.sampled_from(FILES + FOLDERS).map(lambda path: b"{root}/../private/" + path.encode()),
    st.sampled_from(FILES + FOLDERS).map(lambda path: b"{root}/" + path.encode()),
)

_PLAIN_PATHS = st.sampled_from([*FILES, *FOLDERS, *GITS]).map(str.encode)
_ODD_NAMES = st.sampled_from(
    [
        *(
            b"\xff\xfe",
            b"a\nb",
            b"\x1b[2J",
            b"n" * 255,
            b" ",
            b"-rf",
            b"loop-a",
            b"loop-b",
            b"self",
            b"CON",
            b"~",
        ),
        *(
            "e\u0301".encode(),
            "é".encode(),
            "\u202e".encode(),
            b"decision-log.json.tmp",
            b"Decision-Log.JSON",
        ),
    ]
)
PATHS = st.one_of(
    _PLAIN_PATHS,
    _PLAIN_PATHS,
    st.builds(lambda folder, name: folder.encode() + b"/" + name, st.sampled_from(FOLDERS), _ODD_NAMES),
    _ODD_NAMES,
)

KINDS = st.sampled_from(["file"] * 6 + ["link"] * 5 + ["pipe", "pipe", "folder", "socket", "device", "nest"])
_SIZES = st.sampled_from([0] * 12 + [64 << 10, (64 << 10) + 1, 256 << 10, (256 << 10) + 1, 64 << 20, 1 << 40])
_MODES = st.sampled_from([None] * 6 + [0, 0o111, 0o444, 0o666, 0o7777])
_OWNERS = st.sampled_from([None] * 8 + [NOBODY])


@st.composite
def things(draw: st.DrawFn) -> Thing:
    """Anything anywhere."""
    what = draw(KINDS)
    return Thing(
        path=draw(PATHS),
        what=what,
        data=draw(TARGETS if what == "link" else TEXTS) if what in {"file", "link"} else b"",
        size=draw(_SIZES) if what == "file" else 150 if what == "nest" else 0,
        mode=draw(_MODES),
        owner=draw(_OWNERS),
    )


FOLDER_STRATEGY = st.lists(things(), min_size=1, max_size=14).map(lambda found: Folder(tuple(found)))
