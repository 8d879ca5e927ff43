"""What stands in a watched folder is a stranger's: what of it is read, and what is refused."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.system.unreadable_file import Reason, RefusedFile, Unreadable
from mem0_syncd.system.untrusted_folder import LONGEST_SETTINGS, UntrustedFolder, above

NAME = ".claude/coordination/log.json"
STRANGER = 4242

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file outside of the project, which nothing in the project may have read."""
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "coordination").mkdir()
    (folder / "coordination/log.json").write_text("secret")
    (folder / "secret.json").write_text("secret")
    return folder / "secret.json"


def put(project: Path, text: str = "{}", name: str = NAME) -> Path:
    """A file of the project."""
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def link(project: Path, target: Path | str, name: str = NAME) -> Path:
    """A link in the project."""
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def read(project: Path, name: str = NAME, **allowed: Any) -> str:
    """What a file of the project says, both to `read` and by way of `stat`."""
    folder = UntrustedFolder(project, **allowed)
    data = folder.read(name, LONGEST_SETTINGS)
    found = folder.stat(name)
    assert found is not None
    assert found.st_size == len(data)
    return data.decode()


def refused(project: Path, name: str = NAME, **allowed: Any) -> RefusedFile:
    """Why a file is refused, whether it is read or only looked at."""
    folder = UntrustedFolder(project, **allowed)
    for touch in (folder.stat, folder.open, lambda it: folder.read(it, LONGEST_SETTINGS)):
        with pytest.raises(RefusedFile) as caught:
            touch(name)
        assert caught.value.what
        assert caught.value.remedy
    return caught.value


def handles() -> int:
    """How many handles this process has."""
    return len(list(Path("/dev/fd").iterdir()))


@pytest.fixture(autouse=True)
def _no_handle_is_left() -> Iterator[None]:
    before = handles()
    yield
    assert handles() == before


# Links ----------------------------------------------------------------------------------------------------


def test_a_file_is_read(project: Path) -> None:
    """And one that isn't there is told from one that is empty."""
    put(project, "said")
    put(project, "", "empty")
    assert read(project) == "said"
    assert read(project, "empty") == ""
    folder = UntrustedFolder(project)
    assert folder.stat("nothing") is folder.stat("no/such/folder") is folder.stat("empty/x") is None
    with pytest.raises(FileNotFoundError):
        folder.read("nothing", LONGEST_SETTINGS)
    with pytest.raises(NotADirectoryError):
        folder.read("empty/x", LONGEST_SETTINGS)


def test_a_folder_can_be_held(project: Path) -> None:
    """For many reads at the price of one way to it."""
    put(project, "said")
    link(project, project / NAME, "around")
    with UntrustedFolder(project) as folder:
        assert folder.read(NAME, 10) == folder.read("around", 10) == b"said"
        assert folder.stat("nothing") is None


@pytest.mark.parametrize(
    "target", ["../../kept/log.json", "{project}/kept/log.json", "./.././../kept//log.json"]
)
def test_a_link_within_the_folder_is_followed(project: Path, target: str) -> None:
    """However it says where."""
    put(project, "kept", "kept/log.json")
    link(project, target.format(project=project))
    assert read(project) == "kept"


def test_a_folder_that_is_a_link_within_the_folder_is_followed(project: Path) -> None:
    """Through another one, too."""
    put(project, "kept", "kept/coordination/log.json")
    link(project, "kept", "around")
    link(project, "around", ".claude")
    assert read(project) == "kept"


@pytest.mark.parametrize(
    "target",
    [
        "../../../private/secret.json",
        "{secret}",
        "/dev/zero",
        "/dev/null",
        "/proc/self/fd/0",
        "/proc/self/environ",
        "/proc/self/root{secret}",
        "../../../../../../../../../../../../../../../../../../../../dev/zero",
        "{project}/../private/secret.json",
        "{project}-other/x",
        "/",
        "..//../..",
    ],
)
def test_a_link_that_leaves_the_folder_is_refused(project: Path, secret: Path, target: str) -> None:
    """Named, with where it leads."""
    said = target.format(secret=secret, project=project)
    link(project, said)
    error = refused(project)
    assert error.reason is Reason.LINK_LEAVES
    assert NAME in error.what
    assert said in error.what
    assert "MEM0_SYNCD_TRUSTED_FOLDERS" in error.remedy


