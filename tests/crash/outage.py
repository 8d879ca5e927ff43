"""Power cuts, modelled: what a daemon wrote is cut off at every call, and what was synced must be enough."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from crash import paths
from crash.board import Call
from crash.disk import Disk
from crash.shop import Shop
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import Outbox
from mem0_syncd.projects.sync_state_file import PATH as SYNC_STATE
from support.daemon import wait_until
from support.mem0_model import Memory
from support.reckoning import Differences, StillWrong, content_of

PRAGMA = """
from mem0_syncd.outbox.database import Database
right = Database.open
def open_(*arguments, **named):
    database = right(*arguments, **named)
    database.rows("PRAGMA {}")
    return database
Database.open = open_
"""

OFTEN = PRAGMA.format("wal_autocheckpoint = 40")
"""Has SQLite fold its write-ahead log into the file every few items, where it is every thousand pages."""

BUGS = {f"synchronous={it}": PRAGMA.format(f"synchronous = {it}") for it in ("OFF", "NORMAL")}
"""What the model must find."""

SURVIVALS = 3
"""What survives a cut: once only what was synced, and so often less one some of the rest as well."""

WALKS: tuple[paths.Walk, ...] = (
    paths.add,
    paths.update,
    paths.found,
    paths.overtaken,
    paths.accepted,
    paths.batch,
    paths.update,
    paths.add,
)


@dataclass(frozen=True)
class Recording:
    """What was on the disk at first, every call since, and everything that Mem0 has ever kept."""

    files: Mapping[str, bytes]
    calls: list[Call]
    kept: list[Memory]
    kept_at_first: int


@dataclass(frozen=True)
class Cut:
    """One end of power: what survived, which receipts were told by then, and what Mem0 had kept."""

    number: int
    files: Mapping[str, bytes]
    receipts: Mapping[str, tuple[str, ...]]
    kept: list[Memory]


def record(shop: Shop, walks: tuple[paths.Walk, ...] = WALKS) -> Recording:
    """Walk, and write down every call with its data; the daemon is idle before and afterwards."""
    files = {str(path): path.read_bytes() for path in _files(shop)}
    at_first = len(shop.mem0.kept)
    shop.board.arm(with_data=True)
    for walk in walks:
        for _ in walk(shop):
            pass
        wait_until(lambda: not shop.differences(), "all is well")
    shop.board.disarm()
    return Recording(files, list(shop.board.calls()), list(shop.mem0.kept), at_first)


def _files(shop: Shop) -> list[Path]:
    outbox = shop.daemon.state / "outbox.sqlite3"
    found = [outbox, outbox.with_name(f"{outbox.name}-wal"), shop.project.folder / SYNC_STATE]
    return [path for path in found if path.exists()]


def cuts(recording: Recording, rng: random.Random) -> Iterator[Cut]:
    """The power fails after every call, and leaves more or less of what was written."""
    disk, receipts, held = Disk(recording.files), dict[str, tuple[str, ...]](), recording.kept_at_first
    for number, call in enumerate(recording.calls):
        disk.apply(call)
        if call.name == "note":
            what, key, content = call.target.split(" ")
            if what == "receipt":
                receipts[key] = (*receipts.get(key, ()), content)
            else:
                held += 1
        for survival in range(SURVIVALS):
            yield Cut(
                number, disk.survivors(rng if survival else None), dict(receipts), recording.kept[:held]
            )


def wrong_with(cut: Cut, folder: Path) -> list[str]:
    """What an outbox of what survived, made in `folder`, doesn't know, and what is marked unproven."""
    state = {Path(path).name: data for path, data in cut.files.items()}
    for name in ("outbox.sqlite3", "outbox.sqlite3-wal", "outbox.sqlite3-shm"):
        (folder / name).unlink(missing_ok=True)
        if name in state:
            (folder / name).write_bytes(state[name])
    marked = json.loads(state.get(Path(SYNC_STATE).name, b"{}")).get("synced_decisions", [])
    try:
        with closing(Outbox.open(folder, migrate=False)) as outbox:
            return _wrong_in(outbox, cut, set(marked))
    except SyncdError as error:
        return [f"the outbox can't be opened: {error}"]


def _wrong_in(outbox: Outbox, cut: Cut, marked: set[str]) -> list[str]:
    rows = outbox.database.rows
    integrity = [row[0] for row in rows("PRAGMA integrity_check")]
    wrong = [] if integrity == ["ok"] else [f"damaged: {integrity}"]
    delivered = {row["sync_key"]: row["content_hash"] for row in rows("SELECT * FROM receipt")}
    wrong += [f"a receipt is gone: {key}" for key in cut.receipts if key not in delivered]
    doubted = {row["sync_key"] for row in rows("SELECT * FROM entry WHERE state <> 'pending' OR sends > 0")}
    held = {content_of(it)[0] for it in cut.kept}
    unknown = held - delivered.keys() - doubted
    wrong += [f"Mem0 has it, and it would be sent again: {key}" for key in unknown]
    for key, told in cut.receipts.items():
        if delivered.get(key) in told[:-1]:
            wrong.append(f"a receipt is of an older revision: {key}")
    sources = rows("SELECT DISTINCT source_id FROM item JOIN receipt USING (destination, sync_key)")
    unproven = marked - {row["source_id"] for row in sources}
    return wrong + [f"marked without a receipt: {it}" for it in unproven]


def start_after(cut: Cut, shop: Shop) -> Differences:
    """Start a daemon on what survived, with Mem0 as it was then; what is wrong once it had its time."""
    shop.come_back_to(cut.files, cut.kept)
    try:
        return Differences(doubled=tuple(shop.settle_down()))
    except StillWrong as error:
        return error.differences


def judge(recording: Recording, rng: random.Random, every: int = 1) -> tuple[int, list[str]]:
    """How many survivals were looked at, after one call in `every`, and what was wrong with them."""
    looked, wrong = 0, []
    with TemporaryDirectory(prefix="outage-") as folder:
        for cut in cuts(recording, rng):
            if cut.number % every == 0:
                looked += 1
                wrong += [f"after call {cut.number}: {it}" for it in wrong_with(cut, Path(folder))]
    return looked, wrong


def start_after_some(recording: Recording, shop: Shop, rng: random.Random, count: int) -> list[Differences]:
    """What was wrong with `count` starts, each after another cut."""
    some = rng.sample(list(cuts(recording, rng)), count)
    return [start_after(cut, shop) for cut in some]


@contextmanager
def recorded(change: str, walks: tuple[paths.Walk, ...] = WALKS) -> Iterator[tuple[Recording, Shop]]:
    """A shop with a change in it, and what was written while items went their ways."""
    with TemporaryDirectory(prefix="crash-") as folder:
        shop = Shop(Path(folder), change)
        shop.open()
        try:
            yield record(shop, walks), shop
        finally:
            shop.close()
