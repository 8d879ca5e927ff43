"""An embedded store in a process of its own: requests as JSON lines in, what came of each out.

python -m support.embedded_store FOLDER              serve requests
python -m support.embedded_store FOLDER --print ID   print a user id's memories, through mem0.Memory alone
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mem0_syncd.core.memory_payload import Memory
from mem0_syncd.core.outcome import to_wire
from support import nursery

TESTS = Path(__file__).parents[1]
MANY = 100_000


def memory(number: int, text: str = "", **metadata: str) -> Memory:
    """A decision of the project `shop`, as the outbox would send it."""
    text = text or f"What was decided in case {number}"
    content = uuid.uuid5(uuid.NAMESPACE_OID, text).hex
    keys = {"source": "mem0-syncd", "sync_key": f"key-{number}", "content_hash": content}
    return Memory("shop-decisions", text, None, {**keys, **metadata})


def memories(folder: Path, user_id: str = "shop-decisions") -> list[dict[str, Any]]:
    """Everything of a user id in the store, as another process finds it that knows of mem0.Memory alone."""
    process = _start([str(folder), "--print", user_id], stdout=subprocess.PIPE)
    with process.stdout as said:
        text = said.read()
    assert process.wait(60) == 0
    found: list[dict[str, Any]] = json.loads(text)
    return found


def _start(
    words: Sequence[str], environment: Mapping[str, str] | None = None, before: Sequence[str] = (), **how: Any
) -> Any:
    """Start this module: forked, unless a command stands `before` it, or Python is to start differently."""
    env = {**os.environ, "MEM0_TELEMETRY": "False", **(environment or {})}
    command = [sys.executable, "-m", __spec__.name, *words]
    if (
        before
        or env.get("PYTHONPATH") != os.environ.get("PYTHONPATH")
        or not os.environ.get(nursery.VARIABLE)
    ):
        return subprocess.Popen([*before, *command], cwd=TESTS, env=env, **how)
    return nursery.Popen([command[0], "-P", *command[1:]], cwd=TESTS, env=env, **how)


class Store:
    """The other end of a serving process."""

    def __init__(self, process: Any) -> None:
        self.process = process

    def ask(self, do: str, **fields: Any) -> Any:
        """What came of one request."""
        self.process.stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def push(self, it: Memory, memory_id: str | None = None) -> dict[str, Any]:
        """The outcome of a push."""
        outcome: dict[str, Any] = self.ask("push", frozen=it.freeze(), memory_id=memory_id)
        return outcome

    def look(self, it: Memory) -> dict[str, Any]:
        """The outcome of a look-up."""
        outcome: dict[str, Any] = self.ask("look", frozen=it.freeze())
        return outcome


@contextmanager
def serving(
    folder: Path, environment: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> Iterator[Store]:
    """A store that serves for the block; `before` are the words that its command begins with."""
    process = _start([str(folder)], environment, before, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process.stdout:
        try:
            yield Store(process)
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()


def _serve(folder: Path, answers: Any) -> None:
    import resource

    from mem0_syncd.destinations import CannotOpen, open_destination

    def answer(what: Any) -> None:
        answers.write(json.dumps(what).encode() + b"\n")
        answers.flush()

    store = None
    for line in sys.stdin.buffer:
        request = json.loads(line)
        match request["do"]:
            case "open":
                try:
                    store = open_destination("embedded", {"path": str(folder)})
                    answer({"pid": os.getpid()})
                except CannotOpen as error:
                    answer(to_wire(error.outcome))
            case "limit":
                limits = resource.getrlimit(resource.RLIMIT_FSIZE)
                size = limits[1] if request["size"] is None else request["size"]
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
                answer({})
            case "push" if store:
                answer(to_wire(store.push(Memory.thaw(request["frozen"]), request["memory_id"])))
            case "look" if store:
                answer(to_wire(store.look(Memory.thaw(request["frozen"]))))
            case "search" if store:
                answer([hit.text for hit in store.search(request["query"], ["shop-decisions"], 1)])


def _print(folder: Path, answers: Any) -> None:
    from mem0 import Memory as Mem0
    from mem0.configs.base import MemoryConfig
    from mem0.embeddings.configs import EmbedderConfig
    from mem0.utils.factory import EmbedderFactory
    from mem0.vector_stores.configs import VectorStoreConfig

    from mem0_syncd.core import embedding
    from mem0_syncd.destinations import embedder

    EmbedderFactory.provider_to_class["ours"] = f"{embedder.__name__}.LocalEmbedder"
    mem0 = Mem0(
        MemoryConfig(
            vector_store=VectorStoreConfig(
                provider="qdrant",
                config={
                    "path": str(folder / "qdrant"),
                    "collection_name": f"mem0-syncd-{embedding.NAME}",
                    "embedding_model_dims": embedding.DIMENSIONS,
                    "on_disk": True,
                },
            ),
            embedder=EmbedderConfig.model_construct(provider="ours", config={}),
            llm={"provider": "openai", "config": {"api_key": "never used"}},
            history_db_path=str(folder / "history.sqlite3"),
        )
    )
    found = mem0.get_all(filters={"user_id": sys.argv[3]}, top_k=MANY)["results"]
    answers.write(json.dumps(found).encode())
    answers.flush()
    mem0.vector_store.client.close()
    mem0.close()


if __name__ == "__main__":
    # Mem0's libraries print.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    (_print if "--print" in sys.argv else _serve)(Path(sys.argv[1]), out)
