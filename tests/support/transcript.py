"""Writes docs/first-ten-minutes.md: a newcomer's commands, run for real in a home folder with nothing in it.

Run by `make transcript`, from a commit; it takes some minutes, most of them for installing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from support.terminal import typed_at

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "first-ten-minutes.md"
PROMPT = "mem0-syncd-transcript> "
PATIENCE_SECONDS = 1800.0
SPINNER = re.compile("[\u2801-\u28ff]")

INTRODUCTION = """# The first ten minutes

<!-- Made by `make transcript`. -->

What a newcomer types who follows only the [README](../README.md), and what the machine answers.
`make transcript` runs all of it in an empty home folder with a clone of this repository. Only that folder's
name is replaced by `~`.
"""

DECISION = """cat > .claude/coordination/decision-log.json <<'END'
{"schema_version": "1.0.0", "decisions": [
  {"decision_id": "DEC-20260105-0001", "timestamp": "2026-01-05T10:00:00Z", "status": "accepted",
   "title": "Orders live in PostgreSQL", "category": "architecture", "impact": {"scope": "system"},
   "description": "The checkout writes orders and payments to one PostgreSQL database."}
]}
END"""

SCENES = (
    ("See it work", "", ["cd mem0-syncd", "make demo"]),
    ("Install it", "", ['pipx install ".[embedded]"']),
    (
        "A project with a decision in it",
        "Ordinarily an agent writes this file.",
        ["mkdir -p ~/code/shop/.claude/coordination", "cd ~/code/shop", DECISION],
    ),
    (
        "Have it watched",
        "`--dry-run` says what would go where, and changes nothing.",
        ["mem0-syncd project add . --dry-run", "mem0-syncd project add ."],
    ),
    (
        "Start the daemon",
        "Here in the background of a shell; `sync` waits until everything is delivered.",
        ["mem0-syncd run 2> ~/mem0-syncd.log &", "mem0-syncd sync", "mem0-syncd status"],
    ),
    (
        "Ask what was decided",
        "The question needs no word of the answer.",
        [
            'mem0-syncd recall "where do we keep what customers buy?"',
            'mem0-syncd remember "Refunds are approved by a second person" --category security',
            "mem0-syncd sync",
            'mem0-syncd recall "who may give money back?" --limit 1',
        ],
    ),
    ("Is everything all right?", "", ["mem0-syncd doctor"]),
    ("Stop it", "What is written now is taken up by the next start.", ["kill %1; wait", "mem0-syncd status"]),
)


def main() -> None:
    """Run every scene and write the page."""
    with tempfile.TemporaryDirectory(prefix="mem0-syncd-home-") as name:
        home = Path(name).resolve()
        tools = home / ".local" / "bin"
        tools.mkdir(parents=True)
        (tools / "pipx").symlink_to(Path(sys.executable).with_name("pipx"))
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(home / "mem0-syncd")], check=True)
        kept = ("LANG", "PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
        shell = typed_at(
            ["bash", "--norc", "--noprofile"],
            {
                **{it: value for it, value in os.environ.items() if it.startswith(kept)},
                "HOME": str(home),
                "PATH": os.pathsep.join((str(tools), f"{sys.base_prefix}/bin", os.defpath)),
                "PS1": PROMPT,
                "NO_COLOR": "1",
            },
            rows=60,
            columns=110,
        )
        shell.expect_exact(PROMPT)
        _run(shell, "stty -echo; bind 'set enable-bracketed-paste off'; PS2=; cd", home)
        parts = [INTRODUCTION]
        for title, words, commands in SCENES:
            parts.append(f"\n## {title}\n\n" + (f"{words}\n\n" if words else "") + "```\n")
            for command in commands:
                said = _run(shell, command, home)
                parts.append(f"$ {command}\n{said}")
            parts.append("```\n")
        shell.close(force=True)
    PAGE.write_text("".join(parts), encoding="utf-8")


def _run(shell: object, command: str, home: Path) -> str:
    """What a command prints, with the home folder as `~`."""
    shell.sendline(command)  # type: ignore[attr-defined]
    shell.expect_exact(PROMPT, timeout=PATIENCE_SECONDS)  # type: ignore[attr-defined]
    said = str(shell.before).replace("\r\n", "\n").replace(str(home), "~")  # type: ignore[attr-defined]
    said = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", lambda it: "" if it[0].endswith("m") else "\r", said)
    drawn = [part for line in said.split("\n") for part in _last_drawn(line)]
    return "".join(f"{line}\n" for line in "\n".join(drawn).strip("\n").splitlines())


def _last_drawn(line: str) -> list[str]:
    """What stays of a line that was drawn over again and again; nothing of one that ends as a spinner."""
    parts = [part.rstrip() for part in line.split("\r") if part.strip()]
    if not parts:
        return [""] if "\r" not in line else []
    return [] if SPINNER.search(parts[-1]) or parts[-1].startswith("WARNING: Location") else [parts[-1]]


if __name__ == "__main__":
    main()
