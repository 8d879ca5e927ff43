"""Consents: what holds for each project, and what waits for its user."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from mem0_syncd.core.consent import Asked, Consent, GlobalScope, Terms
from mem0_syncd.core.item import Kind
from mem0_syncd.core.withheld import Why
from mem0_syncd.outbox.database import Database


class Consents:
    """The consents of all projects, by the folder that is a project's own."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of(self, project: str) -> Consent | None:
        """The consent of a watched project; None for one of an earlier version's outbox."""
        row = self._db.row(
            "SELECT consent.* FROM consent WHERE folder ="
            " (SELECT path FROM project WHERE project.id = ? ORDER BY is_worktree, path LIMIT 1)",
            (project,),
        )
        return _as_consent(row) if row else None

    def at(self, folder: Path) -> Consent | None:
        """The consent of a folder, watched or not."""
        row = self._db.row("SELECT * FROM consent WHERE folder = ?", (str(folder),))
        return _as_consent(row) if row else None

    def of_projects(self) -> dict[str, Consent]:
        """The consents of all watched projects, by their ids."""
        rows = self._db.rows(
            "SELECT project.id AS project, consent.* FROM consent JOIN project ON project.path = folder"
        )
        return {row["project"]: _as_consent(row) for row in rows}

    def unagreed(self) -> list[tuple[Path, Consent]]:
        """The folders of which nothing was ever agreed, so that they aren't watched."""
        rows = self._db.rows("SELECT * FROM consent WHERE id IS NULL ORDER BY folder")
        return [(Path(row["folder"]), _as_consent(row)) for row in rows]

    def update(self, folder: Path, how: Callable[[Consent], Consent]) -> Consent | None:
        """Replace a folder's consent, if there is one, by what `how` returns for it."""
        known = self.at(folder)
        if known is None or how(known) == known:
            return known
        return self.change(folder, lambda it: how(it or known))

    def change(self, folder: Path, how: Callable[[Consent | None], Consent]) -> Consent:
        """Replace a folder's consent by what `how` returns for it; concurrent writers lose nothing."""
        known = self.at(folder)
        changed = how(known)
        if changed == known:
            return changed
        with self._db.transaction() as sql:
            changed = how(self.at(folder))
            sql.execute(
                "INSERT OR REPLACE INTO consent"
                " (folder, id, ids, id_is_said, said_destination, terms, agreed, waiting)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    str(folder),
                    changed.id,
                    json.dumps(sorted(changed.ids)),
                    changed.id_is_said,
                    changed.said_destination,
                    json.dumps(_of_terms(changed.terms)),
                    json.dumps([_of_terms(it) for it in changed.agreed]),
                    json.dumps(_of_asked(changed.waiting)),
                ),
            )
        return changed

    def forget_unagreed(self, but: Collection[Path]) -> None:
        """Delete what is known of folders that are no longer listed, and of which nothing was ever agreed."""
        for folder, _ in self.unagreed():
            if folder not in but:
                with self._db.transaction() as sql:
                    sql.execute("DELETE FROM consent WHERE folder = ? AND id IS NULL", (str(folder),))

    def has_delivered_globally(self, project: str) -> bool:
        """Whether a project's files have ever brought anything to the global scope."""
        return self._db.row(_DELIVERED_GLOBALLY, (project,)) is not None

    def awaiting(self, destination: int, project: str) -> int:
        """How many best practices of a project wait for its user's consent to the global scope."""
        row = self._db.row(
            "SELECT COUNT(*) AS n FROM item INDEXED BY item_of_global_scope WHERE destination = ?"
            " AND project = ? AND kind = 'best_practice' AND status = 'withheld' AND reason IN (?, ?)",
            (destination, project, Why.AWAITS_CONSENT, _AWAITS_CONSENT_FORMERLY),
        )
        return int(row["n"]) if row else 0


_AWAITS_CONSENT_FORMERLY = "the global scope of best practices awaits consent"
"""How earlier versions stored that reason."""

_DELIVERED_GLOBALLY = """
SELECT 1 FROM item JOIN receipt USING (destination, sync_key)
WHERE destination IN (SELECT id FROM destination) AND project = ? AND kind = 'best_practice'
    AND source <> 'remember' LIMIT 1
"""


def _as_consent(row: sqlite3.Row) -> Consent:
    waiting = json.loads(row["waiting"])
    return Consent(
        id=row["id"],
        terms=_as_terms(json.loads(row["terms"])),
        agreed=tuple(_as_terms(it) for it in json.loads(row["agreed"])),
        ids=frozenset(json.loads(row["ids"])),
        id_is_said=bool(row["id_is_said"]),
        said_destination=row["said_destination"],
        waiting=Asked(
            waiting["id"],
            None if waiting["kinds"] is None else _as_kinds(waiting["kinds"]),
            None if waiting["exclude"] is None else tuple(waiting["exclude"]),
            waiting["destination"],
        ),
    )


def _as_terms(said: dict[str, Any]) -> Terms:
    return Terms(
        said["destination"],
        _as_kinds(said["kinds"]),
        tuple(said["exclude"]),
        GlobalScope(said["global_scope"]),
    )


def _as_kinds(said: list[str]) -> frozenset[Kind]:
    return frozenset(map(Kind, said))


def _of_terms(terms: Terms) -> dict[str, Any]:
    return {
        "destination": terms.destination,
        "kinds": sorted(terms.kinds),
        "exclude": terms.exclude,
        "global_scope": terms.global_scope,
    }


def _of_asked(asked: Asked) -> dict[str, Any]:
    return {
        "id": asked.id,
        "destination": asked.destination,
        "kinds": None if asked.kinds is None else sorted(asked.kinds),
        "exclude": asked.exclude,
    }
