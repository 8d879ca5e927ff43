"""What a project would send is told, and what is wrong with its files, before anything is watched."""

from __future__ import annotations

from pathlib import Path

from mem0_syncd.core.consent import EVERYTHING
from mem0_syncd.ingest.preview import preview
from mem0_syncd.sources.decision_log import PATH
from mem0_syncd.system.untrusted_folder import UntrustedFolder
from support.decision_log import decision, write_log


def test_a_log_that_breaks_off_is_told_and_not_raised(project: Path) -> None:
    """Wherever that is, also behind entries that are well."""
    log = write_log(project, [decision(1), decision(2)])
    log.write_bytes(log.read_bytes()[:-10])
    told = "\n".join(preview(UntrustedFolder(project), "shop", EVERYTHING).lines)
    assert f"{PATH}: not JSON" in told


def test_of_very_many_problems_the_first_are_told(project: Path) -> None:
    """And how many more there are; the good entries are counted all the same."""
    write_log(project, [decision(1), *range(301)])
    told = list(preview(UntrustedFolder(project), "shop", EVERYTHING).lines)
    assert told[0].startswith(f"  {PATH}: decisions[1]")
    assert f"  {PATH}: and 281 more" in told
    assert "  1 item for shop-decisions" in told
