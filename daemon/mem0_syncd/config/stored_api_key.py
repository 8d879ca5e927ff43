"""The stored API key: a credential of the service manager, or a file that only its owner can read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mem0_syncd.errors import BadConfiguration
from mem0_syncd.system import paths
from mem0_syncd.system.atomic_file import write_text

CREDENTIAL = "mem0-api-key"
"""The credential's name for `LoadCredential=` and `SetCredentialEncrypted=`."""


def key_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The file that `login` writes, beside the configuration file."""
    return paths.config_file(environ).parent / "api-key"


def stored_key(environ: Mapping[str, str] = os.environ) -> str | None:
    """The stored key, if there is one; raises `BadConfiguration` for a file that others can read."""
    handed = environ.get("CREDENTIALS_DIRECTORY")
    key = _read(Path(handed) / CREDENTIAL) if handed else None
    if key and (wrong := flaw(key)):
        raise BadConfiguration(
            f"the API key that was handed over can't be used: {wrong}",
            where=CREDENTIAL,
            remedy="hand over the key as Mem0's dashboard shows it",
        )
    return key or _read_own(key_file(environ))


def flaw(key: str) -> str:
    """Why a text can't be sent as a key; '' if it can. The text isn't in it."""
    if "\n" in key or "\r" in key:
        return "it has a line break inside"
    return "" if key.isascii() and key.isprintable() else "it has a character inside that no key has"


def store_key(key: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Store a key for this user alone; returns where. Raises `SyncdError`."""
    file = key_file(environ)
    write_text(file, f"{key}\n", mode=0o600)
    return file


def _read_own(file: Path) -> str | None:
    key = _read(file)
    if key and (wrong := flaw(key)):
        raise BadConfiguration(
            f"the stored API key can't be used: {wrong}", where=str(file), remedy="mem0-syncd login"
        )
    if key and file.stat().st_mode & 0o077:
        raise BadConfiguration(
            "others can read the stored API key", where=str(file), remedy=f"chmod 600 {file}"
        )
    return key


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as error:
        raise BadConfiguration(
            f"the stored API key can't be read: {getattr(error, 'strerror', None) or 'not text'}",
            where=str(file),
            remedy="mem0-syncd login",
        ) from None
