"""Cuts the power after every call, and writes what came of it into docs/delivery.md.

python -m crash.power_loss
"""

from __future__ import annotations

import random
import sys
from tempfile import TemporaryDirectory

from crash import report
from crash.board import shim
from crash.outage import BUGS, OFTEN, SURVIVALS, judge, recorded, start_after_some
from crash.run import keep_to

STARTS = 40
"""How many cuts a daemon is started after."""

TITLE = "## Proof: power loss"

TEXT = """{title}

The same library writes down every call of the daemon with its data, and Mem0's commits between them, while
items are added, revised, looked up and polled; SQLite folds its write-ahead log into the outbox every few
of them. The power then fails after every single call. Of what was written, that which was synced survives,
and of the rest nothing, or any part of it, whole or torn. What is left must open undamaged and know every
receipt that was ever told; it must know of everything that Mem0 holds by then that it was sent; and the
sync-state file must mark nothing that has no receipt. After some of the cuts a daemon is started on what is
left, with Mem0 as it was in that moment, and must end with each item once.

**{calls:,} calls, {looked:,} survivals: {wrong} wrong. {starts} starts: {lost} lost, {doubled} doubled,
{other} otherwise wrong.** With SQLite's `synchronous=OFF` the same model finds {off}, and with `NORMAL`
{normal}. `make power-loss` prints these figures and writes this section.
"""


def main() -> None:
    """Record, cut, start; exit code 1 when anything was wrong, or a seeded bug wasn't found."""
    if shim() is None:
        sys.exit("the power-loss model needs a C compiler: cc")
    with TemporaryDirectory() as home:
        keep_to(home)
        text, wrong = _find_out(random.Random(1))
    report.put(TITLE, text)
    sys.stdout.write(text + "".join(f"{it}\n" for it in wrong))
    sys.exit(1 if wrong else 0)


def _find_out(rng: random.Random) -> tuple[str, list[object]]:
    """The section of the page, and what was wrong."""
    seeded = []
    for bug in BUGS.values():
        with recorded(bug) as (recording, _):
            seeded.append(judge(recording, rng, every=9))
    with recorded(OFTEN) as (recording, shop):
        looked, wrong = judge(recording, rng)
        started = start_after_some(recording, shop, rng, STARTS)
    text = TEXT.format(
        title=TITLE,
        calls=len(recording.calls),
        looked=looked,
        wrong=len(wrong),
        starts=len(started),
        lost=sum(bool(it.lost) for it in started),
        doubled=sum(bool(it.doubled) for it in started),
        other=sum(bool(it.other) and not it.lost and not it.doubled for it in started),
        off=_share(*seeded[0]),
        normal=_share(*seeded[1]),
    )
    missed = [bug for bug, found in zip(BUGS, seeded, strict=True) if not found[1]]
    return text, [*wrong, *filter(None, started), *missed]


def _share(looked: int, wrong: list[str]) -> str:
    return f"{len({it.partition(':')[0] for it in wrong})} calls wrong among {looked // SURVIVALS}"


if __name__ == "__main__":
    main()