def test_a_folder_that_is_a_link_out_of_the_folder_is_refused(project: Path, secret: Path) -> None:
    """So is a detour over a link inside."""
    link(project, secret.parent, ".claude")
    assert refused(project).reason is Reason.LINK_LEAVES
    assert ".claude is a link to" in refused(project).what
    link(project, ".claude/secret.json", "detour")
    assert refused(project, "detour").reason is Reason.LINK_LEAVES


def test_a_link_to_nothing_outside_is_refused_as_well(project: Path) -> None:
    """Nobody learns what is there and what isn't."""
    link(project, "../../../nothing")
    assert refused(project).reason is Reason.LINK_LEAVES


def test_a_link_to_nothing_inside_is_as_if_there_were_no_file(project: Path) -> None:
    """It may come."""
    link(project, "nothing")
    assert UntrustedFolder(project).stat(NAME) is None


def test_links_without_end_are_refused(project: Path) -> None:
    """In a circle, or just too many."""
    link(project, "log.json")
    assert refused(project).reason is Reason.LINK_CIRCLE
    for number in range(50):
        link(project, str(number + 1), str(number))
    put(project, "end", "50")
    assert read(project, "20") == "end"
    assert refused(project, "0").reason is Reason.LINK_CIRCLE
    (project / "deep").mkdir()
    link(project, "deep/../" * 150 + "50", "long")
    assert refused(project, "long").reason is Reason.LINK_CIRCLE


def test_a_folder_of_the_users_own_choice_may_be_linked_to(project: Path, secret: Path) -> None:
    """However it is spelled, and whatever links lead on from there to where nobody allowed them."""
    (secret.parent.parent / "alias").symlink_to(secret.parent)
    link(project, secret.parent, ".claude")
    assert read(project, trusted=[secret.parent]) == "secret"
    assert read(project, trusted=[secret.parent.parent / "alias"]) == "secret"
    (project / ".claude").unlink()
    link(project, secret.parent.parent / "alias/secret.json")
    assert read(project, trusted=[secret.parent.parent / "alias"]) == "secret"
    outside = put(secret.parent.parent, "outside", "outside/file")
    secret.unlink()
    secret.symlink_to(outside)
    assert refused(project, trusted=[secret.parent.parent / "alias"]).reason is Reason.LINK_LEAVES


def test_another_work_tree_of_the_project_may_be_linked_to(project: Path, secret: Path) -> None:
    """By its whole path, or by one from here."""
    link(project, secret)
    link(project, "../private/secret.json", "other")
    assert read(project, family=lambda: [secret.parent]) == "secret"
    assert read(project, "other", family=lambda: [secret.parent]) == "secret"


def test_a_folder_that_became_a_link_is_refused(project: Path, secret: Path) -> None:
    """What is watched is the folder that was named, not whatever stands there later."""
    inner = project / "services/inner"
    put(inner, "said")
    assert read(inner) == "said"
    (project / "services").rename(project / "before")
    link(project, "before", "services")
    error = refused(inner)
    assert error.reason is Reason.THROUGH_A_LINK
    assert str(project / "before/inner") in error.remedy
    (project / "services").unlink()
    link(project, secret.parent, "services/inner")
    assert refused(inner).reason is Reason.THROUGH_A_LINK


# Kinds, owners, sizes -------------------------------------------------------------------------------------


def make_socket(path: Path) -> None:
    """A socket's name in the file system."""
    with socket.socket(socket.AF_UNIX) as it:
        it.bind(os.path.relpath(path))


@pytest.mark.parametrize(
    ("make", "kind"), [(os.mkfifo, "a named pipe"), (Path.mkdir, "a folder"), (make_socket, "a socket")]
)
def test_what_is_no_regular_file_is_refused_without_waiting(
    project: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], kind: str
) -> None:
    """Also at the end of a link."""
    monkeypatch.chdir(project)
    make(project / "there")
    link(project, "../../there")
    for name in ("there", NAME):
        assert refused(project, name).reason is Reason.NOT_A_FILE
        assert kind in refused(project, name).what


@as_root
def test_a_device_is_refused_unopened(project: Path) -> None:
    """Whatever it would give."""
    try:
        os.mknod(project / "zero", 0o666 | 0o020000, os.makedev(1, 5))
    except OSError:
        pytest.skip("no devices can be made here")
    assert refused(project, "zero").reason is Reason.NOT_A_FILE


def test_a_pipe_in_a_folders_place_is_no_folder(project: Path) -> None:
    """It is not waited for either."""
    os.mkfifo(project / ".claude")
    assert UntrustedFolder(project).stat(NAME) is None
    assert not UntrustedFolder(project).is_folder(".claude")


