"""Claude Code's settings get our hooks and lose them again, and nothing else in them changes."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

import click.testing
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mem0_syncd.agents import claude
from mem0_syncd.cli import cli
from mem0_syncd.errors import SyncdError

OURS = "/venv/bin/mem0-syncd hook"
ENTRY = {"hooks": [{"type": "command", "command": OURS, "timeout": 10}]}


def change_in(project: Path, change: Any) -> list[str]:
    """Install or uninstall in a project's folder."""
    more = {"command": OURS} if change is claude.install else {}
    done: list[str] = change(project / ".claude", project=project, **more)
    return done


USUAL = """\
{
    "model": "opus",
    "hooks": {
        "Stop": [
            {"hooks": [{"type": "command", "command": "say done"}]}
        ],
        "PreToolUse": [
            {"matcher": "Bash", "hooks": [{"type": "command", "command": "check"}]}
        ]
    },
    "permissions": {"allow": ["Bash(ls:*)"]},
    "größe": 1.50
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / ".claude"
    path.mkdir()
    return path


def write(folder: Path, text: str) -> Path:
    path = folder / claude.SETTINGS
    path.write_bytes(text.encode())
    return path


def read(folder: Path) -> Any:
    return json.loads((folder / claude.SETTINGS).read_bytes().decode("utf-8-sig"))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with what it holds, and every folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"/"
        for path in folder.rglob("*")
    }


def test_hooks_are_added_to_what_is_there(folder: Path) -> None:
    """Other hooks, unknown keys and their order stay; ours come last at each event."""
    write(folder, USUAL)
    claude.install(folder, OURS)

    after, before = read(folder), json.loads(USUAL)
    assert list(after) == list(before)
    assert after["hooks"] == {
        "Stop": [*before["hooks"]["Stop"], ENTRY],
        "PreToolUse": before["hooks"]["PreToolUse"],
        "SessionEnd": [ENTRY],
        "PreCompact": [ENTRY],
    }
    assert {**after, "hooks": None} == {**before, "hooks": None}


def test_the_spelling_of_the_file_stays(folder: Path) -> None:
    """Indentation, line ends, byte order mark and characters outside ASCII are as they were."""
    write(folder, "\ufeff" + USUAL.replace("    ", "\t").replace("\n", "\r\n"))
    claude.install(folder, OURS)

    data = (folder / claude.SETTINGS).read_bytes()
    assert data.startswith(b"\xef\xbb\xbf{\r\n\t")
    assert data.count(b"\n") == data.count(b"\r\n")
    assert "größe".encode() in data


def test_installing_twice_is_installing_once(folder: Path) -> None:
    """The second time changes no file."""
    write(folder, USUAL)
    claude.install(folder, OURS)
    once = tree(folder)
    claude.install(folder, OURS)

    assert tree(folder) == once


def test_uninstalling_brings_everything_back(folder: Path) -> None:
    """The folder holds the same bytes as before, and no file more."""
    write(folder, USUAL)
    before = tree(folder)
    claude.install(folder, OURS)
    claude.uninstall(folder)

    assert tree(folder) == before


def test_uninstalling_where_there_was_nothing_leaves_nothing(tmp_path: Path) -> None:
    """Files and folders that install made are gone."""
    claude.install(tmp_path / ".claude", OURS)
    claude.uninstall(tmp_path / ".claude")

    assert tree(tmp_path) == {}


def test_uninstalling_what_was_never_installed_changes_nothing(folder: Path) -> None:
    """Not even the spelling."""
    write(folder, USUAL)
    before = tree(folder)
    claude.uninstall(folder)

    assert tree(folder) == before


def test_what_others_changed_meanwhile_stays(folder: Path) -> None:
    """Uninstalling takes our entries out of the file as it is now, not as it was."""
    write(folder, USUAL)
    claude.install(folder, OURS)
    changed = read(folder)
    changed["model"] = "sonnet"
    changed["hooks"]["SessionEnd"].append({"hooks": [{"type": "command", "command": "bye"}]})
    write(folder, json.dumps(changed, indent=4))
    claude.uninstall(folder)

    wanted = json.loads(USUAL)
    wanted["model"] = "sonnet"
    wanted["hooks"]["SessionEnd"] = [{"hooks": [{"type": "command", "command": "bye"}]}]
    assert read(folder) == wanted


@pytest.mark.parametrize(
    "command",
    [
        "mem0-syncd hook",
        "'/home/jo nes/bin/mem0-syncd' hook",
        "/usr/bin/python3.11 -m mem0_syncd hook",
        "MEM0_SYNCD_STATE_DIR=/x mem0-syncd hook",
    ],
)
def test_our_hooks_are_known_by_their_command(command: str) -> None:
    """However it is installed or spelled; a second one isn't added, and none is left."""
    document = claude.with_hooks({}, command)

    assert [len(groups) for groups in claude.with_hooks(document, OURS)["hooks"].values()] == [1, 1, 1]
    assert claude.without_hooks(document) == {}


