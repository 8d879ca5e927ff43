"""Which folders can't be a project."""

from __future__ import annotations

from pathlib import Path

import pytest

from mem0_syncd.projects.refused_folders import reason_to_refuse

HOME, STATE = Path("/home/ann"), Path("/home/ann/.local/state/mem0-syncd")


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("/home/ann", "your home folder"),
        ("/home", "a folder above your home folder"),
        ("/", "the root of all folders"),
        ("/home/ann/.local", "where mem0-syncd keeps its own files"),
        ("/home/ann/.local/state/mem0-syncd", "where mem0-syncd keeps its own files"),
        ("/tmp", "a folder of the system"),
        ("/usr", "a folder of the system"),
        ("/var/lib", "a folder of the system"),
        ("/home/ann/code/shop", None),
        ("/home/ann/code", None),
        ("/srv/shop", None),
        ("/tmp/shop", None),
        ("/home/bob", None),
    ],
)
def test_what_holds_more_than_a_project_is_none(folder: str, why: str | None) -> None:
    """Whatever anybody puts into such a folder would be watched as one project's."""
    assert reason_to_refuse(Path(folder), HOME, STATE) == why
