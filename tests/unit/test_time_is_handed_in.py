"""Time, randomness and environment are arguments: no module below the engine takes them by itself.

So all of delivery runs on a simulation's clock and dice, and no test has to patch a module's `time`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import mem0_syncd

PACKAGE = Path(mem0_syncd.__file__).parent

ABOVE = {
    "agents/claude/install.py": "a command's",
    "cli/": "commands",
    "system/clock.py": "the machine's clocks",
    "daemon/daemon.py": "around the engine",
    "cli/demo_scenario.py": "a command's",
    "doctor/": "a command's",
    "agents/hook.py": "a process of its own",
    "daemon/sd_notify.py": "what a service manager says and hears",
    "status/render.py": "a command's",
    "daemon/scheduler.py": "APScheduler has the machine's time",
    "engine/engine.py": "the engine, which has the defaults",
    "daemon/standby.py": "around the engine",
    "daemon/scan_trigger.py": "around the engine",
}
"""What stands above the engine, or is the machine itself."""

EXCEPTIONS = {
    ("control/server.py", "time.sleep"): "the socket's server, which is the daemon's",
    ("courier/worker.py", "os.environ"): "mem0ai is told by its process's environment alone",
    ("courier/worker.py", "time.monotonic"): "the child process's beginning",
    ("config/stored_api_key.py", "os.environ"): "a default of commands, which settings are read by",
    (
        "destinations/http_errors.py",
        "datetime.now",
    ): "a server's date is against the time of the child process",
    ("destinations/embedder.py", "os.environ"): "ONNX Runtime is told by its process's environment alone",
    ("destinations/http.py", "time.monotonic"): "a server's answer takes the child process's time",
    ("system/failpoint.py", "os.environ"): "a test's, for any process",
    ("system/paths.py", "os.environ"): "a default of commands and hooks",
    ("system/replaced_file.py", "os.urandom"): "the name of a temporary file, which a stranger mustn't guess",
    ("config/settings.py", "os.environ"): "pydantic reads it as well",
    ("ingest/spool.py", "os.urandom"): "a hook's file has a name of its own",
    ("ingest/spool.py", "time.time_ns"): "a hook's file has a name of its own",
}

TAKEN = {
    "datetime": {"now", "today", "utcnow"},
    "os": {"environ", "environb", "getenv", "urandom"},
    "random": {"SystemRandom", "choice", "choices", "randbytes", "randint", "random", "randrange", "uniform"},
    "secrets": {"choice", "randbelow", "token_bytes", "token_hex", "token_urlsafe"},
    "time": {"monotonic", "monotonic_ns", "perf_counter", "sleep", "time", "time_ns", "gmtime", "localtime"},
    "uuid": {"uuid1", "uuid4"},
}


def takes(tree: ast.AST) -> Iterator[str]:
    """What of the machine's a module takes by itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in TAKEN.get(node.value.id, ()):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module != "datetime":
            taken = TAKEN.get(node.module or "", set())
            yield from (f"{node.module}.{it.name}" for it in node.names if it.name in taken)


def modules() -> list[str]:
    """Every module of the package, by its path in it."""
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def is_above(module: str) -> bool:
    """Whether a module, or all of its folder, may take what it likes."""
    return any(module == it or (it.endswith("/") and module.startswith(it)) for it in ABOVE)


@pytest.mark.parametrize("module", [module for module in modules() if not is_above(module)])
def test_no_module_below_the_engine_takes_time_by_itself(module: str) -> None:
    """Nor chance, nor the environment; or the list here says why."""
    found = set(takes(ast.parse((PACKAGE / module).read_text())))
    assert {it for it in found if (module, it) not in EXCEPTIONS} == set()


def test_every_exception_is_one() -> None:
    """A list that outlives what it is about allows what nobody has looked at."""
    for listed in ABOVE:
        there = [module for module in modules() if module == listed or module.startswith(listed)]
        assert any(set(takes(ast.parse((PACKAGE / module).read_text()))) for module in there), listed
    for module, what in EXCEPTIONS:
        assert what in set(takes(ast.parse((PACKAGE / module).read_text()))), (module, what)


@pytest.mark.parametrize(
    "code",
    [
        "now = time.time()",
        "def wait(sleep=time.sleep): pass",
        "from time import monotonic",
        "home = os.environ['HOME']",
        "from os import environ",
        "when = datetime.now(UTC)",
        "chance = random.random()",
    ],
)
def test_it_is_seen_what_takes_something(code: str) -> None:
    """However it is written."""
    assert list(takes(ast.parse(code)))