@pytest.mark.parametrize(
    "command", ["mem0-syncd sync", "not-mem0-syncd hook", "echo hook", "hook", "", "'", "-m mem0_syncd"]
)
def test_other_hooks_are_not_ours(command: str) -> None:
    """What merely looks like it stays."""
    document = claude.with_hooks({}, command)

    assert claude.without_hooks(document) == document


def test_a_hook_of_an_earlier_installation_is_brought_up_to_date() -> None:
    """The path of a virtual environment that is gone is replaced; what a person added to it is kept."""
    old = claude.with_hooks({}, "/gone/bin/mem0-syncd hook")
    old["hooks"]["Stop"][0]["hooks"][0]["timeout"] = 3
    old["hooks"]["PreCompact"][0]["hooks"][0]["command"] = "nice /gone/bin/mem0-syncd hook"

    hooks = claude.with_hooks(old, OURS)["hooks"]
    assert hooks["SessionEnd"] == [ENTRY]
    assert hooks["Stop"] == [{"hooks": [{"type": "command", "command": OURS, "timeout": 3}]}]
    assert hooks["PreCompact"] == old["hooks"]["PreCompact"]


@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        ('{"a": 1,\n "b": }', "Expecting value", "line 2, column 7"),
        ("[1]", "the settings aren't an object", ""),
        ('{"hooks": []}', '"hooks" isn\'t an object', ""),
        ('{"hooks": {"Stop": {}}}', '"Stop" isn\'t an array', ""),
        ('{"a": 1, "a": 2}', '"a" is there twice', ""),
        ('{"a": NaN}', "NaN", ""),
        ('{"a": 1e999}', "not JSON compliant", ""),
        ('{"a": ' + "[" * 9000 + "]" * 9000 + "}", "recursion", ""),
    ],
)
def test_settings_that_can_not_be_changed_safely_are_refused(
    folder: Path, text: str, what: str, place: str
) -> None:
    """The error says what is wrong, where, and what to do; no file is written."""
    write(folder, text)
    before = tree(folder)

    with pytest.raises(SyncdError, match=what) as caught:
        claude.install(folder, OURS)
    assert tree(folder) == before
    assert caught.value.problem.where == f"{folder / claude.SETTINGS}" + (f", {place}" if place else "")
    assert "nothing was changed" in caught.value.problem.remedy


def test_settings_in_another_encoding_are_refused(folder: Path) -> None:
    """They can't be written back as they were."""
    (folder / claude.SETTINGS).write_bytes('{"größe": 1}'.encode("latin-1"))
    with pytest.raises(SyncdError, match="invalid UTF-8"):
        claude.install(folder, OURS)


def test_permissions_and_links_stay(tmp_path: Path, folder: Path) -> None:
    """Settings may hold keys, so a copy is as closed as they are; a link into a dotfiles folder stays one."""
    real = tmp_path / "dotfiles.json"
    real.write_text(USUAL)
    real.chmod(0o600)
    (folder / claude.SETTINGS).symlink_to(real)
    claude.install(folder, OURS)

    backup = folder / claude.BACKUP
    assert (folder / claude.SETTINGS).is_symlink()
    assert OURS in real.read_text()
    assert backup.read_text() == USUAL
    assert [stat.S_IMODE(path.stat().st_mode) for path in (real, backup)] == [0o600, 0o600]

    claude.uninstall(folder)
    assert (folder / claude.SETTINGS).is_symlink()
    assert real.read_text() == USUAL


@pytest.mark.parametrize("name", [claude.SETTINGS, claude.BACKUP, claude.COMMAND, "commands", "."])
def test_nothing_is_written_through_a_link_that_leaves_a_project(
    tmp_path: Path, project: Path, name: str
) -> None:
    """Whatever it leads to stays as it is, and what is not there is not made."""
    outside = tmp_path / "outside"
    outside.mkdir()
    path = project / ".claude" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(outside if name in {"commands", "."} else outside / "file")
    for change in (claude.install, claude.uninstall):
        with pytest.raises(SyncdError, match="leaves the project"):
            change_in(project, change)
    (outside / "file").write_text("{}")
    with pytest.raises(SyncdError, match="leaves the project"):
        change_in(project, claude.install)
    assert [(it.name, it.read_text()) for it in outside.iterdir()] == [("file", "{}")]


def test_a_pipe_in_the_settings_place_holds_nobody_up(project: Path) -> None:
    """It is refused by name."""
    (project / ".claude").mkdir()
    os.mkfifo(project / ".claude" / claude.SETTINGS)
    with pytest.raises(SyncdError, match="named pipe"):
        change_in(project, claude.install)


def test_a_link_within_the_project_is_followed(project: Path) -> None:
    """It stays one."""
    (project / "kept.json").write_text(USUAL)
    (project / ".claude").mkdir()
    (project / ".claude" / claude.SETTINGS).symlink_to("../kept.json")
    change_in(project, claude.install)
    assert (project / ".claude" / claude.SETTINGS).is_symlink()
    assert OURS in (project / "kept.json").read_text()


