"""Makes the pictures of the documentation from what the real commands print on a terminal.

Run by `make pictures`.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.text import Text

from mem0_syncd.cli.demo_scenario import DECISIONS
from support.daemon import TUNED, Daemon, running
from support.decision_log import decision, write_log
from support.terminal import finish, spawn

DOCS = Path(__file__).parents[2] / "docs"
WIDTH = 96


def on_terminal(environment: Mapping[str, str], folder: Path, *words: str) -> str:
    """What a command prints on a terminal, colours and all; a temporary folder is the home folder."""
    _, printed = finish(spawn(environment, *words, columns=WIDTH, HOME=str(folder)))
    return printed.replace(str(folder), "~")


def save(name: str, command: str, printed: str) -> None:
    """Save a picture of a command and its output."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(printed.rstrip()))
    console.print()  # some fonts reach below the last line
    # A fixed id, so that the same words make the same picture.
    console.save_svg(str(DOCS / name), title="mem0-syncd", unique_id=Path(name).stem)


def main() -> None:
    """Make every picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop, blog = folder / "shop", folder / "blog"
        write_log(shop, [decision(number, **sample) for number, sample in enumerate(DECISIONS, start=1)])
        write_log(blog, [decision(number) for number in range(20, 32)])
        daemon = Daemon(folder, [shop, blog])
        environment = {it: value for it, value in daemon.environment.items() if it not in TUNED}
        show = partial(on_terminal, environment, folder)
        with running(daemon):
            daemon.wait_delivered(len(DECISIONS) + 12)
            save("status.svg", "mem0-syncd status", show("status"))
            save("doctor.svg", "mem0-syncd doctor", show("doctor"))
            (blog / ".claude/coordination/decision-log.json").write_text('{"decisions": [')
            daemon.run("sync")
            save("status-degraded.svg", "mem0-syncd status", show("status"))
            daemon.stop()
            save("status-stopped.svg", "mem0-syncd status", show("status"))
    with tempfile.TemporaryDirectory() as name:
        save("demo.svg", "mem0-syncd demo", on_terminal(os.environ, Path(name), "demo"))


if __name__ == "__main__":
    main()
