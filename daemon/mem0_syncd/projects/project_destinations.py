"""Project destinations: what holds for each project by its user's consent, and where its items go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import structlog

from mem0_syncd.core.consent import Asked, Consent, GlobalScope, Terms, heard, inherited, with_global_scope
from mem0_syncd.core.item import Kind
from mem0_syncd.errors import Problem, SyncdError
from mem0_syncd.outbox import DestinationRow, Outbox, ProjectRow
from mem0_syncd.projects import consent_request, projects
from mem0_syncd.projects.folders import Folders
from mem0_syncd.projects.project_file import BadProjectFile
from mem0_syncd.system.clock import Moment

log = structlog.get_logger("routes")


@dataclass(frozen=True, slots=True)
class Route:
    """A watched folder as it is now, and what of it goes where; `has_moved` if that was elsewhere before.

    `consent` is its project's, if the folder represents the project, with a `problem` about the id.
    """

    project: ProjectRow
    terms: Terms
    destination: DestinationRow
    has_moved: bool
    consent: Consent | None = None
    problem: Problem | None = None


class ProjectDestinations:
    """The routes of all watched projects."""

    def __init__(
        self,
        outbox: Outbox,
        destination_named: Callable[[str | None], DestinationRow],
        on_move: Callable[[ProjectRow], None],
        folders: Folders,
        now: Moment,
    ) -> None:
        """`destination_named` returns the destination that a project names; for None that of all projects.

        `on_move` is called with a project whose items go elsewhere from now on: a new destination gets
        everything that it lacks.
        """
        self._outbox = outbox
        self._destination_named = destination_named
        self._on_move = on_move
        self._folders = folders
        self._now = now

    def settle(self, project: ProjectRow) -> Route | None:
        """Have a project's items go where they may; None while that isn't known.

        Reads what the project's own file asks for.
        """
        project = self._outbox.projects.at(project.path) or project
        asked = self._asked(project)
        everybodys = self._destination_named(None)
        if self._outbox.projects.own_folder(project.id) != project.path:
            of_project = self._outbox.consents.of(project.id)
            if of_project is None or of_project.id is None:
                return None
            return self._follow(project, _narrowed_by_worktree(of_project.effective, asked), everybodys)
        consent = self._hear(project, asked, everybodys.name)
        if consent is None or consent.id is None:
            return None
        project, problem = self._renamed(project, consent)
        route = self._follow(project, consent.effective, everybodys)
        return replace(route, consent=consent, problem=problem)

    def after_scan(self, route: Route, *, is_whole: bool) -> Terms | None:
        """Decide what a first scan decides, and report what waits for the project's user.

        Returns other terms with which the scan would have found the same, if they hold from now on.
        """
        project, consent, fresh = route.project, route.consent, None
        if is_whole and not self._outbox.projects.is_scanned(project):
            self._outbox.projects.note_scanned(project, self._now())
        if consent is None:
            return None
        if is_whole and consent.terms.global_scope is GlobalScope.OPEN:
            is_there = any(n for status, n in self._practices(route).items() if status != "withheld")
            found = GlobalScope.AGREED if is_there else GlobalScope.WAITS
            consent = self._outbox.consents.update(project.path, lambda it: _decided(it, found)) or consent
            # Whatever else was decided meanwhile, the scan knew nothing of.
            is_all = replace(consent.effective, global_scope=GlobalScope.OPEN) == route.terms
            fresh = consent.effective if is_all else None
        self._outbox.problems.replace(project.id, "consent", self._problems(route, consent))
        return fresh

    def _problems(self, route: Route, consent: Consent) -> Iterator[Problem]:
        project, count = route.project, 0
        if consent.terms.global_scope is GlobalScope.WAITS and self._practices(route).get("withheld"):
            count = self._outbox.consents.awaiting(route.destination.id, project.id)
        waiting = None
        if consent.waiting.names:
            everybodys = self._destination_named(None).name
            waiting = consent_request.problem(consent, project.path, project.id, everybodys)
        practices = consent_request.global_problem(count, project.path, project.id)
        yield from filter(None, (route.problem, waiting, practices))

    def _asked(self, project: ProjectRow) -> Asked | None:
        """What the folder's own file asks for; None while it can't be understood, which is reported."""
        asked, problems = None, []
        try:
            asked = projects.asked_by(self._folders.of(project))
        except BadProjectFile as error:
            problems.append(error.problem)
        self._outbox.problems.replace(project.id, "project file", problems, project.tree)
        return asked

    def _hear(self, project: ProjectRow, asked: Asked | None, everybodys: str) -> Consent | None:
        consents = self._outbox.consents
        if asked is None:
            return consents.at(project.path)
        known = consents.update(project.path, lambda it: heard(it, asked, everybodys))
        if known is not None:
            return known
        return consents.change(project.path, lambda it: it or self._inherit(project, asked, everybodys))

    def _inherit(self, project: ProjectRow, asked: Asked, everybodys: str) -> Consent:
        """The consent by what the outbox of an earlier version followed."""
        globally = self._outbox.consents.has_delivered_globally(project.id)
        followed = self._outbox.destinations.of(project.id).name
        log.info("consent_inherited", project=project.id, to=followed)
        return inherited(asked, project.id, followed, everybodys, globally=globally)

    def _renamed(self, project: ProjectRow, consent: Consent) -> tuple[ProjectRow, Problem | None]:
        """The project under the id that was agreed to, unless another project has that id now."""
        if consent.id is None or consent.id == project.id:
            return project, None
        row = replace(project, id=consent.id)
        try:
            projects.is_taken_over(self._outbox, row, is_by_name=False, trusted=self._folders.trusted)
        except SyncdError as error:
            return project, error.problem
        log.info("project_renamed", folder=str(project.path), was=project.id, now=row.id)
        with self._outbox.transaction():
            self._outbox.projects.rename(project.id, row.id)
            self._outbox.kept_items.rename(project.id, row.id)
        for folder in self._outbox.projects.all():
            if folder.id == row.id:
                self._on_move(folder)
        return row, None

    def _follow(self, project: ProjectRow, terms: Terms, everybodys: DestinationRow) -> Route:
        destination = self._destination_named(terms.destination) if terms.destination else everybodys
        has_moved = self._outbox.destinations.route(project, destination.id)
        if has_moved:
            log.info("project_routed", project=project.id, folder=str(project.path), to=destination.identity)
            self._on_move(project)
        return Route(project, terms, destination, has_moved)

    def _practices(self, route: Route) -> dict[str, int]:
        """How many best practices of a project count as what, at its present destination."""
        return self._outbox.items.tally(route.destination.id, route.project.id, Kind.BEST_PRACTICE)


def _narrowed_by_worktree(terms: Terms, asked: Asked | None) -> Terms:
    """A project's terms in one of its worktrees, whose own file can only narrow them."""
    if asked is None:
        return terms
    kinds = terms.kinds if asked.kinds is None else asked.kinds
    return replace(terms.narrowed(Terms(None, kinds, asked.exclude or ())), destination=terms.destination)


def _decided(consent: Consent, found: GlobalScope) -> Consent:
    is_open = consent.terms.global_scope is GlobalScope.OPEN
    return with_global_scope(consent, found) if is_open else consent
