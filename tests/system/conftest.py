"""Fixtures that the system tests share; a module with other wishes has its own of the same name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon import Daemon, platform_settings
from support.mem0_platform import Mem0Platform


@pytest.fixture
def mem0() -> Iterator[Mem0Platform]:
    """A Mem0 that keeps what it is sent."""
    with Mem0Platform() as platform:
        yield platform


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Iterator[Daemon]:
    """A daemon of one project, not yet started; it leaves no process behind."""
    daemon = Daemon(tmp_path, [project], **platform_settings(mem0.url))
    yield daemon
    daemon.end()
