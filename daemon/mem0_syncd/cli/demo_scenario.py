"""The demo: a project, its agent, a real daemon that is killed half way, and what Mem0 holds at the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from mem0_syncd.control.client import ask
from mem0_syncd.core.destination_kinds import EMBEDDED
from mem0_syncd.core.item import Kind
from mem0_syncd.core.memory_payload import user_id
from mem0_syncd.destinations import open_destination
from mem0_syncd.errors import SyncdError
from mem0_syncd.sources.decision_log import PATH
from mem0_syncd.status.render import headline, print_status
from mem0_syncd.status.snapshot import snapshot
from mem0_syncd.system import output
from mem0_syncd.system.state_folder import StateFolder

PATIENCE_SECONDS = 60.0

DECISIONS: tuple[dict[str, Any], ...] = (
    {
        "title": "Orders live in PostgreSQL",
        "description": "The checkout writes orders and payments to one PostgreSQL database.",
        "context": {"rationale": "Transactions across tables; the team knows it well."},
        "category": "architecture",
        "impact": {"scope": "system"},
    },
    {
        "title": "Passwords are hashed with Argon2id",
        "description": "Credentials are stored with Argon2id, never with a plain digest.",
        "category": "security",
        "impact": {"scope": "system"},
    },
    {
        "title": "Pagination by cursor",
        "description": "Listing endpoints return an opaque cursor instead of page numbers.",
        "category": "workflow",
    },
    {
        "title": "Dates are ISO 8601 in UTC",
        "description": "Every timestamp on the wire is ISO 8601, in UTC, with a trailing Z.",
        "category": "workflow",
    },
    {
        "title": "Nightly backups to a second region",
        "description": "The database is dumped every night and copied to another region.",
        "category": "integration",
    },
    {
        "title": "Feature flags before branches",
        "description": "Unfinished work is merged behind a flag rather than kept on a long branch.",
        "category": "workflow",
    },
)
QUESTION = "where do we keep what customers purchase?"
ANSWER = DECISIONS[0]["title"]

_FUNCTION_WORDS = re.compile(r"\b(a|and|do|in|is|it|of|one|the|to|we|what|where)\b")


class Demo:
    """One run of the demo, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "shop"
        self.state = folder / "state"
        self._log = folder / "daemon.log"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._written: list[dict[str, Any]] = []
        (self.project / PATH).parent.mkdir(parents=True)
        (folder / "config.toml").touch()
        ours = ("MEM0_SYNCD_", "MEM0_API_KEY")
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
            "MEM0_SYNCD_STATE_DIR": str(self.state),
            "MEM0_SYNCD_RUNTIME_DIR": str(self.state),
            "MEM0_SYNCD_CONFIG_FILE": str(folder / "config.toml"),
            "MEM0_SYNCD_PROJECTS": json.dumps([str(self.project)]),
            "MEM0_SYNCD_DESTINATION": EMBEDDED.setting,
            "MEM0_SYNCD_FLUSH_SECONDS": "1",
        }

    def play(self) -> None:
        """Show it; raises `SyncdError` at the first thing that isn't as it should be."""
        try:
            self._play()
        finally:
            if self._daemon is not None and self._daemon.poll() is None:
                self._daemon.kill()
                self._daemon.wait()

    def _play(self) -> None:
        _say("A project, and a daemon that watches it")
        self._start()
        _say("An agent writes a major decision: it is sent at once")
        self._decide(1)
        self._show_until(delivered=1)
        _say("Two more: one major, and one that may wait a moment")
        self._decide(2)
        self._show_until(delivered=3)
        _say("Another one, and before it is delivered: kill -9")
        self._decide(1)
        self._show_until(seen=4)
        self._kill()
        _say("The agent doesn't know, and writes on")
        self._decide(2)
        output.say(f"  {headline(snapshot(self.state, time.time()))}")
        _say("The daemon starts again, and takes up what was left")
        self._start()
        self._show_until(delivered=6)
        _say(f"A later session asks: {QUESTION}")
        self._recall()
        _say("mem0-syncd status")
        shown = snapshot(self.state, time.time())
        print_status(shown)
        totals = shown["totals"]
        _require(totals["delivered"] == totals["seen"] == len(DECISIONS), "something is still pending")
        _require(shown["state"] == "ok", f"the status is {shown['state']}, not ok")
        self._stop()
        _say("The daemon has stopped; what Mem0 itself holds")
        self._count()
        output.say()
        output.say("Nothing lost, nothing doubled.", bold=True, fg="green")

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._daemon = subprocess.Popen(
                [sys.executable, "-P", "-m", "mem0_syncd", "run"], env=self._environment, stderr=log
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while snapshot(self.state, time.time())["state"] not in {"ok", "degraded"}:
            _require(self._daemon.poll() is None, f"the daemon ended: {self._tail()}")
            _require(time.monotonic() < deadline, "the daemon didn't start")
            time.sleep(0.05)
        output.say(f"  mem0-syncd run: pid {self._daemon.pid}, embedded Mem0, no network needed")

    def _kill(self) -> None:
        assert self._daemon is not None  # noqa: S101 - it was started
        self._daemon.send_signal(signal.SIGKILL)
        self._daemon.wait()
        output.say(f"  kill -9 {self._daemon.pid}")

    def _stop(self) -> None:
        assert self._daemon is not None  # noqa: S101 - it was started
        self._daemon.terminate()
        _require(self._daemon.wait(PATIENCE_SECONDS) == 0, "the daemon didn't end well")

    def _decide(self, count: int) -> None:
        """Write the next decisions as an agent's tool does: a temporary file, and a rename over the log."""
        for decision in DECISIONS[len(self._written) : len(self._written) + count]:
            number = len(self._written) + 1
            self._written.append(
                {
                    "decision_id": f"DEC-20260105-{number:04}",
                    "timestamp": f"2026-01-05T10:{number:02}:00Z",
                    "status": "accepted",
                    **decision,
                }
            )
            output.say(f"  + {decision['title']}")
        log = self.project / PATH
        temporary = log.with_name(f"{log.name}.tmp.{os.getpid()}")
        temporary.write_text(json.dumps({"schema_version": "1.0.0", "decisions": self._written}, indent=2))
        temporary.rename(log)

    def _show_until(self, **wanted: int) -> None:
        """Print the counts whenever they change, until they are as expected."""
        deadline, before = time.monotonic() + PATIENCE_SECONDS, ""
        while True:
            totals = snapshot(self.state, time.time())["totals"]
            counts = "  ".join(f"{n} {name}" for name, n in totals.items() if n and name != "seen")
            if counts != before:
                output.say(f"    {counts}")
                before = counts
            if all(totals[name] >= n for name, n in wanted.items()):
                return
            _require(time.monotonic() < deadline, f"it stays at: {counts}; {self._tail()}")
            time.sleep(0.02)

    def _count(self) -> None:
        # Mem0 and its libraries report to their makers unless this is set before they are imported.
        os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": str(StateFolder(self.state).mem0_home)}
        store = open_destination(EMBEDDED.name, {"path": str(StateFolder(self.state).store)})
        texts = Counter(memory.text for memory in store.listing(user_id(Kind.DECISION, "shop")))
        store.close()
        doubled = [text for text, n in texts.items() if n > 1]
        output.say(f"  {len(texts)} memories for {len(DECISIONS)} decisions, {len(doubled)} of them doubled")
        _require(len(texts) == len(DECISIONS) and not doubled, "Mem0 doesn't hold each decision once")

    def _recall(self) -> None:
        best = self._search(QUESTION, limit=1)[0]["text"]
        for line in best.splitlines():
            output.say(f"  {line}")
        shared = _content_words(QUESTION) & _content_words(best)
        output.say(f"  (words in common with the question: {', '.join(shared) or 'none'})")
        _require(best.startswith(ANSWER), "the question found another decision")
        _require(not shared, "the question shares a word with the decision")

    def _search(self, query: str, limit: int) -> list[dict[str, Any]]:
        answer = ask(self.state, "recall", timeout=PATIENCE_SECONDS, query=query, project="shop", limit=limit)
        hits: list[dict[str, Any]] = answer["hits"]
        return hits

    def _tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-2000:]


def _content_words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", _FUNCTION_WORDS.sub(" ", text.lower())))


def _say(title: str) -> None:
    output.say()
    output.say(title, bold=True)


def _require(condition: bool, what: str) -> None:  # noqa: FBT001 - like assert
    if not condition:
        raise SyncdError(
            f"the demo failed: {what}",
            where="mem0-syncd demo",
            remedy="please report it, with the lines above",
        )
