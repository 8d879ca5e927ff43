"""The corpus of secrets is large, always the same, and holds what it says it holds."""

from collections import Counter

from corpora.secrets import corpus
from corpora.secrets.corpus import GROUPS, Case
from corpora.secrets.invention import invented


def test_the_corpus_is_as_large_as_promised() -> None:
    """Secrets of many families in every group, and texts without any, of which many only use the words."""
    cases, benign = corpus.cases(), corpus.benign()

    assert len({case.text for case in cases}) == len(cases) >= 1_125
    assert len({case.family for case in cases}) >= 277
    assert set(Counter(case.group for case in cases)) == set(GROUPS)
    assert len(benign) >= 500
    assert sum(uses_words for _, uses_words in benign) >= 200


def test_a_third_of_every_group_is_held_out() -> None:
    """By family, so that nothing of a held-out format or context is seen while rules are tuned."""
    cases = corpus.cases()
    for group in GROUPS:
        families = {case.family for case in cases if case.group == group}
        held_out = {family for family in families if corpus.is_held_out(family)}
        assert 0.2 < len(held_out) / len(families) < 0.46, group


def test_each_text_holds_its_secret() -> None:
    """Nothing is measured that isn't there."""
    assert all(case.secret in case.text and case.survivors(case.text) for case in corpus.cases())


def test_values_are_invented_always_the_same_way() -> None:
    """A seed is a value; another seed is another."""
    template = "sk-{a20}-{uuid}"

    assert invented(template, "a") == invented(template, "a") != invented(template, "b")


def test_a_secret_survives_in_any_six_characters_of_it() -> None:
    """Also where it was split, by characters that nobody sees too; what everybody knows is no part."""
    case = Case("f", "bare", "k", "x sk-abcdefghijkl y", "sk-abcdefghijkl", "sk-abc")
    split = Case("f", "bare", "k", "x abcd\u200befgh y", "abcd\u200befgh", "")

    assert case.survivors("x [redacted: k] y") == set()
    assert case.survivors("x sk-abc[redacted: k] y") == set()
    assert case.survivors("x [redacted: k]ghijkl y") == {"ghijkl"}
    assert split.survivors("x abcdefgh y") == {"abcdef", "bcdefg", "cdefgh"}