def test_the_slash_command_is_there_until_it_is_taken_out(folder: Path) -> None:
    """It is a file that lets the agent run `mem0-syncd` and nothing else."""
    claude.install(folder, OURS)
    text = (folder / claude.COMMAND).read_text()
    assert "allowed-tools: Bash(mem0-syncd:*)\n" in text
    assert "`mem0-syncd sync`" in text

    claude.uninstall(folder)
    assert not (folder / claude.COMMAND).exists()


def test_a_slash_command_of_the_users_own_is_left_alone(folder: Path) -> None:
    """It is neither replaced nor deleted."""
    path = folder / claude.COMMAND
    path.parent.mkdir()
    path.write_text("my own")
    claude.install(folder, OURS)
    claude.uninstall(folder)

    assert path.read_text() == "my own"


def test_the_hooks_run_this_installation_from_any_folder() -> None:
    """The program is named by its absolute path, quoted for the shell."""
    first, *rest = shlex.split(claude.hook_command())

    assert Path(first).is_absolute()
    assert rest in (["hook"], ["-P", "-m", "mem0_syncd", "hook"])


def test_without_a_script_python_runs_the_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path with a space is one word; no module of the folder that a session is in takes another's place."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "a b" / "python"))

    assert shlex.split(claude.hook_command()) == [sys.executable, "-P", "-m", "mem0_syncd", "hook"]
    former = f"{shlex.quote(sys.executable)} -m mem0_syncd hook"
    claude.install(tmp_path, former)
    claude.install(tmp_path, claude.hook_command())
    assert former not in (tmp_path / "settings.json").read_text()
    assert "hooks taken out" in claude.uninstall(tmp_path)[0]


def test_the_user_s_settings_are_where_claude_code_has_them(tmp_path: Path) -> None:
    """In the home folder, unless CLAUDE_CONFIG_DIR says otherwise."""
    assert claude.user_folder({}) == Path.home() / ".claude"
    assert claude.user_folder({"CLAUDE_CONFIG_DIR": str(tmp_path)}) == tmp_path


def test_the_command_line_installs_for_a_project_or_for_the_user(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One of the two; the user is the default."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "user"))
    run = click.testing.CliRunner().invoke

    for arguments, folder in (
        (["--project", str(project)], project / ".claude"),
        ([], tmp_path / "user"),
        (["--user"], tmp_path / "user"),
    ):
        assert run(cli, ["claude", "install", *arguments]).exit_code == 0
        assert list(read(folder)["hooks"]) == list(claude.EVENTS)
        assert run(cli, ["claude", "uninstall", *arguments]).exit_code == 0
        assert not folder.exists()
    assert run(cli, ["claude", "install", "--user", "--project", str(project)]).exit_code == 2
    assert run(cli, ["claude", "install", "--project", str(tmp_path / "nowhere")]).exit_code == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HOOKS = st.lists(st.fixed_dictionaries({"type": st.just("command"), "command": st.text() | JSON}) | JSON)
GROUPS = st.lists(st.fixed_dictionaries({"hooks": HOOKS}, optional={"matcher": st.text()}) | JSON, max_size=3)
SETTINGS = st.dictionaries(st.text(), JSON, max_size=3).flatmap(
    lambda rest: st.fixed_dictionaries(
        {},
        optional={
            "hooks": st.dictionaries(st.sampled_from([*claude.EVENTS, "Notification"]), GROUPS) | JSON,
            **{name: st.just(value) for name, value in rest.items()},
        },
    )
)


@given(document=SETTINGS, indent=st.sampled_from([None, 2, "\t"]), ascii_only=st.booleans())
@example(document={"hooks": {"Stop": []}}, indent=2, ascii_only=True)
@example(document={"hooks": {}}, indent=None, ascii_only=True)
@example(document={}, indent=2, ascii_only=True)
def test_installing_and_uninstalling_is_doing_nothing(
    document: dict[str, Any], indent: int | str | None, *, ascii_only: bool
) -> None:
    """Whatever settings hold, install either refuses them, or uninstall brings every byte of them back."""
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, text)
        try:
            claude.install(folder, OURS)
        except SyncdError:
            assert tree(folder) == {claude.SETTINGS: text.encode()}
            return
        assert [key for key in read(folder) if key != "hooks"] == [key for key in document if key != "hooks"]
        claude.uninstall(folder)
        assert tree(folder) == {claude.SETTINGS: text.encode()}


@given(SETTINGS)
def test_without_the_copy_uninstalling_still_gives_the_same_settings(document: dict[str, Any]) -> None:
    """All that may differ is what was empty before."""
    try:
        installed = claude.with_hooks(document, OURS)
    except ValueError:
        return
    without = claude.without_hooks(installed)
    assert {**without, "hooks": None} == {**document, "hooks": None}
    assert claude.without_hooks(without) == without
    assert _full(without.get("hooks", {})) == _full(document.get("hooks", {}))


def _full(hooks: dict[str, Any]) -> dict[str, Any]:
    groups = {
        event: [group for group in found if group != {"hooks": []}]
        for event, found in hooks.items()
        if isinstance(found, list)
    }
    return {event: found for event, found in groups.items() if found}
