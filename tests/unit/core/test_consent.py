"""Consent: what holds and what waits, of what a project's file asks for and its user has agreed to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mem0_syncd.core.consent import (
    EVERYTHING,
    SILENT,
    Asked,
    Consent,
    GlobalScope,
    Said,
    Terms,
    accepted,
    added,
    heard,
    inherited,
    listed,
    resaid,
)
from mem0_syncd.core.item import Kind
from mem0_syncd.core.withheld import Why, Withheld
from support.builders import item

DECISIONS = frozenset({Kind.DECISION})
BOTH = frozenset({Kind.DECISION, Kind.AGENT_PATTERN})
PATTERNS = frozenset({Kind.AGENT_PATTERN})
ALL = frozenset(Kind)
HOME, CLOUD, SERVER = "embedded", "platform", "server"
NOBODY = Said()


def consent(**terms: object) -> Consent:
    """The consent of a project, called shop, that was added while its file asked for this."""
    return added(Asked(**terms), NOBODY, "shop", GlobalScope.WAITS)  # type: ignore[arg-type]


def asked(**what: object) -> Asked:
    """What a file asks for."""
    return Asked(**what)  # type: ignore[arg-type]


# What holds, and what waits ---------------------------------------------------------------------------------

AFTER_A_CHANGE = {
    "nothing is asked for": (consent(), SILENT, EVERYTHING, ()),
    "a silent file leaves another destination": (consent(destination=SERVER), SILENT, Terms(SERVER), ()),
    "a silent file widens nothing": (
        consent(kinds=DECISIONS, exclude=("x*",)),
        SILENT,
        Terms(None, DECISIONS, ("x*",)),
        (),
    ),
    "home is always well": (consent(destination=SERVER), asked(destination=HOME), Terms(HOME), ()),
    "elsewhere waits": (consent(), asked(destination=SERVER), EVERYTHING, ("destination",)),
    "from home to everybody's waits": (
        consent(destination=HOME),
        asked(destination=CLOUD),
        Terms(HOME),
        ("destination",),
    ),
    "everybody's is no other place": (consent(), asked(destination=CLOUD), EVERYTHING, ()),
    "fewer kinds hold": (consent(), asked(kinds=DECISIONS), Terms(None, DECISIONS), ()),
    "more kinds wait": (consent(kinds=DECISIONS), asked(kinds=BOTH), Terms(None, DECISIONS), ("kinds",)),
    "of other kinds those of both hold": (
        consent(kinds=BOTH),
        asked(kinds=DECISIONS | {Kind.BEST_PRACTICE}),
        Terms(None, DECISIONS),
        ("kinds",),
    ),
    "no kind is well": (consent(), asked(kinds=frozenset()), Terms(None, frozenset()), ()),
    "more exclusions hold": (
        consent(exclude=("a",)),
        asked(exclude=("b", "a")),
        Terms(None, ALL, ("b", "a")),
        (),
    ),
    "fewer exclusions wait": (
        consent(exclude=("a",)),
        asked(exclude=()),
        Terms(None, ALL, ("a",)),
        ("exclude",),
    ),
    "of other exclusions both hold": (
        consent(exclude=("a",)),
        asked(exclude=("b",)),
        Terms(None, ALL, ("a", "b")),
        ("exclude",),
    ),
    "what narrows holds while the rest waits": (
        consent(kinds=DECISIONS),
        asked(destination=HOME, kinds=BOTH, exclude=("x",)),
        Terms(HOME, DECISIONS, ("x",)),
        ("kinds",),
    ),
    "all at once waits": (
        consent(kinds=DECISIONS, exclude=("a",)),
        asked(destination=SERVER, kinds=ALL, exclude=(), id="till"),
        Terms(None, DECISIONS, ("a",)),
        ("id", "destination", "kinds", "exclude"),
    ),
    "the same again is nothing new": (
        consent(destination=SERVER, kinds=BOTH, exclude=("a",)),
        asked(destination=SERVER, kinds=BOTH, exclude=("a",)),
        Terms(SERVER, BOTH, ("a",)),
        (),
    ),
    "its own id is nothing new": (consent(), asked(id="shop"), EVERYTHING, ()),
    "another id waits": (consent(), asked(id="till"), EVERYTHING, ("id",)),
}


@pytest.mark.parametrize(
    ("before", "file", "terms", "waiting"), AFTER_A_CHANGE.values(), ids=list(AFTER_A_CHANGE)
)
def test_a_change_of_the_file(before: Consent, file: Asked, terms: Terms, waiting: tuple[str, ...]) -> None:
    """What narrows holds at once; what sends more, elsewhere or under another name waits."""
    after = heard(before, file, CLOUD)
    assert after.terms == replace(terms, global_scope=GlobalScope.WAITS)
    assert after.waiting.names == waiting
    assert after.id == "shop"
    assert heard(after, file, CLOUD) == after


@pytest.mark.parametrize("row", AFTER_A_CHANGE.values(), ids=list(AFTER_A_CHANGE))
def test_what_waited_holds_once_it_is_agreed_to(row: tuple[Consent, Asked, Terms, tuple[str, ...]]) -> None:
    """Exactly what was asked for; then nothing waits, and the file may narrow and return as it likes."""
    before, file, *_ = row
    after = heard(accepted(heard(before, file, CLOUD), "shop"), file, CLOUD)
    assert after.waiting == SILENT
    assert after.id == (file.id or "shop")
    for name in ("kinds", "exclude"):
        assert getattr(file, name) in (None, getattr(after.terms, name))
    assert (file.destination or CLOUD) == (after.terms.destination or CLOUD) or file.destination is None
    narrow = asked(destination=HOME, kinds=frozenset(), exclude=("*", *after.terms.exclude))
    narrowed = heard(after, narrow, CLOUD)
    assert narrowed.waiting == SILENT
    back = asked(
        destination=after.terms.destination or CLOUD, kinds=after.terms.kinds, exclude=after.terms.exclude
    )
    if after.terms.destination is None:
        assert heard(narrowed, back, CLOUD).terms == after.terms
    assert heard(narrowed, back, CLOUD).waiting == SILENT


def test_what_was_once_agreed_holds_again_at_once() -> None:
    """After something else was agreed to, too; what nobody agreed to as a whole waits."""
    one = consent(kinds=DECISIONS)
    two = accepted(heard(one, asked(kinds=ALL, exclude=("x",)), CLOUD), "shop")
    assert heard(two, asked(kinds=DECISIONS, exclude=()), CLOUD).waiting == SILENT
    assert heard(two, asked(kinds=ALL, exclude=()), CLOUD).waiting.names == ("exclude",)


def test_a_former_id_holds_again_at_once() -> None:
    """It was agreed to."""
    renamed = accepted(heard(consent(), asked(id="till"), CLOUD), "shop")
    assert renamed.id == "till"
    assert heard(renamed, asked(id="shop"), CLOUD).id == "shop"
    assert heard(renamed, SILENT, CLOUD).id == "till"


def test_where_everybodys_go_is_agreed_to_by_nobody_for_one_project() -> None:
    """A file that names everybody's destination asks for nothing, until everybody's is another one."""
    there = heard(consent(), asked(destination=CLOUD), CLOUD)
    assert there == consent()
    after = heard(there, asked(destination=CLOUD), HOME)
    assert after.terms.destination is None
    assert after.waiting.names == ("destination",)


def test_home_stays_home_wherever_everybodys_go() -> None:
    """It was the file's word while everybody's were at home, too."""
    at_home = heard(consent(), asked(destination=HOME), HOME)
    assert heard(at_home, SILENT, CLOUD).effective.destination == HOME


def test_what_the_user_says_is_stronger_than_the_file() -> None:
    """An id that was given, and a destination in the settings; without them the file is heard again."""
    said = added(asked(id="till"), Said("shop", SERVER), "folder", GlobalScope.WAITS)
    after = heard(said, asked(id="till", destination=HOME), CLOUD)
    assert (after.id, after.effective.destination, after.waiting) == ("shop", SERVER, SILENT)
    after = heard(resaid(after, NOBODY), asked(id="till", destination=HOME), CLOUD)
    assert (after.id, after.effective.destination, after.waiting) == ("shop", HOME, SILENT)


# Where it begins --------------------------------------------------------------------------------------------


def test_to_add_a_project_is_to_agree_to_its_file() -> None:
    """It was shown."""
    file = asked(id="till", destination=SERVER, kinds=DECISIONS, exclude=("x",))
    new = added(file, NOBODY, "shop", GlobalScope.AGREED)
    assert (new.id, new.terms) == ("till", Terms(SERVER, DECISIONS, ("x",)))
    assert heard(new, file, CLOUD) == new


@pytest.mark.parametrize(
    ("file", "said", "waiting"),
    [
        (SILENT, NOBODY, ()),
        (asked(id="shop", kinds=DECISIONS, exclude=("x",)), NOBODY, ()),
        (asked(destination=HOME), NOBODY, ()),
        (asked(destination=CLOUD), NOBODY, ()),
        (asked(destination=SERVER), NOBODY, ("destination",)),
        (asked(id="till"), NOBODY, ("id",)),
        (asked(id="till"), Said("till"), ()),
        (asked(id="till"), Said("other"), ()),
        (asked(destination=SERVER), Said(None, HOME), ()),
        (asked(id="till", destination=SERVER), Said("till"), ("id", "destination")),
        (asked(id="till", destination=SERVER), Said("till", SERVER), ()),
    ],
)
def test_a_listed_project_whose_file_asks_for_more_waits(
    file: Asked, said: Said, waiting: tuple[str, ...]
) -> None:
    """Nothing was ever agreed, so nothing goes, under another id neither; the list's own word settles it."""
    new = listed(file, said, "shop", CLOUD, None)
    assert (new.id is None) == bool(waiting)
    assert new.waiting.names == waiting
    if new.id is not None:
        assert new.id == (said.id or "shop")
        assert heard(new, file, CLOUD).waiting == SILENT