@as_root
@pytest.mark.parametrize("name", [NAME, ".claude/coordination", ".claude", "."])
def test_what_belongs_to_another_user_is_refused(project: Path, name: str) -> None:
    """The file, a folder on the way, or all of it; unless the user's own settings allow it."""
    put(project, "said")
    os.chown(project / name, STRANGER, STRANGER)
    error = refused(project)
    assert error.reason is Reason.OWNER
    assert str(STRANGER) in error.what
    assert read(project, trusted=[project]) == read(project, trusted=[project.parent]) == "said"


def test_a_longer_file_is_refused(project: Path) -> None:
    """By its size alone where that tells, and with both sizes named."""
    path = put(project, "x" * 1000)
    folder = UntrustedFolder(project)
    assert len(folder.read(NAME, 1000)) == 1000
    with pytest.raises(Unreadable) as caught:
        folder.read(NAME, 999)
    assert isinstance(caught.value, RefusedFile)
    assert caught.value.reason is Reason.TOO_LARGE
    os.truncate(path, 1 << 40)
    with pytest.raises(RefusedFile, match=r"1048576\.0 MiB of 64\.0 KiB"):
        folder.read(NAME, LONGEST_SETTINGS)


def test_of_a_longer_file_the_last_whole_lines_can_be_read(project: Path) -> None:
    """All of a shorter one."""
    put(project, "one\ntwo\nthree\n")
    folder = UntrustedFolder(project)
    assert folder.read_end(NAME, 12) == b"two\nthree\n"
    assert folder.read_end(NAME, 100) == b"one\ntwo\nthree\n"


def test_a_folder_is_listed_up_to_a_number(project: Path, secret: Path) -> None:
    """In order; a link out of the project isn't listed."""
    for name in ("b", "a", "c"):
        put(project, "", f"docs/{name}.md")
    link(project, secret.parent, "out")
    folder = UntrustedFolder(project)
    assert folder.names("docs") == ["a.md", "b.md", "c.md"]
    assert folder.names() == ["docs", "out"]
    with pytest.raises(RefusedFile) as caught:
        folder.names("docs", 2)
    assert caught.value.reason is Reason.TOO_MANY
    with pytest.raises(RefusedFile):
        folder.names("out")
    with pytest.raises(NotADirectoryError):
        folder.names("docs/a.md")
    with pytest.raises(FileNotFoundError):
        folder.names("nothing")


# Races ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [NAME, ".claude"])
def test_nothing_outside_is_ever_read_while_somebody_swaps_links(
    project: Path, secret: Path, name: str
) -> None:
    """A file or a folder turns into a link out of the project and back, as fast as can be."""
    put(project, "inside")
    away, there = project / "away", project / name
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            there.rename(away)
            there.symlink_to(secret.parent if name == ".claude" else secret)
            there.unlink()
            away.rename(there)

    thread = threading.Thread(target=swap)
    thread.start()
    read_so_far = set()
    try:
        for _ in range(2000):
            try:
                read_so_far.add(UntrustedFolder(project).read(NAME, LONGEST_SETTINGS))
            except RefusedFile as error:
                assert error.reason in {Reason.LINK_LEAVES, Reason.CHANGING}  # noqa: PT017
            except (FileNotFoundError, NotADirectoryError):
                pass
    finally:
        stop.set()
        thread.join()
    assert read_so_far <= {b"inside"}


# Above ----------------------------------------------------------------------------------------------------


def test_folders_above_end_where_anybody_may_put_something(tmp_path: Path) -> None:
    """As in /tmp; what a user opens to everybody is still the user's."""
    inner = tmp_path / "shared/mine/inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o777)
    (tmp_path / "shared").chmod(0o1777)
    assert list(above(inner)) == [inner, inner.parent]


@as_root
@pytest.mark.parametrize(("owner", "mode"), [(STRANGER, 0o755), (0, 0o1777)])
def test_folders_above_end_where_another_user_may_write(tmp_path: Path, owner: int, mode: int) -> None:
    """Unless the user's own settings allow it."""
    inner = tmp_path / "theirs/mine/inner"
    inner.mkdir(parents=True)
    os.chown(tmp_path / "theirs", owner, owner)
    (tmp_path / "theirs").chmod(mode)
    assert list(above(inner)) == [inner, inner.parent]
    assert inner.parent.parent in list(above(inner, trusted=[inner.parent.parent]))
