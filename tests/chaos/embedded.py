"""Kills daemon and courier over an embedded Mem0: `python tests/chaos/embedded.py [--kills N] [--seed S]`.

After each kill another process opens the store, and every receipt must name a memory that says what the
receipt says, or a newer revision that was on its way. Ends with 1 if one doesn't, or if in the end a decision
is missing or there twice.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.world import case_of, revision_of
from support.daemon import Daemon, couriers, running, wait_until
from support.decision_log import decision, write_log
from support.embedded_store import memories
from support.reckoning import dead_letters, outbox_of, repeats

PATIENCE = 300.0
POINTS = ("claimed", "handed", "answered", "settled", "stored")
"""In the daemon before, while and after the courier is at work; in the courier, when it has stored."""

AT_RANDOM = ("daemon", "courier", "both")


@dataclass
class Shop:
    """A project whose daemon is killed again and again; the figures count what was looked at."""

    folder: Path
    rng: random.Random
    revisions: dict[int, int] = field(default_factory=dict)
    proven: dict[str, int] = field(default_factory=dict)
    revised: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    checked: int = 0
    retried: int = 0
    missing: int = 0
    lost: int = 0
    doubled: int = 0

    def __post_init__(self) -> None:
        self.project = self.folder / "shop"
        self.daemon = Daemon(self.folder, [self.project])

    def run(self, kills: int) -> None:
        """Write and kill so many times, and then let it come to rest."""
        for _ in range(kills):
            self._write()
            self._kill()
            wait_until(lambda: not couriers(self.daemon), "no courier is left")
            self._check_receipts(memories(self.daemon.state / "mem0"))
        with running(self.daemon):
            self.daemon.scan()
            wait_until(self._is_settled, f"all is delivered or dead: {self.daemon.totals()}", PATIENCE)
            self._retry_what_is_dead()
            self.daemon.stop()
        wait_until(lambda: not couriers(self.daemon), "no courier is left")
        found = memories(self.daemon.state / "mem0")
        self._check_receipts(found)
        there = {(case_of(it["memory"]), revision_of(it["memory"])) for it in found}
        self.lost = len(self.revisions.items() - there)
        self.doubled = repeats(case_of(it["memory"]) for it in found).total()

    def _retry_what_is_dead(self) -> None:
        """Do what a person does about items that were under way in five kills: dead letters, by design."""
        letters = dead_letters(self.daemon.state)
        self.retried = len(letters)
        if letters:
            self.daemon.run("dead", "retry", *(str(it.id) for it in letters))
            wait_until(self._is_delivered, "what was retried is delivered", PATIENCE)

    def _write(self) -> None:
        """Revise some decisions, and add some."""
        for number in self.rng.sample(sorted(self.revisions), min(3, len(self.revisions))):
            self.revisions[number] += 1
            self.revised += 1
        for _ in range(self.rng.randrange(4, 12)):
            self.revisions[len(self.revisions)] = 0
        write_log(self.project, [_decision(*pair) for pair in self.revisions.items()])

    def _kill(self) -> None:
        """Kill at a point of the way, or at any moment."""
        point = self.rng.choice([*POINTS, *AT_RANDOM])
        if point in AT_RANDOM:
            self.daemon.start()
            goal = self.daemon.totals()["delivered"] + self.rng.randrange(8)
            wait_until(
                lambda: self.daemon.totals()["delivered"] >= goal or self._is_delivered(), point, PATIENCE
            )
            if point != "daemon" and (pid := self.daemon.courier) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        else:
            self.daemon.start(failpoint=f"{point}:{self.rng.randrange(1, 6)}", wait=False)
            wait_until(self._is_over, point, PATIENCE)
        self.kills[point] += 1
        if self.daemon.exit_code is None:
            self.daemon.kill()

    def _is_over(self) -> bool:
        is_killed = self.daemon.exit_code is not None or '"courier_ended"' in self.daemon.said()
        if is_killed or self._is_delivered():
            self.daemon.log.unlink(missing_ok=True)
            return True
        return False

    def _is_delivered(self) -> bool:
        totals = self.daemon.totals()
        return totals["delivered"] == totals["seen"] == len(self.revisions)

    def _is_settled(self) -> bool:
        totals = self.daemon.totals()
        return totals["delivered"] + totals["dead"] == totals["seen"] == len(self.revisions)

    def _check_receipts(self, found: list[dict[str, Any]]) -> None:
        """Count the receipts that name no memory, or one that says something older than was proven.

        A newer revision without its receipt is no fault: it was sent when the kill came.
        """
        there = {it["id"]: it for it in found}
        with outbox_of(self.daemon.state) as outbox:
            rows = outbox.database.rows(
                "SELECT receipt.sync_key, memory_ids ->> '$[0]' AS id, receipt.content_hash,"
                " group_concat(entry.content_hash) AS under_way"
                " FROM receipt LEFT JOIN entry USING (destination, sync_key) GROUP BY receipt.sync_key"
            )
        for row in rows:
            self.checked += 1
            memory = there.get(row["id"])
            self.missing += memory is None or not self._is_kept(row, memory)

    def _is_kept(self, receipt: sqlite3.Row, memory: dict[str, Any]) -> bool:
        key, content = receipt["sync_key"], memory["metadata"]["content_hash"]
        revision = revision_of(memory["memory"])
        if content == receipt["content_hash"]:
            self.proven[key] = revision
            return True
        is_under_way = content in (receipt["under_way"] or "").split(",")
        return is_under_way or revision > self.proven.get(key, revision)


def _decision(number: int, revision: int) -> dict[str, Any]:
    return decision(number, description=f"revision {revision} of case {number}")


def main() -> None:
    """Run once, and print what was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mem0-syncd-embedded-") as name:
        shop = Shop(Path(name), random.Random(given.seed))
        shop.run(given.kills)
    print(f"decisions {len(shop.revisions)}, revisions of them {shop.revised}")
    print(f"kills {shop.kills.total()}: {', '.join(f'{name} {n}' for name, n in shop.kills.most_common())}")
    print(f"receipts looked up after reopening {shop.checked}, missing {shop.missing}")
    print(f"dead letters after five kills, retried {shop.retried}")
    print(f"in the end: lost {shop.lost}, doubled {shop.doubled}")
    sys.exit(bool(shop.missing or shop.lost or shop.doubled))


if __name__ == "__main__":
    main()
