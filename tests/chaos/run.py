"""Lets everything go wrong at once, and counts: `python tests/chaos/run.py [--items N] [--seed S]`.

Prints a table; ends with 1 if a promise was broken. The same seed writes the same items, and has the same
troubles befall each of them.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.course import Course


def main() -> None:
    """Run once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--seed", default=str(random.randrange(10**6)))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="mem0-syncd-chaos-"))
    print(f"folder {folder}, kept if a promise is broken", file=sys.stderr)
    course = Course(folder, given.seed, given.items, say=lambda line: print(line, file=sys.stderr))
    reckoning = course.run()
    print(reckoning.table())
    if not reckoning.is_well:
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
