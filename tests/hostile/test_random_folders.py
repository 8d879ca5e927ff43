"""Random hostile folders: whatever is in one, nothing outside is read, written or sent, and nothing waits."""

from __future__ import annotations

import contextlib
import json
import resource
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mem0_syncd.config import settings as configuration
from mem0_syncd.core.memory_payload import GLOBAL_BEST_PRACTICES, Memory
from mem0_syncd.engine.engine import Engine
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import Outbox
from mem0_syncd.projects import projects
from support.daemon import running
from support.decision_log import decision, write_log
from support.hostile_world import MOST_BYTES, SYNC_STATE, HostileWorld
from support.mem0_platform import Mem0Platform
from support.openings import Openings
from support.picture import differences, picture_of
from support.random_folders import FOLDER_STRATEGY, Folder

STUCK_SECONDS = 20
"""After so long a scan of a random folder counts as one that waits for something."""
MOST_ADDRESSES = 3 << 30

QUIET = settings(
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    database=None,
)


@contextmanager
def not_stuck() -> Iterator[None]:
    """Fails where the block waits for ever, or takes all memory that there is."""

    def give_up(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"it stands still at {frame}")

    before = signal.signal(signal.SIGALRM, give_up)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESSES, limits[1]))
    signal.alarm(STUCK_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGALRM, before)


class House:
    """A home with an innocent and a private project, and what reads projects in this process."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        with Mem0Platform() as mem0:
            self.home = HostileWorld(folder, mem0).home
        self.code = self.home / "code"
        (self.home / "r").mkdir()
        patch.setenv("HOME", str(self.home))
        patch.setenv("MEM0_API_KEY", "m0-test")
        patch.setenv("MEM0_SYNCD_PLATFORM__HOST", "http://127.0.0.1:9")
        patch.setenv("MEM0_SYNCD_CONFIG_FILE", str(folder / "own" / "config.toml"))
        self.patch = patch

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """An engine on a state folder of its own."""
        state = Path(tempfile.mkdtemp(dir=self.folder))
        self.patch.setenv("MEM0_SYNCD_STATE_DIR", str(state))
        outbox = Outbox.open(state)
        try:
            yield Engine(configuration.load(), outbox)
        finally:
            outbox.close()
            shutil.rmtree(state)

    @property
    def private(self) -> set[Path]:
        """Folders whose files nobody opens."""
        return {
            self.home / ".ssh",
            self.home / ".aws",
            *(it for it in (self.code / "private").rglob("*") if it.is_dir()),
        }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with pytest.MonkeyPatch.context() as patch:
        yield House(tmp_path_factory.mktemp("house"), patch)


def check(house: House, folder: Folder) -> None:
    """Scan a random folder and an innocent one beside it, twice, and mark; see that all holds."""
    hostile = house.code / "stranger"
    shutil.rmtree(hostile, ignore_errors=True)
    innocent = house.code / "innocent"
    mine = [hostile, innocent / SYNC_STATE]
    before = picture_of(house.home, leaving_out=mine)
    with house.engine() as engine, Openings(house.private) as openings, not_stuck():
        outbox = engine.outbox
        projects.add(outbox, innocent)
        folder.build(hostile)
        with contextlib.suppress(SyncdError):
            projects.add(outbox, hostile)
        watched = {it.path for it in outbox.projects.all()}
        for _ in range(2):
            engine.scan(heed_marks=True)
            engine.marks.note({it.id for it in outbox.projects.all()})
            engine.marks.write()
        rows = engine.outbox.database.rows("SELECT frozen FROM entry")
        opened = openings.files
    assert not opened, opened
    assert watched <= {innocent, hostile}
    changed = differences(before, picture_of(house.home, leaving_out=mine))
    assert not changed, changed
    memories = [Memory.thaw(row["frozen"]) for row in rows if row["frozen"]]
    for memory in memories:
        name = memory.metadata["project"]
        assert "CANARY" not in memory.freeze()
        assert name in {"innocent", "stranger"}
        assert memory.user_id == GLOBAL_BEST_PRACTICES or memory.user_id.startswith(f"{name}-")
        assert name == "stranger" or "decided in case" in memory.text
    assert "innocent" in {memory.metadata["project"] for memory in memories}
    assert not hostile.is_symlink()


@settings(QUIET, max_examples=30)
@given(folder=FOLDER_STRATEGY)
def test_no_random_folder_reaches_out(house: House, folder: Folder) -> None:
    """In this process: what is read, planned and marked of a folder stays within it."""
    check(house, folder)


@pytest.mark.slow
@settings(QUIET, max_examples=3_000)
@given(folder=FOLDER_STRATEGY)
def test_no_random_folder_reaches_out_in_thousands(house: House, folder: Folder) -> None:
    """The same, for an hour's quarter."""
    check(house, folder)


def live_through(folders: list[Folder], base: Path) -> None:
    """Have a real daemon watch random folders at once, some from its start and others as they come."""
    with Mem0Platform() as mem0:
        code = base / "home" / "code"
        listed = [code / f"stranger-{number}" for number in range(len(folders) // 2)]
        world = HostileWorld(base, mem0, MEM0_SYNCD_PROJECTS=json.dumps([str(it) for it in listed]))
        later = [world.code / f"stranger-{number}" for number in range(len(folders) // 2, len(folders))]
        for project, folder in zip(listed, folders, strict=False):
            folder.build(project)
        with world.untouched(*listed, *later), running(world.daemon):
            world.wait_served()
            for project in later:
                write_log(project, [decision(1)])
                world.add(project)
            for project, folder in zip(later, folders[len(listed) :], strict=True):
                folder.build(project)
            for project in (*listed[:2], *later[:2]):
                world.end_session(project)
            world.scan()
            world.wait_served()
            assert world.run("status").returncode in {0, 1}
            assert world.peak_bytes() < MOST_BYTES
            world.end()
        scopes = {it.user_id for it in mem0.memories}
        mine = {"innocent", *(it.name for it in (*listed, *later))}
        for scope in scopes - {GLOBAL_BEST_PRACTICES, None}:
            assert str(scope).rpartition("-")[0] in mine, scope
        assert all("decided in case" in text for text in world.texts("innocent"))


@settings(QUIET, max_examples=1)
@given(folders=st.lists(FOLDER_STRATEGY, min_size=12, max_size=12))
def test_a_daemon_lives_through_random_folders(
    tmp_path_factory: pytest.TempPathFactory, folders: list[Folder]
) -> None:
    """A real one, with a dozen at once: the innocent is served, memory is small, it ends in time."""
    live_through(folders, tmp_path_factory.mktemp("random"))


@pytest.mark.slow
@settings(QUIET, max_examples=40)
@given(folders=st.lists(FOLDER_STRATEGY, min_size=12, max_size=12))
def test_a_daemon_lives_through_random_folders_for_long(
    tmp_path_factory: pytest.TempPathFactory, folders: list[Folder]
) -> None:
    """The same, many times."""
    base = tmp_path_factory.mktemp("random")
    live_through(folders, base)
    shutil.rmtree(base, ignore_errors=True)
