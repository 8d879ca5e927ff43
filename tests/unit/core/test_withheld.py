"""Why items stay: values that the outbox keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0_syncd.core.enqueue_plan import Withhold
from mem0_syncd.core.item import Kind
from mem0_syncd.core.withheld import Why, Withheld
from mem0_syncd.outbox import Outbox
from support.builders import NOW, item, prepared


def test_what_the_outbox_stores_of_a_reason_never_changes() -> None:
    """A new reason is added here; one that is here is in somebody's outbox."""
    assert {why.name: why.value for why in Why} == {
        "KEPT_HOME": "kept home",
        "NOT_DUE": "not due",
        "TOO_SHORT": "too short",
        "FOREIGN_SCOPE": "foreign scope",
        "SECRET_NAME": "secret name",
        "OTHER_KIND": "other kind",
        "EXCLUDED": "excluded",
        "AWAITS_CONSENT": "awaits consent",
        "DECLINED": "declined",
        "FORGOTTEN": "forgotten",
    }


def test_a_reason_is_stored_with_what_it_names() -> None:
    """A pattern, a kind, a user id."""
    assert Withheld(Why.EXCLUDED, "docs/*").stored == "excluded: docs/*"
    assert Withheld(Why.KEPT_HOME).stored == "kept home"


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """A new outbox."""
    outbox = Outbox.open(tmp_path)
    yield outbox
    outbox.close()


@pytest.mark.parametrize("why", Why)
def test_a_consent_takes_back_only_what_it_withholds(why: Why) -> None:
    """What the item says itself is none of the consent."""
    by_consent = {Why.OTHER_KIND, Why.EXCLUDED, Why.AWAITS_CONSENT, Why.DECLINED}
    assert Withheld(why).is_by_consent is (why in by_consent)


@pytest.mark.parametrize("why", [Why.AWAITS_CONSENT, Why.DECLINED])
def test_only_what_awaits_consent_is_counted_as_awaiting_it(outbox: Outbox, why: Why) -> None:
    """Not what was declined."""
    practice = item(kind=Kind.BEST_PRACTICE)
    destination = outbox.destinations.use("embedded", "/somewhere").id
    outbox.items.apply(destination, [prepared(Withhold(practice, Withheld(why)))], NOW)
    assert outbox.consents.awaiting(destination, practice.project) == (why is Why.AWAITS_CONSENT)


def test_what_an_earlier_version_stored_as_awaiting_consent_awaits_it(outbox: Outbox) -> None:
    """It stored a sentence."""
    practice = item(kind=Kind.BEST_PRACTICE)
    destination = outbox.destinations.use("embedded", "/somewhere").id
    outbox.items.apply(destination, [prepared(Withhold(practice, Withheld(Why.DECLINED)))], NOW)
    with outbox.database.transaction() as sql:
        sql.execute("UPDATE item SET reason = 'the global scope of best practices awaits consent'")
    assert outbox.consents.awaiting(destination, practice.project) == 1
