"""What is found belongs to a version, so that a better detector looks at old items again, once."""

import hashlib
import json
from pathlib import Path

from corpora.secrets import corpus
from mem0_syncd.redact import VERSION, detector_version, find

CORPORA = Path(__file__).parents[2] / "corpora"
FOUND = (2, "e04422603952618b")
"""The present version, and what it finds in the corpora, as a digest."""


def digest_of_findings() -> str:
    credentials = json.loads((CORPORA / "credentials.json").read_text("utf-8"))
    texts = [case["text"].replace("{secret}", "".join(case["secret"])) for case in credentials]
    texts += json.loads((CORPORA / "benign.json").read_text("utf-8"))
    texts += [case.text for case in corpus.cases()] + [text for text, _ in corpus.benign()]
    found = [[(it.kind, it.start, it.end) for it in find(text)] for text in texts]
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]


def test_other_findings_are_another_version() -> None:
    """Whoever changes what is found raises VERSION, and FOUND with it; else old items keep secrets."""
    assert (VERSION, digest_of_findings()) == FOUND


def test_other_allowed_texts_are_another_version() -> None:
    """What is allowed no longer, or newly, makes items be looked at again; their order is all the same."""
    assert detector_version() == str(VERSION)
    assert detector_version(["a", "b"]) == detector_version(["b", "a", "a"])
    assert len({detector_version(), detector_version(["a"]), detector_version(["b"])}) == 3
    assert "hunter2" not in detector_version(["hunter2"])
