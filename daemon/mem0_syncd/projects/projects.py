"""Projects: their ids, and watching one by its user's command."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mem0_syncd.core.consent import Asked, Consent, GlobalScope, Said, added, with_global_scope
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects import git, project_file
from mem0_syncd.projects.refused_folders import reason_to_refuse
from mem0_syncd.system import paths
from mem0_syncd.system.untrusted_folder import UntrustedFolder

DEFAULT_ID = "default-project"


def project_id(name: str) -> str:
    """The id that is derived from a folder's name, or any other name."""
    lowered = unicodedata.normalize("NFKD", name).lower()
    return re.sub(r"[^a-z0-9-]+", "-", lowered).strip("-") or DEFAULT_ID


def credential_in(*names: str) -> str:
    """The kind of credential that the id of one of these names looks like; '' if none does.

    An id is part of each Mem0 user id of its project, and of every status and log.
    """
    from mem0_syncd.redact.item_redaction import Redactor

    ids = [it for name in names for it in (name, project_id(name))]
    return next(iter(Redactor("redact").secrets_among(ids).values()), "")


def refuse_credential(folder: Path, name: str | None) -> None:
    """Raise `SyncdError` if a name, or a folder's own, looks like a credential."""
    kind = credential_in(name or folder.name)
    if kind:
        whose = f"the name {shortened(name)}" if name else "the folder's name"
        where = str(folder.with_name(shortened(folder.name))) if credential_in(folder.name) else str(folder)
        raise SyncdError(
            f"{whose} looks like a credential ({kind}), and an id leaves this machine",
            where=where,
            remedy="give it an id of its own: mem0-syncd project add FOLDER --id NAME",
        )


def shortened(name: str) -> str:
    """The beginning of a name that is not to be shown."""
    return f"{name[:4]}..."


def located(path: Path) -> Path:
    """The path of a folder that a person names, absolute and without links; it need not exist."""
    return path.expanduser().resolve()


def is_folder(path: Path) -> bool:
    """Whether there is a folder where a person names one."""
    return located(path).is_dir()


def resolve(path: Path) -> Path:
    """A project's folder, absolute and without links.

    Raises `SyncdError` if there is none, or it can't be a project.
    """
    folder = located(path)
    if not folder.is_dir():
        raise SyncdError("there is no such folder", where=str(path), remedy="name a project's root folder")
    if why := reason_to_refuse(folder, Path.home().resolve(), paths.state_dir().resolve()):
        raise SyncdError(
            f"a project is a folder of its own, and this is {why}",
            where=str(folder),
            remedy="name the root folder of one project, such as ~/code/shop",
        )
    return folder


def add(
    outbox: Outbox,
    path: Path,
    name: str | None = None,
    *,
    asked: Asked | None = None,
    scope: GlobalScope = GlobalScope.OPEN,
    trusted: Iterable[Path] = (),
) -> ProjectRow:
    """Watch a project by its user's command; its id is fixed when it is first seen.

    What its own file asks for counts as agreed; that is `asked`, if the user was shown it. `scope` is the
    user's answer for the global scope: adding a project again leaves that as it is, unless it is agreed to or
    declined. `trusted` are the folders that the user's settings trust, here and below. Raises `SyncdError` if
    the id is taken, or the folder is known by another one.
    """
    folder, trusted = resolve(path), tuple(trusted)
    asked = asked or asked_by_family(folder, trusted=trusted)
    known = next((it for it in outbox.projects.all() if it.path == folder), None)
    if known is not None:
        return _add_again(outbox, known, name, asked, scope)
    row = intended(outbox, folder, name, asked=asked, trusted=trusted)
    is_by_name = name is not None or row.id == name_of(folder, trusted=trusted)
    takes_over = is_taken_over(outbox, row, is_by_name=is_by_name, trusted=trusted)
    with outbox.transaction():
        outbox.projects.add(row, takes_over=takes_over)
        _agree(outbox, row, added(asked, Said(row.id if name is not None else None), row.id, scope), None)
    return row


def intended(
    outbox: Outbox,
    folder: Path,
    name: str | None,
    *,
    asked: Asked | None = None,
    trusted: Iterable[Path] = (),
) -> ProjectRow:
    """The project that a folder would be: a linked git worktree has its main tree's id.

    `asked` is what its own file asks for, if that has been read.

    Raises `SyncdError` if its own file can't be understood.
    """
    main = git.main_tree(folder, trusted=trusted)
    of_main = next((it.id for it in outbox.projects.all() if it.path == main), None)
    if name:
        refuse_credential(folder, name)
    name = name or of_main or (asked or asked_by_family(folder, trusted=trusted)).id
    if not name:
        refuse_credential(_family(folder, trusted), None)
    own = project_id(name) if name else name_of(folder, trusted=trusted)
    return ProjectRow(own, folder, "command", main is not None)


