"""Makes the pictures of the documentation from what the real commands print on a terminal.

Run by `make pictures`.
"""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from mem0_syncd.demo import DECISIONS
from support.daemon import Daemon, running
from support.decision_log import decision, write_log

DOCS = Path(__file__).parents[2] / "docs"
WIDTH = 96


def on_terminal(daemon: Daemon, *arguments: str) -> str:
    """What a command prints on a terminal, colours and all."""
    ours, theirs = pty.openpty()
    environment = {**daemon.environment, "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    with subprocess.Popen(
        [sys.executable, "-m", "mem0_syncd", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        printed = b""
        try:
            while chunk := os.read(ours, 65536):
                printed += chunk
        except OSError:  # Linux says EIO at the end of a terminal's output
            pass
    os.close(ours)
    return printed.decode().replace("\r\n", "\n")


def save(name: str, command: str, printed: str) -> None:
    """Save a picture of a command and its output."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text(f"$ {command}", style="bold"))
    console.print(Text.from_ansi(printed.rstrip()))
    console.save_svg(str(DOCS / name), title="mem0-syncd")


def main() -> None:
    """Make every picture."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop, blog = folder / "shop", folder / "blog"
        write_log(shop, [decision(number, **sample) for number, sample in enumerate(DECISIONS, start=1)])
        write_log(blog, [decision(number) for number in range(20, 32)])
        with running(Daemon(folder, [shop, blog])) as daemon:
            daemon.wait_delivered(len(DECISIONS) + 12)
            printed = on_terminal(daemon, "status").replace(str(folder), "~")
            save("status.svg", "mem0-syncd status", printed)
            (blog / ".claude/coordination/decision-log.json").write_text('{"decisions": [')
            daemon.run("sync")
            save(
                "status-degraded.svg",
                "mem0-syncd status",
                on_terminal(daemon, "status").replace(str(folder), "~"),
            )
            daemon.stop()
            save(
                "status-stopped.svg",
                "mem0-syncd status",
                on_terminal(daemon, "status").replace(str(folder), "~"),
            )


if __name__ == "__main__":
    main()
