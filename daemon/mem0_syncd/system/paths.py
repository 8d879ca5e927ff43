"""The paths: the state folder, the runtime folder, the configuration file.

A hook needs the state folder in a hundredth of a second, so slow imports wait until they are needed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

APP = "mem0-syncd"
PREFIX = "MEM0_SYNCD_"

# Unix sockets have 104 bytes for their path on macOS, 108 on Linux.
_LONGEST_SOCKET_PATH = 100


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    """The TOML file of settings; a file that was named must exist."""
    named = environ.get(f"{PREFIX}CONFIG_FILE")
    if not named:
        import platformdirs

        return platformdirs.user_config_path(APP) / "config.toml"
    path = Path(named).expanduser()
    if not path.is_file():
        from mem0_syncd.errors import BadConfiguration

        raise BadConfiguration(
            "there is no such configuration file",
            where=f"{PREFIX}CONFIG_FILE={named}",
            remedy="create it, or unset the variable",
        )
    return path


def read_config(path: Path) -> dict[str, Any]:
    """The contents of the TOML file; empty without one."""
    try:
        text = path.read_text(encoding="utf-8")
        if not text.strip():
            return {}
        import tomllib

        return tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except ValueError as error:  # neither TOML nor UTF-8
        from mem0_syncd.errors import BadConfiguration

        raise BadConfiguration(
            f"not TOML: {error}", where=str(path), remedy="correct the file there"
        ) from None
    except OSError as error:
        from mem0_syncd.errors import BadConfiguration

        raise BadConfiguration(
            f"can't be read: {error.strerror}", where=str(path), remedy="check its owner and permissions"
        ) from None


def state_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The state folder that settings name, without the cost of reading all settings."""
    named = _folder("state_dir", environ)
    if named:
        return named
    import platformdirs

    return platformdirs.user_state_path(APP)


def runtime_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the control socket."""
    named = _folder("runtime_dir", environ)
    if named:
        return named
    import warnings

    import platformdirs

    with warnings.catch_warnings():  # without XDG_RUNTIME_DIR, as in many containers
        warnings.simplefilter("ignore")
        return platformdirs.user_runtime_path(APP)


def _folder(name: str, environ: Mapping[str, str]) -> Path | None:
    value = environ.get(f"{PREFIX}{name.upper()}") or read_config(config_file(environ)).get(name)
    return Path(value).expanduser().absolute() if isinstance(value, str) and value else None


def trusted_folders(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The trusted folders that settings name, without the cost of reading all settings."""
    said = environ.get(f"{PREFIX}TRUSTED_FOLDERS")
    if said:
        import json

        folders = json.loads(said)
    else:
        folders = read_config(config_file(environ)).get("trusted_folders", [])
    expanded = [Path(folder).expanduser() for folder in folders]
    return [folder for folder in expanded if folder.is_absolute()]


def make_private(folder: Path, *, follow: bool = True) -> Path:
    """The folder, made for this user alone; refused if another user owns it, or put a link in its place.

    `follow` is for a folder to which only this user can have put a link. Raises `SyncdError`.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat() if follow else folder.lstat()
    except OSError as error:
        from mem0_syncd.errors import SyncdError

        raise SyncdError(
            f"the folder can't be made: {error.strerror}",
            where=str(folder),
            remedy="make it writable, or name another one",
        ) from error
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        from mem0_syncd.errors import SyncdError

        raise SyncdError(
            "the folder belongs to another user", where=str(folder), remedy="name a folder of your own"
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def sync_folder(folder: Path) -> None:
    """Make the names of a folder's new files durable: a file is durable only if its folder is, too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def socket_paths(state: Path, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Where the daemon of a state folder may put its control socket, in the order of preference."""
    import hashlib
    import tempfile

    name = f"{hashlib.blake2b(os.fsencode(state), digest_size=6).hexdigest()}.sock"
    folders = [runtime_dir(environ), state, Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}"]
    paths = [folder / name for folder in folders]
    return [path for path in paths if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH]


def socket_path(state: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the daemon of a state folder puts its control socket: one for each state folder."""
    import tempfile

    from mem0_syncd.errors import SyncdError

    temporary = Path(tempfile.gettempdir())
    for path in socket_paths(state, environ):
        try:
            # Any user may put something into the folder for temporary files.
            make_private(path.parent, follow=path.parent.parent != temporary)
        except SyncdError:
            continue
        if os.access(path.parent, os.W_OK):
            return path
    raise SyncdError(
        "no folder takes the control socket", where=str(state), remedy="set MEM0_SYNCD_RUNTIME_DIR"
    )
