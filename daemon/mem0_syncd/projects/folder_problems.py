"""Problems of a watched folder itself, apart from its files' contents."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from mem0_syncd.errors import Problem, is_want_of_handles
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.projects import git, project_file, sync_state_file
from mem0_syncd.sources.all_sources import SOURCES
from mem0_syncd.sources.session_summary import BLOCKERS_PATH, STATE_PATH
from mem0_syncd.system.regular_file import too_large
from mem0_syncd.system.unreadable_file import Reason, RefusedFile, Unreadable
from mem0_syncd.system.untrusted_folder import (
    LONGEST_LOG,
    LONGEST_SESSION,
    LONGEST_SETTINGS,
    UntrustedFolder,
)

_LONGEST = {
    **{source.path: None if source.appended else LONGEST_LOG for source in SOURCES},
    sync_state_file.PATH: sync_state_file.LONGEST,
    project_file.PATH: LONGEST_SETTINGS,
    STATE_PATH: LONGEST_SESSION,
    BLOCKERS_PATH: None,
}
"""How long each file may be; of the others a part is read at a time."""


def problems_of(project: ProjectRow, folder: UntrustedFolder) -> list[Problem]:
    """Why nothing of a project's folder is read, or why it isn't the work tree that it claims to be.

    Raises `OSError` if file handles run out.
    """
    try:
        is_there = folder.is_folder()
    except RefusedFile as error:
        return [error.problem(str(folder.root))]
    except OSError as error:
        if is_want_of_handles(error):
            raise
        return [
            Problem(f"can't be read: {error.strerror}", str(folder.root), "check its owner and permissions")
        ]
    if not is_there:
        return [
            Problem(
                "the project's folder is not there",
                str(folder.root),
                f"if it has moved: mem0-syncd project add PATH --id {project.id}; if it is gone:"
                f" mem0-syncd project remove {shlex.quote(str(folder.root))}",
            )
        ]
    claim = git.claim_of(folder.root, trusted=folder.trusted, opened=folder)
    return [claim.problem] if claim and claim.problem else []


def refusals(folder: UntrustedFolder) -> Iterator[Problem]:
    """The files of a folder that aren't read, or aren't written, and why; reads none of them."""
    for name, most in _LONGEST.items():
        try:
            found = folder.stat(name)
            if found and most is not None and found.st_size > most:
                raise too_large(found.st_size, most)
        except Unreadable as error:
            yield error.problem(name)
        except OSError as error:
            yield Problem(f"can't be read: {error.strerror}", name, "check its owner and permissions")
    try:
        with folder.in_place(sync_state_file.PATH):
            pass
    except RefusedFile as error:
        if error.reason is Reason.THROUGH_A_LINK:  # all others are reported above
            yield error.problem(sync_state_file.PATH)
    except OSError:  # missing, or reported above
        return
