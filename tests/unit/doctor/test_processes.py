"""What the doctor makes of the daemon, the courier and the service manager."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mem0_syncd import __version__
from mem0_syncd.courier.process import ENDED
from mem0_syncd.doctor.check_result import Verdict
from mem0_syncd.doctor.processes import judge_courier, judge_ping, judge_service
from mem0_syncd.service import ServiceState as Service

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE
RUNNING = Service(
    is_installed=True,
    is_ours=True,
    is_enabled=True,
    is_running=True,
    state="active",
    pid=7,
    restarts=0,
    failure="",
)


def test_a_daemon_may_be_gone_stuck_or_of_another_version() -> None:
    """Each has its own remedy."""
    assert judge_ping(None).remedy == "mem0-syncd run"
    assert judge_ping({}).verdict is FAILURE
    assert judge_ping({"pid": 1, "version": "0.0.1"}).verdict is WARNING
    assert judge_ping({"pid": 1, "version": __version__}).verdict is OK


@pytest.mark.parametrize(
    ("message", "verdict"),
    [
        ({"id": 1, "account": "org/project"}, OK),
        ({"id": 1, "outcome": "Held", "reason": "no key", "remedy": "set it"}, FAILURE),
        ({"id": 1, "outcome": "Later", "reason": "refused", "after": None}, FAILURE),
        ({"error": "no answer in 60 s"}, FAILURE),
        (ENDED, FAILURE),
    ],
)
def test_a_courier_opens_the_destination_or_says_why_not(
    message: dict[str, object], verdict: Verdict
) -> None:
    """A failure without a remedy of its own gets one."""
    finding = judge_courier("platform", message)
    assert finding.verdict is verdict
    assert bool(finding.remedy) is (verdict is not OK)


@pytest.mark.parametrize(
    ("standing", "verdict", "says"),
    [
        (RUNNING, OK, "it runs (pid 7)"),
        (replace(RUNNING, is_installed=False), WARNING, "nothing starts the daemon"),
        (replace(RUNNING, is_ours=False), WARNING, "another installation"),
        (replace(RUNNING, is_enabled=False), WARNING, "it is active"),
        (replace(RUNNING, is_running=False, state="inactive"), WARNING, "it is inactive"),
        (replace(RUNNING, is_running=False, failure="exit code 78"), FAILURE, "exit code 78"),
    ],
)
def test_the_service_manager_is_heard(standing: Service, verdict: Verdict, says: str) -> None:
    """Each state but the good one has a remedy."""
    finding = judge_service("systemd", standing)
    assert finding.verdict is verdict
    assert says in finding.what
    assert bool(finding.remedy) is (verdict is not OK)
