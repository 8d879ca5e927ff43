"""What looks like a credential leaves no trace: not here, and not in Mem0."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.daemon import Daemon, platform_settings, running
from support.mem0_platform import Mem0Platform

CORPUS = Path(__file__).parents[1] / "corpora" / "credentials.json"


def planted() -> list[tuple[str, str]]:
    """Each credential of the corpus, and a text that says it."""
    cases = json.loads(CORPUS.read_text(encoding="utf-8"))
    secrets = [("".join(case["secret"]), case["text"]) for case in cases]
    return [(secret, text.replace("{secret}", secret)) for secret, text in secrets]


@pytest.mark.parametrize("mode", ["redact", "hold"])
def test_no_byte_of_a_credential_is_left_anywhere(tmp_path: Path, project: Path, mode: str) -> None:
    """Planted in texts and metadata, none is in the state folder, the log, the status, or what was sent."""
    secrets = planted()
    lines = [{"agent": "a", "pattern": f"Learned that {text}", "category": text} for _, text in secrets]
    log = project / ".claude/logs/agent-patterns.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with Mem0Platform() as mem0:
        settings = platform_settings(
            mem0.url,
            MEM0_SYNCD_REDACT=mode,
            MEM0_SYNCD_LOG_LEVEL="debug",
            MEM0_SYNCD_PLATFORM__ADDS_PER_MINUTE="10000",
        )
        daemon = Daemon(tmp_path, [project], **settings)
        with running(daemon):
            daemon.run("sync")
            shown = json.dumps(daemon.status()) + daemon.run("status").stdout
            assert daemon.stop() == 0
        counts = daemon.totals()
        assert daemon.status()["redacted"] == counts["seen"] == len({text for _, text in secrets})
        assert counts["dead" if mode == "hold" else "delivered"] == counts["seen"]
        places = {
            str(file): file.read_bytes() for file in [daemon.log, *daemon.state.rglob("*")] if file.is_file()
        }
        places |= {"status": shown.encode(), "Mem0": mem0.received}
        for secret, _ in secrets:
            found = [place for place, data in places.items() if secret.encode() in data]
            assert not found, f"{secret[:4]}... in {found}"
