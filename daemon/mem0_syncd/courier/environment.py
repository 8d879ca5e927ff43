"""The courier's environment: the variables that it needs, and a folder of its own."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from mem0_syncd.core.destination_kinds import KINDS
from mem0_syncd.system.failpoint import VARIABLE as FAILPOINT

_NEEDED = re.compile(
    # the user, the language, and the user's folders
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_\w+|TZ|TZDIR|TMPDIR|TEMP|TMP|XDG_\w+|MEM0_SYNCD_(?:STATE|RUNTIME)_DIR"
    # the way to Mem0
    r"|(?i:https?_proxy|all_proxy|no_proxy)|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|RES_OPTIONS"
    # what every program of this interpreter is started with
    r"|LD_\w+|DYLD_\w+|MALLOC_\w+|GLIBC_TUNABLES|VIRTUAL_ENV|NIX_LD\w*|__\w*CF_USER_TEXT_ENCODING"
    r"|PYTHON(?:HOME|UTF8|USERBASE|NOUSERSITE|DONTWRITEBYTECODE|PYCACHEPREFIX|MALLOC|HASHSEED|FAULTHANDLER|DEVMODE)"
    # how many processors numeric libraries take
    rf"|(?:OMP|OPENBLAS|MKL)_NUM_THREADS|{FAILPOINT}"
)
"""The only variables that are passed to a courier whose libraries we know."""

_NEVER = {kind.secret for kind in KINDS}
"""The variables that the orders carry instead, over a pipe that no other process can read."""

_FILES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_FOLDER = "work"


def here() -> Path:
    """The folder that this process works in; the root if that was deleted meanwhile."""
    try:
        return Path.cwd()
    except OSError:
        return Path("/")


def environment(environ: Mapping[str, str], here: Path, *, whole: bool) -> dict[str, str]:
    """The courier's variables, if this process has `environ` and works in the folder `here`.

    `whole` is for a store of the user's own, whose libraries may read any variable: all but what the orders
    carry.
    """
    chosen = {
        name: value
        for name, value in environ.items()
        if name not in _NEVER and (whole or _NEEDED.fullmatch(name))
    }
    # Relative to a folder that the courier isn't in.
    chosen |= {name: str(here / chosen[name]) for name in _FILES if chosen.get(name)}
    if path := _modules(environ.get("PYTHONPATH", ""), here):
        chosen["PYTHONPATH"] = path
    else:
        chosen.pop("PYTHONPATH", None)
    # Both report to their makers unless this is set before they are imported.
    return chosen | {"MEM0_TELEMETRY": "False", "ORT_DISABLE_TELEMETRY": "1", "PYTHONSAFEPATH": "1"}


def work_folder(mem0_dir: Path) -> Path:
    """The empty folder that a courier works in, its user's alone; the root if none can be made."""
    folder = mem0_dir / _FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return Path("/")
    return folder


def _modules(path: str, here: Path) -> str:
    """The entries of a path of modules that don't depend on the current folder."""
    folders = [it for it in path.split(os.pathsep) if Path(it).is_absolute() and Path(it) != here]
    return os.pathsep.join(folders)
