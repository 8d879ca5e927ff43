"""The pickup: what hooks and commands have spooled is taken in."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mem0_syncd import projects, spool
from mem0_syncd.errors import SyncdError
from mem0_syncd.folders import Folders
from mem0_syncd.intake import Intake
from mem0_syncd.item import Kind
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.routes import Routes
from mem0_syncd.spooled import Made, understand


class Pickup:
    """Takes in the spool of one state folder."""

    def __init__(self, outbox: Outbox, routes: Routes, state: Path, folders: Folders) -> None:
        self._registry, self._ledger = outbox.registry, outbox.ledger
        self._routes = routes
        self._state, self._folders = state, folders

    def take_in(self, intake: Intake) -> int:
        """Take in every event that can be; returns how many changes that made."""
        changes = 0
        for path, event in spool.take(self._state):
            folder = Path(event.get("cwd") or event.get("project") or "/")
            with contextlib.suppress(SyncdError):  # in no watched project: nothing is to be done
                project = projects.find(self._registry, folder)
                wishes = self._routes.wishes_of(project)
                if wishes is None:  # it stays spooled until they can be read
                    continue
                changes += self._routes.follow(project, wishes)
                reading = understand(
                    event, project, self._made_since(project, event), trusted=self._folders.trusted
                )
                changes += intake.take_in(project, reading.items, wishes).changes
                self._registry.set_problems(project.id, "session", reading.problems, project.tree)
            spool.remove(path)
        self._registry.set_problems("", "spool", spool.problems(self._state))
        return changes

    def _made_since(self, project: ProjectRow, event: Mapping[str, Any]) -> Made:
        """What a session made: the items seen since another session of the project was last heard of."""
        if event["event"] != "session":
            return Made()
        name = f"session:{project.id}"
        last = json.loads(self._registry.fact(name) or '{"id": "", "began": 0, "heard": 0}')
        began = last["began"] if last["id"] == event["session_id"] else last["heard"]
        session = {"id": event["session_id"], "began": began, "heard": time.time()}
        self._registry.set_fact(name, json.dumps(session))
        if not began:  # the first session of all: what was there before it isn't its own
            return Made()
        destination = self._registry.destination_of(project.id)
        seen = partial(self._ledger.seen_since, destination.id, project.id, since=began)
        return Made(decisions=seen(Kind.DECISION), patterns=seen(Kind.AGENT_PATTERN))
