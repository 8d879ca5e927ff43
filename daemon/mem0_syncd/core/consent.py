"""Consent: what of a project is sent where. Pure.

It follows from what the project's own file asks for, and from what its user has agreed to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase

from mem0_syncd.core.destination_kinds import HOME
from mem0_syncd.core.item import Item, Kind
from mem0_syncd.core.withheld import Why, Withheld


@dataclass(frozen=True, slots=True)
class Asked:
    """What a project's own file asks for; None where it is silent.

    `exclude` holds shell patterns: an item is withheld if its id, category or file matches one of them.
    """

    id: str | None = None
    kinds: frozenset[Kind] | None = None
    exclude: tuple[str, ...] | None = None
    destination: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the values that the file sets."""
        values = {
            "id": self.id,
            "destination": self.destination,
            "kinds": self.kinds,
            "exclude": self.exclude,
        }
        return tuple(name for name, value in values.items() if value is not None)


SILENT = Asked()


class GlobalScope(StrEnum):
    """Whether a project's best practices go to the scope that every project recalls from."""

    OPEN = "open"
    """Agreed to if the first scan finds some."""

    WAITS = "waits"
    AGREED = "agreed"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a project is sent where; without a destination it is that of all projects."""

    destination: str | None = None
    kinds: frozenset[Kind] = frozenset(Kind)
    exclude: tuple[str, ...] = ()
    global_scope: GlobalScope = GlobalScope.AGREED

    def reason_to_withhold(self, item: Item) -> Withheld | None:
        """Why an item is withheld; None if it is delivered."""
        if item.kind not in self.kinds:
            return Withheld(Why.OTHER_KIND, item.kind.value)
        names = (item.source_id or "", str(item.metadata.get("category", "")), item.path)
        for pattern in self.exclude:
            if any(fnmatchcase(name, pattern) for name in names if name):
                return Withheld(Why.EXCLUDED, pattern)
        if item.kind is Kind.BEST_PRACTICE and self.global_scope is GlobalScope.WAITS:
            return Withheld(Why.AWAITS_CONSENT)
        if item.kind is Kind.BEST_PRACTICE and self.global_scope is GlobalScope.DECLINED:
            return Withheld(Why.DECLINED)
        return None

    def narrowed(self, other: Terms) -> Terms:
        """The terms that both agree on: the kinds of both, the exclusions of either."""
        destination = HOME if other.destination == HOME else self.destination
        more = tuple(it for it in other.exclude if it not in self.exclude)
        return replace(
            self, destination=destination, kinds=self.kinds & other.kinds, exclude=self.exclude + more
        )

    def is_within(self, other: Terms, everybodys: str) -> bool:
        """Whether these terms send nothing more than the others, and nowhere else."""
        is_there = (self.destination or everybodys) == (other.destination or everybodys)
        is_home = self.destination in (None, HOME)
        is_less = self.kinds <= other.kinds and set(self.exclude) >= set(other.exclude)
        return (is_there or is_home) and is_less


EVERYTHING = Terms()


@dataclass(frozen=True, slots=True)
class Consent:
    """What holds for a project now, what was ever agreed, and what waits for its user.

    `id` is None while nothing was ever agreed: then nothing of the project is sent. What the user has `said`,
    an id or a destination, is stronger than the file.
    """

    id: str | None = None
    terms: Terms = EVERYTHING
    agreed: tuple[Terms, ...] = ()
    ids: frozenset[str] = frozenset()
    id_is_said: bool = False
    said_destination: str | None = None
    waiting: Asked = SILENT

    @property
    def effective(self) -> Terms:
        """What holds, with what the user said."""
        return replace(self.terms, destination=self.said_destination or self.terms.destination)


@dataclass(frozen=True, slots=True)
class Said:
    """What the user says about a project, by a command or in the settings."""

    id: str | None = None
    destination: str | None = None


def added(asked: Asked, said: Said, name: str, scope: GlobalScope) -> Consent:
    """The consent of a project that its user adds by a command, which shows what its file asks for.

    `name` is the id that the project has if neither user nor file names one.
    """
    project = said.id or asked.id or name
    terms = replace(_wanted(EVERYTHING, asked), global_scope=scope)
    return Consent(project, terms, (terms,), frozenset({project}), said.id is not None, said.destination)


def listed(asked: Asked, said: Said, name: str, everybodys: str, before: Consent | None) -> Consent:
    """The consent of a project that the settings list: what its file asks for beyond that waits.

    `everybodys` is the destination of all projects, and `before` the consent of the folder so far. A file
    that asked for something before, and is silent now, takes nothing back.
    """
    if before is not None and before.id is not None:
        return heard(resaid(before, said), asked, everybodys)
    if before is not None:
        asked = _with_silence_filled(asked, before.waiting)
    is_renamed = said.id is None and asked.id not in (None, name)
    is_moved = said.destination is None and asked.destination not in (None, HOME, everybodys)
    if is_renamed or is_moved:
        return Consent(said_destination=said.destination, waiting=asked)
    # A project that goes with all projects follows them to their next destination, too.
    own = HOME if asked.destination == HOME else None
    return added(replace(asked, destination=own), said, name, GlobalScope.OPEN)


def resaid(consent: Consent, said: Said) -> Consent:
    """A project's consent with what its user says about it in the settings now."""
    project = said.id or consent.id
    ids = consent.ids | {project} if project else consent.ids
    is_said = consent.id_is_said or said.id is not None
    return replace(consent, id=project, ids=ids, id_is_said=is_said, said_destination=said.destination)


