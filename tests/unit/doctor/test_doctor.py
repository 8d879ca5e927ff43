"""The doctor's checks are made one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from mem0_syncd.config.settings import Settings
from mem0_syncd.doctor import examine, look_around
from mem0_syncd.doctor.check_result import CheckResult, Verdict, fine

OK, FAILURE = Verdict.OK, Verdict.FAILURE


def test_a_check_that_breaks_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are made all the same."""

    def breaks(_around: object) -> list[CheckResult]:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("mem0_syncd.doctor.CHECKS", {"first": breaks, "second": lambda _: [fine("well")]})
    around = look_around(Settings(state_dir=tmp_path / "state"), {})
    (first, broken), (second, well) = examine(around)
    assert (first, second) == ("first", "second")
    assert broken.verdict is FAILURE
    assert "ZeroDivisionError: oops" in broken.what
    assert well.verdict is OK
