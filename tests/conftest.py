"""Fixtures that every kind of test shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from support import nursery, temporary_folders

# mem0ai reports to its makers unless told otherwise before it is imported, and makes a folder at home.
os.environ["MEM0_TELEMETRY"] = "False"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# Machines are shared: how long an example takes says nothing of the code.
hypothesis.settings.register_profile("no deadline", deadline=None)
# For `make test-fast`.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=25)
hypothesis.settings.load_profile("no deadline")


def pytest_configure(config: pytest.Config) -> None:
    """Have temporary folders that end with the run, and a nursery for all that the tests start."""
    if hasattr(config, "workerinput"):
        return
    config.add_cleanup(temporary_folders.make())
    if (
        hasattr(os, "pidfd_open") and nursery.VARIABLE not in os.environ
    ):  # a process can be waited for by a handle
        its = nursery.Nursery(Path(os.environ[temporary_folders.USUAL]))
        os.environ[nursery.VARIABLE] = its.path
        config.add_cleanup(its.close)


@pytest.fixture(autouse=True, scope="session")
def _away_from_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the user's own is read or written, and none of their settings counts."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("MEM0_SYNCD_", "MEM0_API_KEY", "XDG_")):
                patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("MEM0_DIR", str(home / "mem0"))
        yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's root folder with nothing in it, called `shop`."""
    folder = tmp_path / "shop"
    folder.mkdir()
    return folder
