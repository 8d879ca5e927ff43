"""The entry point, of `mem0-syncd` and `python -m mem0_syncd`."""

from __future__ import annotations

import os
import sys

_HELP = {"-h", "--help"}


def main(arguments: list[str] | None = None) -> None:
    """Run a command; `hook` goes past the command line's machinery, which takes longer than the hook may."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["hook"] and not _HELP.intersection(arguments):
        from mem0_syncd.agents import hook

        hook.main()
        # Nothing is left to tidy up, and Python's own tidying takes a good part of a hook's time.
        os._exit(0)
    from mem0_syncd import cli

    cli.main(arguments)


def _forget_working_folder() -> None:
    """Have no module come from the folder one is in, which `-m` puts first and which may be a stranger's."""
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib isn't imported yet
    except OSError:  # it was deleted meanwhile
        here = ""
    if not sys.flags.safe_path and sys.path[:1] in ([""], [here]):
        del sys.path[0]


if __name__ == "__main__":
    _forget_working_folder()
    main()
