"""A mem0 configuration of the user's own: what is accepted and refused, and what identifies the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mem0_syncd.config.mem0_config import BadStoreConfig, read
from mem0_syncd.core.embedding import NAME

SECRET = "hunter2-of-a-test"
OURS = f"mem0_syncd_all_minilm_l6_v2_int8_1#{NAME}"


def config(provider: str, embedder: dict[str, Any] | None = None, **store: Any) -> str:
    """A configuration as inline JSON."""
    given: dict[str, Any] = {"vector_store": {"provider": provider, "config": store}}
    return json.dumps({**given, "embedder": embedder} if embedder else given)


OLLAMA = {"provider": "ollama", "config": {"model": "nomic-embed-text", "api_key": SECRET}}

ADDRESSES = [
    (
        config("pgvector", host="db.example", port=5432, dbname="memories", user="u", password=SECRET),
        f"pgvector db.example 5432 memories {OURS}",
    ),
    (
        config("pgvector", connection_string=f"postgresql://u:{SECRET}@db.example:5432/memories?x={SECRET}"),
        f"pgvector postgresql://db.example:5432/memories {OURS}",
    ),
    (
        config("pgvector", connection_string=f"host=db.example dbname=memories password={SECRET}"),
        f"pgvector db.example memories {OURS}",
    ),
    (config("qdrant", host="q.example", port=6333, api_key=SECRET), f"qdrant q.example 6333 {OURS}"),
    (
        config("qdrant", url="https://q.example:6333", api_key=SECRET, collection_name="team"),
        f"qdrant https://q.example:6333 team#{NAME}",
    ),
    (config("qdrant", path="/data/q"), f"qdrant /data/q {OURS}"),
    (config("chroma", path="q"), f"chroma {Path.cwd()}/q {OURS}"),
    (config("chroma", host="c.example", port=8000), f"chroma c.example 8000 {OURS}"),
    (
        config("milvus", url=f"http://u:{SECRET}@m.example:19530", token=SECRET, collection_name="team"),
        f"milvus http://m.example:19530 team#{NAME}",
    ),
    (
        config("qdrant", OLLAMA, host="q.example", port=6333, collection_name="team"),
        "qdrant q.example 6333 team#ollama/nomic-embed-text",
    ),
]


@pytest.mark.parametrize(("text", "address"), ADDRESSES, ids=[row[1] for row in ADDRESSES])
def test_the_address_says_which_store_and_whose_vectors(text: str, address: str) -> None:
    """And never a credential."""
    assert read(text).address == address
    assert SECRET not in read(text).address


def test_a_changed_password_is_no_other_store() -> None:
    """Or everything would be sent again."""
    first, second = (config("pgvector", host="h", port=1, user="u", password=word) for word in "ab")
    assert read(first).address == read(second).address


def test_the_bundled_embedder_decides_the_dimensions() -> None:
    """Where the configuration names none; another one's are its own affair."""
    store = read(config("pgvector", host="h", port=1)).config["vector_store"]["config"]
    assert store["embedding_model_dims"] == 384
    own = read(config("pgvector", OLLAMA, host="h", port=1, embedding_model_dims=768))
    assert own.config["vector_store"]["config"]["embedding_model_dims"] == 768
    assert own.config["embedder"] == OLLAMA
    with pytest.raises(BadStoreConfig, match="384"):
        read(config("pgvector", host="h", port=1, embedding_model_dims=1536))


def test_the_collection_has_a_name_that_postgresql_does_not_cut() -> None:
    """With what Mem0 appends for its indices."""
    store = read(config("pgvector", host="h", port=1)).config["vector_store"]["config"]
    assert len(f"{store['collection_name']}_entities_text_lemmatized_idx") <= 63


@pytest.mark.parametrize(("name", "content"), [("m.json", config("qdrant", path="/q")), ("m.toml", "")])
def test_a_file_may_be_json_or_toml(tmp_path: Path, name: str, content: str) -> None:
    """Told by its name."""
    file = tmp_path / name
    file.write_text(
        content or '[vector_store]\nprovider = "qdrant"\n[vector_store.config]\npath = "/q"\n', "utf-8"
    )
    assert read(str(file)) == read(config("qdrant", path="/q"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/nowhere/m.json", "can't be read"),
        ("{oops", "JSON"),
        ("{}", "vector_store"),
        ('{"vector_store": {"config": {}}}', "provider"),
        ('{"vector_store": {"provider": "qdrant", "config": []}}', "table"),
        ('{"vector_store": {"provider": "qdrant"}, "graph_store": {}}', "graph_store"),
        (config("faiss", path="/f"), "FAISS"),
        (config("qdrant", OLLAMA, collection_name="team"), "where"),
    ],
)
def test_what_cannot_be_used_is_refused(text: str, said: str) -> None:
    """With the reason."""
    with pytest.raises(BadStoreConfig, match=said):
        read(text)


def test_no_error_repeats_what_was_given(tmp_path: Path) -> None:
    """There are passwords in it."""
    file = tmp_path / "m.toml"
    file.write_text(f'[vector_store]\nprovider = "pgvector"\npassword = "{SECRET}\n')
    for text in (f'{{"password": "{SECRET}"', str(file), f'{{"vector_store": "{SECRET}"}}'):
        with pytest.raises(BadStoreConfig) as caught:
            read(text)
        assert SECRET not in str(caught.value)


def test_a_folder_is_for_one_process() -> None:
    """A server isn't."""
    assert read(config("qdrant", path="/q")).is_folder
    assert not read(config("qdrant", host="h", port=1)).is_folder
    assert not read(config("pgvector", host="h", port=1)).is_folder
