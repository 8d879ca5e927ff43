"""What is wrong with a watched folder as such, whatever its files say."""

from __future__ import annotations

from mem0_syncd import git
from mem0_syncd.errors import Problem, is_want_of_handles
from mem0_syncd.outbox import ProjectRow
from mem0_syncd.unreadable import Refused
from mem0_syncd.watched_folder import WatchedFolder


def problems_of(project: ProjectRow, folder: WatchedFolder) -> list[Problem]:
    """Why nothing of a project's folder is read, or why it isn't the work tree that it says it is.

    Raises `OSError` for want of file handles.
    """
    try:
        is_there = folder.is_folder()
    except Refused as error:
        return [Problem(error.what, str(folder.root), error.remedy)]
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
                f"mem0-syncd project remove {project.id}",
            )
        ]
    claim = git.claim_of(folder.root, trusted=folder.trusted)
    return [claim.problem] if claim and claim.problem else []