def test_a_listed_project_that_waits_goes_on_waiting_while_its_file_is_silent() -> None:
    """A file that is gone for a moment takes nothing back: it would go under another id."""
    file = asked(id="till", destination=SERVER)
    waits = listed(file, NOBODY, "shop", CLOUD, None)
    assert listed(SILENT, NOBODY, "shop", CLOUD, waits) == waits
    assert listed(asked(id="shop", destination=CLOUD), NOBODY, "shop", CLOUD, waits).id == "shop"
    agreed = accepted(waits, "shop")
    assert (agreed.id, agreed.terms.destination, agreed.waiting) == ("till", SERVER, SILENT)
    assert listed(SILENT, NOBODY, "shop", CLOUD, agreed) == agreed


@pytest.mark.parametrize("everybodys", [CLOUD, HOME])
@pytest.mark.parametrize("followed", [CLOUD, HOME, SERVER])
@pytest.mark.parametrize("file", [SILENT, asked(destination=CLOUD), asked(destination=SERVER, id="till")])
def test_an_upgrade_takes_what_was_followed_as_agreed(everybodys: str, followed: str, file: Asked) -> None:
    """Nothing moves, and of an id that wasn't heard before nothing waits."""
    new = inherited(file, "shop", followed, everybodys, globally=False)
    after = heard(new, file, everybodys)
    assert (after.id, after.effective.destination or everybodys) == ("shop", followed)
    is_elsewhere = file.destination is not None and file.destination != followed
    assert after.waiting.names == (("destination",) if is_elsewhere else ())


