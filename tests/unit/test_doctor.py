"""The doctor's judgements, each from plain facts, and the report that can be pasted anywhere."""

from __future__ import annotations

import ssl
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from mem0_syncd import __version__
from mem0_syncd.config.settings import Settings
from mem0_syncd.courier.process import ENDED
from mem0_syncd.doctor import examine, look_around
from mem0_syncd.doctor.check_result import CheckResult, Verdict, failure, fine, warning
from mem0_syncd.doctor.network import judge, judge_clock, judge_key
from mem0_syncd.doctor.platform_ping import NoAnswer, PlatformAnswer, remedy_of
from mem0_syncd.doctor.processes import judge_courier, judge_ping, judge_service
from mem0_syncd.doctor.report import as_dict, scrubber, summary
from mem0_syncd.doctor.storage import judge_disk
from mem0_syncd.doctor.watching import WatchRoom, judge_probe, judge_room
from mem0_syncd.service import ServiceState as Service
from support.schemas import check

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE
UNREACHED = NoAnswer("connection refused", "check the network")
MIB = 1 << 20


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


@pytest.mark.parametrize(
    ("free", "inodes", "verdict"),
    [(4096 * MIB, 9, OK), (200 * MIB, 9, WARNING), (10 * MIB, 9, FAILURE), (4096 * MIB, 0, FAILURE)],
)
def test_a_disk_can_be_full_in_two_ways(free: int, inodes: int, verdict: Verdict) -> None:
    """Of bytes, and of files."""
    assert judge_disk(free, inodes, "/state").verdict is verdict


@pytest.mark.parametrize(
    ("room", "projects", "verdict", "remedy"),
    [
        (WatchRoom(8192, 100, 128, 5), 10, OK, ""),
        (WatchRoom(8192, 8000, 128, 5), 10, OK, ""),
        (WatchRoom(8192, 8000, 128, 5), 100, WARNING, "max_user_watches=17248"),
        (WatchRoom(8192, 100, 128, 127), 10, WARNING, "max_user_instances=256"),
    ],
)
def test_inotify_must_have_room_for_every_project(
    room: WatchRoom, projects: int, verdict: Verdict, remedy: str
) -> None:
    """Watches for their folders, and an instance for us."""
    finding = judge_room(room, projects)
    assert finding.verdict is verdict
    assert remedy in finding.remedy


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


def test_a_watcher_that_hears_nothing_is_a_failure() -> None:
    """For then only the scans find what changed."""
    assert judge_probe("a watcher", heard=True).verdict is OK
    assert judge_probe("a watcher", heard=False).verdict is FAILURE


def test_the_report_is_safe_to_paste() -> None:
    """No key, no password, no address of a person, and the home folder is `~`."""
    scrub = scrubber(Path("/home/me"), "m0-very-secret")
    text = scrub(
        "/home/me/.config, /home/meadow, key m0-very-secret, http://me:hunter22@proxy:3128, me@example.com"
    )
    assert text.startswith("~/.config, /home/meadow, key [the key], ")
    assert "hunter22" not in text
    assert "example.com" not in text


def test_the_report_adds_up() -> None:
    """The gravest verdict is the report's, and the last line counts."""
    findings: list[tuple[str, CheckResult]] = [
        ("disk", fine("room")),
        ("key", warning("old", "renew it")),
        ("socket", failure("none", "start it")),
        ("socket", failure("none", "start it")),
    ]
    report = as_dict(findings, [], str)
    check("doctor", report)
    assert report["verdict"] == "failure"
    assert as_dict([], [], str)["verdict"] == "ok"
    assert summary(it["verdict"] for it in report["findings"]) == "2 failures and 1 warning"
    assert summary([]) == "all is well"


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


@pytest.mark.parametrize(
    ("cause", "helps"),
    [
        (ssl.SSLCertVerificationError("in whatever language"), "MEM0_SYNCD_PLATFORM__CA_BUNDLE"),
        (OSError("CERTIFICATE_VERIFY_FAILED is what it isn't"), "MEM0_SYNCD_PLATFORM__HOST"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_told_by_the_kind_of_error(cause: Exception, helps: str) -> None:
    """And not by its words, which are the library's."""
    error = httpx.ConnectError("no connection")
    error.__cause__ = cause
    assert helps in remedy_of(error)
