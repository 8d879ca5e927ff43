"""Writes docs/settings.md and docs/cli.md from the code itself; `make docs` runs it, a test compares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from mem0_syncd.cli import cli
from mem0_syncd.config.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"
SETTINGS = DOCS / "settings.md"
COMMANDS = DOCS / "cli.md"

INTRODUCTION = """# Settings

<!-- Made from daemon/mem0_syncd/config/settings.py by `make docs`. -->

Settings come, strongest first, from the command's flags, the environment, a TOML file, and defaults. The
file is `config.toml` in your configuration folder, or the one that `MEM0_SYNCD_CONFIG_FILE` names. The
folder is `~/.config/mem0-syncd/` on Linux, `~/Library/Application Support/mem0-syncd/` on macOS. A TOML key
is the variable's name without its prefix, in lower case. Two underscores begin a table:

```toml
projects = ["~/code/shop", {path = "~/code/blog", id = "journal", destination = "embedded"}]
flush_seconds = 2

[platform]            # MEM0_SYNCD_PLATFORM__...
threads = 16
```

An unknown name is an error, in the file and in the environment, and so is a value that can't be used. The
command says which one, and ends with exit code 78.

What the list of projects says about a project is stronger than
[the project's own file](sources.md#a-projects-own-file). A listed project whose file asks for an id or for
another destination waits for `mem0-syncd project accept PATH`.

A running daemon reads the settings again on SIGHUP (`systemctl --user reload mem0-syncd`). If something is
wrong then, nothing changes, and `mem0-syncd status` names it. Another state folder, runtime folder or log
file needs a restart. After [`login`](service.md#the-key) nothing needs to be done.

| variable | default | meaning |
|---|---|---|
"""

COMMANDS_INTRODUCTION = """# Command line

<!-- Made from daemon/mem0_syncd/cli by `make docs`. -->

What `mem0-syncd COMMAND --help` says about each command. Data goes to standard output, messages to standard
error. Colours go only to a terminal, and not where `NO_COLOR` is set.

Text from elsewhere (files of projects, Mem0's answers, names of folders) can't act on a terminal, or forge
a line or column. Control characters, invisible ones and those that turn the direction of writing are shown
as escapes, such as `\\x1b`, `\\n`, `\\u202e`. A memory's text keeps its lines, indented. To read exactly
what is there, use `--json`, which is ASCII.

| exit code | meaning |
|---|---|
| 0 | well |
| 1 | degraded, or failed: what, where and the command that helps are on standard error |
| 2 | wrong usage |
| 3 | the daemon isn't running, and is needed |
| 78 | bad configuration |

"""


def commands_page() -> str:
    """The page, with what `--help` says of each command."""
    parts = [
        f"## {name}\n\n```\n{re.sub(r' +$', '', command.get_help(context), flags=re.MULTILINE)}\n```\n"
        for name, command, context in commands(cli)
    ]
    return COMMANDS_INTRODUCTION + "\n".join(parts)


def commands(
    group: click.Group, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command below a group, those of groups as well, with its whole name and its context."""
    wide: dict[str, Any] = {"max_content_width": 100, "terminal_width": 100, **group.context_settings}
    parent = parent or click.Context(group, info_name="mem0-syncd", **wide)
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        assert command
        context = click.Context(command, parent, info_name=name)
        yield context.command_path, command, context
        if isinstance(command, click.Group):
            yield from commands(command, context)


def settings_page() -> str:
    """The page, with one row for each setting."""
    rows = []
    for name, field in Settings.model_fields.items():
        variable = "MEM0_API_KEY" if name == "api_key" else f"MEM0_SYNCD_{name.upper()}"
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            rows += [
                _row(f"{variable}__{inner.upper()}", inner_field)
                for inner, inner_field in nested.model_fields.items()
            ]
        else:
            rows.append(_row(variable, field))
    return INTRODUCTION + "".join(rows)


def _row(variable: str, field: Any) -> str:
    choices = re.findall(r"'([a-z]+)'", str(field.annotation)) if "Literal" in str(field.annotation) else []
    one_of = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
    return f"| `{variable}` | {_default(field)} | {field.description}{one_of} |\n"


def _default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "by platform"
    if field.default is None or field.default == []:
        return "none"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    if isinstance(field.default, list):
        return ", ".join(f"`{it}`" for it in field.default)
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


if __name__ == "__main__":
    SETTINGS.write_text(settings_page(), encoding="utf-8")
    COMMANDS.write_text(commands_page(), encoding="utf-8")
