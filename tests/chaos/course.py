"""The course of a chaos run: waves of writing, weather and kills, then calm, and the reckoning."""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chaos.reckoning import (
    Reckoning,
    doubles,
    false_marks,
    false_receipts,
    is_refused,
    lost,
    removed,
    strangers,
)
from chaos.seeded import plant
from chaos.storm import Storm
from chaos.troubles import WEATHERS, Times
from chaos.world import World, case_of, is_poison
from mem0_syncd.control.client import ask
from mem0_syncd.errors import SyncdError
from mem0_syncd.verify.report import DIFFERENCES
from support.daemon import (
    PATIENCE,
    Daemon,
    couriers,
    make_audit_due,
    platform_settings,
    running,
    wait_until,
)
from support.reckoning import dead_letters, second_looks

LARGEST_WAVE = 400
LEAST_WAVES = 5
BACKLOG = 400
"""Items that may still be on their way when the next wave is written."""

DOWN = "refused for a while"
KILLS = {"daemon": 2, "courier": 2, "both": 1, "daemon at its start": 1}
"""Whom SIGKILL meets, and how often in comparison."""


@dataclass
class Course:
    """One run on one folder; `seed` decides everything that chance decides.

    When for `patience` seconds no item changes its state, nothing will ever come. `bug` is put into the
    daemon; `rate` scales all troubles, and `pause` how many requests come between two things that happen.
    """

    folder: Path
    seed: str
    items: int
    patience: float = 120.0
    bug: str = ""
    rate: float = 1.0
    pause: float = 1.0
    times: Times = field(default_factory=Times)
    say: Callable[[str], None] = lambda _: None
    kills: Counter[str] = field(default_factory=Counter)
    helped: Counter[str] = field(default_factory=Counter)

    def run(self) -> Reckoning:
        """Write, fail, kill and restart until all is written and delivered, and count."""
        began = time.monotonic()
        self.rng = random.Random(self.seed)
        self.world = World(self.folder / "projects", random.Random(f"{self.seed}:world"), self.items)
        with Storm(self.seed, self.times, is_poison=is_poison, rate=self.rate) as self.storm:
            self.daemon = self._daemon()
            with running(self.daemon):
                while not self.world.is_written:
                    self._wave()
                self._come_to_rest()
                return self._reckon(began)

    def _daemon(self) -> Daemon:
        settings = platform_settings(
            self.storm.url,
            MEM0_SYNCD_PLATFORM__ADDS_PER_MINUTE="10000000",
            MEM0_SYNCD_PLATFORM__TIMEOUT_SECONDS=str(self.times.timeout),
            MEM0_SYNCD_READ_LAG_SECONDS=str(self.times.read_lag),
            MEM0_SYNCD_BACKOFF__CAP_SECONDS="0.3",
        )
        if self.bug:
            settings = {**settings, **plant(self.bug, self.folder / "bug")}
        return Daemon(self.folder, [project.path for project in self.world.projects], **settings)

    # What happens

    def _wave(self) -> None:
        rng = self.rng
        self.world.grow(min(LARGEST_WAVE, self.items // LEAST_WAVES))
        if rng.random() < 0.2:
            self._bad_weather()
        for _ in self.world.revise(rng.randrange(60)):
            self._pass(rng.randrange(60))
        for _ in range(rng.choice([1, 1, 2, 3])):
            self._pass(rng.randrange(5, 150))
            self._kill(rng.choices(list(KILLS), list(KILLS.values()))[0])
        self._until(lambda totals: self._left(totals) < BACKLOG, "the backlog shrinks")
        written, kills = len(self.world.expected), self.kills.total()
        self.say(f"{written} written, {self.storm.arrived} requests, {kills} kills")

    def _bad_weather(self) -> None:
        """For some requests, or for a moment, everything fails in one way."""
        if self.rng.random() < 0.2:
            self.storm.met[DOWN] += 1
            self.storm.go_down()
            time.sleep(self.rng.uniform(0.2, 1.0))
            self.storm.come_back()
            return
        self.storm.weather = self.rng.choice(WEATHERS)
        self._pass(self.rng.randrange(3, 15))
        self.storm.weather = None

    def _kill(self, whom: str) -> None:
        self.kills[whom] += 1
        if whom in {"courier", "both"} and (pid := self.daemon.courier) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if whom != "courier":
            self.daemon.kill()
            if whom == "daemon at its start":
                self.daemon.start(wait=False)
                time.sleep(self.rng.uniform(0.0, 1.5))
                self.daemon.kill()
            self.daemon.start()

    def _come_to_rest(self) -> None:
        """Wait until everything is delivered, or a dead letter, and nothing can come any more."""
        self.daemon.scan()
        self._until(lambda totals: not self._left(totals), "all is delivered or dead")
        self._retry_what_need_not_be_dead()
        while time.monotonic() < self.storm.quiet_at + self.times.read_lag:
            time.sleep(0.1)
        self._until(lambda _: not second_looks(self.daemon.state), "all second looks are taken")
        with contextlib.suppress(AssertionError):  # the reckoning says how many aren't
            self._until(lambda _: not false_marks(self.world), "all is marked", patience=PATIENCE)

    def _retry_what_need_not_be_dead(self) -> None:
        """What a person does about items whose event vanished before anything was stored."""
        letters = [it for it in dead_letters(self.daemon.state) if not is_refused(self.world, it)]
        if letters:
            self.helped.update(f"dead retry: {it.reason.partition(':')[0]}" for it in letters)
            self.daemon.run("dead", "retry", *(str(it.id) for it in letters))
            self._until(lambda totals: not self._left(totals), "what was retried is delivered")

    def _reckon(self, began: float) -> Reckoning:
        before = self.storm.memories
        self._audit()
        memories = self.storm.memories
        letters, wrongly_marked = dead_letters(self.daemon.state), false_marks(self.world)
        verified = self._verify()
        place = self.world.finish()
        self._until(lambda totals: not self._left(totals), "the fresh item is delivered")
        everything = self.storm.memories
        wrongly_received = false_receipts(self.daemon, everything)
        self.storm.rate = self.rate
        self._lose_the_state_folder()
        return Reckoning(
            written=self.world.written,
            revisions=self.world.revisions,
            kills=self.kills,
            met=+self.storm.met,
            helped=self.helped,
            requests=self.storm.arrived,
            lost=lost(self.world, everything),
            strangers=strangers(self.world, memories),
            false_receipts=wrongly_received,
            false_marks=wrongly_marked,
            dead=Counter(it.reason.partition(":")[0] for it in letters),
            wrongly_dead=sum(not is_refused(self.world, it) for it in letters),
            removed=removed(self.storm),
            before_audit=doubles(before, self.storm.came_very_late),
            after_audit=sum(doubles(memories, self.storm.came_very_late)),
            verified=verified,
            fresh=any((it.user_id, case_of(it.text)) == place for it in everything),
            sent_again=len(self.storm.memories) - len(everything),
            seconds=time.monotonic() - began,
        )

    def _audit(self) -> None:
        """Have a day pass since the last audit, in calm."""
        self.storm.still()
        self.daemon.stop()
        last = make_audit_due(self.daemon)
        self.daemon.start()
        self._until(lambda _: self.daemon.status()["audit"]["last"] not in {None, last}, "the audit")

    def _verify(self) -> Mapping[str, int]:
        """How many differences `verify` finds, of each sort."""
        shown = json.loads(self.daemon.run("verify", "--json").stdout)
        return {name: len(shown[name]) for name in DIFFERENCES}

    def _lose_the_state_folder(self) -> None:
        """Begin again with nothing known but what is in Mem0."""
        self.daemon.kill()
        wait_until(lambda: not couriers(self.daemon), "no courier is left")
        shutil.rmtree(self.daemon.state)
        self.daemon.start()
        self._until(lambda totals: not self._left(totals), "all is adopted")

    # Waiting

    def _left(self, totals: dict[str, int]) -> int:
        """How many items are neither delivered nor dead, those included that the daemon didn't see yet."""
        return len(self.world.expected) + len(self.world.refused) - totals["delivered"] - totals["dead"]

    def _pass(self, requests: int) -> None:
        """Let so many requests arrive, or fewer if for a second none comes."""
        goal = self.storm.arrived + math.ceil(requests * self.pause)
        before, since = -1, time.monotonic()
        while self.storm.arrived < goal and time.monotonic() < since + 1.0:
            if self.storm.arrived != before:
                before, since = self.storm.arrived, time.monotonic()
            time.sleep(0.005)

    def _until(
        self, condition: Callable[[dict[str, int]], bool], what: str, patience: float | None = None
    ) -> None:
        """Wait for something, doing what `status` asks a person to do; fails when nothing moves any more."""
        before: dict[str, int] = {}
        since = time.monotonic()
        while True:
            status = self.daemon.status()
            if condition(status["totals"]):
                return
            assert self.daemon.exit_code is None, self.daemon.said()[-2000:]
            if status["destination"]["state"] == "held":
                self.helped["a held destination: sync"] += 1
                with contextlib.suppress(SyncdError):
                    ask(self.daemon.state, "sync", timeout=PATIENCE)
                time.sleep(0.3)
            if status["totals"] != before:
                before, since = status["totals"], time.monotonic()
            assert time.monotonic() < since + (patience or self.patience), (
                f"it never came true: {what}: {status}"
            )
            time.sleep(0.1)
