"""Whether there is room on the disk."""

from __future__ import annotations

import pytest

from mem0_syncd.doctor.check_result import Verdict
from mem0_syncd.doctor.storage import judge_disk

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE
MIB = 1 << 20


@pytest.mark.parametrize(
    ("free", "inodes", "verdict"),
    [(4096 * MIB, 9, OK), (200 * MIB, 9, WARNING), (10 * MIB, 9, FAILURE), (4096 * MIB, 0, FAILURE)],
)
def test_a_disk_can_be_full_in_two_ways(free: int, inodes: int, verdict: Verdict) -> None:
    """Of bytes, and of files."""
    assert judge_disk(free, inodes, "/state").verdict is verdict
