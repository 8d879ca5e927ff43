"""Whatever a hook meets, the session goes on at once; one that ends is spooled, without its secrets."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.agents import hook as hooks
from mem0_syncd.ingest import spool
from mem0_syncd.sources import session_summary
from mem0_syncd.system.state_folder import StateFolder
from support.daemon import Daemon, platform_settings, running, wait_until
from support.mem0_platform import Mem0Platform

HOOK = [sys.executable, "-m", "mem0_syncd", "hook"]
CREDENTIALS = json.loads((Path(__file__).parents[1] / "corpora" / "credentials.json").read_text("utf-8"))


@pytest.fixture
def idle(tmp_path: Path, project: Path) -> Daemon:
    """A daemon that isn't running."""
    return Daemon(tmp_path, [project])


def said(cwd: Path | str, hook: str = "SessionEnd", **fields: Any) -> bytes:
    return json.dumps({"session_id": "s-1", "cwd": str(cwd), "hook_event_name": hook, **fields}).encode()


def write_session(project: Path, state: Any = None, blockers: list[Any] | None = None) -> None:
    for name, text in (
        (session_summary.STATE_PATH, json.dumps(state)),
        (session_summary.BLOCKERS_PATH, "".join(f"{json.dumps(blocker)}\n" for blocker in blockers or [])),
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)


def call(daemon: Daemon, stdin: bytes, **environment: str) -> None:
    """Call the hook, and see that it answers as it always does."""
    check(
        subprocess.run(
            HOOK,
            input=stdin,
            capture_output=True,
            env={**daemon.environment, **environment},
            timeout=60,
            check=False,
        )
    )


def check(done: subprocess.CompletedProcess[bytes]) -> None:
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {"continue": True, "suppressOutput": True}


def spooled(daemon: Daemon) -> list[dict[str, Any]]:
    """The spooled events, when each is complete."""
    folder = StateFolder(daemon.state).spool
    wait_until(lambda: not [*folder.glob("*.begun"), *folder.glob("*.tmp")], "an event is still begun")
    return [event for _, event in spool.take(daemon.state, time.time())]


