"""The log: a file that is rotated, and no secret in a traceback."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from mem0_syncd.system import log

SECRET = "m0-in-a-local-variable"


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """The logging of the test run is left as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def fail() -> None:
    """Fail where a secret is at hand."""
    config = {"api_key": SECRET}
    raise RuntimeError(f"no {len(config)} luck")


def test_a_log_file_is_rotated_and_its_owners_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few full files are kept; no line is lost between two, or cut."""
    monkeypatch.setattr(log, "LARGEST_BYTES", 4000)
    file = tmp_path / "logs" / "daemon.log"
    log.configure("info", file)
    for number in range(200):
        structlog.get_logger("test").info("line", number=number)
    files = sorted(file.parent.iterdir())
    assert [it.name for it in files] == ["daemon.log", "daemon.log.1", "daemon.log.2", "daemon.log.3"]
    assert {stat.S_IMODE(it.stat().st_mode) for it in files} == {0o600}
    assert all(it.stat().st_size <= 4000 for it in files)
    numbers = [json.loads(line)["number"] for it in reversed(files) for line in it.read_text().splitlines()]
    assert numbers == list(range(numbers[0], 200))


def test_the_level_changes_while_it_runs(tmp_path: Path) -> None:
    """Loggers that were there before heed it."""
    file, logger = tmp_path / "daemon.log", structlog.get_logger("test")
    for level in ("info", "error", "debug"):
        log.configure(level, file)
        logger.debug("little", at=level)
        logger.error("much", at=level)
    said = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(it["event"], it["at"]) for it in said] == [
        ("much", "info"),
        ("much", "error"),
        ("little", "debug"),
        ("much", "debug"),
    ]


def test_a_traceback_shows_no_values(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The API key may be one of them."""
    file = tmp_path / "daemon.log"
    for where in (file, None):
        log.configure("info", where)
        try:
            fail()
        except RuntimeError:
            structlog.get_logger("test").exception("it failed")
    said = file.read_text() + capsys.readouterr().err
    assert said.count("no 1 luck") >= 2
    assert SECRET not in said
