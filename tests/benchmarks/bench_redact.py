"""Measures what redaction finds, and what it takes for a secret that is none, beside detect-secrets alone.

Usage: python tests/benchmarks/bench_redact.py [--write] [--tuning] [--missed]

Without options it prints the figures of the held-out third of the corpus (tests/corpora/secrets). `--tuning`
is for whoever tunes rules: the same for the other two thirds, and with `--missed` which cases are missed
there. The cases of the held-out third are never printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.page import table
from corpora.secrets import corpus
from corpora.secrets.corpus import GROUPS, Case
from mem0_syncd.redact import VERSION, redact

PAGE = Path(__file__).parents[2] / "docs" / "redaction.md"
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"
TITLES = {
    "named": "under a name: `NAME=`, JSON, YAML, code, prose",
    "bare": "bare, in prose and logs",
    "command": "command lines",
    "header": "headers and cookies",
    "url": "addresses and connection strings",
    "file": "configuration files, logins in prose",
    "encoded": "encoded, split, on the next line",
}
HOSTILE = (
    '--user a:b"',
    "password=",
    "sk-",
    "eyJ",
    "://a:b@",
    "'k': '",
    "token\n",
    "a1B2c3D4 ",
    "\u200b",
    "%41",
)
SIZES = (50_000, 200_000)

Cleaner = Callable[[str], str]


def ours(text: str) -> str:
    """The text as this program would send it."""
    return redact(text)[0]


def alone() -> Iterator[Cleaner]:
    """The text without what detect-secrets finds in a file of it, with all its plugins and filters."""
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings

    with default_settings(), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "notes.txt"

        def clean(text: str) -> str:
            file.write_text(text, "utf-8")
            for value in {found.secret_value for found in scan_file(str(file)) if found.secret_value}:
                text = text.replace(value, "[secret]")
            return text

        yield clean


def share(cases: Sequence[Case], cleaned: dict[str, str]) -> str:
    """How many of the cases' secrets are gone whole."""
    found = sum(not case.survivors(cleaned[case.text]) for case in cases)
    return f"{found / len(cases):.1%} of {len(cases)}" if cases else "none"


def reach(cases: Sequence[Case], columns: Sequence[dict[str, str]]) -> Iterator[str]:
    """The tables of what is found, by where a secret stands and by what it is."""
    head = ("", "mem0-syncd", "detect-secrets alone")
    by_group = [(TITLES[group], [case for case in cases if case.group == group]) for group in GROUPS]
    rows = [
        (title, *(share(some, column) for column in columns)) for title, some in [*by_group, ("all", cases)]
    ]
    yield table(("where it stands", *head[1:]), rows)
    kinds = dict.fromkeys(case.kind for case in cases if case.group in {"named", "bare"})
    by_kind = [(kind, [case for case in cases if case.kind == kind]) for kind in kinds]
    rows = [(kind, *(share(some, column) for column in columns)) for kind, some in by_kind]
    yield table(("what it is, named or bare", *head[1:]), rows)


def alarms(texts: Sequence[tuple[str, bool]], columns: Sequence[dict[str, str]]) -> str:
    """The table of texts without a secret in which one is seen."""
    rows = []
    for title, chosen in (
        ("all", texts),
        ("with key, token, salt, ... as words", [it for it in texts if it[1]]),
    ):
        changed = [sum(column[text] != text for text, _ in chosen) for column in columns]
        rows.append((title, *(f"{count / len(chosen):.1%} of {len(chosen)}" for count in changed)))
    return table(("texts without a secret, changed", "mem0-syncd", "detect-secrets alone"), rows)


def growth() -> str:
    """How the time grows when a hostile text gets four times as long: four where it is linear."""
    ratios = []
    for unit in HOSTILE:
        best = []
        for size in SIZES:
            text = (unit * (size // len(unit) + 1))[:size]
            best.append(min(_seconds(text) for _ in range(3)))
        ratios.append((best[1] / best[0], repr(unit), best[1]))
    worst = max(ratios)
    slowest = max(seconds for _, _, seconds in ratios)
    return (
        f"Of {len(HOSTILE)} texts that are hard to scan, four times the length took at most {worst[0]:.1f} "
        f"times the time ({worst[1]}), and {SIZES[1]:,} characters at most {slowest:.1f} s.\n"
    )


def speed(texts: Sequence[str]) -> str:
    """How many texts without a secret are looked through in a second."""
    best = min(_seconds(*texts) for _ in range(5))
    mean = sum(map(len, texts)) / len(texts)
    return f"{len(texts) / best:,.0f} texts a second, of {mean:.0f} characters on average, on one core.\n"


def _seconds(*texts: str) -> float:
    began = time.process_time()
    for text in texts:
        redact(text)
    return time.process_time() - began


def missed(cases: Sequence[Case], cleaned: dict[str, str]) -> Iterator[str]:
    """The cases whose secret isn't gone whole, and what became of them."""
    for case in cases:
        if case.survivors(cleaned[case.text]):
            yield f"{case.group:8} {case.family:24} {cleaned[case.text]!r}"


def main() -> None:
    """Measure, print, and put it into the page if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="put the figures into docs/redaction.md")
    parser.add_argument("--tuning", action="store_true", help="the two thirds that rules are tuned on")
    parser.add_argument(
        "--missed", action="store_true", help="with --tuning: what is missed, and false alarms"
    )
    options = parser.parse_args()
    cases = [case for case in corpus.cases() if case.is_held_out is not options.tuning]
    texts = [it for it in corpus.benign() if corpus.is_held_out(it[0]) is not options.tuning]
    whole = [case.text for case in cases] + [text for text, _ in texts]
    columns = [{text: ours(text) for text in whole}]
    if options.tuning and options.missed:
        print("\n".join(missed(cases, columns[0])))
        print("\n".join(f"ALARM    {columns[0][text]!r}" for text, _ in texts if columns[0][text] != text))
        print(Counter(case.group for case in cases if case.survivors(columns[0][case.text])))
        return
    columns += [{text: clean(text) for text in whole} for clean in alone()]
    which = "the two thirds for tuning" if options.tuning else "the held-out third"
    found = "\n".join(
        (
            f"Version {VERSION} of the detector, on {which}.\n",
            *reach(cases, columns),
            alarms(texts, columns),
            speed([text for text, _ in texts]),
            growth(),
        )
    )
    print(found)
    if options.write:
        head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
        _, _, tail = rest.partition(END)
        PAGE.write_text(f"{head}{BEGIN}\n{found}\n{END}{tail}", "utf-8")


if __name__ == "__main__":
    main()
