"""What a log is told of how far something has come."""

from __future__ import annotations

import pytest

from mem0_syncd.cli.progress import line, progress


@pytest.mark.parametrize(
    ("done", "total", "seconds", "text"),
    [
        (0, 0, 3.0, "delivering ..."),
        (0, 400, 3.0, "delivering: 0 of 400"),
        (100, 400, 10.0, "delivering: 100 of 400, about 30 s left"),
        (100, 4900, 10.0, "delivering: 100 of 4900, about 8 min left"),
        (400, 400, 40.0, "delivering: 400 of 400, about 0 s left"),
    ],
)
def test_the_time_left_is_that_of_the_rate_so_far(done: int, total: int, seconds: float, text: str) -> None:
    """None is guessed before anything is done."""
    assert line("delivering", done, total, seconds) == text


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of what is over soon, and one line in ten seconds of the rest; on standard error.

    What is of other work goes on at a pace of its own.
    """
    moments = iter([0.0, 1.0, 11.0, 12.0, 13.0, 22.0, 30.0, 40.0])
    with progress("reading", lambda: next(moments)) as told:
        told.tell(1, 10)
        told.tell(5, 10)
        told.tell(6, 10)
        told.say("delivering")
        told.tell(9, 10)
        told.tell(0, 4)
        told.tell(2, 4)
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "reading: 5 of 10, about 10 s left",
        "delivering: 9 of 10, about 2 s left",
        "delivering: 2 of 4, about 10 s left",
    ]
    assert not said.out
