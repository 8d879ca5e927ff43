"""The list of projects in the settings: its folders are watched once nothing of them waits for consent."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mem0_syncd.core.consent import EVERYTHING, Consent, Said, listed, resaid
from mem0_syncd.errors import Problem, SyncdError
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects import consent_request
from mem0_syncd.projects.git import main_tree
from mem0_syncd.projects.projects import (
    as_delivered,
    asked_by_family,
    is_taken_over,
    located,
    name_of,
    project_id,
    refuse_credential,
    resolve,
)

ORIGIN = "projects"
"""The origin of problems with the list of projects."""


class ListedFolders(Protocol):
    """A project as the settings list it: that is its user's word."""

    @property
    def path(self) -> Path:
        """Its folder."""

    @property
    def id(self) -> str | None:
        """Its id, if it isn't derived from the folder's name."""

    @property
    def destination(self) -> str | None:
        """Its destination, if it isn't that of all projects."""


def take_in_settings(
    outbox: Outbox, wanted: Iterable[ListedFolders], *, trusted: Iterable[Path] = ()
) -> list[Problem]:
    """Make the watched projects those of the settings' list; returns the problems."""
    wanted = list(wanted)
    folders = {located(it.path) for it in wanted}
    for project in outbox.projects.all():
        if project.path not in folders:
            _leave(outbox, project)
    outbox.consents.forget_unagreed(but=folders)
    problems = []
    watched = {it.path for it in outbox.projects.all()}
    for it in wanted:
        try:
            _take_in(outbox, it, watched, tuple(trusted))
        except SyncdError as error:
            problems.append(error.problem)
    outbox.problems.replace("", ORIGIN, problems)
    return problems


def misfit(outbox: Outbox, wanted: ListedFolders, *, trusted: Iterable[Path] = ()) -> Problem | None:
    """The problem that keeps a listed folder from being watched, if there is one."""
    try:
        folder = resolve(wanted.path)
        if not any(project.path == folder for project in outbox.projects.all()):
            listing = _Listing(outbox, folder, wanted, tuple(trusted))
            listing.row(listing.consent(outbox.consents.at(folder)))
    except SyncdError as error:
        return error.problem
    return None


def _leave(outbox: Outbox, project: ProjectRow) -> None:
    """Stop watching a project that is no longer listed."""
    if project.origin == "settings":
        outbox.projects.remove(project.id, project.path)
    else:
        outbox.consents.update(project.path, lambda it: resaid(it, Said()))


def _take_in(
    outbox: Outbox, wanted: ListedFolders, watched: Container[Path], trusted: tuple[Path, ...]
) -> None:
    folder = located(wanted.path)
    if folder in watched:
        outbox.consents.update(folder, lambda it: resaid(it, _said(wanted)))
        return
    listing = _Listing(outbox, resolve(folder), wanted, trusted)
    consent = listing.consent(outbox.consents.at(folder))
    if consent.id is None:
        outbox.consents.change(folder, listing.consent)
    row, takes_over = listing.row(consent)
    with outbox.transaction():
        outbox.projects.add(row, takes_over=takes_over)
        if outbox.projects.own_folder(row.id) == folder:
            outbox.consents.change(folder, listing.consent)


@dataclass(frozen=True, slots=True)
class _Listing:
    """A listed folder that isn't watched yet."""

    outbox: Outbox
    folder: Path
    wanted: ListedFolders
    trusted: tuple[Path, ...]

    def consent(self, before: Consent | None) -> Consent:
        """The folder's consent; raises `SyncdError` if its file is broken."""
        of_family = self._of_family()
        if of_family is not None:  # one of its folders is watched, so it was agreed to
            before = self.outbox.consents.of(of_family.id) or Consent(
                of_family.id, agreed=(EVERYTHING,), ids=frozenset({of_family.id})
            )
        asked = asked_by_family(self.folder, trusted=self.trusted)
        name = name_of(self.folder, trusted=self.trusted)
        consent = listed(asked, _said(self.wanted), name, _everybodys(self.outbox), before)
        return as_delivered(self.outbox, consent)

    def row(self, consent: Consent) -> tuple[ProjectRow, bool]:
        """The project of the folder, and whether it takes over from one that has moved.

        Raises `SyncdError` if its user must agree first, and if the id is another project's.
        """
        if consent.id is None:
            problem = consent_request.problem(
                consent, self.folder, str(self.folder), _everybodys(self.outbox)
            )
            assert problem is not None  # noqa: S101 - otherwise it would have been agreed to
            raise SyncdError(problem.what, where=problem.where, remedy=problem.remedy)
        main = main_tree(self.folder, trusted=self.trusted)
        is_by_folder = consent.id == name_of(self.folder, trusted=self.trusted)
        if self.wanted.id or (is_by_folder and self._of_family() is None):
            refuse_credential(main or self.folder, self.wanted.id)
        is_worktree = main is not None
        row = ProjectRow(consent.id, self.folder, "settings", is_worktree)
        is_said = self.wanted.id is not None
        return row, is_taken_over(self.outbox, row, is_by_name=is_said, trusted=self.trusted)

    def _of_family(self) -> ProjectRow | None:
        """Another folder of the same project that is watched."""
        main = main_tree(self.folder, trusted=self.trusted)
        for row in self.outbox.projects.all():
            is_of_it = row.is_worktree and main_tree(row.path, trusted=self.trusted) == self.folder
            if row.path == main or is_of_it:
                return row
        return None


def _said(wanted: ListedFolders) -> Said:
    return Said(project_id(wanted.id) if wanted.id else None, wanted.destination)


def _everybodys(outbox: Outbox) -> str:
    """The name of the destination of all projects that name none; '' before it is decided."""
    destination = outbox.destinations.current()
    return destination.name if destination else ""
