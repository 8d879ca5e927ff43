"""What a person takes back comes back, also after a crash between two steps, and what is erased doesn't."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mem0_syncd.config.settings import Settings
from mem0_syncd.core.consent import EVERYTHING
from mem0_syncd.core.item import REMEMBERED
from mem0_syncd.core.memory_payload import memory_of
from mem0_syncd.engine.engine import Engine
from mem0_syncd.engine.forgetting import forget, restore
from mem0_syncd.ingest.enqueue import Enqueuer
from mem0_syncd.ingest.kept_reader import KeptReader
from mem0_syncd.outbox import Outbox, ProjectRow
from mem0_syncd.outbox.kept_items import KeptItems, UnkeptItem
from mem0_syncd.system.clock import Clock
from support.builders import item
from support.decision_log import decision, write_log

DEC = decision(1)["decision_id"]


@pytest.fixture
def engine(tmp_path: Path, project: Path) -> Iterator[Engine]:
    """An engine on a project with one decision, which waits for its delivery."""
    write_log(project, [decision(1)])
    (tmp_path / "state").mkdir()
    with closing(Outbox.open(tmp_path / "state")) as outbox:
        settings = Settings(state_dir=tmp_path / "state", destination="embedded", projects=[project])
        engine = Engine(settings, outbox)
        engine.scan_until_settled()
        yield engine


def keys(engine: Engine) -> list[str]:
    return [it.sync_key for it in engine.outbox.tombstones.find("shop")]


def waiting(engine: Engine) -> int:
    return sum(it.status == "pending" for it in engine.outbox.tombstones.find("shop"))


def test_a_restore_that_was_cut_off_goes_on_though_no_file_says_the_item_any_more(
    engine: Engine, project: Path
) -> None:
    """Its tombstone is gone by then, and all that is left of it is what was kept."""
    forget(engine, project="shop", name=DEC, remote=False)
    write_log(project, [])
    engine.scan_anew()
    engine.outbox.tombstones.lift(keys(engine))
    assert waiting(engine) == 0
    assert restore(engine, project="shop", name=DEC) == {"restored": 1, "waiting": 1}
    assert waiting(engine) == 1


def test_a_restore_keeps_what_it_cannot_take_in(engine: Engine, project: Path) -> None:
    """The project isn't watched just now; once it is, it is restored."""
    forget(engine, project="shop", name=DEC, remote=False)
    write_log(project, [])
    engine.outbox.projects.remove("shop")
    restore(engine, project="shop", name=DEC)
    assert waiting(engine) == 0
    engine.renew(engine.settings)
    engine.scan_until_settled()
    assert restore(engine, project="shop", name=DEC)["waiting"] == 1


def test_what_is_erased_while_mem0_is_asked_for_it_is_not_kept(engine: Engine) -> None:
    """Else the text of a forgotten item would be here again."""
    (key,) = keys(engine)
    here = engine.outbox.destinations.get().id
    asked = UnkeptItem(here, "m-1", key, "shop", item().kind, REMEMBERED, None)
    forget(engine, project="shop", name=DEC, remote=True)
    engine.outbox.kept_items.take_from(asked, memory_of(item()))
    assert engine.outbox.kept_items.find([key]) == []


def test_what_no_file_says_is_taken_in_where_only_a_work_tree_is_watched(
    engine: Engine, project: Path
) -> None:
    """It speaks for its project then."""
    outbox = engine.outbox
    outbox.projects.remove("shop")
    tree = ProjectRow("shop", project.with_name("tree"), is_worktree=True)
    outbox.projects.add(tree)
    outbox.destinations.route(tree, outbox.destinations.get().id)
    said = replace(item("Said by hand, and in no file", source_id=None), source=REMEMBERED)
    outbox.kept_items.keep(said, memory_of(said))
    assert KeptReader(outbox, Enqueuer(outbox, clock=Clock())).read(tree, EVERYTHING) == 1


def test_a_rename_is_one_step_with_what_no_file_says(
    engine: Engine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between the two would leave that behind for ever."""
    row = engine.outbox.projects.at(project)
    assert row is not None
    consent = engine.outbox.consents.at(project)
    assert consent is not None
    engine.outbox.consents.change(project, lambda _: replace(consent, id="store"))

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(KeptItems, "rename", crash)
    with pytest.raises(KeyboardInterrupt):
        engine.scan()
    assert engine.outbox.projects.at(project) == row
