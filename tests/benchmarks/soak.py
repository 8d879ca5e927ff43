"""Lets a daemon work for long, with faults, and shows whether it grows: `make soak MINUTES=30`.

Some projects' logs are written to about twice a second: new decisions, revisions, and other kinds. Mem0
fails a tenth of all requests in some transient way, and is gone for a while now and then; a log is broken
and mended, a folder dropped and made again. Halfway the courier is killed. In the end all
must be in Mem0, once.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import page, results
from mem0_syncd.sources import agent_patterns
from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.footprint import Footprint, footprint, slope
from support.mem0_platform import Mem0Platform

PROJECTS = 10
DECISIONS = 100
STEP_SECONDS = 0.5
SAMPLE_SECONDS = 5.0
OUTAGE_SECONDS = 10.0
FAULTY = 0.1
"""The share of requests that Mem0 fails."""

WARM_SECONDS = 60.0
"""After so long a process has allocated what it needs for its work; what it takes then is its start."""

PATIENCE_SECONDS = 180.0


@dataclass
class Project:
    """A project's folder, with its log as last written."""

    path: Path
    log: list[dict[str, Any]] = field(default_factory=list)
    patterns: int = 0

    def write(self) -> None:
        """Write the log."""
        write_log(self.path, self.log)


class Work:
    """What agents and accidents do to the projects, one step at a time."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self._rng = rng
        self.counts: Counter[str] = Counter()
        self.projects = [Project(folder / f"project-{number}") for number in range(PROJECTS)]
        for project in self.projects:
            project.log = [decision(number) for number in range(DECISIONS)]
            project.write()
        self._steps: dict[str, Callable[[Project], None]] = {
            "revised": self._revise,
            "added": self._add,
            "pattern": self._note_pattern,
            "broken": self._break,
            "dropped": self._drop,
        }

    def step(self) -> None:
        """Do one thing to one project."""
        project = self._rng.choice(self.projects)
        (name,) = self._rng.choices(list(self._steps), (60, 20, 16, 2, 2))
        self._steps[name](project)
        self.counts[name] += 1

    def mend(self) -> None:
        """Write every log as it should be."""
        for project in self.projects:
            project.write()

    def texts(self) -> int:
        """How many items there are in all."""
        return sum(len(project.log) + project.patterns for project in self.projects)

    def _revise(self, project: Project) -> None:
        entry = self._rng.choice(project.log)
        entry["rationale"] = f"Thought over for the {self.counts['revised']}th time"
        project.write()

    def _add(self, project: Project) -> None:
        scope = self._rng.choice(("system", "module"))
        project.log.append(decision(len(project.log), impact={"scope": scope}))
        project.write()

    def _note_pattern(self, project: Project) -> None:
        path = project.path / agent_patterns.PATH
        path.parent.mkdir(parents=True, exist_ok=True)
        project.patterns += 1
        with path.open("a") as file:
            file.write(
                f"{json.dumps({'pattern': f'Pattern number {project.patterns} of {project.path.name}'})}\n"
            )

    def _break(self, project: Project) -> None:
        path = write_log(project.path, project.log)
        path.write_bytes(path.read_bytes()[:-40])

    def _drop(self, project: Project) -> None:
        for path in (project.path / ".claude" / "coordination").iterdir():
            if path.name == "decision-log.json":
                path.unlink()


@dataclass
class Track:
    """The footprints of one process over time, in seconds since its first."""

    pid: int
    points: list[tuple[float, Footprint]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Start, end and slope an hour of each quantity, and the CPU time as a share of one core."""
        warm = [it for it in self.points if it[0] >= min(WARM_SECONDS, self.points[-1][0] / 2)]
        (begin, first), (end, last) = warm[0], warm[-1]
        found: dict[str, Any] = {"minutes": (end - begin) / 60}
        for name in ("mib", "files", "threads"):
            values = [(moment / 3600, float(getattr(it, name))) for moment, it in warm]
            found[name] = {
                "start": getattr(first, name),
                "end": getattr(last, name),
                "most": max(value for _, value in values),
                "an_hour": slope(values),
            }
        found["core"] = (last.cpu_seconds - first.cpu_seconds) / max(end - begin, 1.0)
        found["points"] = [[round(moment), round(it.mib, 1)] for moment, it in self.points[::4]]
        return found


