"""Every file and every kind: each item once in Mem0, in its scope, with its metadata."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from support.daemon import Daemon, platform_settings, running, wait_until
from support.decision_log import decision, write_log
from support.mem0_platform import Mem0Platform

PATTERNS = ".claude/logs/agent-patterns.jsonl"
QUEUE = ".claude/memory/mem0-queue.jsonl"
RECORDS = ".claude/memory/decisions.jsonl"
LINES = ".claude/logs/decisions.jsonl"
PRACTICES = "orchestkit-global-best-practices"

Row = tuple[str, str, str | None, str | None]
"""User id, the text's first line, agent id, category."""


def append(project: Path, file: str, *entries: dict[str, Any]) -> None:
    """Append lines as the hooks do: without a lock, one write for each."""
    path = project / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lines:
        for entry in entries:
            lines.write(json.dumps(entry) + "\n")
            lines.flush()


def pattern(text: str, **fields: Any) -> dict[str, Any]:
    """A line of the patterns file; those of one run carry one timestamp."""
    return {
        "agent": "reviewer",
        "agent_id": "ork:reviewer",
        "pattern": text,
        "timestamp": "2026-01-05T10:00:00Z",
        "category": "testing",
        "pending_sync": True,
        **fields,
    }


def record(number: int, **metadata: Any) -> dict[str, Any]:
    """A decision record, as the memory writer appends it."""
    return {
        "id": f"rec-{number}",
        "type": "decision",
        "content": {"what": f"record number {number}", "why": "it was asked for"},
        "metadata": {
            "timestamp": f"2026-01-06T10:00:{number:02}Z",
            "category": "workflow",
            "contributor_id": "someone@example.com",
            **metadata,
        },
    }


def echo_of(entry: dict[str, Any]) -> dict[str, Any]:
    """The line that the memory writer queues beside a record."""
    what, why = entry["content"]["what"], entry["content"]["why"]
    metadata = {key: entry["metadata"][key] for key in ("timestamp", "category")}
    return {
        "text": f"{entry['type']}: {what} because {why}",
        "user_id": "shop-decisions",
        "metadata": metadata,
    }


def queued(text: str, user_id: str, **metadata: Any) -> dict[str, Any]:
    """A line of the memory queue."""
    return {"text": text, "user_id": user_id, "metadata": metadata, "queued_at": "2025-06-01T00:00:00Z"}


def stored(mem0: Mem0Platform) -> Counter[Row]:
    """What is in Mem0, as the table has it."""
    return Counter(
        (str(it.user_id), it.text.splitlines()[0], it.agent_id, it.metadata.get("category"))
        for it in mem0.memories
    )


def wait_stored(mem0: Mem0Platform, daemon: Daemon, rows: Iterable[Row]) -> None:
    """Wait until exactly these are in Mem0, once each."""
    wanted = Counter(rows)
    wait_until(
        lambda: stored(mem0) == wanted, f"{wanted - stored(mem0)} missing, {stored(mem0) - wanted} over"
    )
    wait_until(lambda: daemon.totals()["pending"] == 0, "nothing pending")


