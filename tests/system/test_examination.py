"""The doctor on a real daemon, a real Mem0 on the loopback interface, and what goes wrong with either."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mem0_syncd.config.settings import ListedProject, PlatformSettings
from mem0_syncd.doctor import CHECKS
from mem0_syncd.doctor.network import judge, judge_key
from mem0_syncd.doctor.platform_ping import ask_platform
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.projects.listed_projects import misfit
from support.daemon import Daemon, platform_settings, running
from support.decision_log import decision, write_log
from support.faults import answer, html
from support.mem0_platform import Mem0Platform
from support.schemas import check

KEY = "m0-" + "k3y" * 10


@pytest.fixture
def daemon(tmp_path: Path, project: Path, mem0: Mem0Platform) -> Daemon:
    """A daemon of one project, not yet started."""
    settings = {**platform_settings(mem0.url), "MEM0_API_KEY": KEY, "HOME": str(tmp_path)}
    return Daemon(tmp_path, [project], **settings)


def examine(daemon: Daemon, **environment: str) -> tuple[int, dict[str, Any]]:
    """The exit code of `doctor --json`, and its findings by check, the gravest of each."""
    said = daemon.run("doctor", "--json", **environment)
    assert not said.stderr
    report = json.loads(said.stdout)
    check("doctor", report)
    assert KEY not in said.stdout
    gravity = ["ok", "warning", "failure"]
    findings: dict[str, Any] = {}
    for finding in sorted(report["findings"], key=lambda it: gravity.index(it["verdict"])):
        findings[finding["check"]] = finding
    return said.returncode, findings


def test_a_healthy_daemon_gets_a_clean_bill(daemon: Daemon, project: Path) -> None:
    """Every check says something, none of them fails, and the lines say the same as the JSON."""
    write_log(project, [decision(1)])
    with running(daemon):
        daemon.wait_delivered(1)
        code, findings = examine(daemon)
        assert sorted(findings) == sorted(CHECKS)
        grave = {name: it for name, it in findings.items() if it["verdict"] != "ok"}
        assert set(grave) <= {"service"}  # whether this machine starts it at login isn't ours to say
        assert code == 0
        assert findings["watcher"]["what"] == "the daemon's watcher saw a probe file"
        assert not list(daemon.state.glob("probe*"))
        text = daemon.run("doctor")
        assert all(f" {name} " in text.stdout for name in CHECKS)
        assert KEY not in text.stdout
        assert "shop-decisions" in text.stdout
        assert "orchestkit-global-best-practices" not in text.stdout  # that scope waits for its user
        assert f"{project.parent}/" not in text.stdout


def test_without_a_daemon_the_rest_is_checked_all_the_same(daemon: Daemon) -> None:
    """With a watcher and a courier of the doctor's own; the state folder isn't even made."""
    code, findings = examine(daemon)
    assert code == 1
    assert findings["socket"]["remedy"] == "mem0-syncd run"
    assert [findings[name]["verdict"] for name in ("watcher", "courier", "key")] == ["ok"] * 3
    assert not daemon.state.exists()


def test_a_stopped_process_is_found_to_be_stuck(daemon: Daemon) -> None:
    """One that listens and doesn't answer."""
    with running(daemon):
        daemon.send(signal.SIGSTOP)
        _, findings = examine(daemon)
        daemon.send(signal.SIGCONT)
    assert findings["socket"]["what"] == "the daemon doesn't answer"
    assert findings["watcher"]["verdict"] == "failure"


def test_network_key_and_impostor_are_told_apart(mem0: Mem0Platform, tmp_path: Path) -> None:
    """Each has a remedy of its own."""

    def look(**platform: Any) -> tuple[str, str]:
        answered = ask_platform(PlatformSettings(host=mem0.url, **platform), SecretStr(KEY))
        way, key = judge(answered, "it"), judge_key(answered)
        return f"{way.verdict}: {way.what} -> {way.remedy}", f"{key.verdict}: {key.what}"

    assert look() == ("ok: it answers -> ", "ok: there is one, and Mem0 accepts it")
    mem0.fail("ping", answer(401, {"detail": "bad key"}))
    assert look() == ("ok: it answers -> ", "failure: Mem0 doesn't accept it")
    mem0.fail("ping", html(200))
    assert "isn't Mem0" in look()[0]
    assert "MEM0_SYNCD_PLATFORM__PROXY" in look(proxy="ftp://127.0.0.1")[0]
    assert "MEM0_SYNCD_PLATFORM__CA_BUNDLE" in look(ca_bundle=tmp_path / "none.pem")[0]
    mem0.go_down()
    assert "can't be reached" in look()[0]
    assert "can't be reached" in look(proxy="http://127.0.0.1:9")[0]


def test_a_platform_without_a_key_or_a_network_fails(daemon: Daemon, mem0: Mem0Platform) -> None:
    """The proxy's password isn't told."""
    mem0.go_down()
    proxy = {"MEM0_SYNCD_PLATFORM__PROXY": "http://me:hunter22@127.0.0.1:9"}
    code, findings = examine(daemon, MEM0_API_KEY="", MEM0_SYNCD_DESTINATION="platform", **proxy)
    assert code == 1
    assert findings["key"]["what"] == "there is no API key"
    assert "through the proxy" in findings["reachability"]["what"]
    assert "hunter22" not in str(findings)
    assert findings["courier"]["verdict"] == "failure"


def test_files_that_others_can_read_or_nobody_can_use_are_named(daemon: Daemon, project: Path) -> None:
    """The configuration with a key in it, the state folder, and an outbox that is no database."""
    with running(daemon):
        daemon.stop()
    daemon.state.chmod(0o755)
    config = daemon.state.parent / "config.toml"
    config.write_text(f'api_key = "{KEY}"\n')
    config.chmod(0o644)
    outbox = daemon.state / "outbox.sqlite3"
    outbox.write_bytes(b"no database" * 1000)
    code, findings = examine(daemon, MEM0_API_KEY="")
    assert code == 1
    assert findings["permissions"]["remedy"] == "chmod 600 ~/config.toml"
    assert findings["outbox"]["verdict"] == "failure"


def test_settings_that_cant_be_used_end_it_at_once(daemon: Daemon) -> None:
    """With the code for bad configuration, and the mistake's name."""
    said = daemon.run("doctor", MEM0_SYNCD_FLUSH_SECOND="1")
    assert said.returncode == 78
    assert "MEM0_SYNCD_FLUSH_SECOND isn't a setting" in said.stderr


def test_the_ids_of_listed_projects_must_differ(project: Path, tmp_path: Path) -> None:
    """A second folder of one name is named, with the way out."""
    other = tmp_path / "other" / "shop"
    other.mkdir(parents=True)
    outbox = Outbox.open(tmp_path)
    outbox.projects.add(ProjectRow("shop", project))
    problem = misfit(outbox, ListedProject(path=other))
    outbox.close()
    assert problem
    assert problem.remedy.startswith("give it an id of its own")
