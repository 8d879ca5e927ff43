"""What the Platform's answer says of the network, the key and the clock."""

from __future__ import annotations

import pytest

from mem0_syncd.doctor.check_result import Verdict
from mem0_syncd.doctor.network import judge, judge_clock, judge_key
from mem0_syncd.doctor.platform_ping import NoAnswer, PlatformAnswer

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE
UNREACHED = NoAnswer("connection refused", "check the network")


@pytest.mark.parametrize(
    ("answer", "way", "key"),
    [
        (PlatformAnswer(200, is_json=True, ahead=0.0), OK, OK),
        (PlatformAnswer(401, is_json=True, ahead=0.0), OK, FAILURE),
        (PlatformAnswer(403, is_json=True, ahead=0.0), OK, FAILURE),
        (PlatformAnswer(402, is_json=True, ahead=0.0), OK, FAILURE),
        (PlatformAnswer(429, is_json=True, ahead=0.0), WARNING, OK),
        (PlatformAnswer(503, is_json=True, ahead=0.0), WARNING, WARNING),
        (PlatformAnswer(302, is_json=False, ahead=None), FAILURE, WARNING),
        (PlatformAnswer(200, is_json=False, ahead=None), FAILURE, WARNING),
        (PlatformAnswer(404, is_json=True, ahead=None), FAILURE, OK),
        (UNREACHED, FAILURE, WARNING),
    ],
)
def test_an_answer_tells_of_the_way_and_of_the_key(
    answer: PlatformAnswer | NoAnswer, way: Verdict, key: Verdict
) -> None:
    """A refused key is no fault of the network, and a captive portal none of the key."""
    assert judge(answer, "https://api.mem0.ai").verdict is way
    assert judge_key(answer).verdict is key


@pytest.mark.parametrize(
    ("ahead", "written", "verdict", "says"),
    [
        (3.0, -100.0, OK, "agrees"),
        (3600.0, None, WARNING, "3600 s behind Mem0's"),
        (-3600.0, None, WARNING, "3600 s ahead of Mem0's"),
        (None, 3600.0, WARNING, "set back"),
        (None, -5.0, OK, "no other clock"),
        (None, None, OK, "no other clock"),
    ],
)
def test_the_clock_is_held_against_others(
    ahead: float | None, written: float | None, verdict: Verdict, says: str
) -> None:
    """Mem0's, where it answers, and the outbox's last write."""
    finding = judge_clock(ahead, written)
    assert finding.verdict is verdict
    assert says in finding.what
