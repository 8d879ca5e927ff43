"""One way into a watched folder: no module touches files by itself that isn't listed here with its reason.

One that isn't listed may not even name what opens, looks at or changes a file by a path: what it needs of a
watched folder, `watched_folder` gives. So a new module, or a new call, doesn't go by unnoticed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mem0_syncd

PACKAGE = Path(mem0_syncd.__file__).parent

THE_WAY = {
    "system/untrusted_walk.py": "it is the way",
    "system/regular_file.py": "it is the way",
    "system/untrusted_folder.py": "it is the way",
    "system/replaced_file.py": "it is the way to write, in a folder that the way has opened",
}

OWN = {
    "system/atomic_file.py": "replaces files of the user's own: settings, credentials, state",
    "agents/claude/install.py": "an agent's settings, for a person who asks; a project's are checked first",
    "cli/outbox_access.py": "the state folder",
    "cli/claude.py": "the folder that a person names",
    "cli/login.py": "the state folder",
    "config/toml_edit.py": "the user's settings",
    "control/": "the socket and its address, in the state folder",
    "courier/": "the process that talks to Mem0",
    "config/stored_api_key.py": "the stored key",
    "cli/demo_scenario.py": "a project that it makes itself",
    "destinations/": "Mem0's store",
    "doctor/network.py": "the outbox",
    "doctor/storage.py": "the state folder",
    "doctor/context.py": "the state folder",
    "doctor/watching.py": "the kernel's limits, and a probe in a folder of its own",
    "engine/user_requests.py": "the state folder",
    "courier/inventory_file.py": "the state folder",
    "system/storage_faults.py": "the outbox's disk",
    "system/lock.py": "the state folder",
    "system/log.py": "the daemon's log",
    "service/": "the service's own files",
    "outbox/": "the outbox",
    "system/paths.py": "the state folder and the settings",
    "service/uninstall.py": "the state folder",
    "status/start_refusal.py": "the state folder",
    "config/shell_environment.py": "the user's settings",
    "ingest/spool.py": "the state folder",
    "system/state_folder.py": "the state folder",
    "status/snapshot.py": "the state folder",
    "config/mem0_config.py": "the user's settings",
    "daemon/upgrade.py": "the installed package",
}

EXCEPTIONS = {
    ("daemon/control_handlers.py", "import tempfile"): "a probe in a folder of its own",
    ("cli/__init__.py", "os.open"): "nowhere",
    ("cli/demo.py", "import tempfile"): "a folder of its own",
    ("cli/doctor.py", "import shutil"): "the terminal's width",
    ("cli/sync.py", "resolve"): "the folder that a person names",
    ("cli/project.py", "resolve"): "the folder that a person names",
    ("delivery/delivery.py", "open"): "a courier, which is no file",
    ("doctor/processes.py", "import tempfile"): "a folder of its own",
    ("doctor/projects.py", "is_dir"): "the coding agent's folder in the user's home",
    ("agents/hook.py", "os.open"): "its own log, and nowhere",
    ("agents/hook.py", "os.path.realpath"): "the folder of the session, which its user is in",
    ("agents/hook.py", "read_text"): "the socket's address, in the state folder",
    ("agents/hook.py", "exists"): "its own log",
    ("agents/hook.py", "stat"): "its own log",
    ("projects/projects.py", "resolve"): "the folder that a person names",
    ("projects/projects.py", "is_dir"): "the folder that a person names",
    ("engine/engine.py", "import shutil"): "the inventory's folder, in the state folder",
    (
        "watcher/event_folders.py",
        "os.path.islink",
    ): "what an event names in a folder that is watched; nothing is followed",
    ("watcher/watcher.py", "import shutil"): "its own folder",
    ("watcher/watcher.py", "is_dir"): "its own folder",
    ("watcher/watcher.py", "lstat"): "which folder is watched; nothing is followed",
    ("watcher/watcher.py", "mkdir"): "its own folder",
    ("watcher/watcher.py", "touch"): "its own folder, and a probe",
    ("watcher/watcher.py", "unlink"): "a probe",
}

METHODS = {
    *("chmod", "exists", "glob", "hardlink_to", "is_block_device", "is_char_device"),
    *("is_dir", "is_fifo", "is_file", "is_mount", "is_socket", "is_symlink", "iterdir", "lchmod", "lstat"),
    *("mkdir", "read_bytes", "read_text", "readlink", "resolve", "rglob", "rmdir", "samefile"),
    *("symlink_to", "touch", "unlink", "write_bytes", "write_text"),
}
"""Methods of paths that no other object here has."""

OF_OS = {
    *("access", "chmod", "chown", "link", "listdir", "lstat", "makedirs", "mkdir", "mkfifo", "mknod", "open"),
    *("readlink", "remove", "removedirs", "rename", "renames", "replace", "rmdir", "scandir", "stat"),
    *("statvfs", "symlink", "truncate", "unlink", "utime", "walk", "fwalk"),
}
OF_OS_PATH = {
    *("exists", "getatime", "getctime", "getmtime", "getsize", "isdir", "isfile", "islink", "ismount"),
    *("lexists", "realpath", "samefile"),
}
OF_IO = {"FileIO", "OpenWrapper", "open", "open_code"}
MODULES = {"fileinput", "glob", "linecache", "mmap", "shutil", "tempfile", "zipfile", "tarfile"}


def touches(tree: ast.AST) -> Iterator[str]:
    """What of a module opens, looks at or changes a file by a path."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (f"import {it.name}" for it in node.names if it.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            of_io = module == "io" and not OF_IO.isdisjoint(it.name for it in node.names)
            if of_io or module.partition(".")[0] in MODULES | {"os"}:
                yield f"import {module}"
        elif isinstance(node, ast.Name) and node.id == "open":
            yield "open"
        elif isinstance(node, ast.Attribute):
            of = ast.unparse(node.value)
            of_a_class = of.rpartition(".")[2] == "Path" and node.attr in {"open", "stat", "rename"}
            if node.attr in {"os": OF_OS, "os.path": OF_OS_PATH, "io": OF_IO}.get(of, ()):
                yield f"{of}.{node.attr}"
            elif of_a_class or (node.attr in METHODS and of != "os"):
                yield node.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            # A watched folder's methods of these names take a file's name, a path's don't.
            name, of = node.func.attr, ast.unparse(node.func.value)
            mode = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            is_mode = isinstance(mode, str) and set(mode) <= set("rwxab+t")
            if of != "os" and name in {"open", "stat"} and (not node.args or is_mode):
                yield name


