"""What no file says, read like a file: what a person put in by hand, and what sessions were about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mem0_syncd.core.consent import GlobalScope, Terms
from mem0_syncd.core.item import REMEMBERED, Item
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.outbox.kept_items import KeptItem


class KeptReader:
    """Takes in what is kept, so that a move takes it along; one thread at a time."""

    def __init__(self, outbox: Outbox, intake: Enqueuer) -> None:
        self._outbox, self._intake = outbox, intake
        self._read: set[str] = set()

    def read(self, project: ProjectRow, terms: Terms) -> int:
        """Take in what no file says of a project and its destination lacks; returns the number of changes.

        The first time all of it, for a detector may find more in it by now.
        """
        if self._outbox.projects.own_folder(project.id) != project.path:
            return 0
        kept = self._outbox.kept_items
        if project.id in self._read:
            destination = self._outbox.destinations.of(project.id)
            return self.take_in(project, terms, kept.lacking(destination.id, project.id))
        changes = self.take_in(project, terms, kept.unfiled(project.id))
        self._read.add(project.id)
        return changes

    def take_in(self, project: ProjectRow, terms: Terms, kept: Iterable[KeptItem]) -> int:
        """Take in some kept items of a project; returns how many changes that made."""
        remembered: list[Item] = []
        others: list[Item] = []
        for it in kept:
            (remembered if it.source == REMEMBERED else others).append(it.item)
        by_hand = replace(terms, global_scope=GlobalScope.AGREED)  # its user's own word
        taken = (
            self._intake.take_in(project, items, allowed)
            for items, allowed in ((remembered, by_hand), (others, terms))
            if items
        )
        return sum(it.changes for it in taken)
