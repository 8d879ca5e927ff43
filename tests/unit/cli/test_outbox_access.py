"""Whether a daemon does it, or the command itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mem0_syncd.cli import outbox_access
from mem0_syncd.errors import DaemonNotRunning, StateFolderBusy


def turns(*results: object) -> Callable[[], object]:
    """Something that has another end each time it is tried."""
    left: Iterator[object] = iter(results)

    def take() -> object:
        result = next(left)
        if isinstance(result, Exception):
            raise result
        return result

    return take


GONE, BUSY = DaemonNotRunning("none runs"), StateFolderBusy("another delivers")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for between two tries."""
    monkeypatch.setattr(outbox_access, "_POLL_SECONDS", 0.0)


def test_a_running_daemon_does_it() -> None:
    """And nothing else is tried."""
    assert outbox_access.either(turns("daemon"), turns()) == "daemon"


def test_without_a_daemon_the_command_does_it() -> None:
    """Once."""
    assert outbox_access.either(turns(GONE), turns("alone")) == "alone"


def test_a_daemon_that_is_just_starting_is_waited_for() -> None:
    """It has the lock already, and doesn't answer yet."""
    assert outbox_access.either(turns(GONE, GONE, "daemon"), turns(BUSY, BUSY)) == "daemon"


def test_one_that_never_answers_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the holder of the lock that it is."""
    monkeypatch.setattr(outbox_access, "START_SECONDS", 0.0)
    with pytest.raises(StateFolderBusy):
        outbox_access.either(turns(GONE), turns(BUSY))