def inherited(
    asked: Asked, project: str, followed: str | None, everybodys: str, *, globally: bool
) -> Consent:
    """The consent of a project of an earlier version's outbox: what that followed counts as agreed.

    `followed` is the destination that the project was sent to. `globally` is whether it had delivered to the
    global scope.
    """
    destination = asked.destination if asked.destination in (HOME, followed) else None
    if destination is None and followed != everybodys:
        destination = followed
    scope = GlobalScope.AGREED if globally else GlobalScope.WAITS
    terms = replace(_wanted(EVERYTHING, asked), destination=destination, global_scope=scope)
    # Whether a command named it is no longer known; a file that says otherwise wasn't read until now.
    is_said = asked.id not in (None, project)
    return Consent(project, terms, (terms,), frozenset({project}), is_said)


def heard(consent: Consent, asked: Asked, everybodys: str) -> Consent:
    """The consent after the project's file was read, with what holds now and what waits.

    What narrows, or returns within what was once agreed, holds at once; the rest waits.
    """
    if consent.said_destination is not None:
        asked = replace(asked, destination=None)
    wanted = _wanted(consent.terms, asked)
    is_agreed = any(wanted.is_within(it, everybodys) for it in consent.agreed)
    terms = wanted if is_agreed else consent.terms.narrowed(wanted)
    if terms.destination == everybodys and everybodys not in _named(consent):
        terms = replace(terms, destination=None)
    project = consent.id
    is_other = asked.id not in (None, project) and not consent.id_is_said
    if is_other and asked.id in consent.ids:
        project, is_other = asked.id, False
    is_elsewhere = (wanted.destination or everybodys) != (terms.destination or everybodys)
    waiting = Asked(
        asked.id if is_other else None,
        wanted.kinds if wanted.kinds != terms.kinds else None,
        wanted.exclude if set(wanted.exclude) != set(terms.exclude) else None,
        wanted.destination if is_elsewhere else None,
    )
    return replace(consent, id=project, terms=terms, waiting=waiting)


def accepted(consent: Consent, name: str) -> Consent:
    """The consent after the user has agreed to what waits.

    `name` is the id that the project has if neither user nor file names one.
    """
    asked = consent.waiting
    if consent.id is None:
        return added(asked, Said(destination=consent.said_destination), name, GlobalScope.OPEN)
    project = asked.id or consent.id
    terms = _wanted(consent.terms, asked)
    agreed = (*(it for it in consent.agreed if not _is_less(it, terms)), terms)
    return replace(
        consent, id=project, ids=consent.ids | {project}, terms=terms, agreed=agreed, waiting=SILENT
    )


def with_global_scope(consent: Consent, scope: GlobalScope) -> Consent:
    """The consent with another answer for the global scope."""
    return replace(consent, terms=replace(consent.terms, global_scope=scope))


def _wanted(terms: Terms, asked: Asked) -> Terms:
    """The terms that a file asks for; where it is silent, those that hold."""
    return replace(
        terms,
        destination=asked.destination or terms.destination,
        kinds=terms.kinds if asked.kinds is None else asked.kinds,
        exclude=terms.exclude if asked.exclude is None else asked.exclude,
    )


def _with_silence_filled(asked: Asked, before: Asked) -> Asked:
    return Asked(
        asked.id or before.id,
        before.kinds if asked.kinds is None else asked.kinds,
        before.exclude if asked.exclude is None else asked.exclude,
        asked.destination or before.destination,
    )


def _named(consent: Consent) -> set[str | None]:
    """The destinations that the project itself was agreed to name; its own machine is always one."""
    return {HOME, *(it.destination for it in consent.agreed)}


def _is_less(terms: Terms, other: Terms) -> bool:
    """Whether these terms send nothing more than the others, which have the same destination and id."""
    return terms.destination == other.destination and terms.is_within(other, "")
