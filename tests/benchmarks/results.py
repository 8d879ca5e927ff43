"""The figures of the last runs, kept beside the page that is made of them."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
FILE = DOCS / "performance.json"

Results = dict[str, Any]


def load() -> Results:
    """The figures of the last runs, by the command that made them."""
    results: Results = json.loads(FILE.read_text()) if FILE.exists() else {}
    return results


def keep(command: str, figures: Results) -> Results:
    """Replace the figures of a command by those of a new run; returns all."""
    results = {**load(), command: {**figures, "run": _about_this_run()}}
    FILE.write_text(f"{json.dumps(results, indent=1, sort_keys=True)}\n")
    return results


def _about_this_run() -> Results:
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0]),
        "system": platform.system(),
        "python": platform.python_version(),
    }