def modules() -> list[str]:
    """Every module of the package, by its path in it."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def is_listed(module: str) -> bool:
    """Whether a module, or all of its folder, is listed as a whole."""
    return any(module == it or (it.endswith("/") and module.startswith(it)) for it in {**THE_WAY, **OWN})


@pytest.mark.parametrize("module", [module for module in modules() if not is_listed(module)])
def test_no_module_touches_a_file_by_itself(module: str) -> None:
    """What isn't excepted goes by way of `watched_folder`, or the list here says why not."""
    found = set(touches(ast.parse((PACKAGE / module).read_text())))
    assert {it for it in found if (module, it) not in EXCEPTIONS} == set()


def test_every_exception_is_one() -> None:
    """A list that outlives what it is about allows what nobody has looked at."""
    there = modules()
    for listed in {**THE_WAY, **OWN}:
        assert any(module == listed or module.startswith(listed) for module in there), listed
    for module, what in EXCEPTIONS:
        assert what in set(touches(ast.parse((PACKAGE / module).read_text()))), (module, what)


@pytest.mark.parametrize(
    "code",
    [
        "open(path)",
        "with open(path) as it: pass",
        "path.open()",
        "path.open('rb')",
        "path.stat()",
        "map(Path.stat, paths)",
        "path.stat(follow_symlinks=False)",
        "path.read_text()",
        "any(map(os.path.isdir, paths))",
        "os.stat(path)",
        "os.open(path, 0)",
        "from os import open as look",
        "from os.path import isdir",
        "import shutil",
        "io.open(path)",
        "from io import FileIO",
        "(folder / name).is_file()",
    ],
)
def test_the_ways_around_are_known(code: str) -> None:
    """Each is found."""
    assert list(touches(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["folder.stat(name)", "folder.open(name)", "folder.read(name, 7)", "os.fstat(1)"]
)
def test_the_way_itself_is_no_touch(code: str) -> None:
    """Nor is what is done with a handle."""
    assert list(touches(ast.parse(code))) == []
