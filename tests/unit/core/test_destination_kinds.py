"""The table of destination kinds: every kind has one row, and nobody else lists them."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import mem0_syncd
from mem0_syncd.config.settings import Settings
from mem0_syncd.core.destination_kinds import (
    EMBEDDED,
    HOME,
    KINDS,
    NAMES,
    OWN_STORE,
    PLATFORM,
    SERVER,
    Address,
    Check,
    DestinationKind,
    Guarantee,
    by_default,
    called,
    chosen,
    stored,
    vector_store,
)
from mem0_syncd.engine import destination_choice
from mem0_syncd.outbox import Outbox

PACKAGE = Path(mem0_syncd.__file__).parent
OWN = '{"vector_store": {"provider": "pgvector", "config": {"host": "db", "dbname": "x"}}}'


def settings_for(kind: DestinationKind, state: Path) -> Settings:
    """Settings in which a kind is chosen."""
    given: dict[str, Any] = {
        "state_dir": state,
        "destination": kind.setting,
        "api_key": "m0-invented",
        "server": {"url": "https://mem0.example.org"},
    }
    if kind is OWN_STORE:
        given["embedded"] = {"config": OWN}
    return Settings(**given)


def test_every_name_that_users_know_has_a_kind() -> None:
    """And no kind has another; two kinds of one name are told apart by the settings, and by the address."""
    assert {kind.setting for kind in KINDS} == set(NAMES)
    assert [called(kind.name) for kind in KINDS] == list(KINDS)


@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.name)
def test_a_kind_is_opened_by_what_its_row_names(kind: DestinationKind) -> None:
    """The module is there, and has that class with its `open`."""
    module, its_class = kind.opened_by
    opening = getattr(import_module(f"mem0_syncd.destinations.{module}"), its_class)
    assert callable(opening.open)


@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.name)
def test_what_the_settings_choose_is_found_again_in_the_outbox(kind: DestinationKind, tmp_path: Path) -> None:
    """From its name and its address alone, which are all that there is of it."""
    settings = settings_for(kind, tmp_path)
    outbox = Outbox.open(tmp_path)
    try:
        row = destination_choice.choose_destination(settings, outbox.destinations)
    finally:
        outbox.close()
    assert (row.name, row.kind) == (kind.setting, kind)
    assert destination_choice.means(settings, row.name).start["destination"] == kind.name


@pytest.mark.parametrize("kind", KINDS, ids=lambda it: it.name)
def test_a_kind_has_as_many_threads_as_its_row_says(kind: DestinationKind, tmp_path: Path) -> None:
    """Or as its vector store is known to take."""
    found = destination_choice.means(settings_for(kind, tmp_path), kind.setting)
    assert found.threads == (vector_store("pgvector").threads if kind is OWN_STORE else kind.threads)
    assert vector_store("milvus").threads == OWN_STORE.threads


@pytest.mark.parametrize(
    ("name", "address", "kind", "guarantee"),
    [
        ("platform", "https://api.mem0.ai", PLATFORM, "exactly-once"),
        ("server", "http://mem0:8888", SERVER, "at-least-once"),
        ("embedded", "/home/me/.local/state/mem0-syncd/mem0#x", EMBEDDED, "exactly-once"),
        ("embedded", "pgvector db 5432 x#y", OWN_STORE, "exactly-once"),
        ("embedded", "qdrant q 6333 x#y", OWN_STORE, "exactly-once"),
        ("embedded", "milvus m x#y", OWN_STORE, "at-least-once"),
    ],
)
def test_a_destination_guarantees_what_its_look_ups_prove(
    name: str, address: str, kind: DestinationKind, guarantee: str
) -> None:
    """Those stores that were checked find by any key what they have just acknowledged."""
    assert stored(name, address) is kind
    assert kind.guarantee_at(address) == Guarantee(guarantee)


def test_a_store_of_ones_own_is_a_kind_that_the_settings_tell_from_a_folder() -> None:
    """By one name, for users call both alike."""
    assert chosen("embedded", has_own_store=False) is EMBEDDED
    assert chosen("embedded", has_own_store=True) is OWN_STORE
    assert chosen("platform", has_own_store=True) is PLATFORM


@pytest.mark.parametrize("name", ["", "cloud", "own store"])
def test_a_name_that_nobody_has_is_refused(name: str) -> None:
    """Of a later version, or misspelled; the name of a kind is none of the users' names."""
    with pytest.raises(LookupError, match="no destination is called"):
        chosen(name, has_own_store=False)
    with pytest.raises(LookupError, match="no destination is called"):
        stored(name, "/x")


def test_a_key_decides_where_nobody_chooses() -> None:
    """The Platform, else a folder of this machine, which needs nobody's consent."""
    assert by_default(has_key=True) == PLATFORM.setting
    assert by_default(has_key=False) == EMBEDDED.setting == HOME
    assert {kind.setting for kind in KINDS if kind.is_home} == {HOME}


def test_only_a_kind_with_a_key_is_asked_about_it() -> None:
    """And only what is on this machine needs the bundled embedder."""
    assert [kind for kind in KINDS if Check.KEY in kind.checks] == [PLATFORM]
    for kind in KINDS:
        assert (Check.EMBEDDER in kind.checks) is (kind.address is not Address.URL)


LISTS = {"destination_kinds.py", "shell_environment.py", "secret_names.py"}
"""The table itself, what writes into the settings' section of that name, and what secrets are called."""


def test_nobody_else_lists_or_compares_the_names() -> None:
    """A new destination is a module, a row, and what its settings say."""
    names = {*NAMES, *(kind.name for kind in KINDS)}
    found = [
        f"{file.relative_to(PACKAGE)}:{node.lineno}"
        for file in PACKAGE.rglob("*.py")
        if file.name not in LISTS
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    ]
    assert not found


def test_the_table_imports_next_to_nothing() -> None:
    """`status` asks it."""
    code = "import sys; import mem0_syncd.core.destination_kinds; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    ours = {name for name in run.stdout.split() if name.startswith("mem0_syncd.")}
    assert ours == {"mem0_syncd.__about__", "mem0_syncd.core", "mem0_syncd.core.destination_kinds"}