def bytes_below(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("hook", ["SessionEnd", "PreCompact"])
def test_a_session_that_ends_is_spooled_with_its_files(idle: Daemon, project: Path, hook: str) -> None:
    """The event waits for the next daemon, with what the files said at that moment."""
    write_session(
        project, {"current_task": "Cut start-up", "next_steps": ["Measure"]}, [{"description": "CI"}]
    )
    call(idle, said(project, hook))
    [event] = spooled(idle)
    write_session(project, {"current_task": "The next session's"})

    assert json.loads(event.pop("state")) == {"current_task": "Cut start-up", "next_steps": ["Measure"]}
    assert json.loads(event.pop("blockers")) == {"description": "CI"}
    assert event.pop("at").endswith("Z")
    assert event == {
        "event": "session",
        "session_id": "s-1",
        "cwd": str(project),
        "root": str(project),
        "hook": hook,
        "note": None,
    }


def test_an_event_is_durable_before_the_session_has_its_answer(idle: Daemon, project: Path) -> None:
    """Even if nobody completed it: it is there, in whatever state, as soon as the hook has ended."""
    write_session(project, {"current_task": "Cut start-up"})
    call(idle, said(project))

    names = {path.suffix for path in StateFolder(idle.state).spool.iterdir()}
    assert names & {".begun", ".json"}


def test_spooled_files_are_open_to_this_user_alone(idle: Daemon, project: Path) -> None:
    """A snapshot is as private as the session."""
    write_session(project, {"current_task": "Cut start-up"})
    call(idle, said(project))
    assert spooled(idle)

    [path] = StateFolder(idle.state).spool.iterdir()
    assert [stat.S_IMODE(it.stat().st_mode) for it in (path, path.parent, idle.state)] == [
        0o600,
        0o700,
        0o700,
    ]


def test_no_secret_is_spooled_or_logged(idle: Daemon, project: Path) -> None:
    """Wherever it stands in a session's files: in a text, in a name, escaped, or where nobody looks."""
    secrets = ["".join(credential["secret"]) for credential in CREDENTIALS]
    texts = [
        credential["text"].replace("{secret}", secret)
        for credential, secret in zip(CREDENTIALS, secrets, strict=True)
    ]
    escaped = "".join(f"\\u{ord(char):04x}" for char in texts[0])
    write_session(
        project,
        {
            "current_task": "\n".join(texts),
            "next_steps": [*texts, {"description": texts[1], texts[2]: 1}],
            "task": {"password": "Blau1Wal2!x"},
            "environment": {"PASSPHRASE": "no pattern knows this one"},
        },
        [{"description": text, "details": secret} for text, secret in zip(texts, secrets, strict=True)],
    )
    with (project / session_summary.BLOCKERS_PATH).open("a") as file:
        file.write(f'{{"description": "{escaped}"}}\n')
    call(idle, said(project))
    [event] = spooled(idle)

    stored = bytes_below(idle.state).decode()
    whole = event["state"] + event["blockers"]
    assert len(json.loads(event["state"])["next_steps"]) == len(texts) + 1
    assert event["blockers"].count("\n") == len(texts) + 1
    found = [secret for secret in secrets if secret in stored or secret in whole]
    assert found == []
    assert "no pattern" not in stored
    assert "Blau1Wal2" not in stored


def test_secrets_in_what_the_hook_is_told_are_not_logged(idle: Daemon) -> None:
    """What can't be read is noted by the kind and place of the error alone."""
    call(idle, b'{"cwd": "sk-proj-Zq8W4tY7Rk2Lm9Xc3Vb6", ')
    call(idle, said("/sk-proj-Zq8W4tY7Rk2Lm9Xc3Vb6\x00", last="sk-proj-Zq8W4tY7Rk2Lm9Xc3Vb6"))

    log = StateFolder(idle.state).hook_log
    assert len(log.read_text().splitlines()) == 2
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert b"sk-proj" not in bytes_below(idle.state)


@pytest.mark.parametrize(
    "stdin",
    [
        b"",
        b"garbage",
        b'{"session_id": ',
        b"[]",
        b"null",
        b"{}",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a": "' + b"x" * (2 << 20),
        b'{"hook_event_name": "SessionEnd", "cwd": 7, "session_id": {}}',
        b'{"hook_event_name": ["SessionEnd"]}',
        b'{"hook_event_name": "SessionEnd", "cwd": "\\ud800"}',
    ],
    ids=lambda stdin: f"{stdin[:20]!r}",
)
def test_whatever_the_hook_is_told_it_answers(idle: Daemon, stdin: bytes) -> None:
    """Nonsense is no reason to fail a session."""
    call(idle, stdin)


@pytest.mark.parametrize("streams", ["<&-", "<&- >&-", "</dev/null", ">/dev/full </dev/null"])
def test_streams_that_are_closed_or_full_are_fine(idle: Daemon, streams: str) -> None:
    """Exit code 0, and not a word on stderr."""
    done = subprocess.run(
        ["sh", "-c", f"{shlex.join(HOOK)} {streams}"],
        env=idle.environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("silent", [True, False])
def test_a_writer_that_never_closes_the_pipe_is_not_waited_for(
    idle: Daemon, project: Path, *, silent: bool
) -> None:
    """What it has said is taken in; one that says nothing is given up."""
    write_session(project, {"current_task": "Cut start-up"})
    with subprocess.Popen(
        HOOK, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=idle.environment
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        if not silent:
            process.stdin.write(said(project))
            process.stdin.flush()
        code = process.wait(60)
        check(subprocess.CompletedProcess(HOOK, code, process.stdout.read(), process.stderr.read()))
    assert len(spooled(idle)) == (0 if silent else 1)


def test_a_folder_within_a_project_is_in_it(idle: Daemon, project: Path) -> None:
    """Also where a folder between has a `.claude` of its own, as those have that keep permissions."""
    write_session(project, {"current_task": "Cut start-up"})
    below = project / "web" / "src"
    below.mkdir(parents=True)
    (project / "web" / ".claude").mkdir()
    call(idle, said(below))

    [event] = spooled(idle)
    assert (event["cwd"], event["root"]) == (str(below), str(project))
    assert "Cut start-up" in event["state"]


def test_where_no_project_can_be_nothing_is_spooled(idle: Daemon, tmp_path: Path) -> None:
    """A folder without a `.claude` here or above is in no project; one that doesn't exist neither."""
    call(idle, said(tmp_path))
    call(idle, said(tmp_path / "nowhere" / "at all"))

    assert spooled(idle) == []


def test_without_session_files_the_event_alone_is_spooled(idle: Daemon, project: Path) -> None:
    """What the session decided may still make a summary."""
    (project / ".claude").mkdir()
    call(idle, said(project))

    [event] = spooled(idle)
    assert (event["state"], event["blockers"], event["note"]) == (None, None, None)


def test_a_session_that_only_stops_is_not_spooled(idle: Daemon, project: Path) -> None:
    """It goes on with the next prompt: there is no summary to make."""
    write_session(project, {"current_task": "Cut start-up"})
    call(idle, said(project, "Stop"))

    assert not StateFolder(idle.state).spool.exists()


def test_a_state_that_is_too_large_or_no_json_is_left_out_with_a_note(idle: Daemon, project: Path) -> None:
    """Half a document is no snapshot; the blockers are there all the same."""
    write_session(project, {"current_task": "x" * (1 << 20)}, [{"description": "CI is red"}])
    call(idle, said(project))
    (project / session_summary.STATE_PATH).write_text('{"current_task": ')
    call(idle, said(project))

    large, broken = spooled(idle)
    assert (large["state"], broken["state"]) == (None, None)
    assert "longer than a file of its kind may be" in large["note"]
    assert "not JSON" in broken["note"]
    assert "CI is red" in large["blockers"]


def test_of_a_long_list_of_blockers_the_last_ones_count(idle: Daemon, project: Path) -> None:
    """Cut at a line, so that nothing is misread."""
    write_session(project, {}, [{"description": f"blocker {number} {'x' * 400}"} for number in range(2000)])
    call(idle, said(project))

    [event] = spooled(idle)
    lines = [json.loads(line) for line in event["blockers"].splitlines()]
    assert 300 < len(lines) < 2000
    assert lines[-1]["description"].startswith("blocker 1999 ")


def test_what_is_no_file_is_as_if_missing(idle: Daemon, project: Path) -> None:
    """A folder in their place, or a pipe that nobody writes to."""
    (project / session_summary.STATE_PATH).mkdir(parents=True)
    (project / session_summary.BLOCKERS_PATH).parent.mkdir()
    os.mkfifo(project / session_summary.BLOCKERS_PATH)
    call(idle, said(project))

    [event] = spooled(idle)
    assert (event["state"], event["blockers"]) == (None, None)


def test_a_state_folder_that_can_not_be_written_is_no_reason_to_fail(idle: Daemon, project: Path) -> None:
    """A session doesn't suffer from a full or closed disk, or from bad settings."""
    write_session(project, {"current_task": "Cut start-up"})
    (project / "file").touch()
    call(idle, said(project), MEM0_SYNCD_STATE_DIR=str(project / "file" / "state"))
    call(idle, said(project), MEM0_SYNCD_STATE_DIR="", MEM0_SYNCD_CONFIG_FILE="/nowhere")
    if Path("/proc").is_dir():
        call(idle, said(project), MEM0_SYNCD_STATE_DIR="/proc/self/state")


def test_the_log_of_what_went_wrong_stays_small(idle: Daemon) -> None:
    """One earlier log is kept."""
    idle.state.mkdir()
    (StateFolder(idle.state).hook_log).write_text("x" * (300 << 10))
    call(idle, b"garbage")

    assert (StateFolder(idle.state).hook_log).stat().st_size < 1000
    assert (idle.state / "hook.log.1").stat().st_size == 300 << 10


def test_a_running_daemon_makes_the_summary(tmp_path: Path, project: Path) -> None:
    """It is in Mem0 without anybody asking for it, and the snapshot is gone."""
    write_session(project, {"current_task": "Cut the start-up time", "next_steps": ["Measure it"]})
    with (
        Mem0Platform() as mem0,
        running(Daemon(tmp_path, [project], **platform_settings(mem0.url))) as daemon,
    ):
        call(daemon, said(project, "Stop"))
        call(daemon, said(project))
        daemon.wait_delivered(1)
        [memory] = mem0.memories
        assert memory.user_id == "shop-continuity"
        assert memory.text == "Session Summary: Cut the start-up time\nNext steps: Measure it"
        wait_until(lambda: not list(StateFolder(daemon.state).spool.iterdir()), "the spool is empty")


def test_a_daemon_that_is_stuck_holds_nobody_up(tmp_path: Path, project: Path) -> None:
    """The event is spooled, and taken in when the daemon goes on."""
    write_session(project, {"current_task": "Cut the start-up time"})
    with running(Daemon(tmp_path, [project])) as daemon:
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            for hook in ("Stop", "PreCompact", "SessionEnd"):
                call(daemon, said(project, hook))
            assert len(spooled(daemon)) == 2
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        wait_until(lambda: not list(StateFolder(daemon.state).spool.iterdir()), "the spool is empty")


@pytest.fixture
def deaf(tmp_path: Path) -> Iterator[Path]:
    """A state folder whose daemon accepts no connection."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(0)
        StateFolder(tmp_path).socket_address.write_text(str(tmp_path / "s"))
        yield tmp_path


def test_poking_a_daemon_with_a_full_queue_returns_at_once(deaf: Path) -> None:
    """Poke after poke: none waits for a place in the queue."""
    for _ in range(100):
        hooks._poke(deaf, hooks.SPOOLED)


def test_a_snapshot_keeps_all_that_a_summary_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field that `summarise` asks a session's files for is one that snapshots hold."""

    class Asked(dict[str, Any]):
        names: set[str]

        def get(self, name: str, default: Any = None) -> Any:
            self.names.add(name)
            return super().get(name, default)

    state, blocker = Asked(), Asked(description="CI is red")
    state.names, blocker.names = set(), set()
    monkeypatch.setattr(session_summary, "parse_json", lambda _data: state)
    monkeypatch.setattr(session_summary, "fields_of", lambda _value: blocker)
    session_summary.summarise(b"{}", b"{}\n", project="shop")

    assert state.names == set(hooks.STATE_FIELDS)
    assert blocker.names == set(hooks.BLOCKER_FIELDS)


def test_a_hook_names_files_as_their_owners_do() -> None:
    """It has names of its own for what would take too long to import."""
    assert (hooks._STATE, hooks._BLOCKERS) == (session_summary.STATE_PATH, session_summary.BLOCKERS_PATH)


def test_a_hook_imports_nothing_that_is_slow() -> None:
    """That is most of the time it takes, and the reason why it stays within its budget."""
    code = "import sys; from mem0_syncd.agents import hook as hooks; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    slow = {"click", "dataclasses", "hashlib", "inspect", "platformdirs", "sqlite3", "tempfile", "tomllib"}
    assert slow.intersection(done.stdout.split()) == set()
