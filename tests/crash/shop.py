"""Projects, their daemon and its Mem0, which are compared with each other after every kill."""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from chaos.seeded import plant
from crash.board import COURIER, Board, Step
from crash.forked_daemon import ForkedDaemon
from crash.noted import NotedMem0
from crash.stock import Kept, Project
from mem0_syncd.cli.outbox_access import writable
from mem0_syncd.control.client import ask
from mem0_syncd.core.memory_payload import Memory as OurMemory
from mem0_syncd.core.memory_payload import memory_of
from mem0_syncd.errors import SyncdError
from mem0_syncd.ingest import spool, spooled_events
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.projects import projects
from mem0_syncd.projects.sync_state_file import PATH as SYNC_STATE
from support.daemon import PATIENCE, platform_settings, wait_until
from support.decision_log import decision
from support.mem0_model import Memory
from support.nursery import VARIABLE, Nursery
from support.reckoning import Content, Differences, StillWrong, compare, content_of, marked, receipts

WAL_FRAMES = 1000
"""After so many SQLite folds the write-ahead log into the file."""


class Shop:
    """A daemon that watches the project `shop`, and one more where a path wants it."""

    def __init__(self, folder: Path, change: str = "") -> None:
        """`change` is Python that changes daemon and courier before they start."""
        self._folder, self._change = folder, change
        self.board = Board(folder / "board")
        self.mem0 = NotedMem0(self.board)
        self.project = self._new_project("shop")
        self.remembered: list[OurMemory] = []
        self._finished: list[OurMemory] = []

    def _new_project(self, name: str) -> Project:
        (self._folder / name).mkdir()
        return Project(self._folder / name)

    def open(self) -> None:
        """Start Mem0 and the daemon."""
        self.mem0.__enter__()
        change = plant(self._change, self._folder / "change")["PYTHONPATH"]
        paths = os.pathsep.join([change, *sys.path])
        self._nursery = Nursery(self._folder, "crash.roles", **self.board.environment, PYTHONPATH=paths)
        settings = {
            **self.destination(),
            "MEM0_SYNCD_FLUSH_SECONDS": "0.02",
            # So that what Mem0 hasn't stored is looked for a few times before that is certain, not a dozen.
            "MEM0_SYNCD_BACKOFF__BASE_SECONDS": "0.5",
            "MEM0_SYNCD_BACKOFF__CAP_SECONDS": "2",
            VARIABLE: self._nursery.path,
            **self.board.environment,
        }
        self.daemon = ForkedDaemon(self._folder, [self.project.folder], **settings)
        self.add(2)
        self.daemon.start()
        self.settle_down()

    def destination(self) -> Mapping[str, str]:
        """The settings that name Mem0."""
        return platform_settings(self.mem0.url)

    def close(self) -> None:
        """End both, and whatever was started for them."""
        if self.daemon.exit_code is None:
            self.daemon.kill()
        wait_until(lambda: not self._nursery.alive(COURIER), "no courier is left behind")
        self._nursery.close()
        self.mem0.__exit__(None, None, None)

    # What is written

    def add(self, count: int = 1, **fields: Any) -> None:
        """Append decisions to the log."""
        first = len(self.project.decisions)
        self.project.decisions += [decision(number, **fields) for number in range(first, first + count)]
        self.project.write()

    def revise(self) -> None:
        """Give the newest decision another text."""
        newest = self.project.decisions[-1]
        newest["description"] = f"{newest['description']}, and revised"
        self.project.write()

    def remember(self) -> None:
        """Spool something as `mem0-syncd remember` does, and poke the daemon."""
        text = f"Remembered by hand, as number {len(self.remembered)}"
        names = ("category", "agent", "outcome")
        event = {"event": "remember", "text": text, "kind": "decision", **dict.fromkeys(names)}
        event |= {"project": str(self.project.folder), "at": "2026-01-05T10:00:00Z"}
        row = ProjectRow(self.project.folder.name, self.project.folder, "")
        self.remembered += [
            memory_of(it) for it in spooled_events.understand(event, row, spooled_events.Made()).items
        ]
        spool.put(self.daemon.state, event)
        self.tell("spool")

    def tell(self, what: str) -> None:
        """Ask the daemon for something; it may die of it."""
        with contextlib.suppress(SyncdError, OSError, ValueError):
            ask(self.daemon.state, what)

    def retry(self) -> None:
        """Send dead letters again, as `mem0-syncd dead retry` does."""
        if any(state == "dead" for state, _ in self.daemon.on_the_way()):
            with writable(self.daemon.state) as outbox:
                destination = outbox.destinations.get()
                dead = outbox.dead_letters.newest(destination.id)
                outbox.dead_letters.revive([entry.id for entry in dead], time.time())
            self.tell("deliver")

    def repair(self) -> None:
        """Put right what is missing or doubled in Mem0, as `mem0-syncd verify --repair` does."""
        # It would wait for a daemon that comes back, and the one that was killed comes back later.
        self.daemon.command("verify", "--repair", "--timeout", "1")

    def move_on(self) -> None:
        """Watch another project, which nothing is known of, instead of the one before."""
        number = len(self._finished)
        self._finished += self.project.memories()
        with writable(self.daemon.state) as outbox:
            if self.project.folder.name != "shop":
                outbox.projects.remove(self.project.folder.name)
            self.project = self._new_project(f"shop-{number}")
            projects.add(outbox, self.project.folder)
        self.tell("projects")

    def fill_write_ahead_log(self) -> None:
        """Have SQLite's next commit but one fold the log into the file."""
        with writable(self.daemon.state) as outbox:
            index = outbox.database.path.with_name(f"{outbox.database.path.name}-shm")
            outbox.database.rows("PRAGMA synchronous = OFF")
            number = 0
            # Where the index says how many frames there are: SQLite's file format, section 4.5.
            while struct.unpack_from("=I", index.read_bytes(), 16)[0] < WAL_FRAMES - 8:
                outbox.facts.set("padding", str(number))
                number += 1

    # What is there

    def wanted(self) -> list[OurMemory]:
        """What Mem0 is to hold."""
        return [*self._finished, *self.project.memories(), *self.remembered]

    def memories(self) -> list[Kept]:
        """What Mem0 holds."""
        return [Kept(it.id, f"{it.user_id}: {it.text}", content_of(it)) for it in self.mem0.memories]

    def unreceipted(self) -> set[Content]:
        """What Mem0 holds and the outbox has no receipt of."""
        return {it.content for it in self.memories()} - receipts(self.daemon.state).keys()

    def differences(self) -> Differences:
        """What isn't as it is to be."""
        memories, told, marks = self.memories(), receipts(self.daemon.state), marked(self.project.folder)
        other = [f"on the way: {it}" for it in self.daemon.on_the_way()]
        if told != {it.content: [it.id] for it in memories}:
            other.append(f"the receipts are {told}")
        if marks != {it["decision_id"] for it in self.project.decisions}:
            other.append(f"marked are {sorted(marks)}")
        wanted = {f"{it.user_id}: {it.text}" for it in self.wanted()}
        return compare(wanted, [it.text for it in memories], other)

    def false_marks(self) -> set[str]:
        """The ids that are marked though Mem0 holds them in no revision."""
        held = "".join(it.text for it in self.memories())
        return {i for i in marked(self.project.folder) if f"({i}, " not in held}

    # What is waited for

    def wait_for(self, step: Step) -> None:
        """Wait until a step has begun, or somebody was killed."""
        wait_until(
            lambda: any(it.point.step is step for it in self.board.calls()) or self.board.killed_at(),
            step.name,
        )

    def settle_down(self, heal: Callable[[Shop], None] = lambda _shop: None) -> set[str]:
        """Wait until nothing is wrong any more, and a courier waits for work.

        Returns what Mem0 held twice meanwhile: a double that is removed again was a double.
        """
        doubled: set[str] = set()
        deadline = time.monotonic() + PATIENCE
        while found := self.differences():
            doubled |= set(found.doubled)
            if time.monotonic() > deadline:
                raise StillWrong(found)
            heal(self)
            time.sleep(0.03)
        if self.daemon.courier is None:
            where: dict[str, Any] = {"project": self.project.folder.name, "limit": 1}
            ask(self.daemon.state, "recall", timeout=PATIENCE, query="a case", **where)
        return doubled

    def reopen(self) -> Differences:
        """What a fresh look at the store finds wrong; a server has no other look than the one before."""
        return Differences()

    def come_back_to(self, files: Mapping[str, bytes], kept: Iterable[Memory]) -> None:
        """Start the daemon on these files, with Mem0 as it was then; whatever else they left is gone."""
        if self.daemon.exit_code is None:
            self.daemon.kill()
        for path in (*self.daemon.state.glob("outbox.*"), self.project.folder / SYNC_STATE):
            path.unlink(missing_ok=True)
        for name, data in files.items():
            Path(name).write_bytes(data)
        wait_until(lambda: not self._nursery.alive(COURIER), "no courier is left behind")
        self.mem0.go_back(kept)
        self.daemon.start()

    def come_back(self) -> None:
        """Start the daemon again if it was killed, once its courier has noticed."""
        if self.daemon.exit_code is not None:
            wait_until(lambda: not self._nursery.alive(COURIER), "no courier is left behind")
            self.daemon.start()
