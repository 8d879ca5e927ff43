"""`mem0-syncd login`."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile

import click

from mem0_syncd.config.stored_api_key import flaw
from mem0_syncd.errors import BadConfiguration, DaemonNotRunning, DaemonUnresponsive, SyncdError
from mem0_syncd.system import output
from mem0_syncd.system.scrubbed_reasons import keep_secret


@click.command()
@click.option("--no-check", is_flag=True, help="Store the key without asking Mem0 about it.")
def login(*, no_check: bool) -> None:
    """Ask for the Mem0 Platform's API key, check it with Mem0, and store it for you alone.

    In a pipe, the key is read from standard input.

    \b
    Example:  mem0-syncd login
              pass show mem0 | mem0-syncd login
    """
    from mem0_syncd.config.stored_api_key import store_key

    key = _ask_for_key()
    if not no_check:
        output.talk("asking Mem0 ...")
        output.talk(f"Mem0 accepts the key, which is of the account {_account(key)}")
    output.talk(f"{store_key(key)}: stored, for you alone")
    if os.environ.get("MEM0_API_KEY", key).strip() != key:
        output.talk("but MEM0_API_KEY, which comes first, is another key in this shell")
    _have_daemon_reload()
    _tell_where_memories_go()


def _ask_for_key() -> str:
    if sys.stdin.isatty():
        key = output.ask_hidden("The Mem0 Platform's API key").strip()
    else:
        key = sys.stdin.readline().strip()
    if not key:
        raise click.UsageError("no key was given")
    if wrong := flaw(key):
        raise BadConfiguration(
            f"this can't be a key: {wrong}",
            where="what was typed, or piped in",
            remedy="copy the key from Mem0's dashboard, and nothing else: mem0-syncd login",
        )
    keep_secret(key)
    return key


def _account(key: str) -> str:
    """The account of a key, by the Platform's answer; raises `SyncdError`, with nothing stored."""
    from pydantic import SecretStr

    from mem0_syncd.config.settings import load
    from mem0_syncd.core.destination_kinds import PLATFORM
    from mem0_syncd.courier.probe import open_once
    from mem0_syncd.engine.destination_choice import trial

    settings = load().model_copy(update={"api_key": SecretStr(key)})
    with tempfile.TemporaryDirectory(prefix="mem0-syncd-login-") as folder:
        message = open_once(trial(settings, PLATFORM.setting, folder), os.environ)
    if "account" not in message:
        raise SyncdError(
            f"the key was not stored: {message.get('reason') or message.get('error', 'the courier ended')}",
            where=settings.platform.host,
            remedy=message.get("remedy") or "try again, or store it as it is: mem0-syncd login --no-check",
        )
    return str(message["account"])


def _have_daemon_reload() -> None:
    from mem0_syncd.control.client import tell_daemon
    from mem0_syncd.system import paths

    match tell_daemon(paths.state_dir(), "reload", timeout=30.0):
        case None:
            output.talk("the daemon works with it from now on")
        case DaemonNotRunning():
            output.talk("the daemon will work with it once it runs")
        case DaemonUnresponsive(problem=problem):
            output.talk(f"{problem.what}; {problem.remedy}")


def _tell_where_memories_go() -> None:
    """Say so if a key that comes later than the first decision changes nothing about it."""
    from mem0_syncd.core.destination_kinds import Check
    from mem0_syncd.outbox import Outbox
    from mem0_syncd.system import paths

    state = paths.state_dir()
    if (outbox := Outbox.open_to_read(state) if state.is_dir() else None) is None:
        return
    with contextlib.closing(outbox):
        current = outbox.destinations.current()
    if current and Check.KEY not in current.kind.checks:
        output.talk(f"but memories go to {current.identity}, as was decided at first")
        output.talk("  to move to the Platform: MEM0_SYNCD_DESTINATION=platform, and restart the daemon")
