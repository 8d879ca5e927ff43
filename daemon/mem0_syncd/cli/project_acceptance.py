"""What a person is shown before agreeing: what a project's own file asks for, and where its items go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mem0_syncd.config.settings import Settings
from mem0_syncd.core.consent import (
    Asked,
    Consent,
    GlobalScope,
    Said,
    accepted,
    added,
    heard,
    with_global_scope,
)
from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES
from mem0_syncd.engine import destination_choice as means
from mem0_syncd.errors import SyncdError
from mem0_syncd.ingest.preview import preview
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects import consent_request as asking
from mem0_syncd.projects import projects
from mem0_syncd.status.render import counted
from mem0_syncd.system.untrusted_folder import UntrustedFolder


@dataclass(frozen=True, slots=True)
class Offer:
    """What `project add` would watch and agree to, in lines, and what that means for the global scope.

    `asked` is what was read of the project's own file: nothing else is agreed to.
    """

    lines: tuple[str, ...]
    scope: GlobalScope
    asked: Asked


@dataclass(frozen=True, slots=True)
class Asking:
    """What a project has waiting, in lines; `agreed` is its consent after its user agrees to exactly that."""

    folder: Path
    lines: tuple[str, ...]
    before: Consent
    agreed: Consent

    @property
    def is_something(self) -> bool:
        """Whether anything waits."""
        return bool(self.lines)


def offer(
    outbox: Outbox, settings: Settings, folder: Path, name: str | None, *, globally: bool | None
) -> Offer:
    """What a project asks for and holds that its user is about to add.

    `globally` is the user's answer for the global scope, if given. Raises `SyncdError` if the project's file
    can't be understood.
    """
    trusted = settings.trusted_folders
    asked = projects.asked_by_family(folder, trusted=trusted)
    row = projects.intended(outbox, folder, name, asked=asked, trusted=trusted)
    known = next((it for it in outbox.projects.all() if it.path == folder), None)
    shown = GlobalScope.DECLINED if globally is False else GlobalScope.AGREED
    terms = added(asked, Said(), row.id, shown).terms
    watched = UntrustedFolder(folder, trusted=trusted)
    content = preview(watched, known.id if known else row.id, terms)
    lines = [*content.lines, f"  to {means.intended(terms.destination, settings, outbox.destinations)}"]
    if asked.id is not None and name is None and known is None:
        lines.append(f"  its own file asks for: id {asked.id}")
    if asked.destination is not None:
        lines.append(f"  its own file asks for: destination {asked.destination}")
    lines += [f"  its own file asks for: {it.name} {it.asked}" for it in asking.terms_in_words(terms)]
    if content.practices:
        practices = counted(content.practices, "best practice")
        lines.append(
            f"  {practices} would turn up in the recall of every project; --no-global keeps them here"
        )
    scope = _scope(outbox, known, globally=globally, is_there=content.practices > 0)
    return Offer(tuple(lines), scope, asked)


def find(outbox: Outbox, settings: Settings, name: str) -> Asking:
    """What the project with an id or a folder has waiting.

    Raises `SyncdError` if there is no such project, or its file can't be understood.
    """
    path = projects.located(Path(name))
    for row in outbox.projects.all():
        if name == row.id or path == row.path:
            own = outbox.projects.own_folder(row.id) or row.path
            return _of_watched(outbox, settings, replace(row, path=own))
    for folder, consent in outbox.consents.unagreed():
        plain = projects.name_of(folder, trusted=settings.trusted_folders)
        if path == folder or name in (consent.waiting.id, plain):
            agreed = projects.as_delivered(outbox, accepted(consent, plain))
            return Asking(folder, _lines(folder, outbox, settings, consent), consent, agreed)
    raise SyncdError("no such project is watched, or waits", where=name, remedy="mem0-syncd project list")


def agree(outbox: Outbox, settings: Settings, asking_: Asking) -> None:
    """Make what was shown the project's consent; raises `SyncdError` if its new id is another project's."""
    row = ProjectRow(str(asking_.agreed.id), asking_.folder)
    projects.is_taken_over(outbox, row, is_by_name=False, trusted=settings.trusted_folders)
    outbox.consents.change(asking_.folder, lambda _: asking_.agreed)


def _of_watched(outbox: Outbox, settings: Settings, row: ProjectRow) -> Asking:
    before = outbox.consents.at(row.path)
    if before is None:
        raise SyncdError(
            "the project hasn't been read yet by this version",
            where=str(row.path),
            remedy="mem0-syncd sync, and then again",
        )
    everybodys = outbox.destinations.current()
    asked = projects.asked_by_family(row.path, trusted=settings.trusted_folders)
    waits = heard(before, asked, everybodys.name if everybodys else "")
    agreed = accepted(waits, row.id)
    count = outbox.consents.awaiting(outbox.destinations.of(row.id).id, row.id) if everybodys else 0
    lines = _lines(row.path, outbox, settings, waits)
    if count and before.terms.global_scope is GlobalScope.WAITS:
        agreed = with_global_scope(agreed, GlobalScope.AGREED)
        lines += (
            f"  {counted(count, 'best practice')} for {GLOBAL_BEST_PRACTICES}: every project recalls them",
        )
    return Asking(row.path, lines, waits, agreed)


def _lines(folder: Path, outbox: Outbox, settings: Settings, consent: Consent) -> tuple[str, ...]:
    def place(name: str | None) -> str:
        return means.intended(name, settings, outbox.destinations)

    lines = [f"{folder / asking.FILE} asks for:"] if list(asking.differences(consent)) else []
    for it in asking.differences(consent, place):
        lines.append(f"  {it.name}: {it.asked}" + (f" (now: {it.now})" if it.now else ""))
        if it.name == "id" and it.now:
            lines.append("    everything is sent again under it; what is in Mem0 under the other one stays")
    return tuple(lines)


def _scope(outbox: Outbox, known: ProjectRow | None, *, globally: bool | None, is_there: bool) -> GlobalScope:
    if globally is not None:
        return GlobalScope.AGREED if globally else GlobalScope.DECLINED
    before = outbox.consents.of(known.id) if known else None
    is_declined = before is not None and before.terms.global_scope is GlobalScope.DECLINED
    return GlobalScope.AGREED if is_there and not is_declined else GlobalScope.WAITS
