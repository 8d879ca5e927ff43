"""Where things are put, and that nobody else decides it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.errors import SyncdError
from mem0_syncd.system.paths import APP, socket_path


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder whose path is too long for a socket, as that of the runtime folder is."""
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setenv("MEM0_SYNCD_RUNTIME_DIR", str(deep / "runtime"))
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as temporary:  # its path is short
        monkeypatch.setattr(tempfile, "tempdir", temporary)
        yield deep


def test_a_socket_finds_room_below_the_temporary_folder(deep: Path) -> None:
    """Where every other path is too long for one, in a folder of this user alone."""
    folder = socket_path(deep).parent
    assert folder == Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_link_that_somebody_put_there_takes_no_socket(deep: Path, tmp_path: Path) -> None:
    """Everybody may write there; what it leads to is left as it is."""
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o755)
    (Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}").symlink_to(theirs)
    with pytest.raises(SyncdError, match="no folder takes the control socket"):
        socket_path(deep)
    assert stat.S_IMODE(theirs.stat().st_mode) == 0o755
    assert not list(theirs.iterdir())


def test_a_command_runs_in_a_folder_that_was_deleted(tmp_path: Path) -> None:
    """A shell may still be in it."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f'rmdir "{gone}"; exec "{sys.executable}" -m mem0_syncd --version'
    done = subprocess.run(["sh", "-c", command], cwd=gone, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