def test_every_item_of_every_file_arrives_once(tmp_path: Path, project: Path) -> None:
    """What all writers wrote, and what they change, append, truncate and rotate, is in Mem0 once each."""
    write_log(project, [decision(1), decision(2, generalizable=True)])
    append(
        project,
        PATTERNS,
        pattern("Retry with jitter and a cap"),
        pattern("Name tests as sentences", generalizable=True, outcome="failed"),
        pattern("This one was flipped by a hook", pending_sync=False),
        pattern("short"),
    )
    first, local, general = record(1), record(2, sharing_scope="local"), record(3, is_generalizable=True)
    append(project, RECORDS, first, local, general)
    append(project, LINES, {"summary": "a permissive line about caching"}, {"kind": "nothing that counts"})
    append(
        project,
        QUEUE,
        *(queued(f"old queued memory number {n}", "shop-agents", category="old") for n in range(2000)),
        echo_of(first),
        queued("an old practice: validate input early", PRACTICES, category="quality"),
        queued("somebody else's", "blog-decisions"),
    )
    rows: list[Row] = [
        ("shop-decisions", "Decision number 1: What was decided in case 1", None, "workflow"),
        ("shop-decisions", "Decision number 2: What was decided in case 2", None, "workflow"),
        (PRACTICES, "Decision number 2: What was decided in case 2", None, "workflow"),
        ("shop-agents", "Retry with jitter and a cap", "ork:reviewer", "testing"),
        ("shop-agents", "Name tests as sentences", "ork:reviewer", "testing"),
        (PRACTICES, "Name tests as sentences", None, "testing"),
        ("shop-decisions", "record number 1", None, "workflow"),
        ("shop-decisions", "record number 3", None, "workflow"),
        (PRACTICES, "record number 3", None, "workflow"),
        ("shop-decisions", "a permissive line about caching", None, None),
        (PRACTICES, "an old practice: validate input early", None, "quality"),
        *(("shop-agents", f"old queued memory number {n}", None, "old") for n in range(2000)),
    ]
    with Mem0Platform() as mem0:
        unlimited = platform_settings(mem0.url, MEM0_SYNCD_PLATFORM__ADDS_PER_MINUTE="100000")
        daemon = Daemon(tmp_path, [project], **unlimited)
        synced = daemon.run("sync", "--timeout", "100")
        assert stored(mem0) == Counter(rows), synced.stderr
        assert "best practices 4/4" in synced.stdout
        assert all("contributor_id" not in memory.metadata for memory in mem0.memories)
        assert {memory.metadata["project"] for memory in mem0.memories} == {"shop"}
        assert daemon.totals()["withheld"] == 4  # local, flipped, short, and of another scope
        with running(daemon):
            # Appended by several writers at once, while the daemon reads.
            fresh = [pattern(f"Pattern of writer {w}, number {n}") for w in range(4) for n in range(10)]
            writers = [
                threading.Thread(target=append, args=(project, PATTERNS, *fresh[w * 10 : w * 10 + 10]))
                for w in range(4)
            ]
            for writer in writers:
                writer.start()
            for writer in writers:
                writer.join()
            rows += [("shop-agents", it["pattern"], "ork:reviewer", "testing") for it in fresh]
            wait_stored(mem0, daemon, rows)
            # Flipped in place by a hook, which resends nothing.
            path = project / PATTERNS
            path.write_text(path.read_text().replace('"pending_sync": true', '"pending_sync": false'))
            append(project, PATTERNS, pattern("Written after the flip"))
            rows.append(("shop-agents", "Written after the flip", "ork:reviewer", "testing"))
            wait_stored(mem0, daemon, rows)
            # A record revised: by a later line with its id, which its old echo doesn't undo.
            append(
                project,
                RECORDS,
                {**first, "content": {"what": "record number 1, revised", "why": "it changed"}},
            )
            rows.remove(("shop-decisions", "record number 1", None, "workflow"))
            rows.append(("shop-decisions", "record number 1, revised", None, "workflow"))
            wait_stored(mem0, daemon, rows)
            # Truncated, and grown again past its old length; and rotated.
            (project / QUEUE).write_text("")
            append(project, QUEUE, *(queued(f"after the truncation {n}", "shop-agents") for n in range(30)))
            rows += [("shop-agents", f"after the truncation {n}", None, None) for n in range(30)]
            (project / LINES).rename(project / f"{LINES}.1")
            append(project, LINES, {"decision": "a line after the rotation"})
            rows.append(("shop-decisions", "a line after the rotation", None, None))
            wait_stored(mem0, daemon, rows)


def test_an_echo_read_before_its_record_is_the_same_item(tmp_path: Path, project: Path) -> None:
    """A queue line that was delivered first becomes the record's memory when the record turns up."""
    entry = record(7)
    append(project, QUEUE, echo_of(entry))
    with (
        Mem0Platform() as mem0,
        running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon,
    ):
        daemon.wait_delivered(1)
        (before,) = mem0.memories
        append(project, RECORDS, entry)
        wait_until(lambda: "(rec-7, " in mem0.memories[0].text, "the record's own text")
        daemon.wait_delivered(1)
        (after,) = mem0.memories
        assert after.id == before.id


def test_a_half_written_line_waits_for_its_end(tmp_path: Path, project: Path) -> None:
    """A writer that stops in the middle of a line loses nothing, and raises no problem."""
    append(project, PATTERNS, pattern("The first one, complete"))
    line = json.dumps(pattern("The second one, in two halves"))
    with (
        Mem0Platform() as mem0,
        running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon,
    ):
        with (project / PATTERNS).open("a") as file:
            file.write(line[:40])
            file.flush()
            daemon.wait_delivered(1)
            assert daemon.status()["problems"] == []
            file.write(line[40:] + "\n")
        daemon.wait_delivered(2)
        assert len(mem0.memories) == 2
