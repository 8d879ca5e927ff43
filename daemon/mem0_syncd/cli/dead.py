"""`mem0-syncd dead`."""

from __future__ import annotations

import time

import click

from mem0_syncd.cli.completion import dead_letters
from mem0_syncd.cli.outbox_access import read_only, writable
from mem0_syncd.control.client import tell_daemon
from mem0_syncd.core.entry import Entry
from mem0_syncd.errors import SyncdError
from mem0_syncd.outbox import Outbox
from mem0_syncd.system import output, paths
from mem0_syncd.system.clock import rfc3339


@click.group()
def dead() -> None:
    """Look at dead letters: what can't be delivered as it is, each with its reason.

    \b
    Example:  mem0-syncd dead list
    """


@dead.command("list", short_help="Print every dead letter, one a line.")
def list_() -> None:
    """Print each dead letter's id, project, kind and reason, with tabs between.

    \b
    Example:  mem0-syncd dead list | cut -f4 | sort | uniq -c
    """
    letters = _letters(read_only(paths.state_dir())).values()
    for entry in letters:
        output.row(entry.id, entry.project, entry.kind, entry.reason)
    if not letters:
        output.talk("there are no dead letters")


@dead.command()
@click.argument("number", metavar="ID", type=int, shell_complete=dead_letters)
def show(number: int) -> None:
    """Print one dead letter whole, with the text that was to be sent.

    \b
    Example:  mem0-syncd dead show 17
    """
    entry = _letter(read_only(paths.state_dir()), number)
    for name, value in (
        ("id", entry.id),
        ("project", entry.project),
        ("kind", entry.kind),
        ("reason", entry.reason),
        ("attempts", entry.attempts),
        ("seen", rfc3339(entry.created_at)),
        ("user id", entry.memory.user_id),
    ):
        output.say(f"{name}: {value}")
    output.say()
    output.block(entry.memory.text)


@dead.command(short_help="Send dead letters again.")
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, shell_complete=dead_letters)
@click.option("--all", "everything", is_flag=True, help="Every dead letter.")
def retry(numbers: tuple[int, ...], *, everything: bool) -> None:
    """Send dead letters again; what may be in Mem0 after all is looked for first.

    \b
    Example:  mem0-syncd dead retry --all
    """
    if bool(numbers) == everything:
        raise click.UsageError("name the ids, or say --all")
    with writable(paths.state_dir()) as outbox:
        letters = list(_letters(outbox).values()) if everything else [_letter(outbox, it) for it in numbers]
        ids = [letter.id for letter in letters if letter.memory.text]
        if len(ids) < len(letters):
            raise SyncdError(
                "a dead letter that was too large, or held a credential, keeps no text to send",
                where=", ".join(str(letter.id) for letter in letters if not letter.memory.text),
                remedy="correct it in its source, or drop it",
            )
        outbox.dead_letters.revive(ids, time.time())
    if not ids:
        output.talk("there are no dead letters")
        return
    output.talk(f"{len(ids)} to be sent again")
    if tell_daemon(paths.state_dir(), "deliver"):
        output.talk("the daemon doesn't run; they go with the next: mem0-syncd sync")


@dead.command(short_help="Give dead letters up.")
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, shell_complete=dead_letters, required=True)
def drop(numbers: tuple[int, ...]) -> None:
    """Give dead letters up: they are never sent, unless their source says something new.

    \b
    Example:  mem0-syncd dead drop 17 18
    """
    with writable(paths.state_dir()) as outbox:
        ids = [_letter(outbox, number).id for number in numbers]
        outbox.dead_letters.drop(ids)
    output.talk(f"{len(ids)} dropped")


def _letters(outbox: Outbox) -> dict[int, Entry]:
    found: dict[int, Entry] = {}
    for destination in outbox.destinations.in_use():
        letters = outbox.dead_letters.newest(destination.id, limit=1_000_000)
        found |= {entry.id: entry for entry in letters}
    return found


def _letter(outbox: Outbox, number: int) -> Entry:
    letters = _letters(outbox)
    if number not in letters:
        raise SyncdError("no dead letter has this id", where=str(number), remedy="mem0-syncd dead list")
    return letters[number]
