"""The one place that prints: data to standard output, messages to standard error, foreign text made harmless.

An argument is printed as one line, even if its text has several. A text that may have lines of its own is
printed as a block, behind a margin, so that none of them passes for one of ours.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from io import TextIOBase
from types import TracebackType
from typing import IO, Any, TextIO

import click

from mem0_syncd.errors import SyncdError
from mem0_syncd.system.terminal_safety import visible, visible_lines

_LONGEST_LINE = 10_000
MARGIN = " " * 6
_SIGNS = str.maketrans({"✓": "+", "✗": "x", "·": "-", "●": "*", "–": "-", "’": "'", "…": "..."})
"""Replacements of our own signs for an output without such characters."""


class OutputLost(SyncdError):
    """The output can't be written."""


def prepare() -> None:
    """Make sure that no output fails for lack of a character, and no traceback is raw."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.excepthook = print_traceback


def say(text: str = "", *, lead: str = "", **style: Any) -> None:
    """Print one line of data; `style` is click's, for its `lead` or else for the whole line."""
    _print(sys.stdout, text, lead, style)


def talk(text: str = "", *, lead: str = "", **style: Any) -> None:
    """Print one message line, styled as by `say`."""
    _print(sys.stderr, text, lead, style)


def row(*cells: object) -> None:
    """Print one line of data, with tabs between the cells and none within."""
    _write(sys.stdout, "\t".join(visible(str(cell)) for cell in cells))


def block(text: str, *, first: str = MARGIN) -> None:
    """Print a text of several lines behind a margin; `first` stands before its first line."""
    for number, line in enumerate(visible_lines(text)):
        _write(sys.stdout, f"{MARGIN if number else visible(first)}{line}".rstrip())


def document(value: Any) -> None:
    """Print JSON; all that isn't ASCII in it is escaped."""
    _write(sys.stdout, json.dumps(value, indent=2))


def print_error(error: SyncdError) -> None:
    """Print the error that ended a command: what, where and remedy, a line each."""
    problem = error.problem
    talk(f"mem0-syncd: {problem.what}")
    if problem.where:
        talk(f"  where:  {problem.where}")
    if problem.remedy:
        talk(f"  remedy: {problem.remedy}")


def print_usage_error(error: click.ClickException) -> None:
    """Print click's message about a wrong usage, which quotes its arguments."""
    context = getattr(error, "ctx", None)
    if context is not None:
        for line in context.get_usage().split("\n"):
            talk(line)
        talk(f"Try '{context.command_path} {context.help_option_names[0]}' for help.")
        talk()
    # Only here click's text has several lines: the possible choices.
    is_list = isinstance(error, click.MissingParameter)
    first, *more = error.format_message().split("\n") if is_list else [error.format_message()]
    talk(f"Error: {first}")
    for line in more:
        talk(f"    {line.strip()}")


def print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an unexpected error; its message is made harmless, and has no credential in it."""
    import traceback

    from mem0_syncd.system.scrubbed_reasons import scrub

    text = "".join(traceback.format_exception(kind, error, trace))
    for line in visible_lines(scrub(text).rstrip("\n")):
        _write(sys.stderr, line)


def ask_hidden(question: str) -> str:
    """The hidden input of a person."""
    return str(click.prompt(visible(question), hide_input=True, err=True, type=str))


def confirm(question: str, *, default: bool = False, abort: bool = False) -> bool:
    """Whether a person says yes."""
    return click.confirm(visible(question), default=default, abort=abort, err=True)


def for_logs() -> IO[str]:
    """The stream of a log that has no file; the log itself makes its lines harmless."""
    return sys.stderr


def make_harmless() -> None:
    """Make output of libraries in this process go to standard error, harmless and without secrets."""
    sys.stdout = sys.stderr = _Harmless(sys.stderr)
    sys.excepthook = print_traceback


class _Harmless(TextIOBase):
    """A stream whose lines are made harmless, and scrubbed, before they are passed on."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._begun = ""
        self._writing = threading.Lock()

    def write(self, text: str) -> int:
        """Take in a part of a line, or some lines; whole ones are passed on."""
        from mem0_syncd.system.scrubbed_reasons import scrub

        with self._writing:
            *lines, self._begun = (self._begun + text).split("\n")
            if len(self._begun) > _LONGEST_LINE:
                lines.append(self._begun)
                self._begun = ""
            for line in lines:
                with contextlib.suppress(OSError, ValueError):
                    _write(self._stream, visible(scrub(line[:_LONGEST_LINE])))
        return len(text)

    def fileno(self) -> int:
        """Standard error's own: code that prints there directly isn't Python."""
        return 2


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def is_talk_seen() -> bool:
    """Whether standard error is a terminal."""
    return sys.stderr is not None and sys.stderr.isatty()


def console(*, of_talk: bool = False) -> Any:
    """A rich console on standard output, or on standard error; its text is made by `rich_text`."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, stderr=of_talk)


def rich_text(text: str, style: str = "") -> Any:
    """A line for a console: harmless, and without rich's own markup."""
    from rich.text import Text

    return Text(visible(text), style=style)


def _print(stream: IO[str] | None, text: str, lead: str, style: dict[str, Any]) -> None:
    text = visible(text)
    if style:
        text = f"{click.style(lead, **style)}{text}" if lead else click.style(text, **style)
    else:
        text = f"{lead}{text}"
    _write(stream, text)


def _write(stream: IO[str] | None, line: str) -> None:
    if stream is None:  # closed before we began
        return
    try:
        line.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        line = line.translate(_SIGNS)
    try:
        click.echo(line, file=stream)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLost(
            f"what was to be printed can't be written: {error.strerror}",
            where="standard output",
            remedy="see where it goes: a full disk, or a closed terminal",
        ) from error
