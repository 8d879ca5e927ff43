"""What agents write in a chaos run, and what must be in Mem0 in the end.

Every text says its case and its revision, so that what is in Mem0 is counted without asking the product.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES
from mem0_syncd.sources import agent_patterns, decision_records, memory_queue
from support.decision_log import decision, write_log

POISON = "poison"
PER_PROJECT = 2000
SECRET_EVERY = 4
"""Of so many cases one says a secret, which is redacted."""

PATTERNS_AT = "2026-01-05T10:00:00Z"
"""The one time that all patterns carry, as their writer does when it writes many at once."""

_SAYS = re.compile(r"revision (\d+) of case (\d+)")

Place = tuple[str, int]
"""A Mem0 user id, and the number of a case."""


def case_of(text: str) -> int | None:
    """The number of the case that a text is about."""
    found = _SAYS.search(text)
    return int(found[2]) if found else None


def revision_of(text: str) -> int:
    """The revision that a text says it is."""
    found = _SAYS.search(text)
    return int(found[1]) if found else -1


def is_poison(text: str) -> bool:
    """Whether Mem0 never takes a text."""
    return POISON in text


@dataclass
class Project:
    """A project's folder with its log, and the lines that are to be appended to its other files."""

    path: Path
    log: list[dict[str, Any]] = field(default_factory=list)
    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    later: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its id."""
        return self.path.name

    def write(self) -> None:
        """Write the log by a rename, and append what lines are new."""
        write_log(self.path, self.log)
        for name, line in self.lines:
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(f"{json.dumps(line)}\n")
        self.lines, self.later = self.later, []

    def track(self) -> None:
        """Have git track the log, so that others may write to its user ids, too."""
        write_log(self.path, [])
        for command in (["init", "-q"], ["add", "."]):
            subprocess.run(["git", *command], cwd=self.path, check=True)


class World:
    """All projects, the cases written in them, and what is expected of each."""

    def __init__(self, folder: Path, rng: random.Random, items: int) -> None:
        self._rng = rng
        self.items = items
        count = max(2, items // PER_PROJECT)
        self.projects = [Project(folder / f"project-{number}") for number in range(count)]
        for project in self.projects:
            project.path.mkdir(parents=True)
        self.projects[0].track()
        self.expected: dict[Place, int] = {}
        self.refused: set[Place] = set()
        self.revisions = 0
        self.written: Counter[str] = Counter()
        self._number = 0
        self._revisable: list[tuple[Project, int, int]] = []
        for project in self.projects:  # what the first scan finds, so that the global scope is agreed to
            self._practice(project)
        self._write({project.name for project in self.projects})

    @property
    def is_written(self) -> bool:
        """Whether as many items are written as there shall be."""
        return len(self.expected) + len(self.refused) >= self.items

    def grow(self, count: int) -> None:
        """Write about so many new items."""
        touched = {project.name for project in self.projects if project.lines}
        kinds: dict[Callable[[Project], None], int] = {
            self._plain: 50,
            self._repeated_id: 8,
            self._twins: 2,
            self._nameless: 5,
            self._record: 5,
            self._pattern: 28,
            self._practice: 4,
        }
        for _ in range(count):
            if self.is_written:
                break
            project = self._rng.choice(self.projects)
            touched.add(project.name)
            self._rng.choices(list(kinds), list(kinds.values()))[0](project)
        self._write(touched)
        if self.is_written:  # what was to come later comes now
            self._write({project.name for project in self.projects if project.lines})

    def revise(self, count: int) -> Iterator[None]:
        """Revise so many decisions, step by step, many of them back to what they were."""
        chosen = self._rng.sample(self._revisable, min(count, len(self._revisable)))
        courses = [self._rng.choice([(1, 0), (1, 0), (1,), (1, 2), (1, 2, 0), (2, 1, 0, 3)]) for _ in chosen]
        for step in range(max(map(len, courses), default=0)):
            touched = set()
            for (project, index, number), course in zip(chosen, courses, strict=True):
                if step < len(course):
                    self._revise(project, index, number, course[step])
                    touched.add(project.name)
            self._write(touched)
            yield

    def finish(self) -> Place:
        """Write one fresh item; returns where it is to be found."""
        project = self.projects[0]
        self._plain(project, can_be_poison=False)
        self._write({project.name})
        return f"{project.name}-decisions", self._number

    def _write(self, touched: Iterable[str]) -> None:
        for project in self.projects:
            if project.name in touched:
                project.write()

    # One case of each kind

    def _plain(self, project: Project, *, can_be_poison: bool = True) -> None:
        is_poison = can_be_poison and self._rng.random() < 0.01
        is_steady = self._rng.random() < 0.5
        number = self._next("decisions, plain", project, is_poison=is_poison)
        if not (is_poison or is_steady):
            self._revisable.append((project, len(project.log), number))
        says = POISON if is_poison else "steady" if is_steady else "in motion"
        major = {"impact": {"scope": "system"}} if self._rng.random() < 0.05 else {}
        project.log.append(decision(number, description=_text(number, 0, says), **major))

    def _repeated_id(self, project: Project) -> None:
        name = f"DEC-R-{self._number}"
        for hour in (10, 11):
            number = self._next("decisions with a repeated id", project)
            fields = {"decision_id": name, "timestamp": f"2026-01-06T{hour}:00:00Z"}
            project.log.append(decision(number, description=_text(number, 0, "steady"), **fields))

    def _twins(self, project: Project) -> None:
        fields = {"decision_id": f"DEC-T-{self._number}", "timestamp": "2026-01-07T10:00:00Z"}
        for _ in range(2):
            number = self._next("decisions with one id and time", project)
            project.log.append(decision(number, description=_text(number, 0, "steady"), **fields))

    def _nameless(self, project: Project) -> None:
        number = self._next("decisions without an id", project)
        project.log.append({"decision": _text(number, 0, "steady"), "rationale": "It was asked for"})

    def _record(self, project: Project) -> None:
        """A record, and the line that its writer queues as well: one item, whichever is read first."""
        number = self._next("decision records that are queued as well", project)
        what, why = _text(number, 0, "in motion"), "it was asked for"
        metadata = {"timestamp": "2026-01-08T10:00:00Z", "category": "workflow"}
        line = {"text": f"decision: {what} because {why}", "user_id": f"{project.name}-decisions"}
        record = {"id": f"rec-{number}", "type": "decision", "content": {"what": what, "why": why}}
        project.lines.append((memory_queue.PATH, {**line, "metadata": metadata}))
        lines = project.later if self._rng.random() < 0.5 else project.lines
        lines.append((decision_records.RECORDS_PATH, {**record, "metadata": metadata}))

    def _pattern(self, project: Project, **fields: Any) -> None:
        number = self._next("patterns with one time", project, "agents")
        agent = self._rng.choice(["reviewer", "tester", "architect"])
        text = _text(number, 0, "steady")
        line = {"agent": agent, "pattern": text, "timestamp": PATTERNS_AT, **fields}
        project.lines.append((agent_patterns.PATH, line))
        if number % (2 * SECRET_EVERY) == 0:  # the same again, with another secret: one memory
            again = {**line, "pattern": _text(number, 0, "steady", "changed")}
            (project.lines if self._rng.random() < 0.5 else project.later).append(
                (agent_patterns.PATH, again)
            )

    def _practice(self, project: Project) -> None:
        self._pattern(project, generalizable=True)
        self.written["best practices"] += 1
        self.expected[GLOBAL_BEST_PRACTICES, self._number] = 0

    def _next(self, kind: str, project: Project, what: str = "decisions", *, is_poison: bool = False) -> int:
        self._number += 1
        self.written["poison" if is_poison else kind] += 1
        place = f"{project.name}-{what}", self._number
        if is_poison:
            self.refused.add(place)
        else:
            self.expected[place] = 0
        return self._number

    def _revise(self, project: Project, index: int, number: int, revision: int) -> None:
        project.log[index] = {**project.log[index], "description": _text(number, revision, "in motion")}
        self.expected[f"{project.name}-decisions", number] = revision
        self.revisions += 1


def _text(number: int, revision: int, says: str, secret: str = "hunter") -> str:
    said = f"revision {revision} of case {number} ({says})"
    # What leaves of it must not hang on the secret, which is another one each time.
    return said if number % SECRET_EVERY else f"{said} password={secret}{number:05}x{revision}"
