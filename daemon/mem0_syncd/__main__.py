"""The entry point, of `mem0-syncd` and `python -m mem0_syncd`."""

from __future__ import annotations

import sys

_HELP = {"-h", "--help"}


def main(arguments: list[str] | None = None) -> None:
    """Run a command; `hook` goes past the command line's machinery, which takes longer than the hook may."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["hook"] and not _HELP.intersection(arguments):
        from mem0_syncd import hooks

        hooks.main()
        return
    from mem0_syncd import cli

    cli.main(arguments)


if __name__ == "__main__":
    main()
