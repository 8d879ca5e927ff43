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

The same library records every call of the daemon with its data, and Mem0's commits between them. Meanwhile
items are added, revised, looked up and polled, and SQLite folds its write-ahead log into the outbox every few
of them. The power then fails after every single call. What was synced survives. Of the rest nothing survives,
or any part of it, whole or torn. Then four things must hold:

- The outbox opens undamaged, and has every receipt that was ever reported.
- It knows that everything that Mem0 holds at that moment was sent.
- The sync-state file marks nothing that has no receipt.
- A daemon that is started on it ends with each item once. That is tried after some of the cuts, with Mem0 as
  it was at that moment.

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