class Watch:
    """Takes the footprints of the daemon and of each of its couriers."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._begin = time.monotonic()
        self._next = self._begin
        self.daemon = Track(daemon.pid)
        self.couriers: list[Track] = []

    def look(self) -> None:
        """Take them when it is time."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + SAMPLE_SECONDS
        courier = self._daemon.courier
        if courier is not None and (not self.couriers or self.couriers[-1].pid != courier):
            self.couriers.append(Track(courier))
        for track in (self.daemon, *self.couriers[-1:]):
            taken = footprint(track.pid)
            if taken is not None:
                track.points.append((now - self._begin, taken))

    def longest_courier(self) -> Track:
        """The courier that lived the longest."""
        return max(self.couriers, key=lambda it: len(it.points))


def outages(rng: random.Random, seconds: float) -> Iterator[float]:
    """When Mem0 goes away, in seconds from the start."""
    moment = 0.0
    while (moment := moment + rng.uniform(60, 180)) < seconds - 2 * OUTAGE_SECONDS:
        yield moment


def soak(seconds: float, seed: int) -> dict[str, Any]:
    """Work for so long, and return the figures."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="soak-") as name, Mem0Platform() as mem0:
        folder = Path(name)
        work = Work(folder, rng)
        settings = platform_settings(mem0.url, MEM0_SYNCD_LOG_LEVEL="warning")
        daemon = Daemon(folder, [project.path for project in work.projects], **settings)
        with running(daemon):
            all_there = PROJECTS * DECISIONS
            wait_until(
                lambda: daemon.totals()["delivered"] == all_there, "the first decisions", PATIENCE_SECONDS
            )
            watch = Watch(daemon)
            mem0.event_seconds = 0.5
            mem0.chaos(rng, FAULTY)
            gone = list(outages(rng, seconds))
            kills = live(daemon, mem0, work, watch, seconds, gone)
            mem0.calm()
            work.mend()
            daemon.scan()
            settle(daemon, mem0, work.texts())
            copies = copies_in(mem0)
            return {
                "seed": seed,
                "minutes": seconds / 60,
                "steps": dict(work.counts),
                "outages": len(gone),
                "kills": kills,
                "faults": FAULTY,
                "items": work.texts(),
                "delivered": daemon.totals()["delivered"],
                "lost": work.texts() - len(copies),
                "doubled": sum(copies.values()) - len(copies),
                "daemon": watch.daemon.figures(),
                "courier": watch.longest_courier().figures(),
            }


def live(
    daemon: Daemon, mem0: Mem0Platform, work: Work, watch: Watch, seconds: float, gone: list[float]
) -> int:
    """Have it all happen; returns how many couriers were killed."""
    begin, kills, gone = time.monotonic(), 0, list(gone)
    back = 0.0
    while (now := time.monotonic() - begin) < seconds:
        work.step()
        if gone and now >= gone[0]:
            back = gone.pop(0) + OUTAGE_SECONDS
            mem0.go_down()
        if back and now >= back:
            back = 0.0
            mem0.come_back()
        if not kills and now >= seconds / 2 and (courier := daemon.courier) is not None:
            os.kill(courier, signal.SIGKILL)
            kills += 1
        watch.look()
        time.sleep(STEP_SECONDS)
    mem0.come_back()
    return kills


def copies_in(mem0: Mem0Platform) -> Counter[str]:
    """How many memories there are of each item."""
    return Counter(str(memory.metadata["sync_key"]) for memory in mem0.memories)


def settle(daemon: Daemon, mem0: Mem0Platform, items: int) -> None:
    """Wait until all is delivered, and once, or for so long as a person would."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if daemon.totals()["delivered"] == items == copies_in(mem0).total():
            return
        time.sleep(1.0)


def main() -> int:
    """Soak, print the table, and put it into the page if asked to; returns 1 for anything lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/performance.md")
    options = parser.parse_args()
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    figures = soak(options.minutes * 60, seed)
    print(page.soak_section(figures))
    if options.write:
        page.write(results.keep("soak", figures))
    return int(bool(figures["lost"] or figures["doubled"]))


if __name__ == "__main__":
    sys.exit(main())