def is_taken_over(outbox: Outbox, row: ProjectRow, *, is_by_name: bool, trusted: Iterable[Path] = ()) -> bool:
    """Whether a project with that id, which is no longer where it was, has moved to here.

    It has if its user says so: `is_by_name` is whether the id is from the user or the folder's own name.
    Raises `SyncdError` if the id is another project's.
    """
    trusted = tuple(trusted)
    family = _family(row.path, trusted)
    rivals = [it for it in outbox.projects.all() if it.id == row.id and _family(it.path, trusted) != family]
    rival = next((it for it in rivals if it.path.is_dir()), None)
    if rival is not None:
        raise SyncdError(
            f"the id {row.id!r} is already that of {rival.path}",
            where=str(row.path),
            remedy=f"give it an id of its own: mem0-syncd project add {row.path} --id NAME",
        )
    if rivals and not is_by_name:
        raise SyncdError(
            f"the id {row.id!r} is that of {rivals[0].path}, which is not there now",
            where=str(row.path),
            remedy=f"if it has moved to here: mem0-syncd project add {row.path} --id {row.id}",
        )
    return bool(rivals)


def asked_by(folder: UntrustedFolder) -> Asked:
    """What a folder's own file asks for; raises `BadProjectFile`."""
    asked = project_file.read(folder)
    if asked.id and (kind := credential_in(asked.id)):
        what = (
            f"its id, {shortened(asked.id)}, looks like a credential ({kind}), and an id leaves this machine"
        )
        raise project_file.BadProjectFile(what, "id", "give it another one")
    return replace(asked, id=project_id(asked.id) if asked.id else None)


def asked_by_family(folder: Path, *, trusted: Iterable[Path] = ()) -> Asked:
    """What the file of a folder's project asks for; raises `SyncdError` if it can't be understood."""
    trusted = tuple(trusted)
    whole = _family(folder, trusted)
    try:
        return asked_by(UntrustedFolder(whole, trusted=trusted))
    except project_file.BadProjectFile as error:
        where = str(whole / error.problem.where)
        raise SyncdError(error.problem.what, where=where, remedy=error.remedy) from None


def name_of(folder: Path, *, trusted: Iterable[Path] = ()) -> str:
    """The id of a folder if neither user nor file names one."""
    return project_id(_family(folder, trusted).name)


def as_delivered(outbox: Outbox, consent: Consent) -> Consent:
    """A consent, with the global scope agreed to if the project had delivered to it before."""
    is_undecided = consent.terms.global_scope in (GlobalScope.OPEN, GlobalScope.WAITS)
    if is_undecided and consent.id and outbox.consents.has_delivered_globally(consent.id):
        return with_global_scope(consent, GlobalScope.AGREED)
    return consent


def _add_again(
    outbox: Outbox, known: ProjectRow, name: str | None, asked: Asked, scope: GlobalScope
) -> ProjectRow:
    if name is not None and project_id(name) != known.id:
        raise SyncdError(
            f"its id is {known.id!r}; under another one everything would be sent again",
            where=str(known.path),
            remedy=f"if that is what you want: mem0-syncd project remove {known.path}, and add it again",
        )
    row = replace(known, origin="command")
    # What is watched keeps its id, whatever the file says now: that waits for `project accept`.
    said = Said(row.id if name is not None else None)
    consent = added(replace(asked, id=None), said, row.id, scope)
    with outbox.transaction():
        outbox.projects.add(row)
        _agree(outbox, row, consent, outbox.consents.of(row.id))
    return row


def _agree(outbox: Outbox, row: ProjectRow, consent: Consent, before: Consent | None) -> None:
    """Replace a project's consent, if the folder represents the project."""
    if outbox.projects.own_folder(row.id) != row.path:
        return
    if before is not None:
        is_undecided = consent.terms.global_scope in (GlobalScope.OPEN, GlobalScope.WAITS)
        consent = with_global_scope(consent, before.terms.global_scope) if is_undecided else consent
        consent = replace(
            consent,
            agreed=(*before.agreed, *consent.agreed),
            ids=before.ids | consent.ids,
            id_is_said=before.id_is_said or consent.id_is_said,
            said_destination=before.said_destination,
        )
    outbox.consents.change(row.path, lambda _: as_delivered(outbox, consent))


def _family(folder: Path, trusted: Iterable[Path]) -> Path:
    """The main folder that a project's own folder and its linked worktrees share."""
    return git.main_tree(folder, trusted=trusted) or folder


def find(outbox: Outbox, path: Path) -> ProjectRow:
    """The watched project that a path is in; raises `SyncdError` if it is in none."""
    folder = located(path)
    inside = [it for it in outbox.projects.all() if folder == it.path or it.path in folder.parents]
    if not inside:
        raise SyncdError(
            "this is in no watched project",
            where=str(folder),
            remedy=f"see: mem0-syncd project list; to have it watched: mem0-syncd project add {folder}",
        )
    return max(inside, key=lambda it: len(it.path.parts))
