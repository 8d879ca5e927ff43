"""The service under a real systemd user manager, in a box made of this very system."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("systemd-nspawn", "unshare", "setpriv", "useradd", "dbus-daemon", "loginctl", "journalctl")

Seen = dict[str, Any]


OVERLAY = (
    "mount -t tmpfs none /mnt && mkdir /mnt/up /mnt/work"
    " && mount -t overlay none -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work /media"
)


def obstacle() -> str:
    """Why no box can be booted here; '' where it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "it takes root on Linux"
    if missing := [tool for tool in TOOLS if not shutil.which(tool)]:
        return f"there is no {', '.join(missing)} (Debian: systemd-container, dbus)"
    tried = subprocess.run(["unshare", "--mount", "sh", "-c", OVERLAY], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "no overlay can be mounted here"


OBSTACLE = obstacle()

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.skipif(
        bool(OBSTACLE), reason=f"only a notify socket is shown (test_self_healing), no manager: {OBSTACLE}"
    ),
]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """What was seen of every scene, by its name."""
    folder = tmp_path_factory.mktemp("box")
    boot, play = (ROOT / "tests" / "support" / name for name in ("box_boot.sh", "box_scenario.py"))
    command = ["unshare", "--mount", "--", str(boot), str(folder), str(ROOT), sys.executable, str(play)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    said = folder / "bind" / "said"
    assert said.exists(), f"{ended.stderr}\n{(folder / 'console').read_text(errors='replace')[-3000:]}"
    seen = [json.loads(line) for line in said.read_text().splitlines()]
    found = {it["scene"]: it for it in seen}
    assert "uninstall" in found, f"{list(found)}\n{(folder / 'bind' / 'errors').read_text()[-3000:]}"
    return found


def test_without_a_user_manager_the_answer_is_clear(scenes: dict[str, Seen]) -> None:
    """It says what there isn't, and what to do."""
    assert scenes["no_manager"]["code"] == 1
    assert "there is no user manager of systemd here" in scenes["no_manager"]["err"]
    assert "enable-linger" in scenes["no_manager"]["err"]


def test_installed_it_is_enabled_and_ready(scenes: dict[str, Seen]) -> None:
    """What only the shell has is named, stays out of the unit, and the manager heard READY."""
    seen = scenes["install"]
    assert (seen["unsaid"]["code"], "--store, or --no-store" in seen["unsaid"]["err"]) == (1, True)
    assert seen["code"] == 0, seen["err"]
    assert "MEM0_API_KEY is set in this shell only" in seen["err"]
    assert "HTTPS_PROXY is set in this shell only" in seen["err"]
    assert not seen["holds the key"]
    assert "started, and ready: process id" in seen["err"]
    assert (seen["unit"]["ActiveState"], seen["unit"]["UnitFileState"]) == ("active", "enabled")
    assert seen["unit"]["StatusText"] == "0 projects"


def test_installing_it_again_changes_nothing(scenes: dict[str, Seen]) -> None:
    """The daemon that runs goes on."""
    seen = scenes["install_again"]
    assert (seen["code"], seen["same"]) == (0, True), seen["err"]
    assert "it is there" in seen["err"]


def test_the_sandbox_is_really_there(scenes: dict[str, Seen]) -> None:
    """Where user units' sandboxes are silently left out, too."""
    seen = {name: held for name, held in scenes["sandbox"].items() if name not in {"scene", "seconds"}}
    assert seen == dict.fromkeys(seen, True)
    assert len(seen) == 5


def test_the_sandbox_lets_an_item_through(scenes: dict[str, Seen]) -> None:
    """The courier, its embedder and the local store work in it, and so do the marks in the project."""
    assert scenes["delivery"]["out"] == "decisions 1/1\n", scenes["delivery"]["err"]
    assert scenes["delivery"]["marked"]


@pytest.mark.parametrize("scene", ["kill", "hang"])
def test_a_daemon_that_dies_or_hangs_is_started_again(scenes: dict[str, Seen], scene: str) -> None:
    """After SIGKILL; and after the watchdog found that nothing was alive any more. Nobody is left behind."""
    assert scenes[scene]["back"]
    assert scenes[scene]["left behind"] == []


def test_the_log_tells_of_all_that(scenes: dict[str, Seen]) -> None:
    """It is the manager's journal."""
    assert scenes["logs"]["code"] == 0, scenes["logs"]["err"]
    assert "watchdog" in scenes["logs"]["out"].lower()
    assert '"daemon_ready"' in scenes["logs"]["out"]


def test_settings_are_read_again_without_a_restart(scenes: dict[str, Seen]) -> None:
    """`systemctl --user reload` says so."""
    assert scenes["reload"]["same"]
    assert scenes["reload"]["unit"]["ActiveState"] == "active"


def test_stopped_it_stays_so_until_it_is_started(scenes: dict[str, Seen]) -> None:
    """Stopping is no failure, and leaves no process."""
    seen = scenes["stop_and_start"]
    assert (seen["stopped"]["ActiveState"], seen["stopped"]["Result"]) == ("inactive", "success")
    assert seen["processes"] == []
    assert seen["told"]["code"] == 3
    assert seen["started"]["ActiveState"] == "active"


def test_bad_configuration_is_not_tried_again(scenes: dict[str, Seen]) -> None:
    """`status` tells what it is, and once it is mended `service install` starts it."""
    seen = scenes["bad_configuration"]
    assert (seen["unit"]["ExecMainStatus"], seen["unit"]["NRestarts"]) == ("78", "0")
    assert (seen["told"]["code"], "exit status 78" in seen["told"]["out"]) == (1, True)
    assert "flush_seconds" in seen["told"]["out"]
    assert "flush_seconds" in seen["status"]["err"] + seen["status"]["out"]
    assert seen["mended"]["code"] == 0, seen["mended"]["err"]
    assert seen["then"]["ActiveState"] == "active"


def test_it_comes_back_with_the_user_manager(scenes: dict[str, Seen]) -> None:
    """Without anybody's logging in, where the user lingers."""
    assert (scenes["restart_manager"]["back"], scenes["restart_manager"]["another"]) == (True, True)


def test_uninstalled_it_is_gone_and_the_outbox_stays(scenes: dict[str, Seen]) -> None:
    """Until `--purge` takes that as well."""
    seen = scenes["uninstall"]
    assert seen["code"] == 0, seen["err"]
    assert seen["processes"] == []
    assert (seen["unit"]["ActiveState"], seen["unit"]["UnitFileState"]) == ("inactive", "")
    assert "outbox.sqlite3" in seen["kept"]
    assert seen["purged"]["code"] == 0, seen["purged"]["err"]
    assert not seen["left"]
