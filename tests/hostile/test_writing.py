"""Nothing is written outside of a watched folder, and in it the sync-state file alone, in place of itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from support.daemon import wait_until
from support.decision_log import decision, write_log
from support.hostile_world import LOG, SYNC_STATE, HostileWorld
from support.picture import differences, picture_of

EVIL = decision(2, decision_id="$(id > $HOME/PWNED)", title="Run this")
ABOVE = "../../../../"
"""From the folder of the sync-state file to the home."""

TARGETS = {
    "a-file-that-a-shell-would-run": ".bash_aliases",
    "a-file-in-folders-that-are-not-there": ".config/fish/conf.d/evil.fish",
    "settings-that-are-there": ".claude/settings.json",
    "a-file-that-is-no-json": ".bashrc",
    "another-project's-own": "code/private/.claude/coordination/.decision-sync-state.json",
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_the_sync_state_file_is_not_written_through_a_link(
    world: HostileWorld, hostile: Path, target: str
) -> None:
    """A cloned link to somewhere outside is left alone, and named; its project's decisions go on."""
    with world.unharmed(hostile):
        (hostile / SYNC_STATE).symlink_to(ABOVE + target)
        write_log(hostile, [EVIL])
        before = picture_of(hostile)
        world.watch(hostile)
        world.wait_named(hostile, SYNC_STATE)
        world.scan()
    assert differences(before, picture_of(hostile)) == {}
    assert not (world.home / "PWNED").exists()


def test_a_sync_state_file_that_becomes_a_link_is_not_written_through(
    world: HostileWorld, hostile: Path
) -> None:
    """A pull may bring the link when the project has long been watched and marked."""
    world.watch(hostile)
    wait_until((hostile / SYNC_STATE).is_file, "the mark of what was delivered")
    with world.unharmed(hostile):
        (hostile / SYNC_STATE).unlink()
        (hostile / SYNC_STATE).symlink_to(ABOVE + ".bash_aliases")
        write_log(hostile, [decision(1), EVIL])
        world.wait_named(hostile, SYNC_STATE)
        world.scan()
    assert (hostile / SYNC_STATE).is_symlink()


@pytest.mark.parametrize("link", [".claude/coordination", ".claude"])
def test_nothing_is_written_through_a_folder_that_is_a_link(
    world: HostileWorld, hostile: Path, link: str
) -> None:
    """What the path of the sync-state file leads through is in the project, or nothing is written."""
    outside = world.home / "documents" / hostile.name
    below = outside / LOG.removeprefix(f"{link}/")
    below.parent.mkdir(parents=True)
    shutil.rmtree(hostile / ".claude")
    with world.unharmed(hostile):
        (hostile / link).parent.mkdir(parents=True, exist_ok=True)
        (hostile / link).symlink_to(outside)
        added = world.add(hostile)
        assert added.returncode == 0 or f"{link} is a link" in added.stderr, added.stderr
        world.scan()
        if added.returncode == 0:
            world.wait_named(hostile, ".claude")
    shutil.rmtree(outside)


@pytest.mark.parametrize("kind", ["a-folder", "a-hard-link"])
def test_what_is_in_the_sync_state_files_place_is_not_written_into(
    world: HostileWorld, hostile: Path, kind: str
) -> None:
    """The file is replaced as a whole, so nobody else's name for it changes; what is no file is left."""
    other = world.home / "documents" / f"{hostile.name}.json"
    other.parent.mkdir(exist_ok=True)
    other.write_text('{"synced_decisions": []}')
    with world.unharmed(hostile, other):
        if kind == "a-folder":
            (hostile / SYNC_STATE).mkdir()
            world.watch(hostile)
            world.wait_named(hostile, SYNC_STATE)
        else:
            (hostile / SYNC_STATE).hardlink_to(other)
            world.watch(hostile)
            wait_until(lambda: (hostile / SYNC_STATE).stat().st_nlink == 1, "a file of its own")
    assert other.read_text() == '{"synced_decisions": []}'


def test_of_a_project_only_the_sync_state_file_is_written(world: HostileWorld, hostile: Path) -> None:
    """A project whose folder is as it should be has one more file afterwards, and no other change."""
    before = picture_of(hostile, leaving_out=[hostile / SYNC_STATE])
    with world.unharmed(hostile):
        world.watch(hostile)
        wait_until((hostile / SYNC_STATE).is_file, "the mark of what was delivered")
        world.end_session(hostile)
    assert differences(before, picture_of(hostile, leaving_out=[hostile / SYNC_STATE])) == {}
    assert json.loads((hostile / SYNC_STATE).read_text())["synced_decisions"] == ["DEC-20260105-0001"]


INSTALLS = {
    "settings": (".claude/settings.json", ".claude/settings.json"),
    "settings-that-are-not-there": (".claude/settings.json", ".config/new.json"),
    "the-folder": (".claude", ".claude"),
    "the-commands": (".claude/commands", ".config"),
    "the-command": (".claude/commands/mem0-sync.md", ".bash_aliases"),
    "the-backup": (".claude/settings.json.bak-mem0-syncd", ".bashrc"),
}


@pytest.mark.parametrize(("link", "target"), INSTALLS.values(), ids=INSTALLS.keys())
def test_the_installer_writes_through_no_link_out_of_the_project(
    world: HostileWorld, hostile: Path, link: str, target: str
) -> None:
    """It says which link it doesn't follow, and changes nothing; so does taking out."""
    path = hostile / link
    with world.unharmed(hostile):
        if link == ".claude":
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(world.home / target)
        if link.endswith(".bak-mem0-syncd"):
            (hostile / ".claude/settings.json").write_text("{}\n")
        before = picture_of(hostile)
        for verb in ("install", "uninstall"):
            done = world.run("claude", verb, "--project", str(hostile))
            if verb == "install":
                assert done.returncode == 1, done.stderr
                assert str(path) in done.stderr
    assert differences(before, picture_of(hostile)) == {}