# What is withheld -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "reason"),
    [
        (GlobalScope.OPEN, None),
        (GlobalScope.AGREED, None),
        (GlobalScope.WAITS, Withheld(Why.AWAITS_CONSENT)),
        (GlobalScope.DECLINED, Withheld(Why.DECLINED)),
    ],
)
def test_a_best_practice_goes_to_all_projects_once_that_is_agreed(
    scope: GlobalScope, reason: Withheld | None
) -> None:
    """What goes to the project's own scopes is none of it."""
    terms = Terms(global_scope=scope)
    assert terms.reason_to_withhold(item(kind=Kind.BEST_PRACTICE)) == reason
    assert terms.reason_to_withhold(item()) is None


def test_what_is_not_agreed_to_is_withheld_with_its_reason() -> None:
    """By its kind, its id, its category, its file."""
    assert Terms(kinds=PATTERNS).reason_to_withhold(item()) == Withheld(Why.OTHER_KIND, "decision")
    one = replace(item(), source_id="DEC-1", path="a/b.json", metadata={"category": "testing"})
    for pattern in ("DEC-*", "test*", "a/*"):
        assert Terms(exclude=(pattern,)).reason_to_withhold(one) == Withheld(Why.EXCLUDED, pattern)
    assert Terms(exclude=("other",)).reason_to_withhold(one) is None
