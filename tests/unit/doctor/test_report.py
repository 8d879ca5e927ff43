"""The report adds up, and can be pasted anywhere."""

from __future__ import annotations

from pathlib import Path

from mem0_syncd.doctor.check_result import CheckResult, failure, fine, warning
from mem0_syncd.doctor.report import as_dict, scrubber, summary
from support.schemas import check


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
